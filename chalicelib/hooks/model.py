"""What a team's hooks were asked during a deployment, and what they said.

A hook before or after a step is asked until it answers. A hook of a way back is told, once, and nobody waits for it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.formats import Carrying

CALL_BACK_AFTER = timedelta(seconds=5)
"""How long until a hook is asked again that did not say when, or said nothing."""
MOST_STATE_BYTES = 16 * 1024
NO_STATE = "{}"


class Moment(StrEnum):
    BEFORE_SHIFT = "before_shift"
    AFTER_SHIFT = "after_shift"
    BEFORE_REVERT = "before_revert"
    AFTER_REVERT = "after_revert"
    READ_ONLY = "read_only"


class Said(StrEnum):
    """What one call of a hook led to."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    IN_PROGRESS = "in_progress"
    NOTHING = "nothing"
    """No answer in time, an error, or an answer that cannot be read."""


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """`state` is what the hook wants to be given again, as JSON text; None: what it was given."""

    said: Said
    reason: str = ""
    state: str | None = None
    call_back_after: timedelta = CALL_BACK_AFTER


class Outcome(StrEnum):
    """How things stand with a hook."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed-out"


@dataclass(frozen=True, slots=True)
class HookRun(Carrying):
    """One hook at one step. `id` is the same however often it is asked: `d-000012/before_shift/2/0`.

    `since` is when it was first asked, and stands still while the service is paused; `asked_at` is when last, `heard` whether
    that call led to anything, `again_at` when it is asked next. `state` is the hook's own, as JSON text, kept until it has answered.
    """

    id: str
    at: Moment
    step: int
    position: int
    since: datetime
    asked_at: datetime
    again_at: datetime
    asked: int = 1
    heard: bool = False
    state: str = NO_STATE
    answer: Outcome = Outcome.PENDING
    reason: str = ""

    @property
    def is_pending(self) -> bool:
        return self.answer is Outcome.PENDING
