from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.access.model import Once
from chalicelib.audit.chain import broken_at
from chalicelib.config.diff import Value
from chalicelib.config.model import ConfigVersion, Reference, Store
from chalicelib.config.service import LARGEST
from chalicelib.errors import Invalid, NotFound, Stale, Unavailable
from chalicelib.ledger import keys
from chalicelib.ledger.port import Expect, Put
from tests.unit.releases.builders import ADMIN, Corner


@pytest.fixture
def corner() -> Corner:
    return Corner().register()


def change(corner: Corner, *, unset: tuple[str, ...] = (), **settings: str) -> ConfigVersion:
    return change_to(corner, settings, unset=unset)


def change_to(corner: Corner, settings: Mapping[str, Value], *, unset: tuple[str, ...] = ()) -> ConfigVersion:
    return corner.configs.change("web", set=settings, unset=unset, by=ADMIN, reason="because")


def fields_of(refused: pytest.ExceptionInfo[Invalid]) -> list[str]:
    errors: Any = refused.value.extra["errors"]
    return [error["field"] for error in errors]


class TestChanging:
    def test_records_the_next_version_with_everything_that_was_set(self, corner: Corner) -> None:
        change(corner, MODE="slow", SIZE="3")
        corner.clock.move(timedelta(seconds=1))
        second = change(corner, unset=("SIZE",), MODE="fast")

        assert second == ConfigVersion("web", 2, {"MODE": "fast"}, corner.clock.now(), "ada", "because")
        assert corner.configs.get("web", 1).settings == {"MODE": "slow", "SIZE": "3"}
        assert corner.services.get("web").config_version == 2

    def test_starts_nothing(self, corner: Corner) -> None:
        change(corner, MODE="slow")

        service = corner.services.get("web")
        assert (service.deployment, service.due_at) == (None, None)

    def test_is_in_the_audit_chain(self, corner: Corner) -> None:
        change(corner, MODE="slow")

        entries = corner.ledger.list(keys.audit_of("service/web"), limit=10).items
        assert entries[0].action == "config-changed"
        assert entries[0].patch["configversion/1"]["settings"] == {"MODE": "slow"}
        assert broken_at(reversed(entries)) is None

    def test_to_what_is_set_already_changes_nothing(self, corner: Corner) -> None:
        first = change(corner, MODE="slow")
        after = corner.state()

        assert change(corner, MODE="slow") == first
        assert corner.state() == after

    def test_that_loses_a_race_builds_on_the_winner(self, corner: Corner) -> None:
        corner.ledger.before_commit.append(lambda: change(corner, SIZE="3"))

        assert change(corner, MODE="slow") == replace(corner.configs.get("web", 2), settings={"SIZE": "3", "MODE": "slow"})
        assert [config.number for config in corner.configs.list("web", limit=10, cursor=None).items] == [2, 1]

    def test_that_loses_five_races_is_to_be_tried_again(self, corner: Corner) -> None:
        def interfere() -> None:
            pending, corner.ledger.before_commit = corner.ledger.before_commit, []
            change(corner, SIZE=str(corner.services.get("web").config_version))
            corner.ledger.before_commit = [*pending, interfere]

        corner.ledger.before_commit = [interfere]
        with pytest.raises(Unavailable):
            change(corner, MODE="slow")

    def test_with_an_idempotency_key_that_was_used_is_stale_at_once(self, corner: Corner) -> None:
        once = Once("key", "hash", 201, {}, corner.clock.now() + timedelta(days=1))

        def quietly(_: ConfigVersion) -> tuple[Put, ...]:
            return (Put(once, Expect.NEW),)

        corner.configs.change("web", set={"MODE": "slow"}, unset=[], by=ADMIN, quietly=quietly)
        corner.ledger.calls.clear()

        with pytest.raises(Stale):
            corner.configs.change("web", set={"MODE": "fast"}, unset=[], by=ADMIN, quietly=quietly)
        assert corner.ledger.calls.count("commit") == 1


