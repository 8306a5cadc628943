"""Idempotency keys: the same request again changes nothing and gets the same answer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.access.model import Role
from chalicelib.ledger.port import Change
from tests.unit.api.an_api import Answer, Api, an_api
from tests.world import BUCKET, World, a_zip

PAUSE = "/v1/services/web/pause"
BODIES: dict[str, Any] = {
    "pause": {"reason": "x"},
    "resume": {"reason": "x"},
    "config": {"set": {"A_NAME": "x"}},
    "releases": {"version": "1.0.0", "artifact": {"key": "web/1.0.0/app.zip"}},
    "deployments": {"version": "0.9.0"},
}


@pytest.fixture
def api() -> Api:
    api = an_api()
    api.world.upload("0.9.0")
    api.world.objects.put(BUCKET, "web/1.0.0/app.zip", a_zip())
    return api


class TestARepeat:
    @pytest.mark.parametrize("what", BODIES)
    def test_gets_the_same_answer_and_changes_nothing(self, api: Api, what: str):
        path = f"/v1/services/web/{what}"
        first = api("POST", path, BODIES[what], idempotency_key="k1")
        before = api.ledger()

        again = api("POST", path, BODIES[what], idempotency_key="k1")

        assert first.status in (200, 201, 202), first.raw
        assert (again.status, again.json) == (first.status, first.json)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert api.ledger() == before

    @pytest.mark.parametrize("what", BODIES)
    def test_with_another_body_is_422(self, api: Api, what: str):
        path = f"/v1/services/web/{what}"
        api("POST", path, BODIES[what], idempotency_key="k1")
        before = api.ledger()

        answer = api("POST", path, BODIES[what] | {"reason": "another"}, idempotency_key="k1")

        assert (answer.status, answer.slug, answer.fields) == (422, "idempotency-key-reused", ["Idempotency-Key"])
        assert api.ledger() == before

    def test_is_the_same_body_however_it_is_written(self, api: Api):
        api("POST", "/v1/services/web/config", b'{"set": {"AA": "1", "BB": "2"}}', idempotency_key="k1")

        again = api("POST", "/v1/services/web/config", b'{ "set":{"BB":"2","AA":"1"} }', idempotency_key="k1")

        assert again.headers["Idempotency-Replayed"] == "true"

    def test_gets_what_was_so_then_and_not_what_is_so_now(self, api: Api):
        api("POST", PAUSE, idempotency_key="k1")
        api("POST", "/v1/services/web/resume")

        again = api("POST", PAUSE, idempotency_key="k1")

        assert again.json["paused"] is True
        assert api("GET", "/v1/services/web").json["paused"] is False

    def test_of_a_refusal_is_decided_anew(self, api: Api):
        assert api("POST", "/v1/services/web/promote", {}, idempotency_key="k1").status == 409
        api.world.until(lambda: api.world.phase("0.9.0") == "staged")

        assert api("POST", "/v1/services/web/promote", {}, idempotency_key="k1").status == 202


class TestAKey:
    def test_counts_per_path(self, api: Api):
        api("POST", PAUSE, idempotency_key="k1")

        assert "Idempotency-Replayed" not in api("POST", "/v1/services/web/resume", idempotency_key="k1").headers
        assert api("GET", "/v1/services/web").json["paused"] is False

    def test_counts_per_token(self, api: Api):
        api("POST", PAUSE, {"reason": "one"}, idempotency_key="k1")

        assert api("POST", PAUSE, {"reason": "two"}, idempotency_key="k1", role=Role.DEPLOYER).status == 200

    @pytest.mark.parametrize("what", ["pause", "config"])
    def test_counts_for_a_day(self, api: Api, what: str):
        path = f"/v1/services/web/{what}"
        api("POST", path, BODIES[what], idempotency_key="k1")
        api.world.clock.move(timedelta(hours=23, minutes=59))
        assert api("POST", path, BODIES[what], idempotency_key="k1").headers["Idempotency-Replayed"] == "true"

        api.world.clock.move(timedelta(minutes=2))

        answer = api("POST", path, BODIES["config"] | {"set": {"ANOTHER": "x"}} if what == "config" else BODIES[what], idempotency_key="k1")
        assert answer.status in (200, 201)
        assert "Idempotency-Replayed" not in answer.headers

    def test_is_not_used_up_by_a_dry_run(self, api: Api):
        assert api("POST", f"{PAUSE}?dry_run=true", idempotency_key="k1").json["dry_run"] is True

        assert api("POST", PAUSE, idempotency_key="k1").json["paused"] is True


class TestAToken:
    def test_is_made_once_and_its_text_is_kept_nowhere(self, api: Api):
        body = {"name": "ci", "role": "deployer", "services": "web*"}
        first = api("POST", "/v1/tokens", body, idempotency_key="k1")

        again = api("POST", "/v1/tokens", body, idempotency_key="k1")

        assert (first.status, again.status) == (201, 200)
        assert again.json == first.json | {"token": None}
        assert first.json["token"].split("_", 2)[2] not in str(api.ledger())

    def test_is_made_without_a_key_each_time(self, api: Api):
        made = [api("POST", "/v1/tokens", {"name": "ci", "role": "viewer"}).json["id"] for _ in range(2)]

        assert len(set(made)) == 2


class TestAReleaseByHand:
    def test_is_201_and_then_200_without_a_key(self, api: Api):
        answers = [api("POST", "/v1/services/web/releases", BODIES["releases"]) for _ in range(2)]

        assert [answer.status for answer in answers] == [201, 200]
        assert answers[0].json == answers[1].json


class TestADryRun:
    @pytest.mark.parametrize(("what", "body"), [("deployments", {"version": "0.9.0"}), ("promote", {}), ("pause", {}), ("resume", {}), ("abort", {})])
    def test_answers_what_would_be_done_and_changes_nothing(self, api: Api, what: str, body: Any):
        api.world.until(lambda: api.world.phase("0.9.0") == "staged")
        api.token()
        before = api.ledger()

        answer = api("POST", f"/v1/services/web/{what}?dry_run=true", body)

        assert (answer.status, answer.json["dry_run"]) == (200, True), answer.raw
        assert isinstance(answer.json["instructions"], list)
        assert set(answer.json) == {"dry_run", "instructions", "deployment"}
        assert api.ledger() == before

    def test_is_refused_for_the_same_reasons(self, api: Api):
        assert api("POST", "/v1/services/web/certify?dry_run=true").status == 409
        assert api("POST", "/v1/services/web/promote?dry_run=true", {"version": "7"}).status == 409


class TwinFirst:
    """A ledger on which, once it is armed, somebody else's request is answered just before ours is committed."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger
        self.twin: Callable[[], object] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def commit(self, change: Change) -> None:
        twin, self.twin = self.twin, None
        if twin:
            twin()
        self._ledger.commit(change)


