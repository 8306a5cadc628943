import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.deployments.model import PlannedStep
from chalicelib.ledger import codec
from chalicelib.releases.model import Release
from chalicelib.services.definition import Definition
from chalicelib.services.model import Service
from tests.ledger_builders import a_definition, a_once, a_release, a_service, an_entry, one_of_each


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
    def test_ignores_what_it_does_not_know(self):
        values: dict[str, Any] = codec.dump(a_service())
        values["new"] = values["definition"]["new"] = values["definition"]["checks"]["new"] = 1

        assert codec.load(Service, values) == a_service()

    def test_does_not_make_people_s_definitions_any_less_strict(self):
        values = codec.dump(a_definition()) | {"new": 1}

        codec.load(Definition, values)

        with pytest.raises(ValueError, match="new"):
            Definition.model_validate(values)
