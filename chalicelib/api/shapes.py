"""The JSON that goes out, as declarations: `views.py` fills them, and the OpenAPI document is made from them.

A field that may be missing says so by being null; none is ever left out.
"""

from typing import Any

from typing_extensions import TypedDict  # pydantic can only read this one on Python 3.11


class PlacementShape(TypedDict):
    """`version` is null where the service was adopted with something on it; `color` where it stands on none now."""

    color: str | None
    version: str | None
    config_version: int | None


class WeightsShape(TypedDict):
    desired: dict[str, float]
    observed: dict[str, float]
    observed_at: str | None


class ApprovalShape(TypedDict):
    """`why_not` is null where it counts."""

    by: str
    at: str
    expires_at: str
    reason: str
    counts: bool
    why_not: str | None


class ApprovalsShape(TypedDict):
    needed: int
    missing: int
    given: list[ApprovalShape]


class CurrentShape(TypedDict):
    id: str
    kind: str
    phase: str
    step: int
    steps: int
    version: str | None
    config_version: int
    color: str | None
    outcome: str
    started_at: str
    phase_since: str
    approvals: ApprovalsShape


class CheckShape(TypedDict):
    """`effective` is false where the question could not apply: such an answer is no evidence that something is good."""

    name: str
    outcome: str
    reason: str
    numbers: dict[str, float]
    effective: bool


class ConditionShape(CheckShape):
    """`answer` is passed, pending or failed."""

    answer: str


class VerdictShape(TypedDict):
    outcome: str
    reason: str
    at: str
    checks: list[CheckShape]


class PauseShape(TypedDict):
    at: str
    by: str
    reason: str


class DriftShape(TypedDict):
    at: str
    observed: dict[str, float] | None
    raw: str
    restoring: bool


class QuarantineShape(TypedDict):
    digest: str
    config_version: int | None
    at: str
    deployment: str


class TargetsShape(TypedDict):
    healthy: int
    total: int


class ServiceShape(TypedDict):
    name: str
    runtime: dict[str, Any]
    production_url: str
    staging_url: str
    live: PlacementShape | None
    candidate: PlacementShape | None
    previous: PlacementShape | None
    weights: WeightsShape
    targets: dict[str, TargetsShape]
    deployment: CurrentShape | None
    waiting: list[CurrentShape]
    verdict: VerdictShape | None
    paused: bool
    pause: PauseShape | None
    read_only: bool
    read_only_until: str | None
    sticky_seconds: int
    drifted: bool
    drift: DriftShape | None
    quarantined: list[QuarantineShape]
    automatic_suspended: bool
    config_version: int
    registered_at: str
    definition_revision: int
    definition: dict[str, Any]


class StepShape(TypedDict):
    weight: float
    hold_seconds: int


class PlanShape(TypedDict):
    strategy: str
    steps: list[StepShape]
    watch_seconds: int
    deadline_seconds: int
    automatic: bool


class HookRunShape(TypedDict):
    """`asked` counts how often, `since` is when first; `answer` is pending, succeeded, failed or timed-out."""

    at: str
    hook: str
    step: int
    answer: str
    reason: str
    asked: int
    since: str


class ConfirmationShape(TypedDict):
    """What requests and probes showed of the whole traffic; `confirmed` is false where nothing could be found out in time."""

    confirmed: bool
    reason: str
    at: str


class DeploymentShape(TypedDict):
    id: str
    service: str
    kind: str
    version: str | None
    config_version: int
    digest: str
    color: str | None
    phase: str
    step: int
    steps: int
    reason: str
    outcome: str
    requested_by: str
    previous: PlacementShape | None
    promoted: bool
    approvals: ApprovalsShape
    retiring: bool
    hooks: list[HookRunShape]
    confirmation: ConfirmationShape | None
    plan: PlanShape
    published_at: str
    started_at: str
    phase_since: str
    ended_at: str | None


class EventShape(TypedDict):
    id: str
    at: str
    kind: str
    phase: str
    step: int
    actor: str
    message: str
    data: dict[str, Any]


class DryRunShape(TypedDict):
    dry_run: bool
    instructions: list[dict[str, Any]]
    deployment: DeploymentShape | None


class ConfigChangeShape(TypedDict):
    """`before` and `after` are references; values are not shown here."""

    name: str
    kind: str
    before: str | None
    after: str | None


class LastDrillShape(TypedDict):
    at: str
    deployment: str
    version: str
    phase: str
    outcome: str


class PreflightShape(TypedDict):
    version: str | None
    config_version: int | None
    color: str | None
    why: str
    warm: bool
    target_healthy: bool | None
    certified: bool
    look_age_seconds: float | None
    refusal: str | None
    digest: str | None
    digest_exists: bool | None
    sticky_seconds: int | None
    eta_seconds: float | None
    config_changes: list[ConfigChangeShape]
    warnings: list[str]
    last_drill: LastDrillShape | None


class HealthShape(TypedDict):
    outcome: str
    reason: str
    at: str | None
    checks: list[CheckShape]


class ExplanationShape(TypedDict):
    service: str
    items: list[ConditionShape]
    cursor: None


class HealthzShape(TypedDict):
    status: str
