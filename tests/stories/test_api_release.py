"""Whole releases, told through the API as CI and people see them."""

from typing import Any

import pytest

from chalicelib.access.model import Role
from tests.unit.api.an_api import Answer, Api, an_api
from tests.world import World, a_definition


@pytest.fixture
def api() -> Api:
    return an_api()


def web(api: Api) -> Any:
    return api("GET", "/v1/services/web").json


def phase(api: Api, version: str) -> str | None:
    items = api("GET", "/v1/services/web/deployments").json["items"]
    return next((item["phase"] for item in items if item["version"] == version), None)


def command(api: Api, verb: str, body: Any = None, role: Role = Role.DEPLOYER) -> Answer:
    return api("POST", f"/v1/services/web/{verb}", body, role=role)


def release(api: Api, version: str) -> None:
    api.world.upload(version)
    api.world.until(lambda: phase(api, version) == "staged")
    assert command(api, "promote", {"version": version, "reason": "story"}).status == 202
    api.world.until(lambda: phase(api, version) == "completed", 300)


class TestARelease:
    def test_goes_from_an_upload_to_production_and_back(self, api: Api):
        release(api, "1.0.0")
        release(api, "1.1.0")
        assert web(api)["live"]["version"] == "1.1.0"
        assert api("GET", "/v1/services/web/rollback").json["version"] == "1.0.0"
        assert api("GET", "/v1/services/web/rollback?to=1.0.0").json["why"] == "it is the newest certified release other than the live one"
        assert api("GET", "/v1/services/web/rollback?to=2.0.0").status == 404
        assert api("GET", "/v1/services/web/rollback?to=-").fields == ["to"]

        answer = command(api, "rollback", {"reason": "it is slow"})

        assert (answer.status, answer.json["kind"], answer.json["version"], answer.json["reason"]) == (202, "rollback", "1.0.0", "it is slow")
        api.world.until(lambda: web(api)["live"]["version"] == "1.0.0")
        assert api("GET", "/v1/services/web/releases/1.1.0").json["quarantined"] is True

    def test_is_promoted_once_however_often_it_is_asked(self, api: Api):
        api.world.staged("1.0.0")
        first = command(api, "promote", {"version": "1.0.0"})
        api.world.until(lambda: phase(api, "1.0.0") == "watching")

        again = command(api, "promote", {"version": "1.0.0"})

        assert (first.status, again.status) == (202, 200)
        assert first.json["id"] == again.json["id"]

    def test_is_not_promoted_for_another(self, api: Api):
        api.world.staged("1.0.0")

        assert command(api, "promote", {"version": "2.0.0"}).status == 409

    def test_is_aborted_before_production_is_touched(self, api: Api):
        api.world.staged("1.0.0")

        answer = command(api, "abort", {"reason": "wrong branch"})

        assert (answer.status, answer.json["phase"]) == (202, "aborted")
        assert web(api)["weights"]["observed"] == {"blue": 100.0, "green": 0.0}
        assert command(api, "abort").status == 409

    def test_waits_while_the_service_is_paused(self, api: Api):
        api.world.staged("1.0.0")
        assert command(api, "pause").json["paused"] is True
        assert command(api, "pause").status == 200
        assert command(api, "promote").status == 409

        assert command(api, "resume").json["paused"] is False
        assert command(api, "promote").status == 202

    def test_is_certified_by_an_approver(self, api: Api):
        api.world.watching("1.0.0")
        assert command(api, "certify").status == 403

        assert command(api, "certify", {}, Role.APPROVER).status in (200, 202)

        api.world.until(lambda: phase(api, "1.0.0") == "completed")
        assert api("GET", "/v1/services/web/releases/1.0.0").json["certified"] is True

    def test_is_put_on_staging_again_by_hand(self, api: Api):
        release(api, "1.0.0")
        release(api, "1.1.0")

        answer = command(api, "deployments", {"version": "1.0.0", "reason": "once more"})

        assert (answer.status, answer.json["version"]) == (202, "1.0.0")
        assert command(api, "deployments", {"version": "7.7.7"}).status == 404
        assert command(api, "deployments", {"version": "1.0.0", "config_version": 7}).fields == ["config_version"]

    def test_keeps_its_service_from_being_removed(self, api: Api):
        api.world.staged("1.0.0")
        assert api("DELETE", "/v1/services/web").status == 409
        command(api, "abort")

        answer = api("DELETE", "/v1/services/web")

        assert (answer.status, answer.raw) == (204, b"")
        assert api("GET", "/v1/services/web").status == 404
        assert api("DELETE", "/v1/services/web").status == 404

    def test_keeps_its_service_from_moving_elsewhere(self, api: Api):
        api.world.staged("1.0.0")
        moved = web(api)["definition"] | {"runtime": {"kind": "lambda", "function": "another"}}

        assert api("PUT", "/v1/services/web", moved).status == 409


class Counted:
    """An adapter whose calls are noted, in the order they were made."""

    def __init__(self, adapter: Any, name: str, calls: list[str]) -> None:
        self._adapter, self._name, self._calls = adapter, name, calls

    def __getattr__(self, name: str) -> Any:
        self._calls.append(f"{self._name}.{name}")
        return getattr(self._adapter, name)


def test_a_rollback_of_what_is_warm_costs_few_calls():
    calls: list[str] = []
    world = World(between=lambda name, adapter: Counted(adapter, name, calls) if name in {"ledger", "router", "targets"} else adapter)
    world.register(a_definition())
    api = Api(world)
    release(api, "1.0.0")
    api.world.watching("1.1.0")
    token = api.token(Role.DEPLOYER)
    calls.clear()

    answer = api("POST", "/v1/services/web/rollback", {"reason": "bad"}, authorization=f"Bearer {token}")

    assert answer.status == 202
    side_by_side = ["router.look", "targets.read", "targets.read"]
    assert calls[:7] == ["ledger.find", "ledger.find_many", *side_by_side, "ledger.commit", "router.set_weights"]
    assert len(calls) <= 9
