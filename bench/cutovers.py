"""Requests lost while traffic moves: many cutovers between two colours under steady traffic. Budget: 0 of 100,000 in 50 cutovers.

Each release is staged and promoted all at once; every fourth cutover is the rollback of the one before. All the while AWS
refuses a share of the calls as throttled, and the load balancer follows its rules late. Lost is every request that was not
answered with 200 by a release of the service, in that release's own words. Users keep their connections; each request is a
chance to see a wrong one. The exit status is 0 only if none was lost and every cutover completed.
"""

import sys
import time
from dataclasses import dataclass

from bench import field
from turnout.demo.stack import Stack, Stopped, until
from turnout.demo.traffic import Answer, Traffic, lost
from turnout.demo.weights import Weights
from turnout.local.throttling import COUNTS

PER_SECOND = 200
_READS = ("BatchGet", "Describe", "Get", "GET", "List", "Query", "Receive")


@dataclass(frozen=True, slots=True)
class Cutover:
    """`seconds` from the upload, or the command, to the end of the deployment. `followed` is how long the release that was
    replaced went on answering after the rule was read with everything on the other colour; None if it never was.
    """

    seconds: float
    phase: str
    followed: float | None


def main() -> None:
    given = field.arguments(__doc__, cutovers=50, requests=100_000, throttle=0.05, alb_lag=1.0)
    with field.local_stack("--throttle", str(given.throttle), "--alb-lag", str(given.alb_lag)) as (stack, _):
        bench = field.Bench(stack, "web", steps=[{"weight": 50, "hold_seconds": 1}], watch_seconds=1)
        traffic = Traffic(bench.url, per_second=PER_SECOND, paths=("/", "/a"), check=field.wrong)
        with traffic, Weights(stack, bench.traffic) as weights:
            began = time.monotonic()
            took = [cut_over(bench, traffic, weights, number) for number in range(1, given.cutovers + 1)]
            until("enough requests were sent", lambda: traffic.count() >= given.requests, seconds=given.requests / PER_SECOND)
            seconds = time.monotonic() - began
        refused = refusals(stack) if given.throttle else []
    row = _row(traffic.since(0), took, seconds) | {"calls repeated": len(stack.repeated)}
    field.report([row], given.json, [_pace(traffic.since(0), took)], *([refused] if refused else []))
    sys.exit(0 if row["lost"] == 0 and row["completed"] == row["cutovers"] else 1)


def cut_over(bench: field.Bench, traffic: Traffic, weights: Weights, number: int) -> Cutover:
    """One of them, to its end."""
    live, began = bench.now()["live"], time.monotonic()
    phase = _roll_back(bench) if number % 4 == 0 else _promote(bench, f"2.{number}.0")
    seconds = time.monotonic() - began
    cutover = Cutover(seconds, phase, _followed(live, traffic.since(began), weights, began))
    field.say(f"cutover {number}: {phase}, {seconds:.1f} s")
    return cutover


def _promote(bench: field.Bench, version: str) -> str:
    """How it ended."""
    bench.stage(version, field.good(version))
    bench.promote(version, strategy="all-at-once")
    return bench.ended(version)


def _roll_back(bench: field.Bench) -> str:
    """Nothing to go back to any more after a release that turned back by itself: then nothing is done."""
    try:
        id = bench.rollback()
    except Stopped as refused:
        field.say(str(refused))
        return "refused"
    until("the rollback has ended", lambda: bench.phase_of(id) in field.ENDED, seconds=60)
    return bench.phase_of(id)


def _followed(before: dict[str, str], answers: list[Answer], weights: Weights, since: float) -> float | None:
    moved = weights.stretch(before["color"], 0.0, since=since)
    old = [answer.asked_at for answer in answers if answer.release == before["version"]]
    return max(0.0, max(old) - moved[0]) if moved and old else None


def refusals(stack: Stack) -> field.Rows:
    """What the embedded AWS refused, by service. Among ELB's calls are this measurement's own looks, up to ten a second."""
    counted = stack.http.request("GET", stack.aws_endpoint_url + COUNTS).json()
    every = {operation: counts for of in counted.values() for operation, counts in of.items()}
    return [_refused(name, of) for name, of in [*counted.items(), ("all", every)]]


def _refused(service: str, of: dict[str, dict[str, int]]) -> dict[str, object]:
    calls, refused = (sum(each[what] for each in of.values()) for what in ("calls", "refused"))
    writes = sum(each["refused"] for operation, each in of.items() if not operation.startswith(_READS))
    return {"service": service, "calls": calls, "refused": refused, "share": refused / max(1, calls), "of them writes": writes}


def _row(answers: list[Answer], took: list[Cutover], seconds: float) -> dict[str, object]:
    bad = lost(answers)
    for answer in bad[:5]:
        field.say(f"lost: {answer}")
    return {
        "cutovers": len(took), "completed": sum(each.phase == "completed" for each in took), "requests": len(answers), "lost": len(bad),
        "requests/s": len(answers) / seconds,
    }  # fmt: skip


def _pace(answers: list[Answer], took: list[Cutover]) -> dict[str, object]:
    delays = [1000 * (answer.answered_at - answer.asked_at) for answer in answers]
    followed = [each.followed for each in took if each.followed is not None]
    return {
        "p50 ms": field.percentile(delays, 0.5), "p99 ms": field.percentile(delays, 0.99), "slowest ms": max(delays),
        "s per cutover": sum(each.seconds for each in took) / len(took), "slowest s": max(each.seconds for each in took),
        "traffic follows the rule after s: p50": field.percentile(followed, 0.5), "slowest": max(followed),
    }  # fmt: skip


if __name__ == "__main__":
    main()
