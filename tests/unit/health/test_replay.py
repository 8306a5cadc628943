"""Past rollouts under another policy: what it would have caught, and what it would have stopped."""

from dataclasses import replace
from datetime import timedelta

from chalicelib.health.evidence import Evidence
from chalicelib.health.judge import judge
from chalicelib.health.judgement import Judgement
from chalicelib.health.model import Outcome, Tally
from chalicelib.health.replay import replay
from chalicelib.services.definition import Checks
from tests.unit.health.builders import BEGAN, NOW, evidence, points, probes, series, tally

AS_IT_WAS = Checks()


def judged(found: Evidence, checks: Checks = AS_IT_WAS) -> Judgement:
    return Judgement("web", "d-000001", "1.1.0", "shifting:1", NOW, checks, found, judge(found, checks, NOW))


def minutes(*mine: Tally, other: Tally | None = None) -> Evidence:
    return evidence(series=series(points(*((one, tally(1000, 5) if other is None else other) for one in mine))))


def policy(**parts: object) -> Checks:
    return Checks.model_validate(parts)


def test_the_same_policy_says_the_same() -> None:
    kept = judged(minutes(*[tally(1000, 5)] * 5))

    assert replay((kept,), AS_IT_WAS).would == kept.verdict


def test_a_stricter_policy_says_what_it_would_have_caught_and_when() -> None:
    kept = judged(minutes(*[tally(1000, 40)] * 8, other=Tally()))
    found = replay((kept,), policy(errors={"max_rate": 0.01}))

    assert found.judged.outcome is Outcome.HEALTHY
    assert found.would.outcome is Outcome.UNHEALTHY
    assert found.would.at == BEGAN + timedelta(minutes=3)


def test_a_looser_policy_says_what_it_would_have_let_pass() -> None:
    kept = judged(minutes(*[tally(1000, 100)] * 8, other=Tally()))

    assert kept.verdict.outcome is Outcome.UNHEALTHY
    assert replay((kept,), policy(errors={"max_rate": 0.2})).would.outcome is Outcome.HEALTHY


def test_other_signals_are_judged_as_they_were() -> None:
    kept = judged(replace(minutes(tally(1000, 5)), probes=probes(failed=2)))

    assert kept.verdict.outcome is Outcome.INCONCLUSIVE
    assert replay((kept,), policy(probe={"failures": 2})).would.outcome is Outcome.UNHEALTHY


def test_what_was_not_measured_is_left_out_and_named() -> None:
    slow = tally(1000, 5, timed=1000, slow=300)
    kept = judged(evidence(series=series(points(*[(slow, tally(1000, 5, timed=1000))] * 5), slow_over=0.5)))
    found = replay((kept,), policy(latency={"max_increase": 2}))

    assert kept.verdict.outcome is Outcome.UNHEALTHY
    assert (found.would.outcome, found.left_out) == (Outcome.HEALTHY, ("latency",))


def test_the_first_thing_that_would_have_turned_it_back_counts() -> None:
    first = judged(minutes(*[tally(1000, 200)] * 5))
    second = replace(first, at=NOW + timedelta(minutes=5), subject="watching:3")

    assert replay((first, second), AS_IT_WAS).would.at == BEGAN + timedelta(minutes=3)
