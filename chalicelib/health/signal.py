"""The ports to what can be known about the health of a colour."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from chalicelib.colors import Color
from chalicelib.health.model import Counts, Targets
from chalicelib.services.definition import Traffic


class TargetHealth(Protocol):
    def targets(self, traffic: Traffic, color: Color) -> Targets:
        """How the balancer itself sees the targets of this colour now. Raises `Unavailable`. One try, 2 s."""


class RequestMetrics(Protocol):
    def counts(self, traffic: Traffic, since: datetime, until: datetime) -> dict[Color, Counts]:
        """Requests and errors of both groups in the whole metric periods between the two moments.

        Periods that are not complete yet, or not reported yet at the provider's usual delay, are left out. A metric without
        datapoints is zero, not unreadable: the provider reports errors only when there are some. Raises `Unavailable` when any part of
        the answer could not be read, and when no period is complete yet: that there was no traffic is then not known, only not told.
        """


@dataclass(frozen=True, slots=True)
class Answer:
    """What a URL answered. `status` is None when there was no answer; `error` says why. `release` is the value of the identifying header."""

    status: int | None
    release: str | None
    body: str
    took: timedelta
    error: str = ""


class HttpProbe(Protocol):
    def ask(self, method: str, url: str, *, header: str, timeout: timedelta) -> Answer:
        """One request, no redirects followed, at most 64 KB of the body read. Never raises: no answer is an `Answer` too."""
