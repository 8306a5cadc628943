"""A Mann-Whitney judge on minute points, configured as Kayenta's is; written from the textbook.

The points are each period's error rate (in per cent) and 99th percentile of response times (in milliseconds), candidate against previous.
The location shift is Hodges and Lehmann's: the median of all differences; its confidence interval ends at the differences that the normal
approximation of the rank statistic points at. A metric is High when the lower end of the 98 % interval is above a dead band of a quarter of the
absolute estimate and the ratio of means above 1; one High metric takes the release back. Where there are too few points for an interval
at that level its ends are the extreme differences, as there: no minimum sample.

Beside the previous release the points are those of the same periods. At the whole traffic there is nobody beside, so the candidate's last 50
are compared with the previous release's last 50 from before.
"""

from bisect import bisect_right
from collections.abc import Callable
from math import inf, sqrt
from statistics import median

from bench.judges.rollout import Now, Row

CONFIDENCE_98 = 2.326
"""The normal quantile of a two-sided 98 % interval."""
DEAD_BAND = 0.25
MOST_POINTS = 50

Points = tuple[list[float], list[float]]


class MannWhitney:
    """The score: the largest quantile of the normal at which a metric would have been High. Judged `every` so many seconds of a step."""

    def __init__(self, *, every: float, at_least: int = 1, collapses: bool = True, latency: bool = True) -> None:
        self._every, self._at_least, self._collapses, self._latency = every, at_least, collapses, latency
        self._score, self._judged = 0.0, (0.0, 0)

    def score(self, now: Now) -> float:
        turn = now.since, int((now.at - now.since + 1e-6) // self._every)
        if turn[1] and turn != self._judged:
            self._judged = turn
            for points in _metrics(now, latency=self._latency):
                if min(map(len, points)) >= self._at_least:
                    self._score = max(self._score, high(*points, collapses=self._collapses))
        return self._score


def high(candidate: list[float], previous: list[float], *, collapses: bool) -> float:
    """The quantile up to which the interval's lower end stays above the dead band; infinite where the interval has collapsed (`collapses`)."""
    if sum(candidate) / len(candidate) <= sum(previous) / len(previous):
        return 0.0
    differences = sorted(mine - other for mine in candidate for other in previous)
    below = bisect_right(differences, DEAD_BAND * abs(median(differences)))
    pairs = len(differences)
    if not below and collapses:
        return inf
    return max(0.0, (pairs / 2 - below - 1) / sqrt(pairs * (len(candidate) + len(previous) + 1) / 12))


def _metrics(now: Now, *, latency: bool) -> list[Points]:
    beside = [row for row in now.rows if row.share and row.share < 1000]
    if now.watching:
        mine = [row for row in now.rows if row.share == 1000][-MOST_POINTS:]
        other = [row for row in now.rows if row.share is not None and row.share < 1000][-MOST_POINTS:]
    else:
        mine = other = beside[-MOST_POINTS:]
    found = [(_points(mine, _rate_of_mine), _points(other, _rate_of_other))]
    if latency:
        found.append((_points(mine, lambda row: _milliseconds(row, now, candidate=True)), _points(other, lambda row: _milliseconds(row, now, candidate=False))))
    return [points for points in found if all(points)]


def _points(rows: list[Row], figure: Callable[[Row], float | None]) -> list[float]:
    return [value for row in rows if (value := figure(row)) is not None]


def _rate_of_mine(row: Row) -> float | None:
    return 100 * row.mine.errors / row.mine.requests if row.mine.requests else None


def _rate_of_other(row: Row) -> float | None:
    return 100 * row.other.errors / row.other.requests if row.other.requests else None


def _milliseconds(row: Row, now: Now, *, candidate: bool) -> float | None:
    requests = row.mine.requests if candidate else row.other.requests
    seconds = now.stream.percentile(row.number, requests, candidate=candidate)
    return None if seconds is None else 1000 * seconds
