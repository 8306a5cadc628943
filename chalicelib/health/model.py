"""The words of health: what signals say and what is made of it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Check:
    """One question that was asked, its answer, and the numbers it was made from."""

    name: str
    outcome: Outcome
    reason: str
    numbers: dict[str, float] = field(default_factory=dict)


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

    `errors` = target 5xx + connection errors + Lambda user and internal errors.
    """

    requests: int
    errors: int


@dataclass(frozen=True, slots=True)
class ProbeLog:
    """What the probes of one deployment have seen, one document per service.

    `target` names what was probed (`staging` or `production`). `subject` names
    the deployment, phase and step it was for. `sent` are the probes of each
    metric period, by its start: requests and failures among them, which the
    balancer counts like everybody's. `through_in_a_row` are the answers
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

    def between(self, begin: datetime, end: datetime) -> Counts:
        """What was sent in the periods from `begin` up to `end`."""
        counted = [counts for period, counts in self.sent.items() if begin <= period < end]
        return Counts(sum(one.requests for one in counted), sum(one.errors for one in counted))
