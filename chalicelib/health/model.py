"""The words of health: what signals say and what is made of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from chalicelib.colors import Color


class Outcome(StrEnum):
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Check:
    """One question that was asked, its answer, and the numbers it was made from.

    `effective` is False where the question could not apply (no traffic, nothing to compare with): such an answer is no evidence that something is good.
    """

    name: str
    outcome: Outcome
    reason: str
    numbers: dict[str, float] = field(default_factory=dict)
    effective: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    reason: str
    at: datetime
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Targets:
    """How a target group's targets stand in the ALB's own eyes.

    Only the state `healthy` counts as healthy: `initial`, `unused`,
    `unavailable` and `draining` do not. `states` counts the targets by state.
    """

    healthy: int
    total: int
    states: dict[str, int] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of one target group over a period, from its own metrics; zero is a number, not silence.

    `errors` = target 5xx + connection errors + Lambda user and internal errors. `slowest` is in seconds, of requests of our own; 0 where nobody looked.
    """

    requests: int
    errors: int
    slowest: float = 0.0


class Tally(NamedTuple):
    """What one target group did in one metric period, from its own metrics; zero is a number, not silence.

    `timed` are the requests that have a response time, `slow` those of them above the asked number of seconds (0 where none was asked).
    `hosts_down` is the smallest number of unhealthy targets in the period. `seconds` is the asked percentile of the response times;
    None where it was not asked, and where nothing was timed.
    """

    requests: int = 0
    errors: int = 0
    timed: int = 0
    slow: int = 0
    hosts_down: int = 0
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """Both target groups in the metric period that starts at `begin`."""

    begin: datetime
    groups: dict[Color, Tally]


def total(periods: Iterable[Period]) -> dict[Color, Counts]:
    """Requests and errors of both groups over all these periods."""
    found = {color: Counts(0, 0) for color in Color}
    for period in periods:
        for color, tally in period.groups.items():
            found[color] = Counts(found[color].requests + tally.requests, found[color].errors + tally.errors)
    return found


class AlarmState(StrEnum):
    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"
    MISSING = "MISSING"
    """There is no such alarm."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A CloudWatch alarm as it stands, and since when in that state."""

    arn: str
    state: AlarmState
    since: datetime | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ProbeLog:
    """What the probes of one deployment have seen, one document per service.

    `target` names what was probed (`staging` or `production`). `subject` names
    the deployment, phase and step it was for. `sent` are the probes of each
    metric period, by its start: requests and failures among them, which the
    balancer counts like everybody's. `recent` are the latest answers, oldest first, `+` for good and `-` for bad. `through_in_a_row` are the answers
    through production that came from the release meant to have it, since the
    last one that did not; `elsewhere_at` is when another release last answered there.
    """

    service: str
    deployment: str
    target: str
    sent: dict[datetime, Counts]
    failed_in_a_row: int
    passed_in_a_row: int
    last_at: datetime
    last_reason: str
    subject: str = ""
    through_in_a_row: int = 0
    elsewhere_at: datetime | None = None
    recent: str = ""

    def between(self, begin: datetime, end: datetime) -> Counts:
        """What was sent in the periods from `begin` up to `end`."""
        counted = [counts for period, counts in self.sent.items() if begin <= period < end]
        return Counts(sum(one.requests for one in counted), sum(one.errors for one in counted))
