"""Whether a pair of ECS services is as a definition says and can be managed. Writes nothing."""

from collections.abc import Mapping
from typing import Any, Never

from chalicelib.aws.faults import translated
from chalicelib.colors import Color
from chalicelib.errors import Invalid, NotFound
from chalicelib.runtimes.ecs.cluster import Cluster
from chalicelib.runtimes.ecs.rollout import absence, ecs_of, task_definition_of, unmanageable
from chalicelib.runtimes.ecs.task_definition import Described, container_in, listens_on
from chalicelib.services.definition import Definition
from chalicelib.services.running import EcsRuntime

# By what tasks of a network mode are registered.
_TARGET_TYPES = {"awsvpc": "ip", "bridge": "instance", "host": "instance"}


def survey(elbv2: Any, cluster: Cluster, definition: Definition) -> None:
    """Raises `Invalid` naming the field that is not so."""
    runtime = ecs_of(definition)
    try:
        services = cluster.surveyed(runtime)
    except NotFound:
        _refuse("runtime.cluster", f"there is no cluster {runtime.cluster}; name one that exists")
    base = _base(cluster, runtime)
    for color in Color:
        service = services[color]
        if reason := absence(runtime, color, service) or unmanageable(service):
            _refuse(f"runtime.services.{color}", reason)
        _require_balanced(definition, color, service)
        described = base or _described(cluster, color, service)
        _require_container(runtime, described)
        _require_group(elbv2, definition, color, described)


def _base(cluster: Cluster, runtime: EcsRuntime) -> Described | None:
    if runtime.task_definition is None:
        return None
    found = cluster.newest(runtime.task_definition)
    if found is None:
        _refuse("runtime.task_definition", f"there is no active task definition of the family {runtime.task_definition}; name one that exists")
    return found


def _described(cluster: Cluster, color: Color, service: Mapping[str, Any]) -> Described:
    try:
        return cluster.task_definition(task_definition_of(service))
    except NotFound:
        _refuse(f"runtime.services.{color}", f"the task definition of {service['serviceName']} is gone; name the family of another as runtime.task_definition")


def _require_balanced(definition: Definition, color: Color, service: Mapping[str, Any]) -> None:
    """The service registers its tasks in its colour's group, and in no group of the other one."""
    runtime, groups = ecs_of(definition), definition.traffic.target_groups
    field, name = f"runtime.services.{color}", service["serviceName"]
    by_group = {each.get("targetGroupArn"): each for each in service.get("loadBalancers") or []}
    if groups.of(color.other) in by_group:
        _refuse(field, f"{name} registers its tasks in the target group of {color.other}; give it the one of {color}")
    entry = by_group.get(groups.of(color))
    if entry is None:
        _refuse(field, f"{name} does not register its tasks in the target group of {color}; give it that as its load balancer")
    if entry.get("containerName") != runtime.container:
        _refuse("runtime.container", f"{name} registers the container {entry.get('containerName')}, not {runtime.container}; name that one")
    if entry.get("containerPort") != runtime.port:
        _refuse("runtime.port", f"{name} registers the port {entry.get('containerPort')}, not {runtime.port}; name that one")


def _require_container(runtime: EcsRuntime, described: Described) -> None:
    which = f"task definition {described.get('family')}:{described.get('revision')}"
    container = container_in(described, runtime.container)
    if container is None:
        _refuse("runtime.container", f"{which} has no container {runtime.container}; name one that it has")
    if not listens_on(container, runtime.port):
        _refuse("runtime.port", f"the container {runtime.container} of {which} has no port mapping for {runtime.port}; name a port that it has")


def _require_group(elbv2: Any, definition: Definition, color: Color, described: Described) -> None:
    field, mode = f"traffic.target_groups.{color}", described.get("networkMode") or "bridge"
    try:
        with translated(f"reading target group {color}"):
            [group] = elbv2.describe_target_groups(TargetGroupArns=[definition.traffic.target_groups.of(color)])["TargetGroups"]
    except NotFound:
        _refuse(field, "there is no such target group; name one that exists")
    needed = _TARGET_TYPES.get(mode)
    if needed is None:
        _refuse("runtime.container", f"the task definition has the network mode {mode}, by which nothing can be reached; give it awsvpc")
    if group["TargetType"] != needed:
        _refuse(field, f"this group takes targets of type {group['TargetType']}; tasks with the network mode {mode} need type {needed}")


def _refuse(field: str, why: str) -> Never:
    raise Invalid(f"{field}: {why}", field=field)
