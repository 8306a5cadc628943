"""Tests that hold however often one looks: e-processes over the periods that were seen. Pure.

Each function gives the natural logarithm of an e-process: a number that starts at 0 and whose expectation never rises while nothing is
wrong, so that under "nothing is wrong" it ever reaches log(1/alpha) with a chance of alpha at most (Ville's inequality). Looking every second
instead of once therefore costs nothing; a threshold or a p-value looked at again and again has no such bound.

What is built on what:

* Which of two releases a failed request belonged to is, given that it failed, a coin whose odds are exposure times rate ratio: the conditional
  test of Lindon, Sanden and Shirikian, "Rapid Regression Detection in Software Deployments through Sequential Testing" (KDD 2022,
  arXiv:2205.14762). What makes both fail at once (a dependency, a load peak, the hour of the day) cancels out, because only the split of failures counts.
* The ratio is unknown: a mixture over a grid of ratios is an e-process as well, since each of them is (Turner, Ly and Gruenwald, "Generic
  E-variables for exact sequential k-sample tests that allow for optional stopping", 2021).
* A release may turn bad late. Evidence in its favour that was gathered before would then have to be used up first, so the test starts anew, with a small
  part of its stake, at every period: Shiryaev's and Roberts's recursion with stakes that add up to one, which keeps the bound
  (Shin, Ramdas and Rinaldo, "E-detectors", 2022).
* Counts are finite: given how many requests each release had, failures are drawn without replacement. By Hoeffding's comparison (1963, theorem 4) a
  convex function of such a draw has no larger expectation than of one with replacement, so the bound holds for the counts as they are.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, inf, log, log1p

RATIOS = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 1000.0)
"""How many times what is tolerated the true rate may be: the alternatives, each with the same stake."""

SOON = 10
"""In about so many periods half of the stake is laid: the smaller, the sooner what is bad from the start is found, and the later what turns bad."""

_NOTHING = -inf


@dataclass(frozen=True, slots=True)
class Beside:
    """Failures of both in one period; `exposure` is the candidate's part of the requests, between 0 and 1."""

    exposure: float
    mine: int
    other: int


@dataclass(frozen=True, slots=True)
class Alone:
    """Failures among the candidate's requests in one period."""

    requests: int
    failed: int


def worse(periods: Iterable[Beside], tolerated: float, *, at_most: float = inf) -> float:
    """Evidence that the candidate's failure rate is more than `tolerated` times the other's over the same periods.

    No period adds more than `at_most`, however much failed in it: what is cut off an e-process from above leaves the bound as it is.
    """
    return _evidence([[min(at_most, _split(one, ratio * tolerated, tolerated)) for ratio in RATIOS] for one in periods])


def above(periods: Iterable[Alone], limit: float, *, at_most: float = inf) -> float:
    """Evidence that more than `limit` (0 to 1) of the candidate's requests fail. Rates that vary below the limit do no harm. `at_most` as in `worse`."""
    if limit >= 1:
        return 0.0
    rates = [_scaled(limit, ratio) for ratio in RATIOS]
    return _evidence([[min(at_most, _alone(one, rate, limit)) for rate in rates] for one in periods])


def leaning(periods: Iterable[Beside], ratio: float) -> float:
    """How much better `ratio` times the other's rate explains what was seen than the same rate: above 0, more than nothing speaks for it."""
    return sum(_split(one, ratio, 1.0) for one in periods)


def _evidence(increments: list[list[float]]) -> float:
    """The mixture over alternatives and over when it began to be true. `increments` are log likelihood ratios, by period and alternative."""
    so_far = [_NOTHING] * len(RATIOS)
    for number, period in enumerate(increments):
        stake = log(SOON / ((number + SOON) * (number + SOON + 1)))  # together one, for each is the difference of SOON/(n+SOON) and the next
        so_far = [_sum_of_logs(before, stake) + increment for before, increment in zip(so_far, period, strict=True)]
    mixed = _NOTHING
    for each in so_far:
        mixed = _sum_of_logs(mixed, each - log(len(RATIOS)))
    return _sum_of_logs(mixed, log(SOON / (len(increments) + SOON)))  # what is not staked yet


def _split(period: Beside, ratio: float, tolerated: float) -> float:
    if not period.mine and not period.other:
        return 0.0
    supposed, allowed = _chance(period.exposure, ratio), _chance(period.exposure, tolerated)
    return _times(period.mine, supposed, allowed) + _times(period.other, 1 - supposed, 1 - allowed)


def _alone(period: Alone, rate: float, limit: float) -> float:
    return _times(period.failed, rate, limit) + _times(period.requests - period.failed, 1 - rate, 1 - limit)


def _chance(exposure: float, ratio: float) -> float:
    """That a failed request is the candidate's when its rate is `ratio` times the other's."""
    return ratio * exposure / (ratio * exposure + 1 - exposure)


def _scaled(rate: float, ratio: float) -> float:
    """The rate whose odds are `ratio` times those of `rate`."""
    return ratio * rate / (1 - rate + ratio * rate)


def _times(count: int, supposed: float, allowed: float) -> float:
    """`count` times the log of a likelihood ratio; what never happened costs nothing, also where it never could."""
    return count * log(supposed / allowed) if count and supposed > 0 < allowed else 0.0


def _sum_of_logs(one: float, other: float) -> float:
    """log(e^one + e^other)"""
    low, high = min(one, other), max(one, other)
    return high if low == _NOTHING else high + log1p(exp(low - high))
