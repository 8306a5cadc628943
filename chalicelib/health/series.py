"""What the metrics told, period by period, since before a deployment's first weight: what the judge compares. Pure.

A period is taken once, when it is complete, with the share of production that the *observed* weights gave the candidate all through it; a
period in which the weights changed is left out, for nobody knows whose its requests were. Periods before the first weight (share 0)
tell how the release before was; those at the whole share have the candidate alone. Turnout's own requests are taken out here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from chalicelib.colors import WHOLE, Color
from chalicelib.health.model import Counts, Period, Tally
from chalicelib.services.definition import Latency

BEFORE = 10
"""How many periods before the first weight are looked at; where they are short, as many as there are in a minute."""
A_MINUTE = timedelta(minutes=1)
MOST_POINTS = 1440
"""A day of minutes. What is more is added up, two neighbours at a time."""
NOTICEABLE = 0.05
"""Seconds: what is slower by less nobody notices, whatever part of a few milliseconds it is."""
FEWEST_ABOVE = 3
"""So many requests have to be expected above a percentile before it is known."""

Own = Mapping[Color, Mapping[datetime, Counts]]
"""Turnout's own requests, by the group that answered them and the start of the period."""


class Span(NamedTuple):
    """From the first to the last look (epoch seconds) that saw the candidate with this share (permille)."""

    share: int
    since: float
    until: float


class Point(NamedTuple):
    """One period that starts at `at` (epoch seconds), all through which the candidate had `share` permille of production."""

    at: int
    share: int
    mine: Tally
    other: Tally


@dataclass(frozen=True, slots=True)
class Series:
    """`until` is up to where periods have been taken. `slow_over` is in seconds: what takes longer is slow; None until the release before
    has shown how fast it is.
    """

    deployment: str
    color: Color
    period: float
    until: datetime
    slow_over: float | None = None
    spans: tuple[Span, ...] = ()
    points: tuple[Point, ...] = ()

    @property
    def weighted_since(self) -> datetime | None:
        """The last moment at which the candidate was known to be without any weight; where nobody saw that, when it was first seen with one."""
        first = next((number for number, span in enumerate(self.spans) if span.share > 0), None)
        if first is None:
            return None
        return datetime.fromtimestamp(self.spans[first - 1].until if first else self.spans[0].since, UTC)

    @property
    def share(self) -> int | None:
        """What the candidate has now, as far as looks tell."""
        return self.spans[-1].share if self.spans else None

    def since(self, moment: datetime) -> tuple[Point, ...]:
        """The points that began then or later."""
        return tuple(point for point in self.points if point.at >= moment.timestamp())


def begun(deployment: str, color: Color, now: datetime, period: timedelta) -> Series:
    """For a deployment whose first weight is about to be asked for: the periods just before belong to it, at share 0."""
    since = now - max((BEFORE + 1) * period, A_MINUTE)
    return Series(deployment, color, period.total_seconds(), since, spans=(Span(0, since.timestamp(), since.timestamp()),))


def seen(series: Series, share: int | None, now: datetime) -> Series:
    """After a look at the weights. One that could not read them says nothing; the next one that sees the same share says that it was so all the while."""
    if share is None:
        return series
    last, at = series.spans[-1] if series.spans else None, now.timestamp()
    if last and last.share == share:
        return replace(series, spans=(*series.spans[:-1], last._replace(until=max(last.until, at))))
    return replace(series, spans=(*series.spans, Span(share, at, at)))


def taken(series: Series, periods: Iterable[Period], own: Own, latency: Latency) -> Series:
    """With these further periods, as far as looks at the weights reach."""
    points, until, known = [*series.points], series.until, series.spans[-1].until if series.spans else 0.0
    for period in periods:
        end = period.begin.timestamp() + series.period
        if end > known:
            break
        until = max(until, period.begin + timedelta(seconds=series.period))
        share = _share(series.spans, period.begin.timestamp(), end)
        if share is not None and period.begin >= series.until:
            points.append(_point(period, share, series, own))
    after = replace(series, until=until, points=_bounded(tuple(points)))
    return after if after.slow_over is not None else replace(after, slow_over=_slow_over(after, latency))


def _share(spans: Iterable[Span], begin: float, end: float) -> int | None:
    return next((span.share for span in spans if span.since <= begin and end <= span.until), None)


def _point(period: Period, share: int, series: Series, own: Own) -> Point:
    color, over = series.color, series.slow_over
    mine, other = (_without(period.groups[each], own.get(each, {}).get(period.begin), over) for each in (color, color.other))
    return Point(int(period.begin.timestamp()), share, mine, other)


def _without(tally: Tally, own: Counts | None, slow_over: float | None) -> Tally:
    """Turnout's own requests are traffic to the balancer; they are no evidence of users. If one of them may have been slow, all may have been."""
    if own is None:
        return tally
    requests, timed = max(0, tally.requests - own.requests), max(0, tally.timed - own.requests)
    slow = max(0, tally.slow - own.requests) if slow_over is not None and own.slowest > slow_over else tally.slow
    return tally._replace(requests=requests, errors=min(requests, max(0, tally.errors - own.errors)), timed=timed, slow=min(slow, timed))


def _slow_over(series: Series, latency: Latency) -> float | None:
    """The allowed increase over the percentile that the release before had.

    It is told by period. Of a busy period it is the percentile, and the middle one of the periods is taken, each as heavy as its requests, for one may have
    been an exception. Of a few requests it is simply the slowest; then a rank is taken at which the slowest of so few is the percentile of all.
    """
    told = sorted((point.other.seconds, point.other.timed) for point in series.points if point.other.seconds is not None and point.other.timed)
    whole, share = sum(timed for _, timed in told), latency.percentile / 100
    if whole < FEWEST_ABOVE / (1 - share):
        return None
    rank, reached = max(0.5, share ** (whole / len(told))) * whole, 0
    for seconds, timed in told:
        reached += timed
        if reached >= rank:
            return float(f"{max(seconds * (1 + latency.max_increase), seconds + NOTICEABLE):.3g}")
    return None


def _bounded(points: tuple[Point, ...]) -> tuple[Point, ...]:
    while len(points) > MOST_POINTS:
        fewer = tuple(_halved(points))
        points = fewer if len(fewer) < len(points) else points[-MOST_POINTS:]
    return points


def _halved(points: tuple[Point, ...]) -> Iterable[Point]:
    left: Point | None = None
    for point in points:
        if left is not None and left.share == point.share:
            yield Point(left.at, left.share, _added(left.mine, point.mine), _added(left.other, point.other))
            left = None
        else:
            if left is not None:
                yield left
            left = point
    if left is not None:
        yield left


def _added(one: Tally, two: Tally) -> Tally:
    return Tally(
        one.requests + two.requests, one.errors + two.errors, one.timed + two.timed, one.slow + two.slow,
        min(one.hosts_down, two.hosts_down), one.seconds if one.seconds is not None else two.seconds,
    )  # fmt: skip


def added(tallies: Iterable[Tally]) -> Tally:
    """All of them together."""
    found = Tally()
    for tally in tallies:
        found = _added(found, tally)
    return found


def before_and_beside(series: Series) -> Tally:
    """The release before, over everything that was seen of it: before the first weight and beside the candidate."""
    return added(point.other for point in series.points if point.share < WHOLE)
