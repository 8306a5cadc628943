"""What a pass may be told to do. Each states the wanted end, never a delta, and is safe to give again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.colors import Color, Split
from chalicelib.config.model import Reference
from chalicelib.deployments.model import Build
from chalicelib.services.definition import Hook


@dataclass(frozen=True, slots=True)
class SetWeights:
    """Make the production rule share the traffic so. `unstick` switches target-group stickiness off in the same write; `before` is a
    moment from which it is not begun any more.
    """

    split: Split
    unstick: bool = False
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class PointStaging:
    """Make the staging rule send everything to this colour."""

    color: Color


@dataclass(frozen=True, slots=True)
class Prepare:
    """Take the next step towards this build standing on this colour, with these references instead of those its config pins.

    `serving` says that the colour has production traffic meanwhile.
    """

    color: Color
    build: Build
    attempt: str
    repinned: Mapping[str, Reference] = field(default_factory=dict)
    serving: bool = False


@dataclass(frozen=True, slots=True)
class Resize:
    """Bring a colour's size within these bounds, and suspend (`held`) or resume its scale-in."""

    color: Color
    held: bool
    at_least: int = 0
    at_most: int | None = None


@dataclass(frozen=True, slots=True)
class CallHook:
    """Give a hook its payload. `run` is the id by which the hook knows the same call again."""

    run: str
    hook: Hook
    payload: dict[str, object]


@dataclass(frozen=True, slots=True)
class EnterReadOnly:
    """Make the application read-only until then, for this deployment."""

    parameter: str
    until: datetime
    deployment: str


@dataclass(frozen=True, slots=True)
class LeaveReadOnly:
    """Make it writable again."""

    parameter: str
    deployment: str


Instruction = EnterReadOnly | LeaveReadOnly | SetWeights | PointStaging | Prepare | Resize | CallHook
