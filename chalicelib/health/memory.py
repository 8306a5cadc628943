"""Signals in memory: scripted, deterministic, and as slow as AWS where a test says so."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from chalicelib.clock import Clock
from chalicelib.colors import Color
from chalicelib.errors import Unavailable
from chalicelib.health.model import Alarm, AlarmState, Period, Tally, Targets
from chalicelib.health.periods import each_period, whole_periods
from chalicelib.health.signal import Answer, Subject, Timing
from chalicelib.settings import Pace


@dataclass(slots=True)
class MemoryTargetHealth:
    """One target per group unless it was resized, `initial` for `warmup` after a version came to stand there and then healthy, unless that
    version is in `sick`. What `script` says of a group goes before; groups in `unreadable` do not answer.
    """

    clock: Clock
    warmup: timedelta = timedelta(0)
    sick: set[str] = field(default_factory=set)
    unreadable: set[str] = field(default_factory=set)
    _standing: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    _scripted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _size: dict[str, int] = field(default_factory=dict)

    def resize(self, group: str, size: int) -> None:
        """The group has as many targets from now on."""
        self._size[group] = size

    def stand(self, group: str, version: str) -> None:
        """Another version came to stand behind this target group."""
        self._standing[group] = (version, self.clock.now())

    def script(self, group: str, *states: str) -> None:
        """From now on the group has one target in each of these states, whatever stands there."""
        self._scripted[group] = states

    def unscript(self, group: str) -> None:
        self._scripted.pop(group, None)

    def read(self, subject: Subject) -> Targets:
        group = subject.group
        if group in self.unreadable:
            raise Unavailable(f"reading the health of target group {subject.color}: no answer; try again later")
        states = self._scripted[group] if group in self._scripted else self._states(group)
        counted = Counter(states)
        return Targets(counted["healthy"], len(states), dict(counted), tuple(sorted({state for state in states if state != "healthy"})))

    def _states(self, group: str) -> tuple[str, ...]:
        if group not in self._standing:
            return ()
        version, since = self._standing[group]
        if self.clock.now() - since < self.warmup:
            return ("initial",) * self._size.get(group, 1)
        return ("unhealthy" if version in self.sick else "healthy",) * self._size.get(group, 1)


_HAIR = 1e-9
"""Against products of floats that end just under a whole number."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What share of some requests fails, what share is slow, and the seconds that a slow one and any other takes."""

    error_rate: float
    slow_share: float
    seconds: float
    slow_seconds: float


@dataclass(frozen=True, slots=True)
class _Flow:
    since: datetime
    per_second: float
    kind: _Kind

    def before(self, moment: datetime) -> int:
        """Whole requests up to then, so that what is counted period by period adds up to what is counted at once."""
        return math.floor(max(0.0, (moment - self.since).total_seconds()) * self.per_second + _HAIR)


class _Sort(NamedTuple):
    """So many requests, of which so many failed, each of which took so many seconds."""

    requests: int
    errors: int
    seconds: float


