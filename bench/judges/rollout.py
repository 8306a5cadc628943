"""One rollout on one stream: steps, holds, the watch; a judge is asked at every pass.

What the machine does is kept as it is where it matters here: an unhealthy answer takes the weights back at once; at the end of a hold a
healthy one goes on and an unclear one extends by another hold, until the step's deadline, then a person has to decide (weights kept); a watch
is extended once, and then over without a certificate. Left out: looks that fail, weights that come late.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from bench.judges.streams import Answered, Stream
from chalicelib.health.model import Outcome

WHOLE = 1000
BEFORE = 11
"""Periods before the first weight that can be read."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps of (permille, seconds), then all of it, watched. `period` and `delay` are the metrics', in seconds; passes come once a period."""

    steps: tuple[tuple[int, float], ...]
    watch: float = 3600.0
    deadline: float = 7200.0
    period: float = 60.0
    delay: float = 150.0

    @property
    def horizon(self) -> float:
        """How long it takes when nothing holds it up."""
        return sum(hold for _, hold in self.steps) + self.watch


def canary(first: int) -> Plan:
    """The default plan of a service, `first` permille in place of 100."""
    return Plan(((first, 300.0), (500, 300.0)))


class Row(NamedTuple):
    """What can be read of one period. `share`: the candidate's permille all through it; None when that changed."""

    number: int
    share: int | None
    mine: Answered
    other: Answered


@dataclass(slots=True)
class Now:
    """What a judge is asked about at a pass: `at` in seconds since period 0 began; `since`, when this step or the watch began."""

    at: float
    share: int
    since: float
    extensions: int
    stream: Stream
    plan: Plan
    rows: list[Row] = field(default_factory=list)
    watching: bool = False


class Judge(Protocol):
    """Made anew for each rollout."""

    def raised(self, share: int, at: float) -> None:
        """The candidate is seen with that share from then on."""

    def look(self, now: Now) -> Outcome: ...

    def alarmed(self, stream: Stream, begin: float, end: float) -> float | None:
        """When, between these two moments with no pass between, something else than metrics took the weights back; None for not."""


class End(StrEnum):
    CERTIFIED = "certified"
    UNCERTIFIED = "uncertified"
    REVERTED = "reverted"
    HUMAN = "needs-human"


@dataclass(frozen=True, slots=True)
class Played:
    """`seconds` since the first weight, `bad` requests seen until then, at most until the horizon, `late`: seconds since it turned bad, where it did."""

    end: End
    seconds: float
    bad: float
    late: float


@dataclass
class Rollout:
    stream: Stream
    plan: Plan
    judge: Judge
    step: int = 0
    share: int = 0
    since: float = 0.0
    step_since: float = 0.0
    extensions: int = 0
    bad: float = 0.0
    _rows: list[Row] = field(default_factory=list)

    def play(self) -> Played:
        for number in range(-BEFORE, 0):
            self._read(number, 0, 0)
        self.judge.raised(0, -BEFORE * self.plan.period)
        for number in range(10_000):
            before, at = self.share, number * self.plan.period + self.stream.offset
            if (early := self._lasts(number, 0)) is not None:
                return self._over(End.REVERTED, early, number)
            if ended := self._begin(at) if number == 0 else self._pass(at):
                return self._over(ended, at, number)
            self._read(number, before, self.share)
            if (early := self._lasts(number, 1)) is not None:
                return self._over(End.REVERTED, early, number)
        raise AssertionError("every plan ends")

    def _begin(self, at: float) -> None:
        self.judge.raised(0, at)
        self._raise(at)

    def _raise(self, at: float) -> None:
        whole = self.step >= len(self.plan.steps)
        self.share = WHOLE if whole else self.plan.steps[self.step][0]
        self.since = self.step_since = at
        self.extensions = 0
        self.judge.raised(self.share, at)

    def _pass(self, at: float) -> End | None:
        outcome = self.judge.look(self._now(at))
        if outcome is Outcome.UNHEALTHY:
            return End.REVERTED
        watching = self.share == WHOLE
        hold = self.plan.watch if watching else self.plan.steps[self.step][1]
        if not watching and at - self.step_since >= self.plan.deadline:
            return End.HUMAN
        if at - self.since < hold - 1e-6:
            return None
        return self._watched(outcome, at) if watching else self._held(outcome, at)

    def _held(self, outcome: Outcome, at: float) -> None:
        if outcome is Outcome.HEALTHY:
            self.step += 1
            return self._raise(at)
        self.extensions, self.since = self.extensions + 1, at
        return None

    def _watched(self, outcome: Outcome, at: float) -> End | None:
        if outcome is Outcome.HEALTHY:
            return End.CERTIFIED
        if self.extensions:
            return End.UNCERTIFIED
        self.extensions, self.since = 1, at
        return None

    def _now(self, at: float) -> Now:
        readable = [row for row in self._rows if (row.number + 1) * self.plan.period + self.plan.delay <= at]
        return Now(at, self.share, self.since, self.extensions, self.stream, self.plan, readable, self.share == WHOLE)

    def _answered(self, number: int, half: int) -> Answered:
        return self.stream.part(number, half, self.share)[0]

    def _lasts(self, number: int, half: int) -> float | None:
        """Count what is bad in this part of a period; the moment at which it ended early, if it did."""
        begin = number * self.plan.period + (self.stream.offset if half else 0.0)
        end = number * self.plan.period + (self.plan.period if half else self.stream.offset)
        if not self.share or end <= self.stream.onset:
            return None
        within = number <= self.plan.horizon / self.plan.period + 1  # as far as everybody's are counted
        bad, early = self._answered(number, half).bad if within else 0.0, self.judge.alarmed(self.stream, begin, end)
        turned = max(begin, self.stream.onset)
        self.bad += bad if early is None else bad * max(0.0, early - turned) / (end - turned)
        return early

    def _read(self, number: int, before: int, after: int) -> None:
        first, second = self.stream.part(number, 0, before), self.stream.part(number, 1, after)
        mine, other = (Answered(*(one + two for one, two in zip(first[each], second[each], strict=True))) for each in (0, 1))
        self._rows.append(Row(number, before if before == after else None, mine, other))

    def _over(self, end: End, at: float, number: int) -> Played:
        """Who let it through goes on serving it: what is bad until the horizon counts, so that a short rollout is not a good one."""
        if end is not End.REVERTED:
            self.bad += sum(self._answered(later, half).bad for later, half in self._left(number))
        return Played(end, at - self.stream.offset, self.bad, max(0.0, at - self.stream.onset))

    def _left(self, number: int) -> Iterator[tuple[int, int]]:
        yield number, 1
        for later in range(number + 1, int(self.plan.horizon / self.plan.period) + 2):
            yield from ((later, 0), (later, 1))
