"""What stands behind a service of the runtime autoscaling: two Auto Scaling groups and the launch template of their instances."""

from collections.abc import Iterator
from typing import Any

from turnout.cli.context import Json
from turnout.cli.doctor.clients import Clients, found
from turnout.cli.doctor.findings import Finding, ok, problem, warning
from turnout.cli.doctor.traffic import COLORS

_NEEDED = ("Launch", "Terminate", "AddToLoadBalancer", "InstanceRefresh")


def groups(clients: Clients, service: Json, region: str) -> Iterator[Finding]:
    runtime = service["definition"]["runtime"]
    names = [runtime["groups"][color] for color in COLORS]
    told = clients("autoscaling", region).describe_auto_scaling_groups(AutoScalingGroupNames=names)["AutoScalingGroups"]
    by_name = {each["AutoScalingGroupName"]: each for each in told}
    for color, name in zip(COLORS, names, strict=True):
        group = by_name.get(name)
        if group is None:
            yield problem(f"there is no Auto Scaling group {name}", "make it again, or register the service with another")
            continue
        yield from _attached(group, service["definition"]["traffic"]["target_groups"], color)
        yield from _manageable(group, runtime)
        yield from _launches(group, runtime, is_live=color == (service["live"] or {}).get("color"))
    yield from _sizes(by_name, names)
    told = ", ".join(f"{name} {len(each.get('Instances', []))} instances" for name, each in by_name.items())
    yield ok(f"both groups can be managed ({told})")


def _attached(group: dict[str, Any], target_groups: dict[str, str], color: str) -> Iterator[Finding]:
    name, other = group["AutoScalingGroupName"], "green" if color == "blue" else "blue"
    attached = {*group.get("TargetGroupARNs", []), *(each["Identifier"] for each in group.get("TrafficSources", []))}
    change = f"load-balancer-target-groups --auto-scaling-group-name {name} --target-group-arns"
    if target_groups[color] not in attached:
        said = f"{name} is not attached to target group {color}, so its instances get no requests"
        yield problem(said, f"aws autoscaling attach-{change} {target_groups[color]}")
    if target_groups[other] in attached:
        yield problem(f"{name} is attached to target group {other} too", f"aws autoscaling detach-{change} {target_groups[other]}")


def _manageable(group: dict[str, Any], runtime: Json) -> Iterator[Finding]:
    name, checks = group["AutoScalingGroupName"], group.get("HealthCheckType", "")
    update = f"aws autoscaling update-auto-scaling-group --auto-scaling-group-name {name}"
    if "ELB" not in checks.split(","):
        yield problem(f"{name} keeps instances that serve nothing: its health check type is {checks}", f"{update} --health-check-type ELB")
    if group["MaxSize"] < (size := runtime.get("size", 1)):
        yield problem(f"{name} may have {group['MaxSize']} instances, and a colour is started with {size}", f"{update} --max-size {size}")
    suspended = {each["ProcessName"] for each in group.get("SuspendedProcesses", [])}
    if stopped := [each for each in _NEEDED if each in suspended]:
        remedy = f"aws autoscaling resume-processes --auto-scaling-group-name {name} --scaling-processes {' '.join(stopped)}"
        yield problem(f"{', '.join(stopped)} of {name} are suspended", remedy)
    if group.get("WarmPoolConfiguration"):
        remedy = f"aws autoscaling delete-warm-pool --auto-scaling-group-name {name}"
        yield problem(f"{name} has a warm pool, whose instances come with an older release", remedy)


def _launches(group: dict[str, Any], runtime: Json, *, is_live: bool) -> Iterator[Finding]:
    name, template = group["AutoScalingGroupName"], group.get("LaunchTemplate") or {}
    if group.get("MixedInstancesPolicy") or template.get("LaunchTemplateName") != runtime["launch_template"]:
        has = "a mixed instances policy" if group.get("MixedInstancesPolicy") else f"the launch template {template.get('LaunchTemplateName')}"
        yield problem(f"{name} has {has} and not the launch template {runtime['launch_template']}", "give it that one alone")
    elif is_live and not str(template.get("Version", "")).isdigit():
        said = f"{name}, which is live, follows version {template.get('Version')} of its launch template: an instance that comes now may have another release"
        yield problem(said, "deploy the live release again: each deployment sets a version by its number")


def _sizes(by_name: dict[str, dict[str, Any]], names: list[str]) -> Iterator[Finding]:
    """A colour has to be able to take what the other one serves."""
    for name, other in (names, reversed(names)):
        here, there = by_name.get(name), by_name.get(other)
        if here and there and here["MaxSize"] < there["DesiredCapacity"]:
            said = f"{name} may have {here['MaxSize']} instances, and {other} has {there['DesiredCapacity']}, so it cannot take the whole traffic"
            yield warning(said, f"aws autoscaling update-auto-scaling-group --auto-scaling-group-name {name} --max-size {there['DesiredCapacity']}")


def launch_template(clients: Clients, service: Json, region: str) -> Iterator[Finding]:
    name = service["definition"]["runtime"]["launch_template"]
    absent = ("InvalidLaunchTemplateName.NotFoundException", "InvalidLaunchTemplateId.NotFound")
    told = found(clients("ec2", region).describe_launch_templates, *absent, LaunchTemplateNames=[name])
    if not told or not told["LaunchTemplates"]:
        yield problem(f"there is no launch template {name}, from which releases are made", "make it again, or name another as runtime.launch_template")
        return
    yield ok(f"launch template {name} is there; releases are made from its version {told['LaunchTemplates'][0]['DefaultVersionNumber']}")
