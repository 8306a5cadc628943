"""What is two formats ahead, or says what nobody here can read, is left alone: nothing is decided from it and nothing is written over it."""

import json
from copy import deepcopy
from typing import Any

import pytest

from chalicelib.errors import Unreadable
from chalicelib.events import each_service
from chalicelib.formats import FORMAT
from chalicelib.ledger import codec, keys
from chalicelib.services.model import Service
from tests.faults.stage import Stage
from tests.formats import keeping
from tests.formats.conftest import record
from tests.formats.later import written_later
from tests.ledger_builders import a_service
from tests.unit.api.an_api import Api


def too_new() -> Stage:
    """Shifting, and only the service's own record is two formats ahead."""
    left = deepcopy(record(FORMAT, "shifting"))
    service = next(item for item in left["items"] if item["kind"]["S"] == "service")
    stage = keeping.staged(left)
    service["body"]["format"] = FORMAT + 2
    stage.ledger._kept[service["pk"]["S"], service["sk"]["S"]] = keeping.in_memory(left)._kept[service["pk"]["S"], service["sk"]["S"]]
    return stage


@pytest.fixture
def stage() -> Stage:
    return too_new()


def everything(stage: Stage) -> dict[Any, Any]:
    return dict(stage.ledger._kept)


class TestAPass:
    def test_leaves_it_alone(self, stage):
        before, weights = everything(stage), stage.router.served(stage.witness.definition.traffic.production_rule)

        with pytest.raises(Unreadable):
            stage.control.passes.run("web")
        stage.control.passes.tick()

        assert everything(stage) == before
        assert stage.router.served(stage.witness.definition.traffic.production_rule) == weights
        assert stage.router.writes == []
        assert stage.queues.due == ["web"]

    def test_says_so_and_lets_it_come_again(self, stage, monkeypatch):
        said: list[tuple[str, Any]] = []
        monkeypatch.setattr("chalicelib.log.event", lambda name, **fields: said.append((name, fields.get("reason"))))
        message = {"messageId": "m1", "body": json.dumps({"service": "web"})}

        answer = each_service({"Records": [message]}, stage.control.passes.run)

        assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
        assert [name for name, _ in said] == ["service.left_alone"]
        assert f"format {FORMAT + 2}" in said[0][1]

    def test_goes_on_where_it_was_once_a_version_can_read_it(self, stage):
        left = record(FORMAT, "shifting")
        stage.ledger._kept["service#web", "state"] = keeping.in_memory(left)._kept["service#web", "state"]

        stage.until_over()

        assert stage.service().live.build.version == "1.1.0"

    def test_of_an_observation_two_formats_ahead_leaves_the_service_alone_too(self):
        later = written_later(record(FORMAT, "shifting"), format=FORMAT + 2)
        left = record(FORMAT, "shifting")
        left["items"] = [next(new for new in later["items"] if new["pk"] == item["pk"] and new["sk"] == item["sk"]) if item["kind"]["S"] == "look" else item for item in left["items"]]
        stage = keeping.staged(left)

        with pytest.raises(Unreadable, match="look web"):
            stage.control.passes.run("web")


class TestTheApi:
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", "/v1/services/web", None), ("GET", "/v1/services", None), ("GET", "/v1/services/web/explain", None), ("GET", "/v1/services/web/rollback", None),
            ("POST", "/v1/services/web/pause", {}), ("POST", "/v1/services/web/rollback", {"reason": "bad"}), ("POST", "/v1/services/web/abort", {}),
        ],
    )
    def test_answers_a_problem_and_changes_nothing(self, stage, method, path, body):
        api = Api(stage)
        api.token()
        before = api.ledger()

        answer = api(method, path, body)

        assert (answer.status, answer.slug) == (503, "unreadable-record")
        assert int(answer.headers["Retry-After"]) > 0
        assert "service web was written by format" in answer.json["detail"]
        assert "Traceback" not in answer.raw.decode()
        assert api.ledger() == before


class TestTheCodec:
    def test_names_the_record_and_both_formats(self):
        with pytest.raises(Unreadable, match=f"service web was written by format {FORMAT + 5} of the ledger, and this version of Turnout writes format {FORMAT}"):
            codec.load(Service, codec.dump(a_service()) | {"format": FORMAT + 5})

    def test_refuses_a_value_that_it_has_no_word_for(self):
        values = codec.dump(a_service())
        values["definition"]["checks"]["when_quiet"] = "sing"

        with pytest.raises(Unreadable) as caught:
            codec.load(Service, values | {"format": FORMAT + 1})

        assert "when_quiet" in str(caught.value.__cause__)

    def test_reads_every_earlier_format(self):
        values = codec.dump(a_service())
        del values["format"]

        assert codec.load(Service, values) == a_service()
        assert codec.load(Service, values).written_by == 1
        assert codec.load(Service, values | {"format": 0}).written_by == 0

    def test_a_record_that_is_refused_is_refused_in_a_batch_as_well(self, stage):
        with pytest.raises(Unreadable):
            stage.ledger.find_many((keys.look("web"), keys.service("web")))
