"""EC2 Auto Scaling: what an instance was launched with, sizes that are checked, and groups that take a moment.

Plain moto says of every instance that it has the template's default version,
takes any desired capacity and any version, forgets its activities, and has
instances come and go at once.
"""

from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup, InstanceState
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from turnout.local.corrections import launch_templates, refreshes
from turnout.local.corrections.patches import Patches
from turnout.local.corrections.plane import DataPlane
from turnout.local.instances.model import LOCK, Activity, Lifecycle, kept, launched_with, template_to_launch

DEFAULT_PAGE = 100
MOST_PROTECTED = 50


def correct(patches: Patches, *, plane: DataPlane | None) -> None:
    """Without a data plane nobody keeps the groups: instances then come and go at once, as in plain moto."""
    launch_templates.correct(patches)
    refreshes.correct(patches, is_kept=plane is not None)
    patches.replace(AutoScalingResponse, "call_action", _one_at_a_time)
    patches.replace(AutoScalingResponse, "set_instance_protection", _checking_whom)
    patches.replace(AutoScalingResponse, "describe_scaling_activities", lambda _: _describe_scaling_activities)
    patches.replace(InstanceState, "__init__", _remembering_its_template(is_kept=plane is not None))
    patches.replace(InstanceState, "launch_template", _as_it_was_launched)
    patches.replace(FakeAutoScalingGroup, "_set_launch_configuration", _checking_the_template)
    patches.replace(AutoScalingBackend, "create_auto_scaling_group", _checking_sizes)
    patches.replace(AutoScalingBackend, "update_auto_scaling_group", _resizing)
    patches.replace(AutoScalingBackend, "set_desired_capacity", _checking_capacity)
    if plane is not None:
        _leave_to_the_keeper(patches)


def _leave_to_the_keeper(patches: Patches) -> None:
    patches.replace(FakeAutoScalingGroup, "set_desired_capacity", lambda _: _wish)
    patches.replace(AutoScalingBackend, "update_attached_target_groups", lambda _: _nothing)
    patches.replace(AutoScalingBackend, "notify_terminate_instances", lambda _: _nothing)
    patches.replace(AutoScalingBackend, "terminate_instance", lambda _: _ask_to_go)
    patches.replace(AutoScalingResponse, "delete_auto_scaling_group", lambda _: _delete_auto_scaling_group)


def _one_at_a_time(original: Any) -> Any:
    """The instance keeper changes groups in a thread of its own."""

    def call_action(self: Any) -> Any:
        with LOCK:
            return original(self)

    return call_action


# Instances


def _remembering_its_template(*, is_kept: bool) -> Any:
    def replaced(original: Any) -> Any:
        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            self.launched_with = template_to_launch(self.auto_scaling_group)
            if is_kept:
                self.lifecycle_state = str(Lifecycle.PENDING)

        return init

    return replaced


def _as_it_was_launched(original: Any) -> Any:
    """Of the version it runs, by its number; moto shows the template's default, whatever was launched."""

    def launch_template(self: Any) -> Any:
        known = launched_with(self)
        return known.specification() if known else original.fget(self)

    return property(launch_template)


def _checking_whom(original: Any) -> Any:
    """Only instances of the group, and only those in service, can be protected; moto takes any and says nothing."""

    def set_instance_protection(self: Any) -> Any:
        group, ids = refreshes.group_of(self), self.params.get("InstanceIds", [])
        if len(ids) > MOST_PROTECTED:
            raise AutoscalingClientError("LimitExceeded", f"At most {MOST_PROTECTED} instances can be named in one call")
        states = {state.instance_id: state for state in group.instance_states}
        for id in ids:
            if id not in states:
                raise ValidationError(f"The instance {id} is not part of Auto Scaling group {group.name}.")
            if states[id].lifecycle_state not in {"InService", "EnteringStandby", "Standby"}:
                raise ValidationError(f"The instance {id} is not in InService or EnteringStandby or Standby.")
        return original(self)

    return set_instance_protection


def _ask_to_go(self: Any, instance_id: str, should_decrement: bool) -> Any:
    """Protected or not; the keeper replaces it unless the group is made smaller with it."""
    for group in self.autoscaling_groups.values():
        for state in group.instance_states:
            if state.instance_id == instance_id:
                if should_decrement:
                    _within(group.desired_capacity - 1, group.min_size, group.max_size)
                    group.desired_capacity -= 1
                state.asked_to_go = True
                return _as_shown(Activity(group.name, instance_id, f"Terminating EC2 instance: {instance_id}", "a user request"))
    raise ValidationError(f"Instance Id not found - No managed instance found for instance ID: {instance_id}")