@dataclass(slots=True)
class MemoryMetrics:
    """Counts requests per target group: single ones by `record`, a steady flow from now on by `flow`. Each has a response time."""

    clock: Clock
    pace: Pace = field(default_factory=Pace)
    unreadable: bool = False
    _recorded: dict[str, list[tuple[datetime, _Sort]]] = field(default_factory=dict)
    _flows: dict[str, list[_Flow]] = field(default_factory=dict)
    _down: dict[str, list[tuple[datetime, int]]] = field(default_factory=dict)

    def record(
        self, group: str, requests: int, errors: int = 0, *, at: datetime | None = None, slow: int = 0, seconds: float = 0.1, slow_seconds: float = 2.0
    ) -> None:
        """`slow` of the requests took `slow_seconds`, the others `seconds`."""
        sorts = (_Sort(requests - slow, errors, seconds), _Sort(slow, 0, slow_seconds))
        self._recorded.setdefault(group, []).extend((at or self.clock.now(), sort) for sort in sorts)

    def flow(
        self, group: str, per_second: float, error_rate: float = 0.0, *, slow_share: float = 0.0, seconds: float = 0.1, slow_seconds: float = 2.0
    ) -> None:
        """From now on, in place of the flow before."""
        self._flows.setdefault(group, []).append(_Flow(self.clock.now(), per_second, _Kind(error_rate, slow_share, seconds, slow_seconds)))

    def hosts_down(self, group: str, number: int) -> None:
        """From now on as many of the group's targets are unhealthy."""
        self._down.setdefault(group, []).append((self.clock.now(), number))

    def read(self, subject: Subject) -> tuple[Period, ...]:
        if self.unreadable:
            raise Unavailable("reading the metrics of the target groups: no answer; try again later")
        if subject.since is None or subject.until is None:
            raise ValueError("metrics are asked for between two moments")
        long, delay = self.pace.metric_period, self.pace.metric_delay
        begins = each_period(whole_periods(subject.since, subject.until, self.clock.now(), period=long, delay=delay), long)
        groups = subject.traffic.target_groups
        return tuple(Period(begin, {color: self._tally(groups.of(color), begin, subject.timing) for color in Color}) for begin in begins)

    def _tally(self, group: str, begin: datetime, timing: Timing | None) -> Tally:
        end = begin + self.pace.metric_period
        sorts = [*(sort for at, sort in self._recorded.get(group, []) if begin <= at < end), *self._flowed(group, begin, end)]
        requests, errors = sum(sort.requests for sort in sorts), sum(sort.errors for sort in sorts)
        tally = Tally(requests, errors, hosts_down=self._least_down(group, begin, end))
        if timing is None:
            return tally
        if timing.over is None:
            return tally._replace(timed=requests, seconds=_percentile(sorts, timing.percentile))
        return tally._replace(timed=requests, slow=sum(sort.requests for sort in sorts if sort.seconds > timing.over))

    def _flowed(self, group: str, begin: datetime, end: datetime) -> Iterator[_Sort]:
        flows = self._flows.get(group, [])
        for flow, stops in zip(flows, [*(later.since for later in flows[1:]), end], strict=False):
            first, last = flow.before(min(begin, stops)), flow.before(min(end, stops))
            if first < last:
                slow, errors = (_part(first, last, share) for share in (flow.kind.slow_share, flow.kind.error_rate))
                yield _Sort(last - first - slow, errors, flow.kind.seconds)
                yield _Sort(slow, 0, flow.kind.slow_seconds)

    def _least_down(self, group: str, begin: datetime, end: datetime) -> int:
        changes = self._down.get(group, [])
        before = [number for at, number in changes if at <= begin] or [0]
        return min([before[-1], *(number for at, number in changes if begin < at < end)])


def _part(first: int, last: int, share: float) -> int:
    """How many of the requests after the first and up to the last one; never more than there are, and none is lost between two periods."""
    return math.floor(last * share + _HAIR) - math.floor(first * share + _HAIR)


def _percentile(sorts: Iterable[_Sort], percentile: float) -> float | None:
    """The smallest response time that at least that share of the requests does not exceed."""
    told = sorted((sort.seconds, sort.requests) for sort in sorts if sort.requests)
    rank, reached = percentile / 100 * sum(requests for _, requests in told) - _HAIR, 0
    for seconds, requests in told:
        reached += requests
        if reached >= rank:
            return seconds
    return None


def _nobody(_method: str, _url: str) -> Answer:
    return Answer(None, None, "", timedelta(0), error="nobody listens there")


@dataclass(slots=True)
class MemoryProbe:
    """Answers by URL, else what `otherwise` makes of the method and URL. `asked` is what was asked, in order."""

    otherwise: Callable[[str, str], Answer] = _nobody
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def ask(self, method: str, url: str, *, header: str, timeout: timedelta) -> Answer:  # noqa: ARG002 - the port's
        self.asked.append((method, url))
        return self.answers.get(url) or self.otherwise(method, url)


@dataclass(slots=True)
class MemoryAlarms:
    """Those that were made, each in a state since some moment. `unreadable`: nothing answers."""

    clock: Clock
    unreadable: bool = False
    _alarms: dict[str, Alarm] = field(default_factory=dict)

    def make(self, arn: str, state: AlarmState = AlarmState.OK) -> None:
        """There is an alarm from now on, in this state since now."""
        self._alarms[arn] = Alarm(arn, state, self.clock.now())

    def turn(self, arn: str, state: AlarmState, reason: str = "") -> None:
        """It has changed to this state; one that is in it already stays as it is."""
        if self._alarms[arn].state is not state:
            self._alarms[arn] = Alarm(arn, state, self.clock.now(), reason)

    def delete(self, arn: str) -> None:
        self._alarms.pop(arn, None)

    def read(self, subject: Subject) -> tuple[Alarm, ...]:
        if self.unreadable:
            raise Unavailable("reading the alarms: no answer; try again later")
        return tuple(self._alarms.get(arn, Alarm(arn, AlarmState.MISSING, None)) for arn in subject.alarms)
