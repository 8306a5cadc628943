"""What cannot be right is refused by name, and changes nothing."""

import json
from typing import Any

import pytest

from tests.unit.api.an_api import Api, an_api
from tests.world import a_definition

DEEP = b'{"reason":' + b"[" * 40 + b"]" * 40 + b"}"
VERY_DEEP = b'{"reason":' + b"[" * 200_000
HUGE = b'{"reason": "' + b"x" * 1_000_001 + b'"}'
PROMOTE, DEPLOY, ROLLBACK = "POST /v1/services/web/promote", "POST /v1/services/web/deployments", "POST /v1/services/web/rollback"
RELEASE, CONFIG, TOKEN, PUT = "POST /v1/services/web/releases", "POST /v1/services/web/config", "POST /v1/tokens", "PUT /v1/services/web"
RESUME, CERTIFY, ABORT, PAUSE, REPLAY = (f"POST /v1/services/web/{verb}" for verb in ("resume", "certify", "abort", "pause", "replay"))


def put(**changes: Any) -> dict[str, Any]:
    return a_definition().model_dump(mode="json") | changes


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in put().items() if name not in names}


def rollout(**changes: Any) -> dict[str, Any]:
    return put(rollout=put()["rollout"] | changes)


def checks(**changes: Any) -> dict[str, Any]:
    return put(checks=put()["checks"] | changes)


def token(**changes: Any) -> dict[str, Any]:
    return {"name": "ci", "role": "viewer"} | changes


UNREADABLE: list[tuple[str, bytes]] = [
    (PROMOTE, b"{"),
    (PROMOTE, b'{"version": }'),
    (PROMOTE, b"nonsense"),
    (PROMOTE, b'{"version": "1", "version": "2"}'),
    (PUT, b'{"source": {"s3": true, "s3": true}}'),
    (PROMOTE, b'{"reason": NaN}'),
    (PROMOTE, b'{"reason": Infinity}'),
    (PROMOTE, b'{"reason": -Infinity}'),
    (PROMOTE, b'{"reason": 1e999}'),
    (PROMOTE, b'{"reason": ' + b"9" * 5000 + b"}"),
    (PROMOTE, b'{"reason": "\xff\xfe"}'),
    (PROMOTE, b"\xef\xbb\xbf{}"),
    (PROMOTE, '{"reason": "x"}'.encode("utf-16")),
    (PROMOTE, b'{"reason": "\\ud800"}'),
    (PROMOTE, b'{"reason": "a\nb"}'),
    (PROMOTE, b'{} {}'),
    (PROMOTE, b"{'reason': 'x'}"),
    (PROMOTE, DEEP),
    (PROMOTE, VERY_DEEP),
    (PROMOTE, HUGE),
    (TOKEN, b"{"),
]

