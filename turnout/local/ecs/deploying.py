"""What begins, completes, fails and rolls back a deployment, and what the API then shows.

    begun ─ every task runs, is healthy, no older one is left ─▶ COMPLETED   (SUCCESSFUL, ROLLBACK_SUCCESSFUL)
      └──── the circuit breaker opens ─▶ FAILED ─ rollback ─▶ a new primary on the last completed revision
                                                └ otherwise ─▶ no further task is started   (STOPPED, ROLLBACK_FAILED)

In brackets the status of its service deployment. Called with `LOCK` held.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from turnout.local.ecs import breaker, events
from turnout.local.ecs.model import EVENTS_KEPT, HISTORY_KEPT, Deployment, Revision, Rollouts, ServiceDeployment, now, number, word

_TOO_MANY = "ECS deployment circuit breaker: tasks failed to start."
_ROLLED_BACK = "Service deployment rolled back because the circuit breaker threshold was exceeded."


def begin(service: Any, task_definition: str, settings: Mapping[str, Any]) -> None:
    """A new primary. One that was still in progress is stopped by it."""
    rollouts: Rollouts = service.rollouts
    replaced = rollouts.primary
    if replaced and not replaced.record.is_final:
        _finish(replaced.record, "STOPPED", "A new service deployment took its place.", stopped=True)
    its_number = number()
    revision = Revision(f"{_arn(service, 'service-revision')}/{its_number}", task_definition, settings)
    record = ServiceDeployment(
        arn=f"{_arn(service, 'service-deployment')}/{word()}",
        target=revision,
        sources=tuple({each.revision.arn: each.revision for each in rollouts.deployments}.values()),
        breaker=service.deployment_configuration,
        threshold=breaker.threshold(service.deployment_configuration, service.desired_count),
    )
    rollouts.history = [record, *rollouts.history][:HISTORY_KEPT]
    _take_over(service, Deployment(f"ecs-svc/{its_number}", revision, record), None)


def _take_over(service: Any, deployment: Deployment, reason: str | None) -> None:
    """An empty service has nothing to wait for."""
    rollouts: Rollouts = service.rollouts
    deployment.reason = reason or f"ECS deployment {deployment.id} in progress."
    rollouts.deployments.insert(0, deployment)
    rollouts.is_steady = False
    _tell(service, deployment, "SERVICE_DEPLOYMENT_IN_PROGRESS")
    if service.desired_count == 0 and not rollouts.tasks:
        complete(service)
    publish(service)


def complete(service: Any) -> None:
    rollouts: Rollouts = service.rollouts
    deployment = rollouts.deployments[0]
    _change(deployment, "COMPLETED", f"ECS deployment {deployment.id} completed.")
    _finish(deployment.record, "ROLLBACK_SUCCESSFUL" if deployment.record.rollback else "SUCCESSFUL", deployment.record.reason)
    rollouts.completed, rollouts.deployments = deployment, [deployment]
    say(service, f"(deployment {deployment.id}) deployment completed.")
    _tell(service, deployment, "SERVICE_DEPLOYMENT_COMPLETED")


def fail(service: Any) -> None:
    """A rollback that fails too is not rolled back again, and without a completed deployment there is nowhere to go."""
    rollouts: Rollouts = service.rollouts
    deployment = rollouts.deployments[0]
    record, was_rolling_back = deployment.record, deployment.record.rollback is not None
    record.triggered = True
    _change(deployment, "FAILED", _TOO_MANY)
    say(service, f"(deployment {deployment.id}) deployment failed: tasks failed to start.")
    _tell(service, deployment, "SERVICE_DEPLOYMENT_FAILED")
    if not breaker.rolls_back(service.deployment_configuration):
        _finish(record, "STOPPED", "The circuit breaker threshold was exceeded.", stopped=True)
    elif was_rolling_back or rollouts.completed is None:
        _finish(record, "ROLLBACK_FAILED", _ROLLED_BACK if was_rolling_back else "There is no completed deployment to roll back to.")
    else:
        _roll_back(service, deployment, rollouts.completed)


def _roll_back(service: Any, failed: Deployment, completed: Deployment) -> None:
    record = failed.record
    record.rollback = {"reason": _ROLLED_BACK, "startedAt": now(), "serviceRevisionArn": completed.revision.arn}
    record.status, record.reason, record.updated_at = "ROLLBACK_IN_PROGRESS", _ROLLED_BACK, now()
    say(service, f"rolling back to deployment {completed.id}.")
    back = Deployment(f"ecs-svc/{number()}", completed.revision, record)
    _take_over(service, back, f"ECS deployment circuit breaker: rolling back to deploymentId {completed.id}.")


def publish(service: Any) -> None:
    """What the API reads. Every list is a new one, for it is written into answers without a lock."""
    rollouts: Rollouts = service.rollouts
    tasks = [task for task in rollouts.tasks if task.is_wanted]
    service.deployments = [_shown(service, each, each is rollouts.primary) for each in rollouts.deployments]
    service.running_count = sum(task.is_running for task in tasks)
    service.pending_count = sum(not task.is_running and not task.has_ended for task in tasks)
    service.events = list(rollouts.events)
    if primary := rollouts.primary:
        service.task_definition = primary.revision.task_definition
        service.current_service_deployment = primary.record.arn
        revisions = {each.revision.arn: each.revision for each in rollouts.deployments}
        service.current_service_revisions = [revision_counts(rollouts, revision) for revision in revisions.values()]


def say(service: Any, message: str) -> None:
    event = {"id": str(uuid.uuid4()), "createdAt": now(), "message": f"(service {service.name}) {message}"}
    service.rollouts.events = [event, *service.rollouts.events][:EVENTS_KEPT]


def revision_counts(rollouts: Rollouts, revision: Revision) -> dict[str, Any]:
    ids = [each.id for each in rollouts.deployments if each.revision is revision]
    tasks = [task for each in ids for task in rollouts.here(each)]
    running = sum(task.is_running for task in tasks)
    return {"arn": revision.arn, "requestedTaskCount": len(tasks), "runningTaskCount": running, "pendingTaskCount": len(tasks) - running}


def _shown(service: Any, deployment: Deployment, is_primary: bool) -> dict[str, Any]:
    here = service.rollouts.here(deployment.id)
    running = sum(task.is_running for task in here)
    return {
        "id": deployment.id,
        "status": "PRIMARY" if is_primary else "ACTIVE",
        "taskDefinition": deployment.revision.task_definition,
        "desiredCount": service.desired_count if is_primary else len(here),
        "pendingCount": len(here) - running,
        "runningCount": running,
        "failedTasks": deployment.failed_tasks,
        "createdAt": deployment.created_at,
        "updatedAt": deployment.updated_at,
        "rolloutState": deployment.rollout_state,
        "rolloutStateReason": deployment.reason,
        **{name: value for name, value in deployment.revision.settings.items() if name in {"launchType", "platformVersion", "networkConfiguration"} and value},
    }


def _change(deployment: Deployment, state: str, reason: str) -> None:
    deployment.rollout_state, deployment.reason, deployment.updated_at = state, reason, now()


def _finish(record: ServiceDeployment, status: str, reason: str | None, *, stopped: bool = False) -> None:
    record.status, record.reason, record.updated_at, record.finished_at = status, reason, now(), now()
    record.stopped_at = record.finished_at if stopped else None


def _tell(service: Any, deployment: Deployment, name: str) -> None:
    service.rollouts.outbox.append(events.deployment_changed(service.arn, deployment.id, name, deployment.reason))


def _arn(service: Any, kind: str) -> str:
    return f"{service.cluster_arn.replace(':cluster/', f':{kind}/')}/{service.name}"
