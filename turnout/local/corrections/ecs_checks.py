"""What ECS refuses of a service, and moto takes. Each raises what AWS answers with."""

from collections.abc import Mapping
from typing import Any

from moto.ecs.exceptions import EcsClientException, InvalidParameterException, TaskDefinitionNotFoundException

from turnout.local.corrections.elb import attached_groups


def active_definition(backend: Any, named: str) -> Any:
    """A family's name means its newest active revision."""
    try:
        definition = backend.describe_task_definition(named)
    except (TaskDefinitionNotFoundException, ValueError) as error:
        raise EcsClientException("TaskDefinition not found.") from error
    if definition.status != "ACTIVE":
        raise EcsClientException("TaskDefinition is inactive")
    return definition


def check_new(backend: Any, given: Mapping[str, Any], definition: Any) -> None:
    cluster = backend._get_cluster(given.get("cluster") or "default")  # noqa: SLF001  # what moto itself looks with
    there = backend.services.get(f"{cluster.name}:{given['serviceName']}")
    if there is not None and there.status == "ACTIVE":
        raise InvalidParameterException("Creation of service was not idempotent.")
    if there is not None and there.status == "DRAINING":
        raise InvalidParameterException("Unable to Start a service that is still Draining.")
    _check_network(definition, given.get("networkConfiguration"))
    _check_balancers(backend, definition, given.get("loadBalancers") or ())


def check_change(backend: Any, service: Any, given: Mapping[str, Any], definition: Any) -> None:
    """A task definition has to fit what the service says, said now or before."""
    if definition is not None or given.get("loadBalancers"):
        definition = definition or backend.describe_task_definition(service.task_definition)
        _check_network(definition, given.get("networkConfiguration") or service.network_configuration)
        _check_balancers(backend, definition, given.get("loadBalancers") or service.load_balancers)


def _check_network(definition: Any, network: Any) -> None:
    if definition is not None and definition.network_mode == "awsvpc" and not network:
        raise InvalidParameterException("Network Configuration must be provided when networkMode 'awsvpc' is specified.")


def _check_balancers(backend: Any, definition: Any, balancers: Any) -> None:
    for each in balancers:
        if definition is not None:
            _check_container(definition, each["containerName"], int(each["containerPort"]))
        if each.get("targetGroupArn"):
            _check_group(backend, definition, each["targetGroupArn"])


def _check_container(definition: Any, name: str, port: int) -> None:
    found = [each for each in definition.container_definitions if each["name"] == name]
    if not found:
        raise InvalidParameterException(f"The container {name} does not exist in the task definition.")
    if not any(int(mapping.get("containerPort") or 0) == port for mapping in found[0].get("portMappings") or ()):
        raise InvalidParameterException(f"The container {name} did not have a container port {port} defined.")


def _check_group(backend: Any, definition: Any, arn: str) -> None:
    from moto.elbv2.models import elbv2_backends

    elb = elbv2_backends[backend.account_id][backend.region_name]
    group = elb.target_groups.get(arn)
    if group is None:
        raise InvalidParameterException(f"The target group {arn} does not exist.")
    if arn not in attached_groups(elb):
        raise InvalidParameterException(f"The target group with targetGroupArn {arn} does not have an associated load balancer.")
    mode = definition.network_mode if definition is not None else None
    if mode == "awsvpc" and group.target_type != "ip":
        told = f"The provided target group {arn} has target type {group.target_type}, which is incompatible with the {mode} network mode"
        raise InvalidParameterException(f"{told} specified in the task definition.")
