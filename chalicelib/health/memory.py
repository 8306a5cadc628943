"""Signals in memory: scripted, deterministic, and as slow as AWS where a test says so."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.clock import Clock
from chalicelib.colors import Color
from chalicelib.errors import Unavailable
from chalicelib.health.model import Counts, Targets
from chalicelib.health.periods import whole_periods
from chalicelib.health.signal import Answer
from chalicelib.services.definition import Traffic
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

    def targets(self, traffic: Traffic, color: Color) -> Targets:
        group = traffic.target_groups.of(color)
        if group in self.unreadable:
            raise Unavailable(f"reading the health of target group {color}: no answer; try again later")
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


@dataclass(frozen=True, slots=True)
class _Flow:
    since: datetime
    per_second: float
    error_rate: float


@dataclass(slots=True)
class MemoryMetrics:
    """Counts requests per target group: single ones by `record`, a steady flow from now on by `flow`."""

    clock: Clock
    pace: Pace = field(default_factory=Pace)
    unreadable: bool = False
    _recorded: dict[str, list[tuple[datetime, Counts]]] = field(default_factory=dict)
    _flows: dict[str, list[_Flow]] = field(default_factory=dict)

    def record(self, group: str, requests: int, errors: int = 0, *, at: datetime | None = None) -> None:
        self._recorded.setdefault(group, []).append((at or self.clock.now(), Counts(requests, errors)))

    def flow(self, group: str, per_second: float, error_rate: float = 0.0) -> None:
        self._flows.setdefault(group, []).append(_Flow(self.clock.now(), per_second, error_rate))

    def counts(self, traffic: Traffic, since: datetime, until: datetime) -> dict[Color, Counts]:
        if self.unreadable:
            raise Unavailable("reading the metrics of the target groups: no answer; try again later")
        periods = whole_periods(since, until, self.clock.now(), period=self.pace.metric_period, delay=self.pace.metric_delay)
        if periods is None:
            raise Unavailable("no metric period is complete yet; ask again in a while")
        return {color: self._counts(traffic.target_groups.of(color), *periods) for color in Color}

    def _counts(self, group: str, begin: datetime, end: datetime) -> Counts:
        recorded = [counts for at, counts in self._recorded.get(group, []) if begin <= at < end]
        requests: float = sum(counts.requests for counts in recorded)
        errors: float = sum(counts.errors for counts in recorded)
        flows = self._flows.get(group, [])
        for flow, stops in zip(flows, [*(later.since for later in flows[1:]), end], strict=False):
            seconds = max(0.0, (min(stops, end) - max(flow.since, begin)).total_seconds())
            requests += seconds * flow.per_second
            errors += seconds * flow.per_second * flow.error_rate
        return Counts(round(requests), round(errors))


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
