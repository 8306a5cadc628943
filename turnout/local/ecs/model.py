"""What a service keeps beside what moto knows of it. Guarded by `LOCK`: the API's threads and the data plane's loop both write here."""

import random
import string
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from turnout.local.ecs.tasks import Task

LOCK = threading.RLock()
EVENTS_KEPT = 100
HISTORY_KEPT = 100
TASKS_KEPT = 50

_random = random.Random()  # noqa: S311  # ids are no secrets


def now() -> datetime:
    return datetime.now(UTC)


def number() -> str:
    """19 digits, as the ids of deployments and service revisions have."""
    return str(_random.randint(10**18, 10**19 - 1))


def word() -> str:
    """21 letters and digits, as the ids of service deployments have."""
    return "".join(_random.choices(string.ascii_letters + string.digits, k=21))


@dataclass(slots=True)
class Revision:
    """A service revision: what one deployment wanted to run. `settings` are the rest of it, in the API's words."""

    arn: str
    task_definition: str
    settings: Mapping[str, Any]
    created_at: datetime = field(default_factory=now)


@dataclass(slots=True)
class ServiceDeployment:
    """One entry of the deployment history. A rollback is told in the entry of the deployment that failed."""

    arn: str
    target: Revision
    sources: tuple[Revision, ...]
    breaker: Mapping[str, Any]
    status: str = "IN_PROGRESS"
    reason: str | None = None
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    finished_at: datetime | None = None
    stopped_at: datetime | None = None
    rollback: Mapping[str, Any] | None = None
    failures: int = 0
    threshold: int = 0
    triggered: bool = False

    @property
    def is_final(self) -> bool:
        return self.status not in {"PENDING", "IN_PROGRESS", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"}


@dataclass(slots=True)
class Deployment:
    """One entry of a service's `deployments`. `in_a_row` counts failures since the last healthy task, for the pause before the next start."""

    id: str
    revision: Revision
    record: ServiceDeployment
    rollout_state: str = "IN_PROGRESS"
    reason: str = ""
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    failed_tasks: int = 0
    in_a_row: int = 0
    no_start_before: float = 0.0

    @property
    def is_in_progress(self) -> bool:
        return self.rollout_state == "IN_PROGRESS"


@dataclass(slots=True)
class Rollouts:
    """`deployments` and `history` begin with the newest; the first deployment is the primary. `outbox` is what EventBridge has not been told yet."""

    deployments: list[Deployment] = field(default_factory=list)
    history: list[ServiceDeployment] = field(default_factory=list)
    completed: Deployment | None = None
    tasks: list[Task] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    outbox: list[dict[str, Any]] = field(default_factory=list)
    is_steady: bool = False

    @property
    def primary(self) -> Deployment | None:
        return self.deployments[0] if self.deployments else None

    def of(self, task: Task) -> Deployment | None:
        return next((each for each in self.deployments if each.id == task.started_by), None)

    def here(self, deployment_id: str) -> list[Task]:
        """Tasks of a deployment that were not asked to stop."""
        return [task for task in self.tasks if task.started_by == deployment_id and task.is_wanted]


def rollouts_of(service: Any) -> Rollouts | None:
    """None for a service that was made by moto uncorrected."""
    found: Rollouts | None = vars(service).get("rollouts")
    return found
