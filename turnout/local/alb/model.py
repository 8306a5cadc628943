"""What the balancer serves at one moment."""

from dataclasses import dataclass
from enum import StrEnum

HEALTH_CHECK_AGENT = "ELB-HealthChecker/2.0"


@dataclass(frozen=True, slots=True)
class Target:
    id: str
    port: int


@dataclass(frozen=True, slots=True)
class HealthCheck:
    enabled: bool
    path: str
    port: int | None
    """None is the port of the traffic."""
    interval_seconds: float
    timeout_seconds: float
    healthy_threshold: int
    unhealthy_threshold: int
    matcher: str
    """HTTP codes: `200`, `200,202`, `200-299`."""


@dataclass(frozen=True, slots=True)
class Group:
    """A target group. `load_balancer` is the one whose rules name it; None: no rule does, and it gets no health checks."""

    arn: str
    is_lambda: bool
    targets: tuple[Target, ...]
    check: HealthCheck
    multi_value_headers: bool
    deregistration_delay_seconds: float
    load_balancer: str | None = None

    @property
    def dimension(self) -> str:
        """`targetgroup/name/id`"""
        return self.arn.rsplit(":", 1)[-1]


@dataclass(frozen=True, slots=True)
class Condition:
    """One of `values` must match. `name` is the header's, for `http-header`."""

    field: str
    values: tuple[str, ...] = ()
    pairs: tuple[tuple[str | None, str], ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Forward:
    weights: tuple[tuple[str, int], ...]
    """(group ARN, weight); weights are relative to their sum."""
    sticky_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class FixedResponse:
    status: int
    content_type: str
    body: str


@dataclass(frozen=True, slots=True)
class Redirect:
    status: int
    protocol: str
    host: str
    port: str
    path: str
    query: str


Action = Forward | FixedResponse | Redirect


@dataclass(frozen=True, slots=True)
class Rule:
    arn: str
    conditions: tuple[Condition, ...]
    action: Action | None
    """None where the embedded AWS holds nothing that can be served."""
    priority: int = 0
    """From 1; 0 is the default rule's."""


@dataclass(frozen=True, slots=True)
class Listener:
    """`load_balancer` is `app/name/id`. Rules stand in the order they are tried; the default is the last."""

    arn: str
    load_balancer: str
    port: int
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where a load balancer's access logs go; an empty prefix is none."""

    bucket: str
    prefix: str


class State(StrEnum):
    INITIAL = "initial"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNUSED = "unused"
    UNAVAILABLE = "unavailable"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True)
class Health:
    state: State
    reason: str | None = None
    description: str | None = None
