"""The candidate's targets in the load balancer's own eyes.

| what is seen                                                   | answer       |
|----------------------------------------------------------------|--------------|
| one healthy at least                                           | healthy      |
| some of them down all through two of the last three periods    | inconclusive |
| none healthy: `initial`, `unavailable`, `unused` (no traffic)  | inconclusive |
| none healthy otherwise, none registered                        | unhealthy    |
| unreadable                                                     | inconclusive |
| already red: some of the release before's were down as well    | healthy      |
"""

from datetime import datetime

from chalicelib.health.evidence import Evidence
from chalicelib.health.model import Check, Outcome, Targets
from chalicelib.health.series import Point
from chalicelib.services.definition import Checks

DOWN, OF = 2, 3
"""Targets that are down in as many of the last periods are down, not restarting."""
_UNSETTLED = {"initial", "unavailable", "unused"}


def check(evidence: Evidence, checks: Checks, now: datetime) -> Check:  # noqa: ARG001 - every check's
    seen = evidence.targets
    if seen is None:
        return Check("targets", Outcome.INCONCLUSIVE, "target health cannot be read")
    numbers = {"healthy": float(seen.healthy), "total": float(seen.total)}
    if seen.healthy == 0:
        return _none(seen, numbers)
    said = f"{seen.healthy} of {seen.total} targets are healthy"
    if seen.healthy < seen.total and (down := _down(evidence.present[-OF:])):
        return Check("targets", Outcome.INCONCLUSIVE, f"{said}, and {down} had one down from beginning to end", numbers)
    return Check("targets", Outcome.HEALTHY, said, numbers)


def _none(seen: Targets, numbers: dict[str, float]) -> Check:
    unsettled = _UNSETTLED & seen.states.keys()
    if unsettled and "unhealthy" not in seen.states:
        return Check("targets", Outcome.INCONCLUSIVE, f"targets are {', '.join(sorted(unsettled))}", numbers)
    return Check("targets", Outcome.UNHEALTHY, f"none of {seen.total} targets is healthy", numbers)


def _down(points: tuple[Point, ...]) -> str:
    """How many of the last periods had a target down throughout, where the release before had none; empty while that may be a restart."""
    down = sum(1 for point in points if point.mine.hosts_down > 0 and point.other.hosts_down == 0)
    return f"{down} of the last {len(points)} periods" if down >= DOWN else ""
