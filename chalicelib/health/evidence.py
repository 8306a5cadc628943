"""Everything a verdict is made from, as one value: what is kept with it, so that it can be judged again."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.colors import Color
from chalicelib.health.model import Alarm, ProbeLog, Targets
from chalicelib.health.series import Point, Series
from chalicelib.health.shares import Share


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about the candidate on `color`. None: it could not be read; for `probes`, nothing has been probed either.

    `since` is when the step or the watch began that is judged, `judged_since` from when on anything is held against the candidate at all.
    `extended` says that the hold has been extended already, `watching` that the candidate has the whole traffic.
    `share` is what the weights give the candidate; None where that is everything, or not known. `first_weight` is when it got its first weight,
    also where the metrics cannot be read.
    """

    color: Color
    targets: Targets | None
    probes: ProbeLog | None
    series: Series | None
    since: datetime
    judged_since: datetime | None = None
    extended: bool = False
    watching: bool = False
    share: Share | None = None
    alarms: tuple[Alarm, ...] | None = ()
    first_weight: datetime | None = None

    @property
    def weighted_since(self) -> datetime | None:
        """When the candidate got its first weight, or from when on anything is held against it."""
        weighted = self.series.weighted_since if self.series else self.first_weight
        return max(weighted, self.judged_since) if weighted and self.judged_since else weighted

    @property
    def present(self) -> tuple[Point, ...]:
        """The periods of the step or the watch that is judged."""
        if self.series is None:
            return ()
        began = max(self.since, self.judged_since or self.since)
        return tuple(point for point in self.series.since(began) if point.share > 0)

    @property
    def held_against_it(self) -> tuple[Point, ...]:
        """Every period in which the candidate had traffic, of all steps."""
        if self.series is None:
            return ()
        points = self.series.since(self.judged_since) if self.judged_since else self.series.points
        return tuple(point for point in points if point.share > 0)
