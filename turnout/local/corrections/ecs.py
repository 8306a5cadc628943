"""ECS: services that have deployments, and tasks that somebody runs.

Plain moto keeps the first deployment of a service for ever, with the counts of
its first day, stores a task definition under whatever name it was given, drops
the deployment configuration, makes a second service over the first, and has no
service deployments, no revisions and no tasks of services. What runs the tasks
is `turnout/local/ecs`.
"""

from collections.abc import Mapping
from typing import Any

from botocore import xform_name
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.ecs.exceptions import InvalidParameterException
from moto.ecs.models import EC2ContainerServiceBackend
from moto.ecs.responses import EC2ContainerServiceResponse

from turnout.local.corrections import ecs_checks, ecs_deployments, ecs_scaling, ecs_tasks
from turnout.local.corrections.patches import Patches
from turnout.local.ecs import deploying
from turnout.local.ecs.events import send
from turnout.local.ecs.model import LOCK, Rollouts, now, rollouts_of

DEFAULT_CONFIGURATION: dict[str, Any] = {
    "deploymentCircuitBreaker": {"enable": False, "rollback": False},
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
    "strategy": "ROLLING",
    "bakeTimeInMinutes": 0,
}
WORKLOAD = (
    *("loadBalancers", "networkConfiguration", "launchType", "platformVersion", "capacityProviderStrategy", "serviceRegistries"),
    *("serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"),
)
"""What beside the task definition makes a service revision: a change of any of it is a new deployment."""
_NOT_KEPT = {"cluster", "service", "serviceName", "taskDefinition", "clientToken", "forceNewDeployment", "deploymentConfiguration", "role"}


class ServiceNotActive(ServiceException):
    def __init__(self) -> None:
        super().__init__("ServiceNotActiveException", "Service was not ACTIVE.")


def correct(patches: Patches) -> None:
    patches.replace(EC2ContainerServiceResponse, "create_service", _creating)
    patches.replace(EC2ContainerServiceResponse, "update_service", lambda _: _update_service)
    patches.replace(EC2ContainerServiceBackend, "delete_service", _leaving_tasks_time)
    ecs_tasks.correct(patches)
    ecs_deployments.correct(patches)
    ecs_scaling.correct(patches)


def _creating(original: Any) -> Any:
    def create_service(self: Any) -> Any:
        given, backend = dict(self.params), self.ecs_backend
        with LOCK:
            definition = ecs_checks.active_definition(backend, given["taskDefinition"]) if given.get("taskDefinition") else None
            ecs_checks.check_new(backend, given, definition)
            _complete_network(given)
            answer = original(self)
            service = answer.result["service"]
            _keep(service, given)
            _take_up(service, given.get("deploymentConfiguration"))
        _send(backend, service)
        return answer

    return create_service


def _take_up(service: Any, configuration: Mapping[str, Any] | None) -> None:
    """With its first deployment."""
    service.created_at, service.rollouts = now(), Rollouts()
    service.deployment_configuration = DEFAULT_CONFIGURATION | dict(configuration or {})
    if service.task_definition and service.deployment_controller["type"] == "ECS":
        deploying.begin(service, service.task_definition, _workload(service))
    deploying.publish(service)


def _complete_network(given: Mapping[str, Any]) -> None:
    """Without security groups it is those of the VPC; moto fails without the key."""
    if vpc := (given.get("networkConfiguration") or {}).get("awsvpcConfiguration"):
        vpc.setdefault("securityGroups", [])


def _update_service(self: Any) -> Any:
    """Moto keeps the name of the task definition as it was given, and the one deployment as it was."""
    given, backend = dict(self.params), self.ecs_backend
    name = given["service"].split("/")[-1]
    with LOCK:
        service = backend._get_service(given.get("cluster") or "default", name)  # noqa: SLF001  # what moto itself looks with
        if service.status != "ACTIVE":
            raise ServiceNotActive
        if rollouts_of(service) is None:  # made by CloudFormation, which does not come this way
            _take_up(service, None)
        definition = _wanted_definition(backend, service, given)
        _complete_network(given)
        ecs_checks.check_change(backend, service, given, definition)
        before = _workload(service)
        service.deployment_configuration = service.deployment_configuration | (given.get("deploymentConfiguration") or {})
        _keep(service, given)
        _deploy_what_changed(service, definition, before, force=bool(given.get("forceNewDeployment")))
        deploying.publish(service)
    _send(backend, service)
    return ActionResult({"service": service})


def _wanted_definition(backend: Any, service: Any, given: Mapping[str, Any]) -> Any:
    """None where nothing is said of it and it stays."""
    named = given.get("taskDefinition")
    kind = service.deployment_controller["type"]
    deploying_it = [name for name in ("taskDefinition", "forceNewDeployment", *WORKLOAD) if given.get(name)]
    if kind != "ECS" and deploying_it:
        raise InvalidParameterException(f"Unable to update {', '.join(deploying_it)} on services with a {kind} deployment controller.")
    return ecs_checks.active_definition(backend, named) if named else None


def _deploy_what_changed(service: Any, definition: Any, before: Mapping[str, Any], *, force: bool) -> None:
    """Another number of tasks is no new deployment."""
    rollouts: Rollouts = service.rollouts
    rollouts.is_steady = False
    if service.deployment_controller["type"] != "ECS":
        return
    arn = definition.arn if definition is not None else service.task_definition
    if force or arn != service.task_definition or _workload(service) != before:
        deploying.begin(service, arn, _workload(service))


def _keep(service: Any, given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        if name not in _NOT_KEPT and value is not None:
            setattr(service, xform_name(name), value)


def _workload(service: Any) -> dict[str, Any]:
    kept = {name: getattr(service, xform_name(name), None) for name in WORKLOAD}
    return {name: value for name, value in kept.items() if value}


def _send(backend: Any, service: Any) -> None:
    """Once the answer is made: whoever hears of a deployment can read it."""
    with LOCK:
        told, service.rollouts.outbox = service.rollouts.outbox, []
    send(told, account=backend.account_id, region=backend.region_name)


def _leaving_tasks_time(original: Any) -> Any:
    """A service is DRAINING until its tasks have stopped; moto calls it INACTIVE at once, with its tasks."""

    def delete_service(self: Any, cluster_name: str, service_name: str, force: bool) -> Any:
        with LOCK:
            service = original(self, cluster_name, service_name.rsplit("/", maxsplit=1)[-1], force)
            rollouts = rollouts_of(service)
            if rollouts is not None:
                service.desired_count = 0
                service.status = "DRAINING" if any(not task.has_ended for task in rollouts.tasks) else "INACTIVE"
                deploying.publish(service)
            return service

    return delete_service


