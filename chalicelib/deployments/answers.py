"""How a command is asked and answered, as values."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.access.model import Caller, Once
from chalicelib.deployments.instructions import Instruction
from chalicelib.deployments.model import Deployment
from chalicelib.services.model import LastDrill, Service


@dataclass(frozen=True, slots=True)
class Answered:
    """What a command led to.

    `goes_on` is False when everything was so already. `at` is when it was decided. `instructions` is what
    the next step would be (a dry run answers only that). `replayed` is set,
    and all else is as it is now, when the idempotency key had been used.
    """

    service: Service
    deployment: Deployment | None
    goes_on: bool
    at: datetime
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
class ConfigChange:
    """What a rollback would change about one name. `kind` is added, removed or changed; only references are shown, values are not."""

    name: str
    kind: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Preflight:
    """What a rollback would do, from the last look; `why` says how the target was chosen, `refusal` why it would not be done.

    `warm` means the target still stands on the idle colour: weights move at once. `look_age_seconds` and `sticky_seconds`
    are None when nothing was seen yet, `digest_exists` when it could not be found out. `eta_seconds` is an estimate of
    the time until the target has the whole traffic; `warnings` are sentences. `last_drill` is the last rehearsal, of whatever target.
    """

    version: str | None = None
    config_version: int | None = None
    color: str | None = None
    why: str = ""
    warm: bool = False
    target_healthy: bool | None = None
    certified: bool = False
    look_age_seconds: float | None = None
    refusal: str | None = None
    digest: str | None = None
    digest_exists: bool | None = None
    sticky_seconds: int | None = None
    eta_seconds: float | None = None
    config_changes: tuple[ConfigChange, ...] = ()
    warnings: tuple[str, ...] = ()
    last_drill: LastDrill | None = None
