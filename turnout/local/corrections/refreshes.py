"""EC2 Auto Scaling's instance refreshes, of which plain moto has none.

The answers have the shapes of botocore's model; what a refresh does is the
instance keeper's. Without one, a refresh is over as soon as it has begun.
"""

from collections.abc import Callable
from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult

from turnout.local.corrections.patches import Patches
from turnout.local.instances import refreshing
from turnout.local.instances.model import Refresh, Status, Template, kept, template_of

DEFAULT_PAGE = 50
LARGEST_PAGE = 100


class InProgress(AutoscalingClientError):
    code = "InstanceRefreshInProgress"
    message = "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh."


class NoneActive(AutoscalingClientError):
    code = "ActiveInstanceRefreshNotFound"
    message = "No in progress or pending Instance Refresh found for Auto Scaling group {group}"


class Irreversible(AutoscalingClientError):
    code = "IrreversibleInstanceRefresh"


def correct(patches: Patches, *, is_kept: bool) -> None:
    """`is_kept`: an instance keeper looks after the groups."""
    for name, action in (
        ("start_instance_refresh", _start(is_kept=is_kept)),
        ("describe_instance_refreshes", _describe),
        ("cancel_instance_refresh", _cancel),
        ("rollback_instance_refresh", _rollback),
    ):
        setattr(AutoScalingResponse, name, action)
        patches.callback(delattr, AutoScalingResponse, name)


def page(response: Any, entries: list[Any], default: int) -> tuple[list[Any], dict[str, str]]:
    """Those of one answer, and the token for the next where there are more."""
    start, size = int(response.params.get("NextToken") or 0), min(int(response.params.get("MaxRecords") or default), LARGEST_PAGE)
    return entries[start : start + size], {"NextToken": str(start + size)} if len(entries) > start + size else {}


def group_of(response: Any) -> Any:
    name = response.params.get("AutoScalingGroupName")
    group = response.autoscaling_backend.autoscaling_groups.get(name)
    if group is None:
        raise ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
    return group


def specified(group: Any, specification: dict[str, Any]) -> Template:
    """What a specification of a launch template means now. Raises what AWS answers for one that is not there."""
    ec2 = group.ec2_backend
    id, name = specification.get("LaunchTemplateId"), specification.get("LaunchTemplateName")
    if bool(id) == bool(name):
        raise ValidationError("Valid requests must contain either launchTemplateId or LaunchTemplateName")
    try:
        template = ec2.get_launch_template(id) if id else ec2.get_launch_template_by_name(name)
        return Template(template.id, template.name, template.get_version(specification.get("Version") or "$Default").number)
    except ServiceException as error:
        raise ValidationError(f"You must use a valid fully-formed launch template. {error.message}") from error


def _start(*, is_kept: bool) -> Callable[[Any], ActionResult]:
    def start_instance_refresh(self: Any) -> ActionResult:
        group = group_of(self)
        keeping = kept(group)
        if keeping.refresh:
            raise InProgress
        preferences, configuration = self.params.get("Preferences", {}), self.params.get("DesiredConfiguration")
        _check(group, preferences, configuration)
        desired = specified(group, configuration["LaunchTemplate"]) if configuration else None
        old = refreshing.old_instances(group, desired or template_of(group), only_others=bool(preferences.get("SkipMatching")))
        refresh = Refresh(group.name, preferences, configuration, desired, old, total=len(old), to_update=len(old))
        keeping.add(refresh)
        if not is_kept:
            _at_once(group, refresh)
        return ActionResult({"InstanceRefreshId": refresh.id})

    return start_instance_refresh


def _check(group: Any, preferences: dict[str, Any], configuration: dict[str, Any] | None) -> None:
    least, most = preferences.get("MinHealthyPercentage"), preferences.get("MaxHealthyPercentage")
    if most is not None and (least is None or int(most) - int(least) > 100):
        raise ValidationError("MaxHealthyPercentage needs a MinHealthyPercentage, and the difference between them cannot be greater than 100.")
    if configuration is not None and "LaunchTemplate" not in configuration:
        raise ValidationError("The local stack takes a desired configuration with a LaunchTemplate only.")
    if preferences.get("AutoRollback"):
        if configuration is None:
            raise ValidationError("AutoRollback cannot be enabled without a DesiredConfiguration.")
        if problem := _irreversible(group, configuration):
            raise ValidationError(problem)


def _irreversible(group: Any, configuration: Any) -> str:
    versions = (configuration["LaunchTemplate"].get("Version") or "$Default", group.launch_template_version)
    if any(str(version).startswith("$") for version in versions):
        return "A rollback needs numbers of launch template versions, not $Latest or $Default, in the group and in the desired configuration."
    return ""


def _at_once(group: Any, refresh: Refresh) -> None:
    if refresh.desired:
        refreshing.settle(group, refresh.desired)
    protected = {state.instance_id: bool(state.protected_from_scale_in) for state in group.instance_states}
    going = [id for id, is_protected in protected.items() if refreshing.may_replace(refresh, id, is_protected=is_protected)]
    group.instance_states = [state for state in group.instance_states if state.instance_id not in going]
    if going:
        group.ec2_backend.terminate_instances(going)
    group.set_desired_capacity(group.desired_capacity)
    refresh.percentage, refresh.to_update = 100, 0
    refresh.end(Status.SUCCESSFUL)


def _describe(self: Any) -> ActionResult:
    wanted = self.params.get("InstanceRefreshIds", [])
    refreshes = [each for each in kept(group_of(self)).refreshes if not wanted or each.id in wanted]
    shown, more = page(self, refreshes, DEFAULT_PAGE)
    return ActionResult({"InstanceRefreshes": [_shown(each) for each in shown], **more})


def _cancel(self: Any) -> ActionResult:
    refresh = _active(self)
    waits = self.params.get("WaitForTransitioningInstances")
    refresh.status, refresh.reason = Status.CANCELLING, "Cancelled due to user request."
    if waits is False:
        refresh.end(Status.CANCELLED, refresh.reason)
    return ActionResult({"InstanceRefreshId": refresh.id})


def _rollback(self: Any) -> ActionResult:
    refresh, group = _active(self), group_of(self)
    if refresh.status not in {Status.PENDING, Status.IN_PROGRESS, Status.BAKING}:
        raise NoneActive(group=group.name)
    if refresh.configuration is None:
        raise Irreversible("There is no desired configuration specified for the instance refresh.")
    if problem := _irreversible(group, refresh.configuration):
        raise Irreversible(problem)
    refreshing.roll_back(group, refresh, "Manual rollback: RollbackInstanceRefresh was called.")
    return ActionResult({"InstanceRefreshId": refresh.id})


def _active(response: Any) -> Refresh:
    group = group_of(response)
    refresh = kept(group).refresh
    if refresh is None:
        raise NoneActive(group=group.name)
    return refresh


def _shown(refresh: Refresh) -> dict[str, Any]:
    told = {
        "InstanceRefreshId": refresh.id,
        "AutoScalingGroupName": refresh.group,
        "Status": str(refresh.status),
        "StatusReason": refresh.reason,
        "StartTime": refresh.started_at,
        "EndTime": refresh.ended_at,
        "PercentageComplete": refresh.percentage,
        "InstancesToUpdate": refresh.to_update,
        "Preferences": {"MinHealthyPercentage": 90, "SkipMatching": False, "AutoRollback": False, **refresh.preferences},
        "DesiredConfiguration": refresh.configuration,
        "RollbackDetails": refresh.rollback,
        "Strategy": "Rolling",
    }
    return {name: value for name, value in told.items() if value is not None}