class TestRefused:
    @pytest.mark.parametrize(
        "name",
        [
            "", "A", "1A", "_AB", "A-B", "A B", "A.B", "A=B", "Ä1", "A\0B", "AB\n", "A" * 129, "_HANDLER", "_X_AMZN_TRACE_ID", "TZ",
            "AWS_REGION", "aws_region", "LAMBDA_TASK_ROOT", "TURNOUT_VERSION", "AWS_LAMBDA_FUNCTION_NAME",
        ],
    )
    def test_is_a_name_the_runtime_would_not_take(self, corner: Corner, name: str) -> None:
        before = corner.state()

        with pytest.raises(Invalid) as refused:
            change_to(corner, {name: "x"})
        assert fields_of(refused) == [f"set.{name}"]
        assert corner.state() == before

    @pytest.mark.parametrize("name", ["PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "ab", "A" * 128, "AWSOME_1"])
    def test_is_no_name_that_only_looks_reserved(self, corner: Corner, name: str) -> None:
        assert change_to(corner, {name: "x"}).settings == {name: "x"}

    @pytest.mark.parametrize("value", ["a\0b", "\ud800"])
    def test_is_a_value_that_is_no_text(self, corner: Corner, value: str) -> None:
        with pytest.raises(Invalid) as refused:
            change(corner, MODE=value)
        assert fields_of(refused) == ["set.MODE"]

    def test_is_more_than_fits_in_all(self, corner: Corner) -> None:
        change(corner, FIRST="x" * (LARGEST // 2))

        with pytest.raises(Invalid):
            change(corner, SECOND="ü" * (LARGEST // 4))
        assert change(corner, unset=("FIRST",), SECOND="ü" * (LARGEST // 4)).number == 2

    def test_is_to_unset_what_is_not_set(self, corner: Corner) -> None:
        with pytest.raises(Invalid) as refused:
            change(corner, unset=("MODE",))
        assert fields_of(refused) == ["unset"]

    def test_is_to_set_and_unset_the_same(self, corner: Corner) -> None:
        with pytest.raises(Invalid):
            change(corner, unset=("MODE",), MODE="x")

    def test_is_to_change_nothing(self, corner: Corner) -> None:
        with pytest.raises(Invalid):
            change(corner)

    def test_says_everything_at_once(self, corner: Corner) -> None:
        with pytest.raises(Invalid) as refused:
            change_to(corner, {"A": "x", "TZ": "y", "GOOD": "a\0"})
        assert fields_of(refused) == ["set.A", "set.TZ", "set.GOOD"]


class TestReferences:
    def test_are_pinned_to_the_version_that_is_current(self, corner: Corner) -> None:
        corner.secrets.put(Store.SSM, "/turnout/db")
        corner.secrets.put(Store.SSM, "/turnout/db")

        config = change_to(corner, {"DB": Reference(Store.SSM, "/turnout/db"), "MODE": "slow"})

        assert (config.settings, config.references) == ({"MODE": "slow"}, {"DB": Reference(Store.SSM, "/turnout/db", "2")})
        assert corner.configs.get("web", 1) == config

    def test_stay_pinned_until_they_are_set_again(self, corner: Corner) -> None:
        wanted = Reference(Store.SECRETS_MANAGER, "turnout/db")
        corner.secrets.put(wanted.store, wanted.name)
        change_to(corner, {"DB": wanted})
        corner.secrets.put(wanted.store, wanted.name)

        assert change(corner, MODE="slow").references["DB"].version == "1"
        assert change_to(corner, {"DB": wanted}).references["DB"].version == "2"

    def test_take_the_place_of_values_and_give_it_back(self, corner: Corner) -> None:
        corner.secrets.put(Store.SSM, "/turnout/db")
        change(corner, DB="sqlite")

        assert change_to(corner, {"DB": Reference(Store.SSM, "/turnout/db")}).settings == {}
        assert change(corner, DB="sqlite").references == {}
        assert change(corner, unset=("DB",)).values == {}

    def test_to_what_is_not_there_are_refused_by_name_and_nothing_is_recorded(self, corner: Corner) -> None:
        before = corner.state()

        with pytest.raises(Invalid) as refused:
            change_to(corner, {"DB": Reference(Store.SSM, "/turnout/db"), "KEY": Reference(Store.SECRETS_MANAGER, "turnout/key"), "MODE": "slow"})
        assert fields_of(refused) == ["set.DB", "set.KEY"]
        assert corner.state() == before

    def test_are_not_recorded_unpinned_when_nobody_answers(self, corner: Corner) -> None:
        corner.secrets.unreachable = True

        with pytest.raises(Unavailable):
            change_to(corner, {"DB": Reference(Store.SSM, "/turnout/db")})

    def test_become_texts_that_the_application_resolves(self, corner: Corner) -> None:
        corner.secrets.put(Store.SSM, "/turnout/db")
        config = change_to(corner, {"DB": Reference(Store.SSM, "/turnout/db"), "MODE": "slow"})

        assert config.environment({}).variables == {"DB": "ssm:/turnout/db:1", "MODE": "slow"}

    def test_that_a_runtime_cannot_pin_are_refused_by_name(self) -> None:
        corner = Corner()
        corner.images.push("web", "v1", b"image")
        corner.register_images()
        corner.secrets.put(Store.SSM, "/turnout/db")
        corner.secrets.put(Store.SECRETS_MANAGER, "turnout/key")

        with pytest.raises(Invalid, match="Secrets Manager") as refused:
            change_to(corner, {"DB": Reference(Store.SSM, "/turnout/db"), "KEY": Reference(Store.SECRETS_MANAGER, "turnout/key")})
        assert fields_of(refused) == ["set.DB"]


class TestReading:
    def test_of_version_0_is_empty(self, corner: Corner) -> None:
        assert corner.configs.get("web", 0) == ConfigVersion("web", 0)

    def test_of_what_is_not_there_is_not_found(self, corner: Corner) -> None:
        for name, number in (("web", 1), ("shop", 0), ("shop", 1)):
            with pytest.raises(NotFound):
                corner.configs.get(name, number)
        with pytest.raises(NotFound):
            corner.configs.list("shop", limit=10, cursor=None)
        with pytest.raises(NotFound):
            corner.configs.change("shop", set={"MODE": "x"}, unset=[], by=ADMIN)
