"""What an Auto Scaling group has to be like for Turnout to manage it, and what to do where it is not. Pure."""

from chalicelib.colors import Color
from chalicelib.runtimes.autoscaling.group import Group
from chalicelib.runtimes.autoscaling.launch import runtime_of
from chalicelib.services.definition import Definition

# Without these no instance comes, goes, is registered with its target group, or is replaced by one with another build.
_NEEDED = ("Launch", "Terminate", "AddToLoadBalancer", "InstanceRefresh")

Refusal = tuple[str, str]
"""The field that is wrong, and why."""


def refusal(group: Group, definition: Definition, color: Color) -> Refusal | None:
    """Why this group cannot be a colour of the service."""
    return _of_its_template(group, definition, color) or _of_its_ways(group, definition, color) or _of_its_targets(group, definition, color)


def missing(definition: Definition, color: Color) -> str:
    return f"there is no Auto Scaling group {runtime_of(definition).groups.of(color)}; make it, or register the service with another"


def unmanageable(group: Group, definition: Definition) -> str:
    """Why no version of the launch template can be put on this group; empty where it can."""
    template = runtime_of(definition).launch_template
    if group.raw.get("MixedInstancesPolicy"):
        return f"{group.name} has a mixed instances policy; give it the launch template {template} alone"
    if group.template is None:
        return f"{group.name} has no launch template; give it {template}"
    return f"{group.name} has the launch template {group.template} and not {template}" if group.template != template else ""


def suspended(group: Group) -> str:
    """Which of the processes that Turnout relies on somebody suspended; empty where none."""
    names = {each["ProcessName"] for each in group.raw.get("SuspendedProcesses", [])}
    found = [name for name in _NEEDED if name in names]
    return f"the processes {', '.join(found)} of {group.name} are suspended; resume them" if found else ""


def _of_its_template(group: Group, definition: Definition, color: Color) -> Refusal | None:
    unfit = unmanageable(group, definition)
    of_another = group.template is not None and not group.raw.get("MixedInstancesPolicy")
    return ("runtime.launch_template" if of_another else _field(color), unfit) if unfit else None


def _of_its_ways(group: Group, definition: Definition, color: Color) -> Refusal | None:
    size, checks = runtime_of(definition).size, group.raw.get("HealthCheckType", "")
    if idle := suspended(group):
        return _field(color), idle
    if group.raw.get("WarmPoolConfiguration"):
        return _field(color), f"{group.name} has a warm pool, whose instances would come with an older release; delete it"
    if "ELB" not in checks.split(","):
        return _field(color), f"{group.name} would keep instances that serve nothing, for its HealthCheckType is {checks}; set it to ELB"
    if group.most < size:
        return "runtime.size", f"{size} instances are more than {group.name} may have, whose MaxSize is {group.most}; raise that or lower this"
    return None


def _of_its_targets(group: Group, definition: Definition, color: Color) -> Refusal | None:
    attached = {*group.raw.get("TargetGroupARNs", []), *(each["Identifier"] for each in group.raw.get("TrafficSources", []))}
    if definition.traffic.target_groups.of(color) not in attached:
        return _field(color), f"{group.name} is not attached to the target group {color}, so its instances would get no requests; attach it"
    if definition.traffic.target_groups.of(color.other) in attached:
        return _field(color), f"{group.name} is attached to the target group {color.other} too, so its instances would get that colour's requests; detach it"
    return None


def _field(color: Color) -> str:
    return f"runtime.groups.{color}"
