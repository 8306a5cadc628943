import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.colors import Color
from chalicelib.deployments.model import Build, Placement, PlannedStep
from chalicelib.formats import FORMAT
from chalicelib.ledger import codec
from chalicelib.releases.model import Release
from chalicelib.services.definition import Definition
from chalicelib.services.model import Service
from tests.ledger_builders import a_definition, a_deployment, a_look, a_once, a_release, a_service, an_artifact, an_entry, one_of_each


class TestDumping:
    @pytest.mark.parametrize("document", one_of_each(), ids=lambda document: type(document).__name__)
    def test_gives_json_that_loads_as_the_same_document(self, document):
        text = json.dumps(codec.dump(document))

        assert codec.load(type(document), json.loads(text)) == document

    @pytest.mark.parametrize("document", [a_service(), a_release(commit=None)], ids=lambda document: type(document).__name__)
    def test_for_the_audit_leaves_out_what_is_empty(self, document):
        assert "null" not in json.dumps(codec.told(document))

    def test_keeps_the_nulls_of_an_answer_and_of_a_patch(self):
        assert codec.load(type(a_once()), codec.dump(a_once())).answer == {"id": "d-000001", "ended_at": None}
        assert codec.dump(an_entry(patch={"service": {"paused": None}}))["patch"] == {"service": {"paused": None}}

    @given(st.timedeltas(timedelta(), timedelta(days=366)))
    def test_keeps_durations_to_the_microsecond(self, hold):
        assert codec.load(PlannedStep, json.loads(json.dumps(codec.dump(PlannedStep(1, hold))))).hold == hold

    @given(st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # Hypothesis adds the zone
    def test_keeps_moments_to_the_microsecond(self, moment):
        assert codec.load(Release, json.loads(json.dumps(codec.dump(a_release(published_at=moment))))).published_at == moment


class TestLoading:
    def test_decides_nothing_by_what_it_does_not_know(self):
        values: dict[str, Any] = codec.dump(a_service())
        values["new"] = values["definition"]["new"] = values["definition"]["checks"]["new"] = 1

        assert codec.load(Service, values) == a_service()

    def test_says_which_format_wrote_it(self):
        assert codec.dump(a_service())["format"] == codec.dump(an_entry())["format"] == FORMAT
        assert "format" not in codec.told(a_service())

    def test_does_not_make_people_s_definitions_any_less_strict(self):
        values = codec.dump(a_definition()) | {"new": 1}

        codec.load(Definition, values)

        with pytest.raises(ValueError, match="new"):
            Definition.model_validate(values)


NEW: dict[str, Any] = {"new": {"deep": [1, None, {"two": None}]}, "nothing": None}


class TestCarrying:
    """What a later format wrote and this one does not know."""

    def carrying(self) -> Service:
        values = codec.dump(a_service(deployment=a_deployment(), waiting=(a_deployment("d-000002"),), standing={Color.GREEN: Build("1.4.2", an_artifact(), 0)}))
        for part in (
            values, values["definition"], values["definition"]["checks"]["probe"], values["deployment"], values["deployment"]["plan"]["steps"][1],
            values["deployment"]["build"]["artifact"], values["waiting"][0], values["standing"]["green"],
        ):
            part |= NEW
        return codec.load(Service, values)

    def test_is_written_back_where_it_was(self):
        service = replace(self.carrying(), epoch=7)

        values = codec.dump(service)

        assert values["epoch"] == 7
        assert values["new"] == values["definition"]["checks"]["probe"]["new"] == values["deployment"]["plan"]["steps"][1]["new"] == NEW["new"]
        assert values["standing"]["green"]["new"] == values["waiting"][0]["new"] == NEW["new"]
        assert "new" not in values["deployment"]["plan"]["steps"][0]
        assert codec.dump(codec.load(Service, values)) == values

    def test_goes_with_its_part_and_ends_with_it(self):
        service = self.carrying()

        moved = replace(service, deployment=service.waiting[0], waiting=(), live=Placement(Color.GREEN, service.standing[Color.GREEN]), standing={})

        values = codec.dump(moved)
        assert values["live"]["build"]["new"] == values["deployment"]["new"] == NEW["new"]
        assert "new" not in values["live"]
        assert "new" not in values["deployment"]["build"]["artifact"]
        assert codec.dump(service.deployment)["build"]["artifact"]["new"] == NEW["new"]

    def test_is_told_without_nulls(self):
        told = codec.told(self.carrying())

        assert told["new"] == told["deployment"]["new"] == {"deep": [1, None, {}]}
        assert "nothing" not in told

    def test_makes_no_difference_to_anybody(self):
        service = self.carrying()

        assert service == codec.load(Service, codec.dump(a_service(deployment=service.deployment, waiting=service.waiting, standing=service.standing)))
        assert service.definition == a_definition()
        assert hash(service.standing[Color.GREEN]) == hash(Build("1.4.2", an_artifact(), 0))
        assert "deep" not in repr(service)
        assert "new" not in service.definition.model_dump()

    def test_is_not_for_what_is_seen_anew(self):
        look = codec.load(type(a_look()), codec.dump(a_look()) | NEW)

        assert look == a_look()
        assert "new" not in codec.dump(look)
