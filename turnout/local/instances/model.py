"""What a group keeps beside what moto knows of it. Guarded by `LOCK`: the API's threads and the data plane's loop both write here."""

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

LOCK = threading.RLock()
ACTIVITIES_KEPT = 200
REFRESHES_KEPT = 100


def now() -> datetime:
    return datetime.now(UTC)


class Lifecycle(StrEnum):
    PENDING = "Pending"
    IN_SERVICE = "InService"
    TERMINATING = "Terminating"


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a launch template, by its number: `$Latest` and `$Default` were looked up."""

    id: str
    name: str
    version: int

    def specification(self) -> dict[str, str]:
        return {"LaunchTemplateId": self.id, "LaunchTemplateName": self.name, "Version": str(self.version)}


class Status(StrEnum):
    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    BAKING = "Baking"
    CANCELLING = "Cancelling"
    ROLLING_BACK = "RollbackInProgress"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    ROLLED_BACK = "RollbackSuccessful"
    ROLLBACK_FAILED = "RollbackFailed"

    @property
    def is_active(self) -> bool:
        return self in _ACTIVE


_ACTIVE = frozenset({Status.PENDING, Status.IN_PROGRESS, Status.BAKING, Status.CANCELLING, Status.ROLLING_BACK})


@dataclass(slots=True)
class Refresh:
    """One instance refresh. `old` are the ids it set out to replace; `desired` is None where it only renews what the group has.

    `failures` are the new instances that ended or were found unhealthy, `moved_at` is when an instance was last replaced (monotonic).
    """

    group: str
    preferences: Mapping[str, Any]
    configuration: Mapping[str, Any] | None
    desired: Template | None
    old: frozenset[str]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: Status = Status.PENDING
    reason: str | None = None
    started_at: datetime = field(default_factory=now)
    ended_at: datetime | None = None
    percentage: int = 0
    to_update: int = 0
    rollback: dict[str, Any] | None = None
    total: int = 0
    failures: int = 0
    moved_at: float = 0.0
    baking_since: float | None = None

    def end(self, status: Status, reason: str | None = None) -> None:
        self.status, self.reason, self.ended_at = status, reason, now()


@dataclass(slots=True)
class Activity:
    """A scaling activity."""

    group: str
    instance: str
    description: str
    cause: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started_at: datetime = field(default_factory=now)
    ended_at: datetime | None = None
    status: str = "InProgress"
    message: str | None = None

    def end(self, status: str = "Successful", message: str | None = None) -> None:
        self.status, self.message, self.ended_at = status, message, now()


@dataclass(slots=True)
class Kept:
    """Both begin with the newest. After instances that would not live none is launched before `no_launch_before` (monotonic)."""

    refreshes: list[Refresh] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    short_lived: int = 0
    no_launch_before: float = 0.0

    @property
    def refresh(self) -> Refresh | None:
        """The one that is going on; there is at most one."""
        return next((each for each in self.refreshes if each.status.is_active), None)

    def add(self, entry: Activity | Refresh) -> None:
        if isinstance(entry, Refresh):
            self.refreshes = [entry, *self.refreshes][:REFRESHES_KEPT]
        else:
            self.activities = [entry, *self.activities][:ACTIVITIES_KEPT]


def kept(group: Any) -> Kept:
    """What the group of moto's keeps for us, from the first time it is asked."""
    if "kept" not in vars(group):
        group.kept = Kept()
    found: Kept = group.kept
    return found


def template_of(group: Any) -> Template | None:
    """What the group's settings say, looked up now."""
    if group.ec2_launch_template is None:
        return None
    version = group.ec2_launch_template.get_version(group.launch_template_version)
    return Template(group.ec2_launch_template.id, group.ec2_launch_template.name, version.number)


def template_to_launch(group: Any) -> Template | None:
    """A refresh with a desired configuration launches with that; the group's own settings follow when it has succeeded."""
    refresh = kept(group).refresh
    if refresh and refresh.desired and refresh.status in {Status.PENDING, Status.IN_PROGRESS, Status.BAKING}:
        return refresh.desired
    return template_of(group)


def launched_with(state: Any) -> Template | None:
    """What an instance was launched with, whatever its group says since. None for one that moto launched uncorrected."""
    found: Template | None = vars(state).get("launched_with")
    return found
