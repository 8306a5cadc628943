"""What a described ECS service says about its rollout. Pure.

A service is stable again after a circuit breaker has rolled it back, so
nothing here asks whether it is stable: the deployment that is PRIMARY counts,
with the task definition it has, and what became of those of an attempt.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from chalicelib.colors import Color
from chalicelib.runtimes.ecs.task_definition import Told
from chalicelib.runtimes.runtime import Progress, Standing
from chalicelib.services.definition import Definition
from chalicelib.services.running import EcsRuntime

Service = Mapping[str, Any]
"""As DescribeServices answers it."""

ENDED_BADLY = frozenset({"STOP_REQUESTED", "STOPPED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"})
UNDER_WAY = frozenset({"PENDING", "IN_PROGRESS"})


def ecs_of(definition: Definition) -> EcsRuntime:
    """Raises `TypeError` for a definition of another runtime, which is never given here."""
    if not isinstance(definition.runtime, EcsRuntime):
        raise TypeError(f"{definition.name} has the runtime {definition.runtime.kind}")
    return definition.runtime


def absence(runtime: EcsRuntime, color: Color, service: Service) -> str | None:
    """Why there is nothing that a build could stand on."""
    name = runtime.services.of(color)
    if not service:
        return f"there is no ECS service {name} in cluster {runtime.cluster}; make it again, or register the service with another"
    if service.get("status") != "ACTIVE":
        return f"the ECS service {name} is {service.get('status')}; make it again, or register the service with another"
    return None


def unmanageable(service: Service) -> str | None:
    """Why Turnout and this service would undo each other's work."""
    name, configuration = service.get("serviceName"), service.get("deploymentConfiguration") or {}
    controller = (service.get("deploymentController") or {}).get("type", "ECS")
    if controller != "ECS":
        return f"{name} has the deployment controller {controller}; Turnout moves the traffic itself and needs the controller ECS"
    strategy = configuration.get("strategy") or "ROLLING"
    if strategy != "ROLLING":
        return f"{name} has the deployment strategy {strategy}, by which ECS writes the same weights as Turnout; make it ROLLING"
    if any(each.get("advancedConfiguration") for each in service.get("loadBalancers") or []):
        return f"{name} has an advancedConfiguration, by which ECS writes the same rules as Turnout; take it out"
    if service.get("schedulingStrategy", "REPLICA") != "REPLICA":
        return f"{name} has the scheduling strategy {service['schedulingStrategy']}, which has no size; make it REPLICA"
    return None


def primary(service: Service) -> Mapping[str, Any]:
    """The deployment that the service goes to or is at; empty where ECS shows none."""
    return next((each for each in service.get("deployments") or [] if each.get("status") == "PRIMARY"), {})


def task_definition_of(service: Service) -> str:
    return str(primary(service).get("taskDefinition") or service["taskDefinition"])


def is_completed(service: Service) -> bool:
    return primary(service).get("rolloutState") == "COMPLETED"


def failure(service: Service, task_definitions: Collection[str]) -> Standing | None:
    """`FAILED` where ECS has given up one of these task definitions and still shows it."""
    deployments = service.get("deployments") or []
    gone = (each for each in deployments if each.get("rolloutState") == "FAILED" and each.get("taskDefinition") in task_definitions)
    return next((_given_up(each.get("rolloutStateReason")) for each in gone), None)


def outcome(service_deployments: Iterable[Mapping[str, Any]], task_definitions: Mapping[str, str], ours: Collection[str]) -> Standing | None:
    """What became of an attempt, by the newest service deployment of one of its task definitions; `task_definitions` are by revision.

    An earlier one was stopped by the later one and says nothing. None: it was
    never begun, or it succeeded and somebody has changed the service since.
    """
    newest_first = sorted(service_deployments, key=lambda each: each["createdAt"], reverse=True)
    last = next((each for each in newest_first if task_definitions.get(each.get("targetServiceRevisionArn", "")) in ours), None)
    if last is None:
        return None
    if last["status"] in ENDED_BADLY:
        return _given_up(last.get("statusReason") or f"its deployment is {last['status']}")
    return Standing(Progress.WORKING, reason="ECS has begun to roll it out") if last["status"] in UNDER_WAY else None


def standing_of(service: Service, told: Told | None, at_least: int = 1) -> Standing:
    """How far the build is that the PRIMARY deployment has; `READY` with `at_least` so many tasks of it and none of another."""
    if told is None:
        return Standing(Progress.EMPTY, reason="what stands there was not put there by Turnout")
    unready, said = _unready(service, at_least), told.identity
    progress = Progress.WORKING if unready else Progress.READY
    return Standing(progress, said.version, told.digest, said.config_version, unready, said.repinned)


def _unready(service: Service, at_least: int) -> str:
    now, desired = primary(service), service.get("desiredCount", 0)
    running, failed = now.get("runningCount", 0), now.get("failedTasks", 0)
    told = f"{running} of {max(desired, at_least)} tasks run" + (f", {failed} failed" if failed else "")
    if desired == 0:
        return "scaled to 0"
    if now.get("rolloutState") != "COMPLETED" or running < at_least:
        return told
    # A rollout may count as completed before the tasks it replaces are gone, and those have the same target group.
    others = sum(each.get("runningCount", 0) for each in service.get("deployments") or [] if each.get("status") != "PRIMARY")
    return f"{others} tasks of another task definition still run" if others else ""


def _given_up(reason: str | None) -> Standing:
    return Standing(Progress.FAILED, reason=f"ECS gave up the rollout: {reason or 'no reason given'}")
