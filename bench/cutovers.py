"""Requests lost while traffic moves: many cutovers between two colours under steady traffic. Budget: 0 of 100,000 in 50 cutovers.

Each release is staged and promoted all at once; every fourth cutover is the rollback of the one before. Lost is every request
that was not answered with 200 by a release of the service. Users keep their connections; each request is a chance to see a wrong one.
"""

import time
from dataclasses import dataclass

from bench import field
from turnout.demo.stack import Stopped, until
from turnout.demo.traffic import Answer, Traffic, lost

PER_SECOND = 200


@dataclass(frozen=True, slots=True)
class Cutover:
    """`seconds` from the upload, or the command, to the end of the deployment."""

    seconds: float
    completed: bool


def main() -> None:
    given = field.arguments(__doc__, cutovers=50, requests=100_000)
    with field.local_stack() as (stack, _):
        bench = field.Bench(stack, "web", steps=[{"weight": 50, "hold_seconds": 1}], watch_seconds=1)
        with Traffic(bench.url, per_second=PER_SECOND, paths=("/", "/a")) as traffic:
            began = time.monotonic()
            took = [_cut_over(bench, number) for number in range(1, given.cutovers + 1)]
            until("enough requests were sent", lambda: traffic.count() >= given.requests, seconds=given.requests / PER_SECOND)
            seconds = time.monotonic() - began
        answers = traffic.since(0)
    field.report([_row(answers, took, seconds)], given.json)


def _cut_over(bench: field.Bench, number: int) -> Cutover:
    began = time.monotonic()
    ended = _roll_back(bench) if number % 4 == 0 else _promote(bench, f"2.{number}.0")
    cutover = Cutover(time.monotonic() - began, ended == "completed")
    field.say(f"cutover {number}: {ended}, {cutover.seconds:.1f} s")
    return cutover


def _promote(bench: field.Bench, version: str) -> str:
    """How it ended. A machine too busy to answer health checks makes even a good release turn back: one more cutover, and told."""
    bench.stage(version, field.good(version))
    bench.promote(version, strategy="all-at-once")
    return bench.ended(version)


def _roll_back(bench: field.Bench) -> str:
    """Nothing to go back to any more after a release that turned back by itself: then nothing is done."""
    try:
        bench.rollback()
    except Stopped:
        return "refused"
    until("the rollback has ended", lambda: bench.now()["deployment"] is None, seconds=60)
    return "completed"


def _row(answers: list[Answer], took: list[Cutover], seconds: float) -> dict[str, object]:
    delays = [1000 * (answer.answered_at - answer.asked_at) for answer in answers]
    bad = lost(answers)
    for answer in bad[:5]:
        field.say(f"lost: {answer}")
    return {
        "cutovers": len(took), "turned back": sum(not each.completed for each in took), "requests": len(answers), "lost": len(bad),
        "requests/s": len(answers) / seconds, "p50 ms": field.percentile(delays, 0.5), "p99 ms": field.percentile(delays, 0.99),
        "slowest ms": max(delays), "s per cutover": sum(each.seconds for each in took) / len(took),
    }  # fmt: skip


if __name__ == "__main__":
    main()
