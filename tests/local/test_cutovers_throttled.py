"""A small part of `bench.cutovers`: releases change sides under traffic while AWS refuses calls and the load balancer follows late."""

from pathlib import Path

import pytest

from bench import cutovers, field
from turnout.demo.traffic import Traffic, lost
from turnout.demo.weights import Weights

ROOT = Path(__file__).resolve().parents[2]
THROTTLE, LAG = 0.1, 1.0
TWO_RELEASES_AND_A_ROLLBACK = (2, 3, 4)


def test_no_request_is_lost_and_every_cutover_completes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with field.local_stack("--throttle", str(THROTTLE), "--alb-lag", str(LAG)) as (stack, _):
        bench = field.Bench(stack, "web", steps=[{"weight": 50, "hold_seconds": 1}], watch_seconds=1)
        with Traffic(bench.url, per_second=100, paths=("/", "/a"), check=field.wrong) as traffic, Weights(stack, bench.traffic) as weights:
            took = [cutovers.cut_over(bench, traffic, weights, number) for number in TWO_RELEASES_AND_A_ROLLBACK]
        *by_service, every = cutovers.refusals(stack)

    answers = traffic.since(0)
    print(len(answers), took, by_service, every, stack.repeated)
    assert lost(answers) == []
    assert len(answers) > 1500
    assert [cutover.phase for cutover in took] == ["completed"] * 3
    assert {each["service"] for each in by_service if each["refused"]} >= {"dynamodb", "elasticloadbalancing", "lambda", "sqs"}
    assert THROTTLE / 2 < every["share"] < THROTTLE * 2
    followed = [cutover.followed for cutover in took if cutover.followed is not None]
    assert LAG / 2 < max(followed) < LAG + 1, "the balancer really was late, and nothing was lost by it"