WRONG: list[tuple[str, Any, str]] = [
    (PROMOTE, b"[]", "body"),
    (PROMOTE, b"null", "body"),
    (PROMOTE, b'"text"', "body"),
    (PROMOTE, b"1", "body"),
    (TOKEN, b"true", "body"),
    (PROMOTE, {"nonsense": 1}, "nonsense"),
    (PROMOTE, {"": 1}, "body"),
    (PROMOTE, {"version": 1}, "version"),
    (PROMOTE, {"version": ""}, "version"),
    (PROMOTE, {"version": "1.0\n"}, "version"),
    (PROMOTE, {"version": "-1"}, "version"),
    (PROMOTE, {"version": "v" * 65}, "version"),
    (PROMOTE, {"strategy": "big-bang"}, "strategy"),
    (PROMOTE, {"skip_holds": "true"}, "skip_holds"),
    (PROMOTE, {"skip_holds": 1}, "skip_holds"),
    (PROMOTE, {"override_quarantine": True}, "reason"),
    (PROMOTE, {"override_quarantine": True, "reason": "  "}, "reason"),
    (PROMOTE, {"override_quarantine": "yes", "reason": "x"}, "override_quarantine"),
    (PROMOTE, {"reason": 1}, "reason"),
    (PROMOTE, {"reason": "x" * 1001}, "reason"),
    (DEPLOY, {}, "version"),
    (DEPLOY, None, "version"),
    (DEPLOY, {"version": None}, "version"),
    (DEPLOY, {"version": "1.0.0", "config_version": -1}, "config_version"),
    (DEPLOY, {"version": "1.0.0", "config_version": "1"}, "config_version"),
    (DEPLOY, {"version": "1.0.0", "config_version": 1.5}, "config_version"),
    (DEPLOY, {"version": "1.0.0", "config_version": True}, "config_version"),
    (DEPLOY, {"version": "1.0.0", "digest": "x"}, "digest"),
    (DEPLOY, {"version": "1.0.0", "override_quarantine": True}, "reason"),
    (ROLLBACK, {}, "reason"),
    (ROLLBACK, {"reason": ""}, "reason"),
    (ROLLBACK, {"reason": "x", "to": 1}, "to"),
    (ROLLBACK, {"reason": "x", "version": "1"}, "version"),
    (ABORT, {"force": True}, "force"),
    (PAUSE, {"reason": []}, "reason"),
    (RESUME, {"drift": "ignore", "reason": "x"}, "drift"),
    (RESUME, {"drift": "restore"}, "reason"),
    (CERTIFY, {"certified": "no"}, "certified"),
    (CERTIFY, {"certified": None}, "certified"),
    (REPLAY, {"checks": None}, "checks"),
    (REPLAY, {"checks": []}, "checks"),
    (REPLAY, {"checks": {"errors": {"max_rate": 0}}}, "checks.errors.max_rate"),
    (REPLAY, {"checks": {"errors": {"max_rate": "0.1"}}}, "checks.errors.max_rate"),
    (REPLAY, {"checks": {"errors": {"most": 0.1}}}, "checks.errors.most"),
    (REPLAY, {"checks": {"probe": {"failures": 1.5}}}, "checks.probe.failures"),
    (REPLAY, {"checks": {"alarms": ["errors"]}}, "checks.alarms.0"),
    (REPLAY, {"checks": {"when_quiet": "pass"}}, "checks.when_quiet"),
    (REPLAY, {"deployments": 0}, "deployments"),
    (REPLAY, {"deployments": 101}, "deployments"),
    (REPLAY, {"deployments": "50"}, "deployments"),
    (REPLAY, {"errors": {"max_rate": 0.1}}, "errors"),
    (f"{REPLAY}?dry_run=true", {}, "dry_run"),
    (RELEASE, {}, "version"),
    (RELEASE, {"version": "1.0.0"}, "artifact"),
    (RELEASE, {"version": "1.0.0", "artifact": "web/1.0.0/app.zip"}, "artifact"),
    (RELEASE, {"version": "1.0.0", "artifact": {}}, "artifact.key"),
    (RELEASE, {"version": "1.0.0", "artifact": {"key": "web/1.0.0/app.zip", "sha256": "abc"}}, "artifact.sha256"),
    (RELEASE, {"version": "1.0.0", "artifact": {"key": "web/1.0.0/app.zip", "image": "x"}}, "artifact.image"),
    (RELEASE, {"version": "1.0.0", "artifact": {"key": "web/2.0.0/app.zip"}}, "artifact.key"),
    (RELEASE, {"version": "1.0.0", "artifact": {"key": "web/1.0.0/nothing-there.zip"}}, "artifact.key"),
    (CONFIG, {"set": {"A_NUMBER": 1}}, "set.A_NUMBER"),
    (CONFIG, {"set": {"AA": {}}}, "set.AA"),
    (CONFIG, {"set": {"AA": {"vault": "x"}}}, "set.AA"),
    (CONFIG, {"set": {"AA": {"ssm": ""}}}, "set.AA.ssm"),
    (CONFIG, {"set": {"AA": {"ssm": "/a b"}}}, "set.AA.ssm"),
    (CONFIG, {"set": {"AA": {"ssm": "/turnout/x", "secretsmanager": "turnout/x"}}}, "set.AA.secretsmanager"),
    (CONFIG, {"set": {"AA": {"ssm": "/turnout/x", "version": "1"}}}, "set.AA.version"),
    (CONFIG, {"set": {"AA": {"ssm": "/turnout/x", "version": 0}}}, "set.AA.version"),
    (CONFIG, {"set": {"AA": {"secretsmanager": "turnout/x", "version": 1}}}, "set.AA.version"),
    (CONFIG, {"set": {"AA": {"ssm": "/turnout/nobody-made-this"}}}, "set.AA"),
    (CONFIG, {"set": []}, "set"),
    (CONFIG, {"unset": "NAME"}, "unset"),
    (CONFIG, {"unset": [1]}, "unset.0"),
    (CONFIG, {"settings": {}}, "settings"),
    (CONFIG, {}, "set"),
    (TOKEN, {}, "name"),
    (TOKEN, token(name=""), "name"),
    (TOKEN, token(name="x" * 101), "name"),
    (TOKEN, token(role="root"), "role"),
    (TOKEN, token(role=None), "role"),
    (TOKEN, token(services="Web*"), "services"),
    (TOKEN, token(services=""), "services"),
    (TOKEN, token(services=["web"]), "services"),
    (TOKEN, token(expires_in_seconds=0), "expires_in_seconds"),
    (TOKEN, token(expires_in_seconds=-5), "expires_in_seconds"),
    (TOKEN, token(expires_in_seconds="60"), "expires_in_seconds"),
    (TOKEN, token(expires_in_seconds=1e12), "expires_in_seconds"),
    (TOKEN, token(token="tnt_mine"), "token"),
    (PUT, {}, "runtime"),
    (PUT, without("traffic"), "traffic"),
    (PUT, put(name="shop"), "name"),
    (PUT, put(name=1), "name"),
    (PUT, put(nonsense=1), "nonsense"),
    (PUT, put(runtime={"kind": "nomad"}), "runtime.kind"),
    (PUT, put(runtime={"kind": "ecs", "cluster": "c"}), "runtime.services"),
    (PUT, put(runtime={"kind": "lambda", "function": "web", "size": 2}), "runtime.size"),
    (PUT, put(runtime={"kind": "lambda", "function": "no spaces"}), "runtime.function"),
    (PUT, put(traffic=put()["traffic"] | {"production_rule": "arn:nonsense"}), "traffic.production_rule"),
    (PUT, put(traffic=put()["traffic"] | {"staging_rule": put()["traffic"]["production_rule"]}), "traffic"),
    (PUT, rollout(steps=[{"weight": 0, "hold_seconds": 1}]), "rollout.steps.0.weight"),
    (PUT, rollout(steps=[{"weight": 10, "hold_seconds": 1}, {"weight": 101, "hold_seconds": 1}]), "rollout.steps.1.weight"),
    (PUT, rollout(steps=[{"weight": 10.05, "hold_seconds": 1}]), "rollout.steps.0.weight"),
    (PUT, rollout(steps=[{"weight": "10", "hold_seconds": 1}]), "rollout.steps.0.weight"),
    (PUT, rollout(steps=[{"weight": 10, "hold_seconds": 1.5}]), "rollout.steps.0.hold_seconds"),
    (PUT, rollout(steps=[{"weight": 10}]), "rollout.steps.0.hold_seconds"),
    (PUT, rollout(steps=[{"weight": 10, "hold_seconds": 1, "pause": 1}]), "rollout.steps.0.pause"),
    (PUT, rollout(strategy="blue"), "rollout.strategy"),
    (PUT, rollout(watch_seconds=0), "rollout.watch_seconds"),
    (PUT, rollout(approvals=11), "rollout.approvals"),
    (PUT, checks(probe={"path": "no-slash"}), "checks.probe.path"),
    (PUT, checks(probe={"expect_status": 20}), "checks.probe.expect_status"),
    (PUT, checks(errors={"max_rate": 2}), "checks.errors.max_rate"),
    (PUT, checks(alarms=["arn:aws:cloudwatch:x"]), "checks.alarms.0"),
    (PUT, put(gates={"tests": "required"}), "gates.tests"),
    (PUT, put(hooks=[{"at": "before_shift"}]), "hooks.0"),
    (PUT, put(hooks=[{"at": "before_shift", "lambda": "turnout-hook-a", "https": "https://example.com/"}]), "hooks.0"),
    (PUT, put(hooks=[{"at": "sometime", "lambda": "turnout-hook-a"}]), "hooks.0.at"),
    (PUT, put(hooks=[{"at": "before_shift", "lambda": "web"}]), "hooks.0.lambda"),
    (PUT, put(hooks=[{"at": "before_shift", "lambda_": "turnout-hook-a"}]), "hooks.0.lambda_"),
    (PUT, put(hooks=[{"at": "before_shift", "https": "http://example.com/"}]), "hooks.0.https"),
    (PUT, put(hooks=[{"at": "before_shift", "https": "https://me:secret@example.com/"}]), "hooks.0.https"),
    (PUT, put(hooks=[{"at": "before_shift", "https": "https://example.com:8443/"}]), "hooks.0.https"),
    (PUT, put(hooks=[{"at": "before_shift", "https": "https://169.254.169.254/latest"}]), "hooks.0.https"),
    (PUT, put(hooks=[{"at": "before_shift", "https": "https://2130706433/"}]), "hooks.0.https"),
    (PUT, put(hooks=[{"at": "before_shift", "https": "https://0x7f000001/"}]), "hooks.0.https"),
    (PUT, put(hooks=[{"at": "before_shift", "https": "https://[::1]/"}]), "hooks.0.https"),
    (PUT, put(hooks=[{"at": "before_shift", "https": "https://localhost/"}]), "hooks.0.https"),
    (PUT, put(hooks=[{"at": "before_shift", "https": "https://example.com/#there"}]), "hooks.0.https"),
    (PUT, put(hooks=[{"at": "before_shift", "https": "https://example.com\\@evil.example/"}]), "hooks.0.https"),
    (PUT, put(hooks=[{"at": "before_shift", "lambda": "turnout-hook-a", "timeout_seconds": 0}]), "hooks.0.timeout_seconds"),
    (PUT, put(hooks=[{"at": "before_shift", "lambda": "turnout-hook-a", "timeout_seconds": 86401}]), "hooks.0.timeout_seconds"),
    (PUT, put(hooks=[{"at": "before_shift", "lambda": "turnout-hook-a", "on_timeout": "shrug"}]), "hooks.0.on_timeout"),
    (PUT, put(hooks=[{"at": "before_shift", "lambda": "turnout-hook-a"}] * 11), "hooks"),
    (PUT, put(cutover={"read_only": "on"}), "cutover.read_only"),
    (PUT, put(identify={"header": "X Release"}), "identify.header"),
    (f"{PROMOTE}?dry_run=yes", {}, "dry_run"),
    (f"{CONFIG}?dry_run=true", {"set": {"A_NAME": "x"}}, "dry_run"),
    (f"{PUT}?dry_run=true", put(), "dry_run"),
]

