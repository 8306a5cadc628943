"""The ports to what can be known about the health of a colour."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from chalicelib.colors import Color
from chalicelib.health.model import Alarm, Period, Targets
from chalicelib.services.definition import Traffic

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Timing:
    """What to tell of response times: how many took longer than `over` seconds; where that is None, their percentile."""

    percentile: float
    over: float | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What a signal is asked about. Target health needs `color`, metrics the two moments (and `timing` where response times are wanted), alarms their ARNs."""

    traffic: Traffic
    color: Color | None = None
    since: datetime | None = None
    until: datetime | None = None
    timing: Timing | None = None
    alarms: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """The target group of `color`. Raises `ValueError` where the question names none."""
        if self.color is None:
            raise ValueError("target health is asked of one colour")
        return self.traffic.target_groups.of(self.color)


class Signal(Protocol[T_co]):
    """One way to know how a colour is. A new one is an adapter with this method, and a file in `health/checks` that says what its answer means."""

    def read(self, subject: Subject) -> T_co:
        """What is known now. Raises `Unavailable` when any part of the answer could not be read. Changes nothing."""


TargetHealth = Signal[Targets]
"""How the balancer itself sees the targets of one colour now. One try, 2 s."""

RequestMetrics = Signal[tuple[Period, ...]]
"""Both groups in every whole metric period between the two moments, oldest first.

Periods that are not complete yet, or not reported yet at the provider's usual delay, are left out; none when there is no other. A period
without datapoints is zero, not missing: the provider reports errors only when there are some.
"""

Alarms = Signal[tuple[Alarm, ...]]
"""The alarms as they stand, in the order of the question; one that does not exist is told as missing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a URL answered. `status` is None when there was no answer; `error` says why. `release` is the value of the identifying header.

    `kind` is the Content-Type as it came, `location` where a redirect leads; both empty where there is none.
    """

    status: int | None
    release: str | None
    body: str
    took: timedelta
    error: str = ""
    kind: str = ""
    location: str = ""


class HttpProbe(Protocol):
    def ask(self, method: str, url: str, *, header: str, timeout: timedelta) -> Answer:
        """One request, no redirects followed, at most 64 KB of the body read. Never raises: no answer is an `Answer` too."""
