"""The small print of the contract that is about every route at once."""

import hashlib
import json
from typing import Any

import pytest

import app
from chalicelib.access.model import Caller, Role
from chalicelib.api.authorizer import allowance, caller_of
from chalicelib.api.routes import Endpoint
from chalicelib.api.specification import RESOURCES
from tests.unit.api.an_api import Api, an_api

WITH_A_BODY = [endpoint for resource in RESOURCES for endpoint in resource.endpoints if endpoint.body]


@pytest.fixture(scope="module")
def api() -> Api:
    return an_api()


class TestABody:
    @pytest.mark.parametrize("endpoint", WITH_A_BODY, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
    def test_with_an_unknown_field_is_422_everywhere(self, api: Api, endpoint: Endpoint):
        answer = api(endpoint.method, endpoint.path.format(service="web"), {"nonsense": 1})

        assert answer.status == 422
        assert "nonsense" in answer.fields


class TestALimit:
    def test_is_50_where_none_is_given(self):
        api = an_api()
        for number in range(51):
            api.world.control.configs.change("web", set={"A_NUMBER": str(number)}, unset=[], by=Caller("ada", Role.ADMIN))

        page: Any = api("GET", "/v1/services/web/config").json

        assert len(page["items"]) == 50
        assert page["cursor"]


class TestTheAuthorizer:
    def test_is_asked_for_every_request_and_never_remembered(self):
        [authorizer] = app.app.builtin_auth_handlers

        assert authorizer.ttl_seconds == 0

    def test_passes_on_who_it_is_with_role_and_pattern_and_refuses_no_path(self):
        caller = Caller("ci", Role.DEPLOYER, "web*", "0123456789abcdef")

        allowed = allowance(caller)

        assert (allowed.routes, allowed.principal_id) == (["*"], "ci")
        assert caller_of({"authorizer": allowed.context}) == caller


class TestTheAudit:
    def test_is_verified_by_whoever_reads_it_with_nothing_but_what_the_api_answers(self):
        api = an_api()
        api.world.live("1.0.0")
        api("POST", "/v1/services/web/pause", {"reason": "Grüße"})

        entries: list[Any] = api("GET", "/v1/audit?service=web&limit=100").json["items"][::-1]

        assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
        assert len(entries) > 5
        previous = ""
        for entry in entries:
            assert entry["previous_hash"] == previous
            fields = {name: value for name, value in entry.items() if name != "hash"}
            previous = hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()
            assert entry["hash"] == previous