# Groups


def _checking_the_template(original: Any) -> Any:
    """Moto finds out that a version is missing when it launches, with the group half changed."""

    def set_launch_configuration(self: Any, launch_config_name: str, launch_template: Any, mixed_instances_policy: Any) -> None:
        if launch_template:
            refreshes.specified(self, launch_template)
        original(self, launch_config_name, launch_template, mixed_instances_policy)

    return set_launch_configuration


def _checking_sizes(original: Any) -> Any:
    def create_auto_scaling_group(self: Any, name: str, **kwargs: Any) -> Any:
        if name in self.autoscaling_groups:
            raise AutoscalingClientError("AlreadyExists", f"AutoScalingGroup by this name already exists - A group with the name {name} already exists")
        least, most, desired = (None if kwargs.get(key) is None else int(kwargs[key]) for key in ("min_size", "max_size", "desired_capacity"))
        _within(least if desired is None else desired, least, most)
        return original(self, name=name, **kwargs)

    return create_auto_scaling_group


def _resizing(original: Any) -> Any:
    """Without a desired capacity, new bounds move the group's own; moto compares them with how many instances there are."""

    def update_auto_scaling_group(self: Any, name: str, **kwargs: Any) -> Any:
        group = self.autoscaling_groups.get(name)
        if group is not None:
            least, most = (now if kwargs.get(key) is None else kwargs[key] for key, now in (("min_size", group.min_size), ("max_size", group.max_size)))
            desired = kwargs.get("desired_capacity")
            kwargs["desired_capacity"] = max(least, min(group.desired_capacity, most)) if desired is None else desired
            _within(kwargs["desired_capacity"], least, most)
            refresh = kept(group).refresh
            if refresh and refresh.desired and (kwargs.get("launch_template") or kwargs.get("launch_config_name")):
                raise ValidationError("An active instance refresh with a desired configuration exists: what it configures cannot be updated meanwhile.")
        return original(self, name=name, **kwargs)

    return update_auto_scaling_group


def _checking_capacity(original: Any) -> Any:
    def set_desired_capacity(self: Any, group_name: str, desired_capacity: int | None) -> None:
        group = self.autoscaling_groups.get(group_name)
        if group is None:
            raise ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup '{group_name}' not found")
        _within(desired_capacity, group.min_size, group.max_size)
        original(self, group_name, desired_capacity)

    return set_desired_capacity


def _within(desired: int | None, least: int | None, most: int | None) -> None:
    if least is not None and most is not None and least > most:
        raise ValidationError(f"Max bound, {most}, must be greater than or equal to min bound, {least}")
    if desired is not None and not (desired if least is None else least) <= desired <= (desired if most is None else most):
        raise ValidationError(f"Desired capacity:{desired} must be between the specified min size:{least} and max size:{most}")


def _wish(self: Any, new_capacity: int | None) -> None:
    """The keeper brings the group there; moto launches and terminates within the call."""
    self.desired_capacity = self.min_size if new_capacity is None else new_capacity


def _nothing(_self: Any, _what: Any) -> None:
    """The keeper sees for itself."""


def _delete_auto_scaling_group(self: Any) -> EmptyResult:
    """One with instances in it goes only by force; the keeper then terminates them."""
    group = refreshes.group_of(self)
    if group.instance_states and not self.params.get("ForceDelete"):
        raise AutoscalingClientError("ResourceInUse", "You cannot delete an AutoScalingGroup while there are instances still in the group.")
    del self.autoscaling_backend.autoscaling_groups[group.name]
    return EmptyResult()


# Activities


def _describe_scaling_activities(self: Any) -> ActionResult:
    """Of one group or all, newest first; moto has none."""
    wanted, name = self.params.get("ActivityIds", []), self.params.get("AutoScalingGroupName")
    groups = [refreshes.group_of(self)] if name else list(self.autoscaling_backend.autoscaling_groups.values())
    found = [each for group in groups for each in kept(group).activities if not wanted or each.id in wanted]
    shown, more = refreshes.page(self, sorted(found, key=lambda each: each.started_at, reverse=True), DEFAULT_PAGE)
    return ActionResult({"Activities": [_as_shown(each) for each in shown], **more})


def _as_shown(activity: Activity) -> dict[str, Any]:
    told = {
        "ActivityId": activity.id,
        "AutoScalingGroupName": activity.group,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": activity.started_at,
        "EndTime": activity.ended_at,
        "StatusCode": activity.status,
        "StatusMessage": activity.message,
        "Progress": 100 if activity.ended_at else 50,
        "AutoScalingGroupState": "InService",
    }
    return {name: value for name, value in told.items() if value is not None}
