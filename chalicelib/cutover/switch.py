"""The port to the switch by which an application is made read-only for a cutover, and what is written there.

    {"read_only_until": "2026-01-01T12:00:00+00:00", "deployment": "d-000012"}
    {"read_only_until": null}

There is no bare "on": the application reads the moment and enforces it, so read-only ends by itself whatever crashed.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Reading:
    """Until when the switch says read-only; None: it does not."""

    until: datetime | None


class ReadOnlySwitch(Protocol):
    def set(self, parameter: str, until: datetime | None, *, deployment: str) -> None:
        """Make it say read-only until then, for this deployment; None: writable. Idempotent. Raises `Unavailable`."""

    def read(self, parameter: str) -> Reading:
        """What it says now. Where there is none, or nothing that was written here, it says writable. Raises `Unavailable`. One try, 2 s."""


def written(until: datetime | None, deployment: str) -> str:
    return json.dumps({"read_only_until": until.isoformat(), "deployment": deployment} if until else {"read_only_until": None})


def read_from(text: str) -> Reading:
    try:
        until = datetime.fromisoformat(json.loads(text)["read_only_until"])
    except (ValueError, TypeError, KeyError):
        return Reading(None)
    return Reading(until if until.tzinfo else None)
