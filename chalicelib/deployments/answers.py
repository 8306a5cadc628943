"""How a command is asked and answered, as values."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.access.model import Caller, Once
from chalicelib.deployments.instructions import Instruction
from chalicelib.deployments.model import Deployment
from chalicelib.services.model import Service


@dataclass(frozen=True, slots=True)
class Answered:
    """What a command led to.

    `goes_on` is False when everything was so already. `instructions` is what
    the next step would be (a dry run answers only that). `replayed` is set,
    and all else is as it is now, when the idempotency key had been used.
    """

    service: Service
    deployment: Deployment | None
    goes_on: bool
    instructions: tuple[Instruction, ...] = ()
    replayed: Once | None = None


@dataclass(frozen=True, slots=True)
class OnceKey:
    """An idempotency key as it came. `render` makes the HTTP status and body that a repeat will get."""

    id: str
    body_sha256: str
    render: Callable[[Answered], tuple[int, dict[str, object]]]


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, why, under which idempotency key, and whether for show only."""

    by: Caller
    reason: str = ""
    once: OnceKey | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Preflight:
    """What a rollback would do, from the last look; `why` says how the target was chosen, `refusal` why there is none.

    `warm` means the target still stands on the idle colour: weights move at once. `look_age_seconds` is None when nothing was seen yet.
    """

    version: str | None
    config_version: int | None
    color: str | None
    why: str
    warm: bool
    target_healthy: bool | None
    certified: bool
    look_age_seconds: float | None
    refusal: str | None
