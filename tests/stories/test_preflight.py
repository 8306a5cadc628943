"""The preflight of a rollback says what the rollback then does."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.colors import Color
from chalicelib.config.model import Reference, Store
from chalicelib.deployments.answers import ConfigChange, Preflight
from chalicelib.deployments.model import Phase
from chalicelib.errors import Conflict, NotFound
from chalicelib.releases.model import Rejection, SchemaRange
from tests.world import BUCKET, World, a_zip


def preflight(world: World, to: str | None = None) -> Preflight:
    return world.control.preflights.of("web", to=to)


def upload(world: World, version: str, **metadata: str) -> object:
    key = f"web/{version}/app.zip"
    named = {name.replace("_", "-"): value for name, value in metadata.items()}
    return world.control.intake.take(BUCKET, key, world.objects.put(BUCKET, key, a_zip(version), metadata=named))


def release(world: World, version: str, **metadata: str) -> None:
    upload(world, version, **metadata)
    world.until(lambda: world.phase(version) is Phase.STAGED)
    world.control.deployments.promote("web", world.asked(), version=version)
    world.until(lambda: world.phase(version) is Phase.COMPLETED, 300)


def configure(world: World, **settings: Any) -> None:
    world.control.configs.change("web", set=settings, unset=[], by=world.asked().by)


@pytest.fixture
def two(world: World) -> World:
    """1.1.0 is live, and 1.0.0 stands warm beside it."""
    world.live("1.0.0")
    world.live("1.1.0")
    return world


class TestAWarmTarget:
    def test_is_named_with_why_and_moves_at_once(self, two: World) -> None:
        found = preflight(two)

        assert (found.version, found.color, found.warm, found.certified, found.target_healthy) == ("1.0.0", Color.GREEN, True, True, True)
        assert found.why == "it is the newest certified release other than the live one"
        assert found.eta_seconds == two.pace.poll.total_seconds()
        assert found.refusal is None

    def test_without_a_healthy_target_is_warned_of(self, two: World) -> None:
        two.targets.script(two.service().definition.traffic.target_groups.of(Color.GREEN), "unhealthy")
        two.control.passes.run("web")

        found = preflight(two)

        assert found.target_healthy is False
        assert found.warnings == ("no target of green was healthy at the last look: the rollback waits until one is",)

    def test_is_the_previous_release_during_a_rollout(self, two: World) -> None:
        two.shifting("1.2.0")

        found = preflight(two)

        assert (found.version, found.color, found.warm) == ("1.1.0", Color.BLUE, True)


class TestAColdTarget:
    def test_takes_the_time_to_prepare_and_to_see_it_healthy(self, two: World) -> None:
        two.staged("1.2.0")

        found = preflight(two)

        assert (found.version, found.color, found.warm, found.target_healthy) == ("1.0.0", None, False, None)
        at_least = two.pace.preparing + two.pace.health_margin + timedelta(seconds=two.service().site.health_delay_seconds)
        assert found.eta_seconds is not None
        assert found.eta_seconds >= at_least.total_seconds()

    def test_has_its_artifact_looked_for(self, two: World) -> None:
        two.staged("1.2.0")
        assert preflight(two).digest_exists is True
        assert preflight(two).warnings == ()

        two.objects.lose(BUCKET, "web/1.0.0/app.zip")

        found = preflight(two)
        assert found.digest_exists is False
        assert found.warnings[0].endswith("is not there any more: 1.0.0 cannot be put on a colour again")


class TestANamedTarget:
    def test_is_told_of_as_the_rollback_would_take_it(self, two: World) -> None:
        two.live("1.2.0")

        found = preflight(two, to="1.0.0")

        assert (found.version, found.why, found.warm, found.refusal) == ("1.0.0", "it was named", False, None)

    def test_that_is_live_is_refused_as_the_rollback_would_be(self, two: World) -> None:
        assert preflight(two, to="1.1.0").refusal == "web 1.1.0 is live already"

    def test_that_is_quarantined_is_warned_of(self, two: World) -> None:
        two.control.deployments.rollback("web", two.asked())
        two.until(lambda: two.phase("1.0.0") is Phase.COMPLETED)

        assert "1.1.0 is quarantined: it was rolled back before" in preflight(two, to="1.1.0").warnings

    def test_that_nobody_published_is_not_found(self, two: World) -> None:
        with pytest.raises(NotFound):
            preflight(two, to="9.9.9")


class TestARefusal:
    def test_is_the_one_the_rollback_gives(self, two: World) -> None:
        two.control.deployments.rollback("web", two.asked())
        two.until(lambda: two.phase("1.0.0") is Phase.COMPLETED)

        with pytest.raises(Conflict) as refused:
            two.control.deployments.rollback("web", two.asked())
        assert preflight(two).refusal == refused.value.detail

    def test_of_a_service_without_a_release_says_that_there_is_none(self, world: World) -> None:
        found = preflight(world)

        assert (found.version, found.refusal) == (None, "web has no earlier release to roll back to")

    def test_changes_nothing(self, two: World) -> None:
        before, written = two.service(), len(two.production_writes())

        preflight(two)
        preflight(two, to="1.0.0")

        assert two.service() == before
        assert len(two.production_writes()) == written


class TestWhatChanged:
    def test_in_the_config_is_told_by_name_and_for_references_by_version(self, world: World) -> None:
        world.secrets.put(Store.SSM, "/turnout/db")
        configure(world, DB=Reference(Store.SSM, "/turnout/db"), MODE="slow", OLD="1")
        world.live("1.0.0")
        world.secrets.put(Store.SSM, "/turnout/db")
        world.control.configs.change(
            "web", set={"DB": Reference(Store.SSM, "/turnout/db"), "MODE": "fast", "NEW": "1"}, unset=["OLD"], by=world.asked().by
        )
        world.live("1.1.0")

        assert preflight(world).config_changes == (
            ConfigChange("DB", "changed", "ssm:/turnout/db:2", "ssm:/turnout/db:1"),
            ConfigChange("MODE", "changed", None, None),
            ConfigChange("NEW", "removed", None, None),
            ConfigChange("OLD", "added", None, None),
        )

    def test_about_a_pinned_secret_is_warned_of(self, world: World) -> None:
        world.secrets.put(Store.SECRETS_MANAGER, "turnout/db")
        configure(world, DB=Reference(Store.SECRETS_MANAGER, "turnout/db"))
        world.live("1.0.0")
        configure(world, MODE="fast")
        world.live("1.1.0")
        world.secrets.put(Store.SECRETS_MANAGER, "turnout/db")
        world.secrets.lose(Store.SECRETS_MANAGER, "turnout/db", "1")

        lost = "DB: version 1 of secretsmanager:turnout/db cannot be read any more"
        assert preflight(world).warnings == (f"{lost}, and the target was prepared with it",)
        world.staged("1.2.0")
        assert preflight(world).warnings == (f"{lost}; its current one, 2, is used",)


class TestSchemas:
    def test_that_the_target_does_not_know_are_warned_of(self, world: World) -> None:
        release(world, "1.0.0", schema_min="1", schema_max="3")
        release(world, "1.1.0", schema_min="4", schema_max="5")

        assert preflight(world).warnings == ("the live release needs a database schema of at least 4, and the target knows schemas up to 3 only",)

    @pytest.mark.parametrize("metadata", [{"schema_min": "2", "schema_max": "4"}, {}])
    def test_that_both_know_or_nobody_named_are_not(self, world: World, metadata: dict[str, str]) -> None:
        release(world, "1.0.0", **metadata)
        release(world, "1.1.0", schema_min="4", schema_max="5")

        assert preflight(world).warnings == ()

    def test_are_kept_with_the_release(self, world: World) -> None:
        upload(world, "1.0.0", schema_min="2", schema_max="4")

        assert world.control.releases.get("web", "1.0.0").schema_range == SchemaRange(2, 4)

    @pytest.mark.parametrize("metadata", [{"schema_min": "x", "schema_max": "2"}, {"schema_min": "3", "schema_max": "2"}, {"schema_max": "2"}, {"schema_min": "-1", "schema_max": "2"}])
    def test_that_are_no_range_make_a_rejection(self, world: World, metadata: dict[str, str]) -> None:
        refused = upload(world, "1.0.0", **metadata)

        assert isinstance(refused, Rejection)
        assert refused.kind == "bad-metadata"


class TestWhatWasSeenOfTheTraffic:
    def test_is_as_old_as_the_look(self, two: World) -> None:
        before = preflight(two).look_age_seconds
        two.clock.move(timedelta(seconds=400))

        found = preflight(two)

        assert before is not None
        assert found.look_age_seconds == before + 400
        assert "nothing was looked at for some minutes: health and weights may be different by now" in found.warnings

    def test_that_drifted_is_written_over(self, two: World) -> None:
        meddle(two, {Color.BLUE: 700, Color.GREEN: 300})

        assert any("nobody here asked for" in warning for warning in preflight(two).warnings)

    def test_has_the_horizon_of_its_cookies(self, two: World) -> None:
        meddle(two, {Color.BLUE: 999, Color.GREEN: 0}, sticky_seconds=3600)

        found = preflight(two)

        assert found.sticky_seconds == 3600
        assert "cookies hold clients to their colour for 3600 s: the rollback switches that off" in found.warnings

    def test_is_never_asked_of_the_balancer(self) -> None:
        asked: list[str] = []

        def noted(name: str, adapter: Any) -> Any:
            return _Noting(adapter, asked) if name in {"router", "targets"} else adapter

        world = World(between=noted)
        world.register()
        world.live("1.0.0")
        world.live("1.1.0")
        asked.clear()

        assert preflight(world).version == "1.0.0"
        assert asked == []


def meddle(world: World, weights: dict[Color, int], sticky_seconds: int = 0) -> None:
    traffic = world.service().definition.traffic
    world.router.meddle(traffic.production_rule, {traffic.target_groups.of(color): weight for color, weight in weights.items()}, sticky_seconds=sticky_seconds)
    world.control.passes.run("web")


class _Noting:
    def __init__(self, adapter: Any, asked: list[str]) -> None:
        self._adapter, self._asked = adapter, asked

    def __getattr__(self, name: str) -> Any:
        self._asked.append(name)
        return getattr(self._adapter, name)
