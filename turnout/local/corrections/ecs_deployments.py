"""ECS: service deployments and service revisions, which plain moto does not have at all."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.responses import EC2ContainerServiceResponse

from turnout.local.corrections.pages import page
from turnout.local.corrections.patches import Patches
from turnout.local.ecs import breaker
from turnout.local.ecs.deploying import revision_counts
from turnout.local.ecs.model import Revision, Rollouts, ServiceDeployment, rollouts_of


def correct(patches: Patches) -> None:
    added = {
        "list_service_deployments": _list_service_deployments,
        "describe_service_deployments": _describe_service_deployments,
        "describe_service_revisions": _describe_service_revisions,
    }
    for name, method in added.items():
        if name not in vars(EC2ContainerServiceResponse):
            setattr(EC2ContainerServiceResponse, name, method)
            patches.callback(delattr, EC2ContainerServiceResponse, name)


def _list_service_deployments(self: Any) -> Any:
    """The newest first."""
    given = dict(self.params)
    service = self.ecs_backend._get_service(given.get("cluster") or "default", given["service"].split("/")[-1])  # noqa: SLF001  # as moto itself looks
    rollouts = rollouts_of(service)
    found = [each for each in (rollouts.history if rollouts else ()) if _is_asked_for(each, given)]
    shown, more = page(found, given)
    return ActionResult({"serviceDeployments": [_brief(service, each) for each in shown], **more})


def _is_asked_for(record: ServiceDeployment, given: Mapping[str, Any]) -> bool:
    created = given.get("createdAt") or {}
    after, before = _moment(created.get("after")), _moment(created.get("before"))
    in_time = (after is None or record.created_at >= after) and (before is None or record.created_at <= before)
    return in_time and record.status in (given.get("status") or [record.status])


def _moment(at: Any) -> datetime | None:
    if at is None:
        return None
    moment = at if isinstance(at, datetime) else datetime.fromtimestamp(float(at), UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _describe_service_deployments(self: Any) -> Any:
    known = {each.arn: (service, each) for service, rollouts in _services(self) for each in rollouts.history}
    found, failures = _sorted_out(known, dict(self.params)["serviceDeploymentArns"])
    return ActionResult({"serviceDeployments": [_whole(service, each) for service, each in found], "failures": failures})


def _describe_service_revisions(self: Any) -> Any:
    known = {
        revision.arn: (service, revision) for service, rollouts in _services(self) for each in rollouts.history for revision in (each.target, *each.sources)
    }
    found, failures = _sorted_out(known, dict(self.params)["serviceRevisionArns"])
    return ActionResult({"serviceRevisions": [_revision(self.ecs_backend, service, each) for service, each in found], "failures": failures})


def _services(response: Any) -> list[tuple[Any, Rollouts]]:
    found = [(service, rollouts_of(service)) for service in list(response.ecs_backend.services.values())]
    return [(service, rollouts) for service, rollouts in found if rollouts is not None]


def _sorted_out(known: Mapping[str, Any], arns: list[str]) -> tuple[list[Any], list[dict[str, str]]]:
    return [known[arn] for arn in arns if arn in known], [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in known]


def _brief(service: Any, record: ServiceDeployment) -> dict[str, Any]:
    return _without_nothing(
        {
            "serviceDeploymentArn": record.arn,
            "serviceArn": service.arn,
            "clusterArn": service.cluster_arn,
            "createdAt": record.created_at,
            "startedAt": record.created_at,
            "finishedAt": record.finished_at,
            "targetServiceRevisionArn": record.target.arn,
            "status": record.status,
            "statusReason": record.reason,
        }
    )


def _whole(service: Any, record: ServiceDeployment) -> dict[str, Any]:
    brief = _brief(service, record)
    brief.pop("targetServiceRevisionArn")
    return _without_nothing(
        brief
        | {
            "updatedAt": record.updated_at,
            "stoppedAt": record.stopped_at,
            "targetServiceRevision": revision_counts(service.rollouts, record.target),
            "sourceServiceRevisions": [revision_counts(service.rollouts, each) for each in record.sources],
            "deploymentConfiguration": record.breaker,
            "rollback": record.rollback,
            "deploymentCircuitBreaker": _breaker(record),
            "alarms": {"status": "DISABLED", "alarmNames": [], "triggeredAlarmNames": []},
        }
    )


def _breaker(record: ServiceDeployment) -> dict[str, Any]:
    watching = "MONITORING_COMPLETE" if record.is_final else "MONITORING"
    status = "TRIGGERED" if record.triggered else watching if breaker.is_on(record.breaker) else "DISABLED"
    return {"status": status, "failureCount": record.failures, "threshold": record.threshold}


def _revision(backend: Any, service: Any, revision: Revision) -> dict[str, Any]:
    definition = backend.describe_task_definition(revision.task_definition)
    images = [{"containerName": each["name"], "image": each["image"], "imageDigest": _digest(each["image"])} for each in definition.container_definitions]
    return {
        "serviceRevisionArn": revision.arn,
        "serviceArn": service.arn,
        "clusterArn": service.cluster_arn,
        "taskDefinition": revision.task_definition,
        "containerImages": [_without_nothing(each) for each in images],
        "createdAt": revision.created_at,
        **revision.settings,
    }


def _digest(image: str) -> str | None:
    return image.partition("@")[2] or None


def _without_nothing(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}
