"""`turnout replay`: what it asks, and what it says of the answer."""

import json
from typing import Any

import pytest

from tests.cli.running import Runner

REPLAY = "/v1/services/web/replay"
NOTHING = {"played": 0, "caught": 0, "missed": 0, "stopped": 0, "passed": 0, "held": 0, "without_evidence": 0, "not_played": 0}


def said(outcome: str, reason: str = "41 of 1000 requests failed") -> dict[str, Any]:
    return {"outcome": outcome, "reason": reason, "at": "2026-11-23T11:40:00.000000Z"}


def a_rollout(version: str = "1.4.2", **changes: Any) -> dict[str, Any]:
    return {
        "deployment": "d-000012", "version": version, "ended_at": "2026-11-23T11:45:00.000000Z", "ended": "reverted", "outcome": "41 failed",
        "judged": said("unhealthy"), "would": said("unhealthy"), "effect": "caught", "left_out": [], **changes,
    }  # fmt: skip


def a_replay(*items: dict[str, Any], **summary: int) -> dict[str, Any]:
    return {"items": list(items), "summary": NOTHING | summary}


class TestAsking:
    def test_sends_only_what_was_given(self, api, cli: Runner):
        api.on("POST", REPLAY, a_replay())

        cli.turnout("replay", "web", "--max-rate", "0.02", "--failures", "5", "--when-quiet", "hold", "--last", "20")

        assert api.last("POST").body == {"checks": {"errors": {"max_rate": 0.02}, "probe": {"failures": 5}, "when_quiet": "hold"}, "deployments": 20}

    def test_of_nothing_plays_the_policy_as_it_is(self, api, cli: Runner):
        api.on("POST", REPLAY, a_replay())

        cli.turnout("replay", "web")

        assert api.last("POST").body == {"checks": {}, "deployments": 50}

    @pytest.mark.parametrize("policy", [{"errors": {"max_rate": 0.1, "minimum_requests": 7}}, {"name": "web", "checks": {"errors": {"max_rate": 0.1, "minimum_requests": 7}}}])
    def test_takes_checks_or_a_definition_and_flags_go_before_them(self, api, cli: Runner, policy: dict[str, Any]):
        api.on("POST", REPLAY, a_replay())
        cli.piped = json.dumps(policy)
        file = cli.directory / "checks.json"
        file.write_text(json.dumps(policy), encoding="utf-8")

        cli.turnout("replay", "web", "--checks", str(file), "--max-rate", "0.02")

        assert api.last("POST").body["checks"] == {"errors": {"max_rate": 0.02, "minimum_requests": 7}}

    @pytest.mark.parametrize("text", ["errors:\n  max_rate: 0.1", "[]", '{"checks": 1}'])
    def test_refuses_a_file_that_is_no_policy(self, api, cli: Runner, text: str):
        file = cli.directory / "checks.json"
        file.write_text(text, encoding="utf-8")

        ran = cli.turnout("replay", "web", "--checks", str(file))

        assert ran.exit_code == 2
        assert "checks" in ran.err
        assert api.asked == []

    @pytest.mark.parametrize("flags", [("--max-rate", "0"), ("--max-rate", "2"), ("--last", "101"), ("--when-quiet", "pass"), ("--failures", "0")])
    def test_refuses_what_can_be_no_policy(self, api, cli: Runner, flags: tuple[str, str]):
        assert cli.turnout("replay", "web", *flags).exit_code == 2
        assert api.asked == []

    def test_says_what_the_server_refuses(self, api, cli: Runner):
        api.problem("POST", REPLAY, 422, "invalid", "checks.errors.most: there is no such field; leave it out")

        ran = cli.turnout("replay", "web")

        assert (ran.exit_code, ran.out) == (1, "")
        assert "checks.errors.most" in ran.err


class TestTheAnswer:
    def test_is_a_line_for_each_rollout_and_a_sentence(self, api, cli: Runner):
        good = a_rollout("1.4.1", ended="completed", judged=said("healthy"), would=said("healthy", "3 of 1000 requests failed"), effect="passed")
        api.on("POST", REPLAY, a_replay(a_rollout(), good, played=2, caught=1, passed=1))

        ran = cli.turnout("replay", "web")

        head, bad, passed, sentence = ran.out.splitlines()
        assert head.split() == ["VERSION", "WHEN", "ENDED", "JUDGED", "WOULD", "EFFECT", "WHY"]
        assert bad.split()[0:7] == ["1.4.2", "2026-11-23", "11:45:00Z", "reverted", "unhealthy", "unhealthy", "caught"]
        assert passed.endswith("passed  3 of 1000 requests failed")
        assert sentence == "would have caught 1 of 1 bad release and stopped 0 of 1 good one"
        assert (ran.exit_code, ran.err) == (0, "")

    def test_sums_up_many(self, api, cli: Runner):
        api.on("POST", REPLAY, a_replay(a_rollout(), played=16, caught=2, stopped=1, passed=13))

        assert cli.turnout("replay", "web").out.splitlines()[-1] == "would have caught 2 of 2 bad releases and stopped 1 of 14 good ones"

    def test_counts_nothing_of_which_nobody_knows_whether_it_was_good(self, api, cli: Runner):
        api.on("POST", REPLAY, a_replay(a_rollout(effect=None), played=1))

        assert cli.turnout("replay", "web").out.splitlines()[-1] == "would have caught 0 of 0 bad releases and stopped 0 of 0 good ones"

    def test_tells_on_stderr_what_the_figures_leave_out(self, api, cli: Runner):
        unjudged = a_rollout(judged=None, would=None, effect=None)
        partly = a_rollout(left_out=["latency"])
        api.on("POST", REPLAY, a_replay(partly, unjudged, played=1, caught=1, held=1, without_evidence=1, not_played=9))

        ran = cli.turnout("replay", "web", "--max-increase", "2")

        assert "(without latency)" in ran.out
        assert "no verdict of it was kept" in ran.out
        assert "1 of 1 would have ended undecided" in ran.err
        assert "1 without evidence" in ran.err
        assert "9 older ones were not played for want of time; --last 2" in ran.err
        assert "latency is left out" in ran.err

    def test_as_json_is_what_the_api_answers(self, api, cli: Runner):
        answer = a_replay(a_rollout(), played=1, caught=1, without_evidence=3)
        api.on("POST", REPLAY, answer)

        ran = cli.turnout("replay", "web", "--json")

        assert (ran.json, ran.err, ran.exit_code) == (answer, "", 0)

    def test_of_a_service_without_rollouts_talks_on_stderr(self, api, cli: Runner):
        api.on("POST", REPLAY, a_replay())

        ran = cli.turnout("replay", "web")

        assert ran.out == ""
        assert "no rollouts yet" in ran.err
