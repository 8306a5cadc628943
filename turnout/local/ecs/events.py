"""What EventBridge is told of deployments and tasks, in the words that ECS uses."""

import logging
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from turnout.local.ecs.tasks import Task

log = logging.getLogger(__name__)

Event = dict[str, Any]


def deployment_changed(service_arn: str, deployment_id: str, name: str, reason: str) -> Event:
    """Says neither cluster nor task definition: in AWS it does not either."""
    kind = "ERROR" if name == "SERVICE_DEPLOYMENT_FAILED" else "INFO"
    return _event(
        "ECS Deployment State Change",
        service_arn,
        {"eventType": kind, "eventName": name, "deploymentId": deployment_id, "updatedAt": _written(datetime.now(UTC)), "reason": reason},
    )


def task_changed(task: Task) -> Event:
    detail = {
        "clusterArn": task.cluster_arn,
        "taskArn": task.task_arn,
        "taskDefinitionArn": task.task_definition_arn,
        "group": task.group,
        "startedBy": task.started_by,
        "launchType": task.launch_type,
        "lastStatus": task.last_status,
        "desiredStatus": task.desired_status,
        "stopCode": task.stop_code,
        "stoppedReason": task.stopped_reason,
        "containers": task.containers,
        "attachments": task.attachments,
        "createdAt": _written(task.created_at),
        "updatedAt": _written(datetime.now(UTC)),
        "version": task.version,
    }
    return _event("ECS Task State Change", task.task_arn, {name: value for name, value in detail.items() if value is not None})


def send(events: Iterable[Event], *, account: str, region: str) -> None:
    """To the rules of the default bus. What one rule does with an event stops neither the others nor the tasks."""
    from moto.events.models import events_backends

    for event in events:
        bus: Any = events_backends[account][region].event_buses["default"]
        for rule in list(bus.rules.values()):
            try:
                rule.send_to_targets(event | {"account": account, "region": region}, transform_input=False)
            except Exception:  # whatever a target of the embedded AWS raises is between it and the rule
                log.exception("ecs.event_not_delivered rule=%s", rule.name)


def _event(kind: str, resource: str, detail: dict[str, Any]) -> Event:
    at = _written(datetime.now(UTC))
    return {"version": "0", "id": str(uuid.uuid4()), "detail-type": kind, "source": "aws.ecs", "time": at, "resources": [resource], "detail": detail}


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
