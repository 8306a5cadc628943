"""What the tests of errors and of latency have in common: which periods are compared, with what, and at which level.

Beside the release before, a period counts with the candidate's exposure: what the observed weights gave it, or its part of the requests
where that is more (requests may come by other rules, and cookies hold clients back). The larger one is the cautious one.

Alone, at the whole traffic, there is nothing to compare with but what was seen before. A burst of failures that belongs to somebody else
is then seen by nobody but the candidate, so one period proves only so much, and good ones take it back: what is held against it has to last.
"""

from collections.abc import Callable, Iterable
from math import log

from chalicelib.colors import WHOLE
from chalicelib.health import sequential
from chalicelib.health.model import Tally
from chalicelib.health.sequential import Alone, Beside
from chalicelib.health.series import Point
from chalicelib.services.definition import Checks

TESTS = 7
"""Each has its part of `false_alarm_rate`: errors beside the release before, errors above what is allowed, errors at the whole traffic, how
good the release before can have been, latency beside it and at the whole traffic, mirrored requests."""
ONE_PERIOD = 4.0
"""As much evidence as one period may be (a natural logarithm): a client that fails, asks again and fails again is many failures and one fact."""
ONE_PERIOD_ALONE = 2.5
"""The same at the whole traffic: a proof takes some periods, nearly in a row."""
FEWEST_BESIDE = 20
"""Requests of the release before in a period that say how it was there."""

Part = Callable[[Tally], tuple[int, int]]
"""From a group's period to what was counted in it: how many, and how many of them bad."""


def needed(checks: Checks) -> float:
    """The evidence (a natural logarithm) from which on one test has proved something."""
    return log(TESTS / checks.errors.false_alarm_rate)


def worse(points: Iterable[Point], part: Part, tolerated: float) -> float:
    """Evidence that the candidate is more than `tolerated` times as bad as the release before over the same periods."""
    return sequential.worse(beside(points, part), tolerated, at_most=ONE_PERIOD)


def beside(points: Iterable[Point], part: Part) -> list[Beside]:
    """The periods that both releases shared."""
    return [_beside(point, part) for point in points if 0 < point.share < WHOLE]


def _beside(point: Point, part: Part) -> Beside:
    (mine, bad), (others, bad_others) = part(point.mine), part(point.other)
    counted = mine / (mine + others) if mine + others else 0.0
    return Beside(max(point.share / WHOLE, counted), bad, bad_others)


def stepping(points: Iterable[Point], part: Part, limit: float) -> float:
    """Evidence that the candidate is above the limit, beside the release before, in the periods in which that one kept the limit itself."""
    return sequential.above(kept(points, part, limit), limit, at_most=ONE_PERIOD)


def kept(points: Iterable[Point], part: Part, limit: float) -> list[Alone]:
    """The periods in which the release before did not exceed the limit."""
    return [Alone(*part(point.mine)) for point in points if 0 < point.share < WHOLE and not _is_red(point.other, part, limit)]


def whole(points: Iterable[Point], part: Part, limit: float) -> float:
    """Evidence that the candidate with the whole traffic is lastingly above the limit."""
    return sequential.above([Alone(*part(point.mine)) for point in points if point.share == WHOLE], limit, at_most=ONE_PERIOD_ALONE)


def _is_red(tally: Tally, part: Part, limit: float) -> bool:
    counted, bad = part(tally)
    return counted >= FEWEST_BESIDE and bad > limit * counted
