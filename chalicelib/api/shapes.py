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


class CheckShape(TypedDict):
    name: str
    outcome: str
    reason: str
    numbers: dict[str, float]


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
    retiring: bool
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


class HealthShape(TypedDict):
    outcome: str
    reason: str
    at: str | None
    checks: list[CheckShape]


class ExplanationShape(TypedDict):
    service: str
    items: list[CheckShape]
    cursor: None


class ArtifactShape(TypedDict):
    kind: str
    uri: str
    sha256: str
    size: int
    key: str
    object_version: str | None


class ReleaseShape(TypedDict):
    service: str
    version: str
    artifact: ArtifactShape
    commit: str | None
    published_at: str
    registered_at: str
    registered_by: str
    certified: bool
    certified_with: dict[str, str]
    quarantined: bool
    gates: list[dict[str, Any]]
    metadata: dict[str, str]


class RejectionShape(TypedDict):
    id: str
    at: str
    service: str | None
    version: str | None
    source: str
    kind: str
    reason: str


class ConfigShape(TypedDict):
    config_version: int
    settings: dict[str, str]
    created_at: str | None
    created_by: str
    reason: str


class EntryShape(TypedDict):
    """`hash` is the SHA-256 of all the other fields as they stand here, as JSON in UTF-8 with sorted names, non-ASCII as it is and no spaces."""

    chain: str
    seq: int
    at: str
    actor: str
    action: str
    reason: str
    patch: dict[str, Any]
    previous_hash: str
    hash: str


class TokenShape(TypedDict):
    id: str
    name: str
    role: str
    services: str
    created_at: str
    created_by: str
    expires_at: str


class NewTokenShape(TypedDict):
    id: str
    token: str | None
    name: str
    role: str
    services: str
    created_at: str
    created_by: str
    expires_at: str


class HealthzShape(TypedDict):
    status: str
