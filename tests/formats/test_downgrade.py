"""What the next format left half done is finished by today's code, and nothing of what only that format knows is lost."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from chalicelib.deployments.model import Phase
from chalicelib.formats import FORMAT
from chalicelib.ledger import codec, keys
from tests.faults.stage import Stage
from tests.formats import keeping
from tests.formats.conftest import names, record
from tests.formats.halfway import HALFWAY
from tests.formats.later import FIELD, written_later
from tests.formats.play import wrong_with


def finished_from_later(name: str, keep: Any = keeping.in_memory) -> Stage:
    left = written_later(record(FORMAT, name))
    stage = keeping.staged(left, lambda: keep(left))
    HALFWAY[name].outside(stage)
    assert wrong_with(stage, HALFWAY[name]) == ""
    return stage


def parts_without(values: Any, where: str = "") -> Iterator[str]:
    """Where in a document of today a part has lost its field."""
    kind, document = values
    for part, there in codec._parts(codec.load(kind, document), document):
        if FIELD not in there:
            yield f"{where}{type(part).__name__}"


def kept(stage: Stage, ref: Any) -> dict[str, Any]:
    return json.loads(stage.ledger._kept[ref.partition, ref.sort].text)


class TestInMemory:
    @pytest.mark.parametrize("name", names(FORMAT))
    def test_it_ends_as_in_a_clean_run_and_what_was_there_keeps_its_fields(self, name):
        stage = finished_from_later(name)
        service = kept(stage, keys.service("web"))
        began = record(FORMAT, name)
        in_progress = next(item["body"]["deployment"] for item in began["items"] if item["kind"]["S"] == "service")

        assert service["format"] == FORMAT
        assert not {part for part in parts_without((type(stage.service()), service)) if part in {"Service", "Definition", "Rollout", "Checks", "Traffic", "Site"}}
        assert all(FIELD in lived["build"] for lived in service["lineage"] if lived["build"]["version"] == "1.0.0")
        if in_progress:
            ended = kept(stage, keys.deployment("web", in_progress["id"]))
            deployment = stage.ledger.find(keys.deployment("web", in_progress["id"]))
            assert deployment.phase.is_final
            assert not {part for part in parts_without((type(deployment), ended)) if part in {"Deployment", "Build", "S3Artifact", "Plan", "PlannedStep", "Checks", "Approval"}}

    def test_a_release_that_is_certified_keeps_its_fields(self):
        stage = finished_from_later("shifting")
        release = kept(stage, keys.release("web", "1.1.0"))

        assert stage.ledger.find(keys.release("web", "1.1.0")).certified
        assert FIELD in release
        assert FIELD in release["artifact"]

    def test_what_begins_afterwards_has_nothing_of_what_was_there_before(self):
        stage = finished_from_later("shifting")
        stage.staged("1.2.0")

        deployment = kept(stage, keys.service("web"))["deployment"]

        assert deployment["build"]["version"] == "1.2.0"
        assert FIELD not in json.dumps(deployment["build"])
        assert FIELD not in deployment
        assert FIELD in deployment["checks"]  # the definition's, as it was declared

    def test_a_definition_that_is_declared_again_the_same_keeps_its_fields(self):
        left = written_later(record(FORMAT, "staged"))
        stage = keeping.staged(left)
        before = kept(stage, keys.service("web"))

        stage.redefine()

        assert kept(stage, keys.service("web")) == before

    def test_the_api_shows_only_what_it_knows(self):
        stage = keeping.staged(written_later(record(FORMAT, "staged")))

        assert FIELD not in json.dumps(stage.service().definition.model_dump(mode="json"))

    def test_the_later_format_finds_its_fields_again(self):
        """Down and up once more: what today's code wrote has the fields where they were."""
        stage = keeping.staged(written_later(record(FORMAT, "paused")))
        stage.ask("resume")
        stage.wait(2)
        before = next(item["body"] for item in written_later(record(FORMAT, "paused"))["items"] if item["kind"]["S"] == "service")
        after = kept(stage, keys.service("web"))

        assert after["deployment"]["phase"] == Phase.SHIFTING
        assert after["deployment"][FIELD] == before["deployment"][FIELD]
        assert after["deployment"]["plan"]["steps"][0][FIELD] == before["deployment"]["plan"]["steps"][0][FIELD]


@pytest.mark.parametrize("name", ["verifying", "shifting", "rolling-back"])
def test_so_it_does_in_dynamodb(name, in_dynamodb):
    stage = finished_from_later(name, in_dynamodb)
    item = boto3.client("dynamodb").get_item(TableName=stage.ledger._table, Key={"pk": {"S": "service#web"}, "sk": {"S": "state"}})["Item"]

    assert FIELD in json.loads(item["body"]["S"])["definition"]["checks"]["probe"]
