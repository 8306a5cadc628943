"""How long the candidate takes, as counts: requests above a bound that only as many may exceed as the percentile leaves.

The bound is the release before's own percentile before the first weight, and the allowed increase on top. A candidate whose percentile rose by
more has a larger part of its requests above the bound than the percentile leaves; that is tested like an error rate.

| what is seen                                                            | answer       |
|-------------------------------------------------------------------------|--------------|
| no traffic, or the release before had too little to tell a percentile   | does not apply |
| traffic, and no more of it slow than may be                             | healthy      |
| more of it slow than may be, proved, where the release before was not slow as well | unhealthy |
| more of it slow, not proved; already red: both slow                     | inconclusive |
| unreadable                                                              | not asked: the errors' answer is inconclusive already |
"""

from datetime import datetime

from chalicelib.colors import WHOLE
from chalicelib.health.checks import comparing
from chalicelib.health.evidence import Evidence
from chalicelib.health.model import Check, Outcome, Tally
from chalicelib.health.series import added
from chalicelib.services.definition import Checks

FEWEST_SLOW = 5


def check(evidence: Evidence, checks: Checks, now: datetime) -> Check | None:  # noqa: ARG001 - every check's
    if evidence.series is None:
        return None
    bound, limit = evidence.series.slow_over, round(1 - checks.latency.percentile / 100, 6)
    if bound is None:
        return Check("latency", Outcome.HEALTHY, "the release before has not shown how fast it is, so there is nothing to compare with", effective=False)
    held, present = added(point.mine for point in evidence.held_against_it), added(point.mine for point in evidence.present)
    points = [point for point in evidence.held_against_it if point.mine.timed]
    proof = max(comparing.stepping(points, _part, limit), comparing.whole(points, _part, limit))
    needed = comparing.needed(checks)
    numbers = {"over_seconds": bound, "timed": float(present.timed), "slow": float(present.slow), "allowed": limit, "evidence": proof, "needed": needed}
    if not present.timed and proof < needed:
        return Check("latency", Outcome.HEALTHY, "no request was timed, so latency does not apply", numbers, effective=False)
    if proof >= needed and held.slow >= FEWEST_SLOW:
        return Check("latency", Outcome.UNHEALTHY, f"{_shown(held, bound, limit)}: slower, and not by chance", numbers)
    if present.timed >= checks.errors.minimum_requests and present.slow > limit * present.timed:
        return Check("latency", Outcome.INCONCLUSIVE, f"{_shown(present, bound, limit)}, but {_why_not(evidence, limit)}", numbers)
    return Check("latency", Outcome.HEALTHY, _shown(present, bound, limit), numbers)


def _why_not(evidence: Evidence, limit: float) -> str:
    other = added(point.other for point in evidence.present if 0 < point.share < WHOLE)
    if other.slow > limit * max(other.timed, 1):
        return f"so did {other.slow} of {other.timed} of the release before"
    return "that may still be chance"


def _part(tally: Tally) -> tuple[int, int]:
    return tally.timed, tally.slow


def _shown(tally: Tally, bound: float, limit: float) -> str:
    share = tally.slow / tally.timed if tally.timed else 0.0
    return f"{tally.slow} of {tally.timed} requests took longer than {bound:g} s ({share:.1%}, allowed {limit:.1%})"