class TestATwin:
    """The same request at the same moment."""

    @pytest.mark.parametrize("what", ["config", "pause", "releases"])
    def test_that_was_quicker_gave_the_answer(self, what: str):
        api, first, second = _at_once(f"/v1/services/web/{what}", BODIES[what])

        assert first.json == second.json
        assert first.status == second.status
        assert ["Idempotency-Replayed" in answer.headers for answer in (first, second)] == [False, True]
        assert api("GET", "/v1/services/web").json["config_version"] <= 1

    def test_makes_one_token(self):
        api, first, second = _at_once("/v1/tokens", {"name": "twin", "role": "viewer"})

        assert (first.status, second.status) == (201, 200)
        assert second.json == first.json | {"token": None}
        assert [token["name"] for token in api("GET", "/v1/tokens").json["items"]].count("twin") == 1


def _at_once(path: str, body: Any) -> tuple[Api, Answer, Answer]:
    """The answers to one request that came twice at the same moment, the quicker one first."""
    ledgers: list[TwinFirst] = []

    def between(name: str, adapter: Any) -> Any:
        return ledgers.append(TwinFirst(adapter)) or ledgers[0] if name == "ledger" else adapter

    api = Api(World(between=between))
    api.world.register()
    api.world.objects.put(BUCKET, "web/1.0.0/app.zip", a_zip())
    api.token()
    quicker: list[Answer] = []
    ledgers[0].twin = lambda: quicker.append(api("POST", path, body, idempotency_key="k1"))
    slower = api("POST", path, body, idempotency_key="k1")
    return api, quicker[0], slower