QUERIES = [
    ("limit=0", 422), ("limit=101", 422), ("limit=-1", 422), ("limit=", 422), ("limit=ten", 422), ("limit=1.0", 422), ("limit=%2B5", 422), ("limit=%D9%A1", 422),
    ("limit=99999999999999999999", 422), ("cursor=nonsense", 400), ("cursor=e30", 400), ("cursor=%00", 400), ("limit=1", 200), ("limit=100", 200),
    ("limit=5&color=red", 200), ("cursor=", 200),
]

LISTS = ["/v1/services", "/v1/services/web/releases", "/v1/services/web/config", "/v1/services/web/deployments", "/v1/rejections", "/v1/audit", "/v1/tokens"]


@pytest.fixture(scope="module")
def api() -> Api:
    api = an_api()
    api.token()
    return api


def ask(api: Api, what: str, body: Any, **headers: Any) -> Any:
    method, path = what.split(" ")
    before = api.ledger()
    answer = api(method, path, body, **headers)
    assert api.ledger() == before, "it changed something"
    return answer


class TestABody:
    @pytest.mark.parametrize(("what", "body"), UNREADABLE, ids=lambda value: repr(value)[:40])
    def test_that_cannot_be_read_is_400(self, api: Api, what: str, body: bytes):
        answer = ask(api, what, body)

        assert (answer.status, answer.slug) == (400, "unparsable")

    @pytest.mark.parametrize(("what", "body", "field"), WRONG, ids=lambda value: repr(value)[:60])
    def test_that_is_wrong_is_422_and_names_the_field(self, api: Api, what: str, body: Any, field: str):
        answer = ask(api, what, body)

        assert (answer.status, answer.slug) == (422, "invalid"), answer.raw
        assert field in answer.fields
        assert all(error["message"] for error in answer.json["errors"])

    @pytest.mark.parametrize("given", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/merge-patch+json", "application/json; charset=latin-1", "application/octet-stream", "nonsense", "image/png"])
    def test_of_another_type_is_415(self, api: Api, given: str):
        answer = ask(api, PAUSE, b'{"reason": "x"}', content_type=given)

        assert (answer.status, answer.slug) == (415, "unsupported-media-type")
        assert answer.headers["Content-Type"] == "application/problem+json"

    @pytest.mark.parametrize("given", ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"', "application/json ; a=b"])
    def test_of_json_is_taken_however_it_is_called(self, given: str):
        assert an_api()("POST", "/v1/services/web/pause", b'{"reason": "x"}', content_type=given).status == 200

    @pytest.mark.parametrize("given", ["text/plain", "application/json"])
    def test_that_is_empty_is_an_empty_object(self, given: str):
        assert an_api()("POST", "/v1/services/web/pause", b" \n", content_type=given).status == 200

    def test_never_comes_back_in_the_answer(self, api: Api):
        assert b"hunter2" not in ask(api, CONFIG, {"set": {"PASSWORD": ["hunter2"]}}).raw

    def test_with_a_thousand_mistakes_names_some_of_them(self, api: Api):
        answer = ask(api, PROMOTE, {f"f{number}": 1 for number in range(1000)})

        assert 1 < len(answer.fields) <= 50
        assert len(answer.json["detail"]) < 500

    def test_may_have_a_null_reason(self):
        assert an_api()("POST", "/v1/services/web/pause", {"reason": None}).status == 200


class TestAQuery:
    @pytest.mark.parametrize("path", LISTS)
    @pytest.mark.parametrize(("query", "status"), QUERIES)
    def test_of_a_list_is_checked(self, api: Api, path: str, query: str, status: int):
        answer = api("GET", f"{path}?{query}")

        assert answer.status == status, answer.raw
        assert status != 422 or answer.fields == ["limit"]

    def test_filters_by_a_service_that_could_exist(self, api: Api):
        assert api("GET", "/v1/audit?service=No").fields == ["service"]
        assert api("GET", "/v1/audit?service=web").status == 200


class TestTheIdempotencyKey:
    @pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "é"])
    @pytest.mark.parametrize("what", [PAUSE, CONFIG, TOKEN])
    def test_has_1_to_255_printable_characters(self, api: Api, key: str, what: str):
        bodies = {CONFIG: {"set": {"A_NAME": "x"}}, TOKEN: token()}

        answer = ask(api, what, bodies.get(what, {}), idempotency_key=key)

        assert (answer.status, answer.fields) == (422, ["Idempotency-Key"])


def test_a_put_takes_what_a_get_returned(api: Api):
    shown = api("GET", "/v1/services/web").json["definition"]

    assert api("PUT", "/v1/services/web", shown).status == 200
    assert api("GET", "/v1/services/web").json["definition"] == shown


def test_a_put_needs_no_name_in_the_body(api: Api):
    assert api("PUT", "/v1/services/web", json.loads(json.dumps(without("name")))).status == 200
