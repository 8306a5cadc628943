"""Evidence to judge: a healthy candidate on green at half of the traffic, unless a test says otherwise."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chalicelib.colors import Color
from chalicelib.health.evidence import Evidence
from chalicelib.health.judge import judge
from chalicelib.health.model import Outcome, ProbeLog, Tally, Targets, Verdict
from chalicelib.health.series import Point, Series, Span
from chalicelib.services.definition import Checks

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BEGAN = NOW - timedelta(minutes=10)
HEALTHY_TARGETS = Targets(1, 1, {"healthy": 1})
HALF, WHOLE = 500, 1000


def probes(failed: int = 0, passed: int = 3, ago: float = 1, recent: str = "") -> ProbeLog:
    return ProbeLog(
        service="web", deployment="d-000001", subject="shifting:1", target="staging", sent={}, failed_in_a_row=failed, passed_in_a_row=passed,
        last_at=NOW - timedelta(seconds=ago), last_reason="GET / answered 500, expected 200", recent=recent or "+" * passed + "-" * failed,
    )


def tally(requests: int, errors: int = 0, **further: int) -> Tally:
    return Tally(requests, errors, **further)  # type: ignore[arg-type]


def points(*pairs: tuple[Tally, Tally], share: int = HALF, begin: datetime = BEGAN) -> tuple[Point, ...]:
    """One a minute: the candidate's and the other's."""
    return tuple(Point(int(begin.timestamp()) + 60 * number, share, mine, other) for number, (mine, other) in enumerate(pairs))


def before(*others: Tally) -> tuple[Point, ...]:
    """Minutes before the first weight, in which only the release before had traffic."""
    return points(*((Tally(), other) for other in others), share=0, begin=BEGAN - timedelta(minutes=len(others)))


def series(of: Iterable[Point], *, slow_over: float | None = None) -> Series:
    spans = (Span(0, 0.0, BEGAN.timestamp() - 1), Span(HALF, BEGAN.timestamp(), NOW.timestamp()))
    return Series("d-000001", Color.GREEN, 60.0, NOW, slow_over, spans, tuple(of))


def counted(candidate: tuple[int, int], other: tuple[int, int] = (1000, 0), share: int = HALF) -> Series:
    """Requests and errors of both, spread over five minutes."""
    return series(points(*zip(spread(*candidate), spread(*other), strict=True), share=share))


def spread(requests: int, errors: int = 0, slow: int = 0, over: int = 5) -> list[Tally]:
    """As evenly as whole requests allow."""
    return [Tally(part(requests, over, each), part(errors, over, each), part(requests, over, each), part(slow, over, each)) for each in range(over)]


def part(whole: int, of: int, number: int) -> int:
    return whole * (number + 1) // of - whole * number // of


def evidence(**changes: object) -> Evidence:
    """Good targets, good probes, a thousand good requests on either side."""
    good = Evidence(Color.GREEN, HEALTHY_TARGETS, probes(), counted((1000, 0)), since=BEGAN)
    return replace(good, **changes)  # type: ignore[arg-type]


def verdict(found: Evidence, checks: Checks | None = None) -> Verdict:
    return judge(found, checks or Checks(), NOW)


def outcome(found: Evidence, checks: Checks | None = None) -> Outcome:
    return verdict(found, checks).outcome
