"""What an Auto Scaling group, its instances and its instance refreshes say. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalicelib.colors import Color
from chalicelib.runtimes.autoscaling.launch import Launch, Version
from chalicelib.runtimes.runtime import Progress, Standing

# They take no requests and will not again, or only when somebody brings them back.
_AWAY = ("Terminat", "Detach", "Standby", "EnteringStandby", "Warmed")
_PROTECTABLE = ("InService", "EnteringStandby", "Standby")
_ACTIVE = frozenset({"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"})
_FAILED = frozenset({"Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful"})
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

Launches = Mapping[Version, Launch | None]
"""What is known of versions; None for one that is gone."""


@dataclass(frozen=True, slots=True)
class Instance:
    id: str
    state: str
    is_healthy: bool
    is_protected: bool
    version: Version | None

    @property
    def is_counted(self) -> bool:
        return not self.state.startswith(_AWAY)

    @property
    def is_in_service(self) -> bool:
        return self.state == "InService" and self.is_healthy

    @property
    def is_leaving(self) -> bool:
        return self.state.startswith(("Terminat", "Detach"))

    @property
    def is_protectable(self) -> bool:
        """Auto Scaling refuses the whole call for one instance in another state."""
        return self.state in _PROTECTABLE


@dataclass(frozen=True, slots=True)
class Group:
    """`version` is None unless it is a concrete number of a launch template."""

    name: str
    template: str | None
    version: Version | None
    wanted: int
    least: int
    most: int
    protects_new: bool
    instances: tuple[Instance, ...]
    raw: Mapping[str, Any]

    @property
    def counted(self) -> tuple[Instance, ...]:
        return tuple(each for each in self.instances if each.is_counted)

    @property
    def versions(self) -> frozenset[Version]:
        return frozenset(version for version in (self.version, *(each.version for each in self.counted)) if version)

    def size_within(self, at_least: int, at_most: int | None) -> int:
        """The wanted size brought within these bounds, and within the group's own, which Auto Scaling does not go beyond."""
        most = self.wanted if at_most is None else max(at_most, self.least)
        return min(max(at_least, min(self.wanted, most)), max(self.most, self.wanted))


@dataclass(frozen=True, slots=True)
class Refresh:
    """`version` is None where it replaces instances by whatever the group has."""

    id: str
    status: str
    reason: str
    percent: int
    version: Version | None

    @property
    def is_active(self) -> bool:
        return self.status in _ACTIVE

    @property
    def has_failed(self) -> bool:
        return self.status in _FAILED


def group_of(described: Mapping[str, Any]) -> Group:
    template = described.get("LaunchTemplate") or {}
    return Group(
        name=described["AutoScalingGroupName"],
        template=template.get("LaunchTemplateName"),
        version=_version(template),
        wanted=described["DesiredCapacity"],
        least=described["MinSize"],
        most=described["MaxSize"],
        protects_new=bool(described.get("NewInstancesProtectedFromScaleIn")),
        instances=tuple(_instance(each) for each in described.get("Instances", [])),
        raw=described,
    )


def newest_refresh(described: Iterable[Mapping[str, Any]]) -> Refresh | None:
    """The one under way, else the one that began last."""
    order = sorted(described, key=lambda each: (each["Status"] in _ACTIVE, each.get("StartTime") or _LONG_AGO))
    if not order:
        return None
    last = order[-1]
    version = _version((last.get("DesiredConfiguration") or {}).get("LaunchTemplate") or {})
    return Refresh(last["InstanceRefreshId"], last["Status"], last.get("StatusReason", ""), last.get("PercentageComplete", 0), version)


def newest_failure(activities: Iterable[Mapping[str, Any]], since: datetime) -> str:
    """Why Auto Scaling last could not launch an instance, or took one out for its health; empty where it did not since then."""
    telling = [(each["StartTime"], told) for each in activities if each["StartTime"] >= since and (told := _failure(each))]
    return max(telling, default=(since, ""))[1]


def standing_of(group: Group, launches: Launches, service: str, color: Color) -> Standing:
    """What the group runs, by the version it is on: what it launches from now on."""
    here = launches.get(group.version) if group.version else None
    found = here.identity(service, color) if here else None
    if here is None or found is None:
        return Standing(Progress.EMPTY, reason="what stands there was not put there by Turnout")
    reason = _unready(group, launches, here)
    return Standing(Progress.WORKING if reason else Progress.READY, found.version, here.digest, found.config_version, reason, found.repinned)


def outdated(group: Group, launches: Launches, launch: Launch) -> tuple[Instance, ...]:
    """Instances that run something else. Told by what their versions are, not by number: two workers may have made two versions of the same."""
    return tuple(each for each in group.counted if not (each.version and launch.is_as(launches.get(each.version))))


def in_service(group: Group) -> int:
    return sum(each.is_in_service for each in group.counted)


def _unready(group: Group, launches: Launches, here: Launch) -> str:
    if not group.wanted:
        return "scaled to 0"
    if others := outdated(group, launches, here):
        return f"{len(others)} of {len(group.counted)} instances run another version"
    return "" if in_service(group) else f"none of {group.wanted} instances is in service"


def _version(template: Mapping[str, Any]) -> Version | None:
    number = str(template.get("Version") or "")
    return Version(template["LaunchTemplateId"], number) if number.isdecimal() and template.get("LaunchTemplateId") else None


def _instance(described: Mapping[str, Any]) -> Instance:
    return Instance(
        id=described["InstanceId"],
        state=described["LifecycleState"],
        is_healthy=described.get("HealthStatus", "Healthy").lower() == "healthy",
        is_protected=bool(described.get("ProtectedFromScaleIn")),
        version=_version(described.get("LaunchTemplate") or {}),
    )


def _failure(activity: Mapping[str, Any]) -> str:
    """An instance that was launched and never passed its health check is taken out successfully: only the cause tells."""
    if activity["StatusCode"] in {"Failed", "Cancelled"}:
        return str(activity.get("StatusMessage") or activity.get("Cause") or "")
    cause = str(activity.get("Cause") or "")
    return cause if "health check" in cause.lower() else ""
