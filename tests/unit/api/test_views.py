"""How things look from outside: the fields of the contract are always there, null where there is nothing."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest

from chalicelib.api import shapes, views
from chalicelib.colors import Color, Split
from chalicelib.config.model import Store
from chalicelib.deployments.answers import Preflight
from chalicelib.deployments.instructions import EnterReadOnly, Instruction, LeaveReadOnly, PointStaging, Prepare, Resize, SetWeights
from chalicelib.deployments.model import ADOPTED, Build, Placement
from chalicelib.releases.model import S3Artifact
from tests.unit.api.an_api import Api, an_api
from tests.world import World

ALWAYS = {
    "name", "runtime", "production_url", "staging_url", "live", "candidate", "previous", "weights", "deployment", "verdict", "paused", "read_only", "drifted", "definition",
}
BUILD = Build("1.0.0", S3Artifact("b", "k", "v", "ab" * 32, 1), 3)


@pytest.fixture
def api() -> Api:
    return an_api()


def web(api: Api) -> Any:
    return api("GET", "/v1/services/web").json


class TestAMoment:
    def test_is_iso_8601_in_utc_with_z(self):
        assert views.moment(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05.000000Z"
        assert views.moment(datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))) == "2026-01-02T01:04:05.000000Z"


class TestAService:
    def test_has_every_field_before_its_first_release(self, api: Api):
        shown = web(api)

        assert set(shown) >= ALWAYS
        assert {name: shown[name] for name in ("live", "candidate", "previous", "deployment", "verdict", "drift")} == dict.fromkeys(
            ("live", "candidate", "previous", "deployment", "verdict", "drift")
        )
        assert (shown["paused"], shown["read_only"], shown["drifted"]) == (False, False, False)
        assert shown["weights"]["desired"] == {"blue": 100.0, "green": 0.0}

    def test_shows_no_observed_weights_before_they_were_seen(self, api: Api):
        assert views.service(api.world.service(), None, api.world.clock.now())["weights"]["observed"] == {}
        assert views.service(api.world.service(), None, api.world.clock.now())["weights"]["observed_at"] is None

    def test_shows_a_first_release_as_candidate_until_it_is_live(self, api: Api):
        api.world.staged("1.0.0")
        assert (web(api)["live"], web(api)["candidate"]) == (None, {"color": "green", "version": "1.0.0", "config_version": 0})

        api("POST", "/v1/services/web/promote")
        api.world.until(lambda: web(api)["deployment"]["phase"] == "watching")

        assert (web(api)["live"], web(api)["candidate"]) == ({"color": "green", "version": "1.0.0", "config_version": 0}, None)

    def test_shows_what_is_replaced_as_live_and_previous_while_it_shifts(self, api: Api):
        api.world.live("1.0.0")
        api.world.shifting("1.1.0")

        shown = web(api)

        assert shown["live"] == shown["previous"] == {"color": "green", "version": "1.0.0", "config_version": 0}
        assert shown["candidate"] == {"color": "blue", "version": "1.1.0", "config_version": 0}
        assert shown["weights"]["observed"] == {"blue": 10.0, "green": 90.0}
        assert {name: shown["deployment"][name] for name in ("phase", "step", "steps", "version")} == {"phase": "shifting", "step": 1, "steps": 3, "version": "1.1.0"}
        assert shown["verdict"]["outcome"] in {"healthy", "inconclusive"}

    def test_shows_what_a_rollback_would_return_to_once_it_is_live(self, api: Api):
        api.world.live("1.0.0")
        api.world.live("1.1.0")

        shown = web(api)

        assert (shown["live"]["version"], shown["previous"]["version"], shown["deployment"]) == ("1.1.0", "1.0.0", None)

    def test_shows_who_paused_it_and_why(self, api: Api):
        shown = api("POST", "/v1/services/web/pause", {"reason": "lunch"}).json

        assert (shown["paused"], shown["pause"]["by"], shown["pause"]["reason"]) == (True, "admin", "lunch")
        assert shown["weights"]["observed"] == {"blue": 100.0, "green": 0.0}

    def test_shows_a_drift_and_what_the_rule_says(self, api: Api):
        api.world.live("1.0.0")
        traffic = api.world.service().definition.traffic
        api.world.router.meddle(traffic.production_rule, {traffic.target_groups.blue: 500, traffic.target_groups.green: 500})
        api.world.upload("1.1.0")
        api.world.until(lambda: web(api)["drifted"])

        assert web(api)["drift"]["observed"] == {"blue": 50.0, "green": 50.0}


class TestAnAdoptedColor:
    @pytest.mark.parametrize("build", [None, ADOPTED])
    def test_has_a_color_and_no_version(self, build: Build | None):
        assert views.placement(Placement(Color.BLUE, build)) == {"color": "blue", "version": None, "config_version": None}


class TestAnInstruction:
    @pytest.mark.parametrize(
        ("instruction", "shown"),
        [
            (SetWeights(Split.giving(Color.GREEN, 105)), {"do": "set-weights", "split": {"blue": 89.5, "green": 10.5}, "unstick": False, "before": None}),
            (
                EnterReadOnly("/turnout/web/switch", datetime(2026, 1, 1, tzinfo=UTC), "d-000001"),
                {"do": "enter-read-only", "parameter": "/turnout/web/switch", "until": "2026-01-01T00:00:00.000000Z", "deployment": "d-000001"},
            ),
            (LeaveReadOnly("/turnout/web/switch", "d-000001"), {"do": "leave-read-only", "parameter": "/turnout/web/switch", "deployment": "d-000001"}),
            (PointStaging(Color.GREEN), {"do": "point-staging", "color": "green"}),
            (Prepare(Color.BLUE, BUILD, "d-000001"), {"do": "prepare", "color": "blue", "attempt": "d-000001", "build": {"version": "1.0.0", "config_version": 3, "digest": BUILD.digest}, "repinned": {}, "serving": False}),
            (Resize(Color.BLUE, held=False, at_most=1), {"do": "resize", "color": "blue", "held": False, "at_least": 0, "at_most": 1}),
        ],
    )
    def test_says_what_it_would_do(self, instruction: Instruction, shown: dict[str, Any]):
        assert views.dry_run((instruction,), None, datetime.now(UTC))["instructions"] == [shown]

    def test_of_every_kind_can_be_shown(self):
        assert {kind.__name__ for kind in get_args(Instruction)} == set(views.INSTRUCTIONS)


def test_a_preflight_shows_all_there_is():
    assert set(shapes.PreflightShape.__annotations__) == {field.name for field in fields(Preflight)}


class TestHealth:
    def test_is_inconclusive_when_nothing_is_judged(self, api: Api):
        answer = api("GET", "/v1/services/web/health").json

        assert (answer["outcome"], answer["reason"], answer["checks"]) == ("inconclusive", "nothing is being judged", [])

    def test_is_the_last_verdict_with_its_numbers(self, api: Api):
        api.world.watching("1.0.0")
        api.world.wait(3)

        answer = api("GET", "/v1/services/web/health").json

        assert answer["outcome"] == "healthy"
        assert {"name", "outcome", "reason", "numbers", "effective"} == set(answer["checks"][0])

    def test_explains_what_is_waited_for(self, api: Api):
        api.world.staged("1.0.0")

        answer = api("GET", "/v1/services/web/explain").json

        assert answer["service"] == "web"
        assert all({"name", "answer", "outcome", "reason", "numbers", "effective"} == set(item) for item in answer["items"])


class TestLists:
    def test_are_paged_newest_first(self, api: Api):
        for number in range(5):
            api("POST", "/v1/services/web/config", {"set": {"NUMBER": str(number)}})

        pages: list[list[int]] = []
        cursor: Any = ""
        while cursor is not None:
            page = api("GET", f"/v1/services/web/config?limit=2&cursor={cursor}").json
            pages.append([item["config_version"] for item in page["items"]])
            cursor = page["cursor"]

        assert pages == [[5, 4], [3, 2], [1]]

    def test_refuse_the_cursor_of_another_list(self, api: Api):
        for number in range(3):
            api("POST", "/v1/services/web/config", {"set": {"NUMBER": str(number)}})
        cursor = api("GET", "/v1/services/web/config?limit=1").json["cursor"]

        assert api("GET", f"/v1/services/web/deployments?cursor={cursor}").status == 400

    def test_of_deployments_and_events_have_the_fields_of_the_contract(self, api: Api):
        api.world.live("1.0.0")

        [deployment] = api("GET", "/v1/services/web/deployments").json["items"]
        events = api("GET", f"/v1/services/web/deployments/{deployment['id']}/events").json["items"]

        assert set(deployment) >= {"id", "version", "config_version", "kind", "phase", "step", "steps", "reason", "started_at", "ended_at"}
        assert (deployment["kind"], deployment["phase"]) == ("rollout", "completed")
        assert set(events[0]) == {"id", "at", "kind", "phase", "step", "actor", "message", "data"}
        assert [event["at"] for event in events] == sorted((event["at"] for event in events), reverse=True)
        assert api("GET", f"/v1/services/web/deployments/{deployment['id']}").json == deployment

    def test_of_releases_say_what_became_of_them(self, api: Api):
        api.world.live("1.0.0")

        [release] = api("GET", "/v1/services/web/releases").json["items"]

        assert set(release) >= {"version", "artifact", "commit", "registered_at", "certified", "quarantined", "gates"}
        assert set(release["artifact"]) >= {"kind", "uri", "sha256"}
        assert (release["certified"], release["quarantined"], release["gates"]) == (True, False, [])
        assert api("GET", "/v1/services/web/releases/1.0.0").json == release
        assert api("GET", "/v1/services/web/releases/9.9.9").status == 404

    def test_of_rejections_say_why(self, api: Api):
        api.world.upload("1.0.0", content=b"no zip")

        [rejection] = api("GET", "/v1/rejections").json["items"]

        assert set(rejection) == {"id", "at", "service", "version", "source", "kind", "reason"}
        assert (rejection["service"], rejection["version"], rejection["kind"]) == ("web", "1.0.0", "bad-zip")

    def test_of_tokens_never_show_what_makes_them_work(self, api: Api):
        made = api("POST", "/v1/tokens", {"name": "ci", "role": "deployer", "services": "web*", "expires_in_seconds": 60}).json

        shown = api("GET", "/v1/tokens")

        assert made["token"].split("_", 2)[2].encode() not in shown.raw
        assert all(set(item) == {"id", "name", "role", "services", "created_at", "created_by", "expires_at"} for item in shown.json["items"])

    def test_of_the_audit_are_of_one_service_or_all(self, api: Api):
        api("POST", "/v1/services/web/pause", {"reason": "lunch"})

        entry = api("GET", "/v1/audit?service=web").json["items"][0]

        assert (entry["action"], entry["actor"], entry["reason"], entry["chain"]) == ("paused", "admin", "lunch", "service/web")
        assert {item["chain"] for item in api("GET", "/v1/audit").json["items"]} == {"service/web", "tokens"}


class TestConfig:
    def test_0_is_empty(self, api: Api):
        shown = api("GET", "/v1/services/web/config/0").json

        assert (shown["config_version"], shown["settings"], shown["created_at"]) == (0, {}, None)

    def test_is_recorded_and_shown(self, api: Api):
        made = api("POST", "/v1/services/web/config", {"set": {"COLOUR": "red", "SIZE": "1"}})
        changed = api("POST", "/v1/services/web/config", {"set": {"COLOUR": "blue"}, "unset": ["SIZE"], "reason": "new look"})

        assert (made.status, changed.status) == (201, 201)
        assert changed.json["settings"] == {"COLOUR": "blue"}
        assert api("GET", "/v1/services/web/config/2").json == changed.json
        assert api("GET", "/v1/services/web/config/3").status == 404

    def test_shows_a_reference_as_it_was_pinned(self, api: Api):
        api.world.secrets.put(Store.SSM, "/turnout/web/db")
        api.world.secrets.put(Store.SECRETS_MANAGER, "turnout/web/key")

        made = api("POST", "/v1/services/web/config", {"set": {"DB": {"ssm": "/turnout/web/db"}, "KEY": {"secretsmanager": "turnout/web/key", "version": "1"}}})

        assert made.json["settings"] == {"DB": {"ssm": "/turnout/web/db", "version": 1}, "KEY": {"secretsmanager": "turnout/web/key", "version": "1"}}
        assert api("GET", "/v1/services/web/config").json["items"] == [made.json]

    def test_says_what_is_different_from_another(self, api: Api):
        api.world.secrets.put(Store.SSM, "/turnout/web/db")
        api("POST", "/v1/services/web/config", {"set": {"COLOUR": "red", "SIZE": "1", "DB": {"ssm": "/turnout/web/db"}}})
        api.world.secrets.put(Store.SSM, "/turnout/web/db")
        api("POST", "/v1/services/web/config", {"set": {"SHAPE": "round", "DB": {"ssm": "/turnout/web/db"}}, "unset": ["SIZE"]})

        assert api("GET", "/v1/services/web/config/2?against=1").json == {
            "config_version": 2, "against": 1,
            "added": [{"name": "SHAPE", "before": None, "after": "round"}],
            "removed": [{"name": "SIZE", "before": "1", "after": None}],
            "changed": [{"name": "DB", "before": {"ssm": "/turnout/web/db", "version": 1}, "after": {"ssm": "/turnout/web/db", "version": 2}}],
        }  # fmt: skip

    @pytest.mark.parametrize(("against", "status"), [("x", 422), ("-1", 422), ("7", 404), ("0", 200)])
    def test_is_compared_only_with_what_there_is(self, api: Api, against: str, status: int):
        assert api("GET", f"/v1/services/web/config/0?against={against}").status == status


class TestTheStartPage:
    def test_says_what_this_is_and_lets_nothing_be_loaded_from_elsewhere(self, api: Api):
        answer = api("GET", "/", role=None)

        assert answer.status == 200
        assert b"Turnout" in answer.raw
        assert b'href="openapi.json"' in answer.raw
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    def test_and_the_sign_of_life_need_no_control_plane(self):
        api = Api(World(), plane=object())

        assert api("GET", "/healthz", role=None).json == {"status": "ok"}
        assert api("GET", "/", role=None).status == 200
