"""The part of EC2 Auto Scaling and launch templates that a runtime uses, with AWS's rules where moto has none: instances
take several looks to come and go, a refresh replaces them and may fail, be cancelled or be rolled back, what was just
written is not seen at once, a version that EC2 made is not known to Auto Scaling at once. Every request is checked
against botocore's own model of it.

`interrupt_at(n)` lets the n-th call from now happen and then kills the caller; `refuse` makes an operation fail; `before`
lets somebody else act just before an operation.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from types import SimpleNamespace
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

from tests.contract.functions import Interrupted, failure

TEMPLATE = "lt-0123456789abcdef0"
MACHINE = {"ImageId": "ami-1", "InstanceType": "t3.micro"}
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_ACTIVE = ("Pending", "InProgress", "Cancelling")
_GOING = ("Terminating",)
_SESSION = botocore.session.get_session()


@cache
def _model(service: str) -> Any:
    """EC2's is by far the largest: read when it is first needed."""
    return _SESSION.get_service_model(service)


class AutoScaling:
    """Groups of one launch template `web`.

    `slow` is how many looks an instance takes to come, `lag` how many looks show what was before the last write,
    `unknown_for` how many times Auto Scaling does not know a new version yet. What is in `broken` never comes into
    service; `refreshes_fail` says why every refresh does. `page` is how many groups or refreshes one answer has.
    """

    def __init__(self, *, slow: int = 2, lag: int = 0, unknown_for: int = 0, page: int = 50) -> None:
        self.slow, self.lag, self.unknown_for, self.page = slow, lag, unknown_for, page
        self.now: Callable[[], datetime] = lambda: BEGAN
        self.broken: set[str] = set()
        self.refreshes_fail: str | None = None
        self.versions: list[dict[str, Any]] = []
        self.default = 1
        self.groups: dict[str, dict[str, Any]] = {}
        self.refreshes: list[dict[str, Any]] = []
        self.activities: list[dict[str, Any]] = []
        self.target_types: dict[str, str] = {}
        self.calls: list[str] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.before: dict[str, Callable[[], None]] = {}
        self.autoscaling = self.autoscaling_look = self._client("autoscaling", "_a_")
        self.ec2 = self.ec2_look = self._client("ec2", "_c_")
        self.elbv2 = self._client("elbv2", "_e_")
        self._numbers = count(1)
        self._left: int | None = None
        self._refused: dict[str, ClientError] = {}
        self._tokens: dict[str, tuple[dict[str, Any], int]] = {}
        self._old: dict[str, Any] = {}
        self._looks_at_old = 0
        self.add_version({**MACHINE})

    def add_version(self, data: dict[str, Any], description: str = "") -> int:
        """As somebody else would."""
        self.versions.append({
            "LaunchTemplateId": TEMPLATE, "LaunchTemplateName": "web", "VersionNumber": len(self.versions) + 1, "VersionDescription": description,
            "CreateTime": self.now(), "LaunchTemplateData": data,
        })  # fmt: skip
        return len(self.versions)

    def make_group(self, name: str, target_group: str, wanted: int = 0, **rest: Any) -> dict[str, Any]:
        self.target_types[target_group] = "instance"
        self.groups[name] = {
            "AutoScalingGroupName": name, "MinSize": 0, "MaxSize": 10, "DesiredCapacity": wanted, "HealthCheckType": "ELB", "TargetGroupARNs": [target_group],
            "LaunchTemplate": {"LaunchTemplateId": TEMPLATE, "LaunchTemplateName": "web", "Version": "$Default"}, "Instances": [], "SuspendedProcesses": [],
            "NewInstancesProtectedFromScaleIn": False,
        } | rest  # fmt: skip
        self.settle()
        return self.groups[name]

    def targets(self, target_group: str) -> list[str]:
        attached = [each for each in self.groups.values() if target_group in each["TargetGroupARNs"]]
        return [f"{one['InstanceId']} of {each['AutoScalingGroupName']}" for each in attached for one in each["Instances"] if one["LifecycleState"] == "InService"]

    def settle(self) -> None:
        """Time passes, and nobody looks."""
        for _ in range(20):
            self._pass()
        self._looks_at_old = 0

    def scale(self, name: str, wanted: int) -> None:
        """What a scaling policy does."""
        self.groups[name]["DesiredCapacity"] = wanted

    def refresh(self, name: str, version: int | None = None) -> dict[str, Any]:
        """As somebody else would start one."""
        desired = {"DesiredConfiguration": {"LaunchTemplate": {"LaunchTemplateId": TEMPLATE, "Version": str(version)}}} if version else {}
        self._a_start_instance_refresh(AutoScalingGroupName=name, Preferences={}, **desired)
        return self.refreshes[-1]

    def interrupt_at(self, call: int) -> None:
        self._left = call

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Calls that a test makes for itself are not counted towards the interruption."""
        left, self._left = self._left, None
        yield
        self._left = left

    def refuse(self, operation: str, code: str, message: str = "because") -> None:
        self._refused[operation] = failure(code, operation, message)

    def allow(self, operation: str) -> None:
        self._refused.pop(operation, None)

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if not call.startswith("describe_")]

    def _client(self, service: str, prefix: str) -> SimpleNamespace:
        return SimpleNamespace(**{name[3:]: self._called(service, prefix, name[3:]) for name in dir(self) if name.startswith(prefix)})

    def _called(self, service: str, prefix: str, name: str) -> Any:
        def call(**parameters: Any) -> dict[str, Any]:
            operation = "".join(part.capitalize() for part in name.split("_"))
            validate_parameters(parameters, _model(service).operation_model(operation).input_shape)
            self.calls.append(name)
            self.asked.append((name, deepcopy(parameters)))
            if happening := self.before.pop(name, None):
                happening()
            if error := self._refused.get(name):
                raise error
            answer = deepcopy(getattr(self, prefix + name)(**deepcopy(parameters)))
            if self._left is not None:
                self._left -= 1
                if self._left == 0:
                    self._left = None
                    raise Interrupted
            return answer

        return call

    def _a_describe_auto_scaling_groups(self, AutoScalingGroupNames: list[str], NextToken: str = "0") -> dict[str, Any]:
        if NextToken == "0":
            self._pass()
        shown = self._old if self._looks_at_old else self.groups
        self._looks_at_old = max(0, self._looks_at_old - 1)
        return self._paged("AutoScalingGroups", [shown[name] for name in AutoScalingGroupNames if name in shown], NextToken)

    def _a_update_auto_scaling_group(self, AutoScalingGroupName: str, LaunchTemplate: dict[str, str] | None = None, **sizes: Any) -> dict[str, Any]:
        group = self._group(AutoScalingGroupName, "UpdateAutoScalingGroup")
        self._look_at_old()
        if LaunchTemplate:
            if any("DesiredConfiguration" in each for each in self._active(AutoScalingGroupName)):
                raise _invalid("UpdateAutoScalingGroup", "An active instance refresh with a desired configuration exists.")
            self._require_version(LaunchTemplate)
        wanted = sizes.get("DesiredCapacity", group["DesiredCapacity"])
        if not group["MinSize"] <= wanted <= group["MaxSize"]:
            raise _invalid("UpdateAutoScalingGroup", f"Desired capacity:{wanted} must be between the specified min size and max size")
        group |= sizes
        if LaunchTemplate:
            group["LaunchTemplate"] = {**LaunchTemplate, "LaunchTemplateName": "web"}
        return {}

    def _a_start_instance_refresh(self, AutoScalingGroupName: str, Preferences: dict[str, Any], Strategy: str = "Rolling", **desired: Any) -> dict[str, Any]:
        self._group(AutoScalingGroupName, "StartInstanceRefresh")
        self._look_at_old()
        if self._active(AutoScalingGroupName):
            raise failure("InstanceRefreshInProgress", "StartInstanceRefresh", "An Instance Refresh is already in progress and blocks the execution of this one.")
        if desired:
            self._require_version(desired["DesiredConfiguration"]["LaunchTemplate"])
        self.refreshes.append({
            "InstanceRefreshId": f"refresh-{next(self._numbers)}", "AutoScalingGroupName": AutoScalingGroupName, "Status": "Pending",
            "StartTime": self._tick(), "Preferences": Preferences, **desired,
        })  # fmt: skip
        return {"InstanceRefreshId": self.refreshes[-1]["InstanceRefreshId"]}

    def _a_cancel_instance_refresh(self, AutoScalingGroupName: str) -> dict[str, Any]:
        active = self._active(AutoScalingGroupName)
        if not active:
            raise failure("ActiveInstanceRefreshNotFound", "CancelInstanceRefresh", "No in progress or pending Instance Refresh found")
        active[0]["Status"] = "Cancelling"
        return {"InstanceRefreshId": active[0]["InstanceRefreshId"]}

    def _a_describe_instance_refreshes(self, AutoScalingGroupName: str, NextToken: str = "0") -> dict[str, Any]:
        self._group(AutoScalingGroupName, "DescribeInstanceRefreshes")
        return self._paged("InstanceRefreshes", [each for each in self.refreshes[::-1] if each["AutoScalingGroupName"] == AutoScalingGroupName], NextToken)

    def _a_describe_scaling_activities(self, AutoScalingGroupName: str, MaxRecords: int) -> dict[str, Any]:
        self._group(AutoScalingGroupName, "DescribeScalingActivities")
        return {"Activities": [each for each in self.activities[::-1] if each["AutoScalingGroupName"] == AutoScalingGroupName][:MaxRecords]}

    def _a_set_instance_protection(self, AutoScalingGroupName: str, InstanceIds: list[str], ProtectedFromScaleIn: bool) -> dict[str, Any]:
        group = self._group(AutoScalingGroupName, "SetInstanceProtection")
        if len(InstanceIds) > 50:
            raise failure("LimitExceeded", "SetInstanceProtection")
        found = {each["InstanceId"]: each for each in group["Instances"]}
        for id in InstanceIds:
            if id not in found or found[id]["LifecycleState"] not in {"InService", "EnteringStandby", "Standby"}:
                raise _invalid("SetInstanceProtection", f"The instance {id} is not in InService or EnteringStandby or Standby.")
        self._look_at_old()
        for id in InstanceIds:
            found[id]["ProtectedFromScaleIn"] = ProtectedFromScaleIn
        return {}

    def _c_describe_launch_template_versions(self, Versions: list[str], LaunchTemplateName: str = "", LaunchTemplateId: str = "") -> dict[str, Any]:
        if LaunchTemplateName and LaunchTemplateId:
            raise failure("InvalidParameterCombination", "DescribeLaunchTemplateVersions")
        if not self.versions or (LaunchTemplateName or "web") != "web":
            raise failure("InvalidLaunchTemplateName.NotFoundException", "DescribeLaunchTemplateVersions", "The specified launch template does not exist.")
        if (LaunchTemplateId or TEMPLATE) != TEMPLATE:
            raise failure("InvalidLaunchTemplateId.NotFound", "DescribeLaunchTemplateVersions")
        numbers = {{"$Default": self.default, "$Latest": len(self.versions)}.get(each) or int(each) for each in Versions}
        if max(numbers) > len(self.versions):
            raise failure("InvalidLaunchTemplateId.VersionNotFound", "DescribeLaunchTemplateVersions", f"Could not find the specified version {max(numbers)}")
        return {"LaunchTemplateVersions": [{**self.versions[each - 1], "DefaultVersion": each == self.default} for each in sorted(numbers)]}

    def _c_create_launch_template_version(self, ClientToken: str, SourceVersion: str, VersionDescription: str, LaunchTemplateData: dict[str, Any], **request: Any) -> dict[str, Any]:
        assert request == {"LaunchTemplateId": TEMPLATE}
        assert len(VersionDescription) <= 255
        given = {"SourceVersion": SourceVersion, "LaunchTemplateData": LaunchTemplateData}
        if ClientToken in self._tokens:
            before, number = self._tokens[ClientToken]
            if before != given:
                raise failure("IdempotentParameterMismatch", "CreateLaunchTemplateVersion")
            return {"LaunchTemplateVersion": self.versions[number - 1]}
        inherited = deepcopy(self.versions[int(SourceVersion) - 1]["LaunchTemplateData"])
        for device in inherited.get("BlockDeviceMappings", []):
            device.get("Ebs", {}).pop("SnapshotId", None)
        number = self.add_version(inherited | LaunchTemplateData, VersionDescription)
        self._tokens[ClientToken] = (given, number)
        return {"LaunchTemplateVersion": self.versions[number - 1]}

    def _e_describe_target_groups(self, TargetGroupArns: list[str]) -> dict[str, Any]:
        if any(arn not in self.target_types for arn in TargetGroupArns):
            raise failure("TargetGroupNotFound", "DescribeTargetGroups")
        return {"TargetGroups": [{"TargetGroupArn": arn, "TargetType": self.target_types[arn]} for arn in TargetGroupArns]}

    def _paged(self, items: str, found: list[Any], token: str) -> dict[str, Any]:
        end = int(token) + self.page
        return {items: found[int(token) : end], **({"NextToken": str(end)} if len(found) > end else {})}

    def _look_at_old(self) -> None:
        self._old, self._looks_at_old = deepcopy(self.groups), self.lag

    def _tick(self) -> datetime:
        return self.now() + timedelta(milliseconds=next(self._numbers))

    def _group(self, name: str, operation: str) -> dict[str, Any]:
        if name not in self.groups:
            raise _invalid(operation, "AutoScalingGroup name not found - null")
        return self.groups[name]

    def _require_version(self, template: dict[str, str]) -> None:
        number = template["Version"]
        if number.isdecimal() and int(number) == len(self.versions) and self.unknown_for:
            self.unknown_for -= 1
            raise _invalid("UpdateAutoScalingGroup", "You must use a valid fully-formed launch template. The launch template version does not exist.")

    def _active(self, name: str) -> list[dict[str, Any]]:
        return [each for each in self.refreshes if each["AutoScalingGroupName"] == name and each["Status"] in _ACTIVE]

    def _number(self, template: dict[str, str]) -> str:
        return {"$Default": str(self.default), "$Latest": str(len(self.versions))}.get(template["Version"], template["Version"])

    def _pass(self) -> None:
        """One moment: instances come and go, and refreshes go on."""
        for group in self.groups.values():
            for refresh in self._active(group["AutoScalingGroupName"]):
                self._refresh(group, refresh)
            self._live(group)
            self._bring_to_size(group)

    def _live(self, group: dict[str, Any]) -> None:
        group["Instances"] = [each for each in group["Instances"] if each["LifecycleState"] not in _GOING]
        for each in group["Instances"]:
            each["_looks"] += 1
            comes = each["LifecycleState"] == "Pending" and each["_looks"] >= self.slow
            if comes and each["LaunchTemplate"]["Version"] in self.broken:
                each["LifecycleState"] = "Terminating"
                self._act(group, "Successful", "an instance was taken out of service in response to an ELB system health check failure.")
            elif comes:
                each["LifecycleState"] = "InService"

    def _bring_to_size(self, group: dict[str, Any]) -> None:
        suspended = {each["ProcessName"] for each in group["SuspendedProcesses"]}
        there = [each for each in group["Instances"] if each["LifecycleState"] not in (*_GOING, "Standby")]
        while len(there) < group["DesiredCapacity"] and "Launch" not in suspended:
            there.append(self._launch(group))
        free = [each for each in there if not each["ProtectedFromScaleIn"]]
        for each in free[: max(0, len(there) - group["DesiredCapacity"])]:
            each["LifecycleState"] = "Terminating"

    def _launch(self, group: dict[str, Any]) -> dict[str, Any]:
        version = self._number(group["LaunchTemplate"])
        group["Instances"].append({
            "InstanceId": f"i-{next(self._numbers):017x}", "LifecycleState": "Pending", "HealthStatus": "Healthy", "AvailabilityZone": "eu-west-1a",
            "ProtectedFromScaleIn": group["NewInstancesProtectedFromScaleIn"], "_looks": 0,
            "LaunchTemplate": {"LaunchTemplateId": TEMPLATE, "LaunchTemplateName": "web", "Version": version},
        })  # fmt: skip
        return group["Instances"][-1]

    def _refresh(self, group: dict[str, Any], refresh: dict[str, Any]) -> None:
        match refresh["Status"]:
            case "Cancelling":
                refresh |= {"Status": "Cancelled", "StatusReason": "Cancelled due to user request."}
            case "Pending" if self.refreshes_fail:
                refresh |= {"Status": "Failed", "StatusReason": self.refreshes_fail}
            case "Pending":
                refresh |= {"Status": "InProgress", "PercentageComplete": 0}
                self._replace(group, refresh)
            case "InProgress" if self._is_renewed(group, refresh):
                refresh |= {"Status": "Successful", "PercentageComplete": 100}
                if desired := refresh.get("DesiredConfiguration"):
                    group["LaunchTemplate"] = {**desired["LaunchTemplate"], "LaunchTemplateName": "web"}

    def _replace(self, group: dict[str, Any], refresh: dict[str, Any]) -> None:
        for each in self._old_ones(group, refresh):
            if refresh["Preferences"].get("ScaleInProtectedInstances") == "Refresh" or not each["ProtectedFromScaleIn"]:
                each["LifecycleState"] = "Terminating"

    def _is_renewed(self, group: dict[str, Any], refresh: dict[str, Any]) -> bool:
        serving = [each for each in group["Instances"] if each["LifecycleState"] == "InService"]
        return not self._old_ones(group, refresh) and len(serving) >= group["DesiredCapacity"]

    def _old_ones(self, group: dict[str, Any], refresh: dict[str, Any]) -> list[dict[str, Any]]:
        desired = refresh.get("DesiredConfiguration", {}).get("LaunchTemplate") or group["LaunchTemplate"]
        there = [each for each in group["Instances"] if each["LifecycleState"] in {"Pending", "InService"}]
        return [each for each in there if each["LaunchTemplate"]["Version"] != self._number(desired)]

    def _act(self, group: dict[str, Any], status: str, cause: str, message: str = "") -> None:
        self.activities.append({
            "ActivityId": f"a-{next(self._numbers)}", "AutoScalingGroupName": group["AutoScalingGroupName"], "Cause": cause, "StartTime": self._tick(),
            "StatusCode": status, "StatusMessage": message,
        })  # fmt: skip

    def fail_launch(self, name: str, message: str) -> None:
        self._act(self.groups[name], "Failed", "a difference between desired and actual capacity", message)


def _invalid(operation: str, message: str) -> ClientError:
    return failure("ValidationError", operation, message)
