"""Verdicts that decided something, as they are shown; and past rollouts under another policy."""

from typing import Any

import pytest

from chalicelib.access.model import Role
from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from tests.unit.api.an_api import Api, an_api
from tests.world import a_definition

GROUPS = a_definition().traffic.target_groups
FIRST, BAD = "d-000001", "d-000002"
BAD_JUDGEMENTS = f"/v1/services/web/deployments/{BAD}/judgements"


def after_a_bad_release(errors: float = 0.5) -> Api:
    """1.0.0 is live on green; 1.1.0 got a tenth on blue, failed too often and went back."""
    api = an_api()
    api.world.live("1.0.0")
    api.world.shifting("1.1.0")
    api.world.metrics.flow(GROUPS.of(Color.GREEN), per_second=90)
    api.world.metrics.flow(GROUPS.of(Color.BLUE), per_second=10, error_rate=errors)
    api.world.until(lambda: api.world.phase("1.1.0") is Phase.REVERTED)
    return api


@pytest.fixture(scope="module")
def api() -> Api:
    return after_a_bad_release()


def judgements(api: Api, path: str = BAD_JUDGEMENTS) -> list[Any]:
    return list(api("GET", path, role=Role.VIEWER).json["items"])


def replay(api: Api, **body: Any) -> Any:
    answer = api("POST", "/v1/services/web/replay", body, role=Role.VIEWER)
    assert answer.status == 200, answer.raw
    return answer.json


class TestJudgements:
    def test_say_what_was_judged_when_and_by_which_policy(self, api: Api):
        [one] = judgements(api)

        assert (one["deployment"], one["version"], one["subject"]) == (BAD, "1.1.0", "shifting:1")
        assert one["verdict"]["outcome"] == "unhealthy"
        assert one["verdict"]["at"] == one["at"]
        assert one["checks"]["errors"]["max_rate"] == 0.05

    def test_show_the_verdict_as_health_does(self, api: Api):
        [one] = judgements(api)

        assert {"targets", "probe", "errors"} <= {check["name"] for check in one["verdict"]["checks"]}
        assert all({"name", "outcome", "reason", "numbers", "effective"} == set(check) for check in one["verdict"]["checks"])

    def test_show_the_evidence_period_by_period(self, api: Api):
        [one] = judgements(api)
        series = one["evidence"]["series"]
        last = series["points"][-1]

        assert series["period_seconds"] == 1
        assert last["share"] == 10
        assert (last["candidate"]["requests"], last["previous"]["requests"]) == (9, 90)  # one of the ten was a probe
        assert sum(point["candidate"]["errors"] for point in series["points"]) >= 5

    def test_show_what_the_other_signals_said(self, api: Api):
        [one] = judgements(api)
        evidence = one["evidence"]

        assert (evidence["color"], evidence["share"], evidence["watching"], evidence["alarms"]) == ("blue", 10, False, [])
        assert evidence["targets"]["healthy"] == evidence["targets"]["total"] == 1
        assert set(evidence["probes"]["recent"]) == {"+"}

    def test_are_listed_newest_first_and_paged(self):
        api = an_api()
        api.world.live("1.0.0")
        api.world.live("1.1.0")
        every = [one["subject"] for one in judgements(api)]

        first = api("GET", f"{BAD_JUDGEMENTS}?limit=3").json
        second = api("GET", f"{BAD_JUDGEMENTS}?limit=3&cursor={first['cursor']}").json

        assert every == ["watching:3", "shifting:3", "shifting:2", "shifting:1"]
        assert [one["subject"] for one in (*first["items"], *second["items"])] == every
        assert second["cursor"] is None

    def test_of_what_was_never_judged_are_an_empty_list(self, api: Api):
        api.world.upload("1.2.0")

        assert api("GET", "/v1/services/web/deployments/d-000003/judgements").json == {"items": [], "cursor": None}

    def test_of_what_is_not_there_are_404(self, api: Api):
        assert api("GET", "/v1/services/web/deployments/d-000099/judgements").status == 404
        assert api("GET", f"/v1/services/shop/deployments/{BAD}/judgements").status == 404

    @pytest.mark.parametrize(("query", "status"), [("cursor=nonsense", 400), ("cursor=e30", 400), ("limit=0", 422), ("cursor=", 200), ("limit=1", 200)])
    def test_are_asked_for_like_every_list(self, api: Api, query: str, status: int):
        assert api("GET", f"{BAD_JUDGEMENTS}?{query}").status == status


class TestAReplay:
    def test_of_the_policy_as_it_is_says_what_was_said(self, api: Api):
        found = replay(api)
        [bad] = [one for one in found["items"] if one["deployment"] == BAD]

        assert bad["judged"]["outcome"] == bad["would"]["outcome"] == "unhealthy"
        assert (bad["version"], bad["ended"], bad["effect"], bad["left_out"]) == ("1.1.0", "reverted", "caught", [])
        assert found["summary"] | {"caught": 1, "missed": 0} == found["summary"]

    def test_of_a_policy_that_proves_nothing_misses_the_bad_one(self, api: Api):
        found = replay(api, checks={"errors": {"false_alarm_rate": 1e-300}})

        assert next(one["effect"] for one in found["items"] if one["deployment"] == BAD) == "missed"
        assert (found["summary"]["caught"], found["summary"]["missed"]) == (0, 1)

    def test_takes_what_is_left_out_from_the_service_as_it_is_now(self):
        api = after_a_bad_release()
        api.world.redefine(checks={"errors": {"false_alarm_rate": 1e-300}})

        assert replay(api, checks={"errors": {"minimum_requests": 50}})["summary"]["missed"] == 1
        assert replay(api, checks={"errors": {"false_alarm_rate": 0.01}})["summary"]["caught"] == 1

    def test_plays_as_many_as_are_asked_for_newest_first(self, api: Api):
        assert [one["deployment"] for one in replay(api, deployments=1)["items"]] == [BAD]
        assert [one["deployment"] for one in replay(api)["items"]] == [BAD, FIRST]

    def test_names_the_checks_that_cannot_be_played(self, api: Api):
        found = replay(api, checks={"latency": {"max_increase": 3}})

        assert next(one["left_out"] for one in found["items"] if one["deployment"] == BAD) == ["latency"]

    def test_changes_nothing(self, api: Api):
        api.token(Role.VIEWER)
        before = api.ledger()

        replay(api, checks={"errors": {"max_rate": 0.5}})

        assert api.ledger() == before

    def test_of_an_unknown_service_is_404(self, api: Api):
        assert api("POST", "/v1/services/shop/replay", {}).status == 404

    def test_counts_those_without_evidence(self):
        api = after_a_bad_release()
        api.world.shifting("1.3.0")
        newest = replay(api, deployments=1)

        assert (newest["items"][0]["judged"], newest["items"][0]["would"], newest["items"][0]["effect"]) == (None, None, None)
        assert newest["summary"]["without_evidence"] == 1
