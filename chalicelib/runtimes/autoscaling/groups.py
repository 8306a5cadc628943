"""Auto Scaling groups as they are asked and told: every page, and every refusal in our words."""

from collections.abc import Iterable, Iterator
from typing import Any

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import code_of, message_of, translated
from chalicelib.colors import Color
from chalicelib.errors import Conflict
from chalicelib.runtimes.autoscaling.group import Group, Refresh, group_of, newest_refresh
from chalicelib.runtimes.autoscaling.launch import Version
from chalicelib.services.running import Groups

_AT_ONCE = 50
"""Instances in one SetInstanceProtection."""
_NEWEST_ACTIVITIES = 20
# This colour is idle, so all are replaced at once, and whether they serve is asked of the load balancer afterwards. Those that
# Turnout protected are replaced too; one that somebody took aside takes no requests and is left to them.
_PREFERENCES = {
    "MinHealthyPercentage": 0, "MaxHealthyPercentage": 100, "InstanceWarmup": 0, "SkipMatching": True,
    "ScaleInProtectedInstances": "Refresh", "StandbyInstances": "Ignore",
}  # fmt: skip
# Where it serves, new ones come, and warm up as the group says, before old ones go.
_SERVING = {
    "MinHealthyPercentage": 100, "MaxHealthyPercentage": 110, "SkipMatching": True,
    "ScaleInProtectedInstances": "Refresh", "StandbyInstances": "Ignore",
}  # fmt: skip


class Refused(Conflict):
    """Auto Scaling calls it invalid: for good, or as long as something else is as it is."""


class ScalingGroups:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def look(self, groups: Groups, *colors: Color) -> dict[Color, Group]:
        """Those that exist. One that is being deleted does not."""
        names = [groups.of(color) for color in colors or Color]
        found = {
            each["AutoScalingGroupName"]: group_of(each)
            for each in self._pages("describe_auto_scaling_groups", "AutoScalingGroups", AutoScalingGroupNames=names)
            if not each.get("Status")
        }
        return {color: found[groups.of(color)] for color in Color if groups.of(color) in found}

    def refresh(self, group: str) -> Refresh | None:
        return newest_refresh(self._pages("describe_instance_refreshes", "InstanceRefreshes", AutoScalingGroupName=group))

    def activities(self, group: str) -> list[dict[str, Any]]:
        """Only the newest, which come first."""
        answer = self._ask(self._clients.autoscaling_look, "describe_scaling_activities", AutoScalingGroupName=group, MaxRecords=_NEWEST_ACTIVITIES)
        activities: list[dict[str, Any]] = answer["Activities"]
        return activities

    def update(self, group: str, **changes: Any) -> None:
        self._ask(self._clients.autoscaling, "update_auto_scaling_group", AutoScalingGroupName=group, **changes)

    def move(self, group: str, version: Version, size: int | None) -> None:
        """`size` None leaves it to whoever changed it last."""
        self.update(group, LaunchTemplate=_template(version), **({} if size is None else {"DesiredCapacity": size}))

    def start_refresh(self, group: str, version: Version, *, serving: bool = False) -> None:
        """The version is named so that a refresh tells what it was for; while it is under way the group takes no other."""
        self._ask(
            self._clients.autoscaling, "start_instance_refresh", AutoScalingGroupName=group, Strategy="Rolling",
            DesiredConfiguration={"LaunchTemplate": _template(version)}, Preferences=_SERVING if serving else _PREFERENCES,
        )  # fmt: skip

    def cancel_refresh(self, group: str) -> None:
        self._ask(self._clients.autoscaling, "cancel_instance_refresh", AutoScalingGroupName=group)

    def protect(self, group: Group, *, held: bool) -> bool:
        """Protect all that run from being scaled in, or none. Whether that is now so: one that is on its way up can be told neither."""
        unlike = [each for each in group.instances if each.is_protected != held and not each.is_leaving]
        ready = [each.id for each in unlike if each.is_protectable]
        try:
            for some in _batches(ready):
                self._ask(
                    self._clients.autoscaling, "set_instance_protection", AutoScalingGroupName=group.name, InstanceIds=some, ProtectedFromScaleIn=held
                )
        except Refused:  # one of them has left meanwhile
            return False
        return len(ready) == len(unlike)

    def _pages(self, operation: str, items: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        token: dict[str, str] = {}
        while True:
            answer = self._ask(self._clients.autoscaling_look, operation, **parameters, **token)
            yield from answer[items]
            if not answer.get("NextToken"):
                return
            token = {"NextToken": answer["NextToken"]}

    def _ask(self, client: Any, operation: str, **parameters: Any) -> dict[str, Any]:
        from botocore.exceptions import ClientError

        about = parameters.get("AutoScalingGroupName") or " and ".join(parameters.get("AutoScalingGroupNames", ()))
        try:
            with translated(f"{operation} of {about}"):
                answer: dict[str, Any] = getattr(client, operation)(**parameters)
        except ClientError as error:
            if code_of(error.response) != "ValidationError":
                raise
            raise Refused(message_of(error.response)) from error
        return answer


def _template(version: Version) -> dict[str, str]:
    return {"LaunchTemplateId": version.template, "Version": version.number}


def _batches(ids: list[str]) -> Iterable[list[str]]:
    return (ids[at : at + _AT_ONCE] for at in range(0, len(ids), _AT_ONCE))
