"""A deployment: one attempt to make release × config version live, and the plan it follows.

    pending ─▶ preparing ─▶ verifying ─▶ staged ─▶ shifting(step k of n) ─▶ watching ─▶ completed
                  │             │           │            │                      │
                  └── failed ◀──┘       aborted /     reverting ──────────────▶ reverted
                                        superseded       └─▶ needs-human (nowhere safe to go: hold, page)

All of it is plain values: what may happen next is decided in `machine.py`.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.colors import Color
from chalicelib.config.model import Reference
from chalicelib.formats import Carrying
from chalicelib.hooks.model import HookRun
from chalicelib.releases.model import Artifact, S3Artifact
from chalicelib.services.definition import Checks, Cutover, Hook


class Phase(StrEnum):
    PENDING = "pending"
    PREPARING = "preparing"
    VERIFYING = "verifying"
    STAGED = "staged"
    SHIFTING = "shifting"
    WATCHING = "watching"
    REVERTING = "reverting"
    NEEDS_HUMAN = "needs-human"
    COMPLETED = "completed"
    FAILED = "failed"
    ABORTED = "aborted"
    SUPERSEDED = "superseded"
    REVERTED = "reverted"

    @property
    def is_final(self) -> bool:
        return self in _FINAL

    @property
    def is_before_shift(self) -> bool:
        """Nothing of it has touched production yet."""
        return self in _BEFORE_SHIFT

    @property
    def is_probed(self) -> bool:
        return self in _PROBED


_FINAL = frozenset({Phase.COMPLETED, Phase.FAILED, Phase.ABORTED, Phase.SUPERSEDED, Phase.REVERTED})
_BEFORE_SHIFT = frozenset({Phase.PENDING, Phase.PREPARING, Phase.VERIFYING, Phase.STAGED})
_PROBED = frozenset({Phase.SHIFTING, Phase.WATCHING, Phase.REVERTING})


class Kind(StrEnum):
    ROLLOUT = "rollout"
    ROLLBACK = "rollback"
    DRILL = "drill"
    """A rehearsal of a rollback: see `drilling.py`."""


@dataclass(frozen=True, slots=True)
class Build(Carrying):
    """Exactly what runs: a release with a config version. Equal builds are the same code and settings."""

    version: str
    artifact: Artifact
    config_version: int

    @property
    def digest(self) -> str:
        return self.artifact.digest

    @property
    def is_adopted(self) -> bool:
        """It stood there before Turnout came: it can be switched back to while it stands, never put anywhere again."""
        return self.version == ""


ADOPTED = Build("", S3Artifact("", "", None, "", 0), 0)


@dataclass(frozen=True, slots=True)
class Placement(Carrying):
    """A build standing on a colour. `build` is None where the service was adopted with something on it already."""

    color: Color
    build: Build | None


@dataclass(frozen=True, slots=True)
class PlannedStep(Carrying):
    """Give the candidate `permille` of the traffic, hold for `hold`, then judge."""

    permille: int
    hold: timedelta


@dataclass(frozen=True, slots=True)
class Plan(Carrying):
    """The rollout settings as they were when the deployment started. The last step is always the whole traffic, but for a drill."""

    strategy: str
    steps: tuple[PlannedStep, ...]
    watch: timedelta
    deadline: timedelta
    automatic: bool
    approvals: int = 0
    """How many have to approve before it may be promoted."""


@dataclass(frozen=True, slots=True)
class Approval(Carrying):
    """`binding` says what exactly was approved (`approving.binding`); `token` is the id of the token it was given with.

    `why_not` is None until the shift begins, then why it did not count, empty where it did.
    """

    by: str
    at: datetime
    binding: str
    token: str = ""
    reason: str = ""
    why_not: str | None = None


@dataclass(frozen=True, slots=True)
class Confirmation(Carrying):
    """What the data plane showed of weights that the balancer reports. `seen` is False where nothing could be found out in time.

    `subject` is the phase and step it was found in; it says nothing about another.
    """

    subject: str
    seen: bool
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Deployment(Carrying):
    """`step` counts from 1 and is 0 before the shift. `phase_since`, `step_since`, `confirmed_at` and
    `clock_since` are clocks that stand still while the service is paused (they are moved on when it resumes).
    """

    id: str
    service: str
    kind: Kind
    build: Build
    plan: Plan
    checks: Checks
    phase: Phase
    started_at: datetime
    phase_since: datetime
    published_at: datetime
    requested_by: str
    reason: str = ""
    cutover: Cutover = field(default_factory=Cutover)
    color: Color | None = None
    previous: Placement | None = None
    promoted: bool = False
    promoted_by: str = ""
    approvals: tuple[Approval, ...] = ()
    skip_holds: bool = False
    step: int = 0
    step_since: datetime | None = None
    ready_at: datetime | None = None
    """When the build was first seen standing on its colour; health counts only some time after it."""
    asked_at: datetime | None = None
    """When weights were last asked for; a write begins soon after this or not at all."""
    confirmed_at: datetime | None = None
    """When the weights of this step were first read back."""
    confirmation: Confirmation | None = None
    """That the whole traffic is seen to be where it was sent to: before anything irreversible."""
    sticky_seconds: int | None = None
    """How long the rule's cookies hold clients to a colour, as last told; None before the shift."""
    moved: bool = False
    """Whether any weight was ever asked for on its behalf."""
    judged_since: datetime | None = None
    """Errors from before this moment are not held against it: until then it was read-only."""
    clock_since: datetime | None = None
    """When the hold or the watch that is on, or its extension, began."""
    extensions: int = 0
    trial_failures: int = 0
    """How often in a row the trial on staging has failed."""
    trial_at: datetime | None = None
    """When the last trial was counted."""
    smoke_passed: bool = False
    """Smoke checks may change something: once they passed they are not asked again."""
    repinned: dict[str, Reference] | None = None
    """References put on the colour in another version than the config pins; None: not looked at yet."""
    hooks: tuple[Hook, ...] = ()
    """As they were declared when the deployment started."""
    hooks_run: tuple[HookRun, ...] = ()
    """What they were asked and told so far, oldest first; only the latest of many."""
    retiring: bool = False
    full_size: int | None = None
    """How large the old colour was when the first weight moved; None before, and where a runtime has no sizes."""
    certify: bool | None = None
    """What a person answered to end the watch early; None where nobody did."""
    healthy_at_end: bool = False
    ended_at: datetime | None = None
    outcome: str = ""
    """Why it is in the phase it is in, for a person."""
    revision: int = 1

    @property
    def steps(self) -> int:
        return len(self.plan.steps)

    @property
    def subject(self) -> str:
        """What counters of it belong to: they start again with each."""
        return f"{self.phase}:{self.step}"

    @property
    def current_step(self) -> PlannedStep:
        return self.plan.steps[max(self.step, 1) - 1]


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a deployment's timeline."""

    id: str
    at: datetime
    service: str
    deployment: str
    kind: str
    phase: Phase
    step: int
    actor: str
    message: str
    data: dict[str, object] = field(default_factory=dict)
