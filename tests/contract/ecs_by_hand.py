"""The part of ECS and Application Auto Scaling that a runtime uses, with AWS's rules where moto has none: a rollout takes
several looks, a circuit breaker gives one up and rolls it back until the service looks stable again, what was just
written is not seen at once, equal task definitions are registered again and again. Every request is checked against
botocore's own model of it.

`interrupt_at(n)` lets the n-th call from now happen and then kills the caller; `refuse` makes an operation fail.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

from tests.contract.functions import Interrupted, failure

ARN = "arn:aws:ecs:eu-west-1:123456789012:"
FAILURES_THAT_OPEN_THE_BREAKER = 3
_SESSION = botocore.session.get_session()
_MODELS = {name: _SESSION.get_service_model(name) for name in ("ecs", "application-autoscaling", "elbv2", "secretsmanager")}
_DEFAULTS = {"cpu": 0, "mountPoints": [], "volumesFrom": [], "systemControls": []}


def a_base(family: str = "web-base", image: str = "busybox", **rest: Any) -> dict[str, Any]:
    app = {"name": "app", "image": image, "memory": 128, "portMappings": [{"containerPort": 8080}], "environment": [{"name": "LEFT", "value": "over"}]}
    sidecar = {"name": "logs", "image": "fluent:1", "essential": False, "memory": 64}
    return {"family": family, "networkMode": "awsvpc", "containerDefinitions": [app, sidecar], "executionRoleArn": "arn:aws:iam::123456789012:role/e"} | rest


class Ecs:
    """A cluster `turnout`. `slow` is how many looks a rollout takes, `lag` how many looks show what was before the last write.

    `broken` are images whose tasks never run. `targets` are the tasks that each target group has.
    """

    def __init__(self, *, slow: int = 2, lag: int = 0) -> None:
        self.slow, self.lag = slow, lag
        self.broken: set[str] = set()
        self.task_definitions: dict[str, list[dict[str, Any]]] = {}
        self.services: dict[str, dict[str, Any]] = {}
        self.service_deployments: list[dict[str, Any]] = []
        self.revisions: dict[str, str] = {}
        self.scalable: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self.calls: list[str] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.ecs = self.ecs_look = self.ecs_update = self._client("ecs", "_s_")
        self.application_autoscaling = self.application_autoscaling_look = self._client("application-autoscaling", "_a_")
        self.elbv2, self.secretsmanager = self._client("elbv2", "_e_"), self._client("secretsmanager", "_m_")
        self._numbers = count(1)
        self._left: int | None = None
        self._refused: dict[str, ClientError] = {}
        self._old: dict[str, dict[str, Any]] = {}
        self._looks_at_old = 0

    def make_service(self, name: str, group: str, family: str, desired: int = 0, **rest: Any) -> dict[str, Any]:
        task_definition = self.task_definitions[family][-1]["taskDefinitionArn"]
        self.groups[group] = "ip"
        self.services[name] = {
            "serviceName": name, "status": "ACTIVE", "desiredCount": desired, "taskDefinition": task_definition, "schedulingStrategy": "REPLICA",
            "deploymentController": {"type": "ECS"}, "deployments": [],
            "deploymentConfiguration": {"strategy": "ROLLING", "deploymentCircuitBreaker": {"enable": True, "rollback": True}},
            "loadBalancers": [{"targetGroupArn": group, "containerName": "app", "containerPort": 8080}],
        } | rest  # fmt: skip
        self._begin(self.services[name], task_definition)
        self._complete(self.services[name], self.services[name]["deployments"][0])
        return self.services[name]

    def register(self, request: dict[str, Any]) -> dict[str, Any]:
        """As somebody else would."""
        return self._s_register_task_definition(**deepcopy(request))["taskDefinition"]

    def make_scalable(self, name: str, least: int, most: int, **suspended: bool) -> None:
        self.scalable[f"service/turnout/{name}"] = {"MinCapacity": least, "MaxCapacity": most, "SuspendedState": suspended}

    def targets(self, group: str) -> list[str]:
        found = [service for service in self.services.values() if any(each["targetGroupArn"] == group for each in service["loadBalancers"])]
        return [f"10.0.0.{number}:{each['serviceName']}" for each in found for number in range(sum(one["runningCount"] for one in each["deployments"]))]

    def primary(self, name: str) -> dict[str, Any]:
        return next(each for each in self.services[name]["deployments"] if each["status"] == "PRIMARY")

    def running(self, name: str) -> dict[str, Any]:
        """The task definition of the PRIMARY deployment."""
        return self._by_arn(self.primary(name)["taskDefinition"])

    def settle(self) -> None:
        """Time passes, and nobody looks."""
        for _ in range(20):
            self._pass()
        self._looks_at_old = 0

    def interrupt_at(self, call: int) -> None:
        self._left = call

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Calls that a test makes for itself are not counted towards the interruption."""
        left, self._left = self._left, None
        yield
        self._left = left

    def refuse(self, operation: str, code: str, message: str = "because") -> None:
        self._refused[operation] = failure(code, operation, message)

    def allow(self, operation: str) -> None:
        self._refused.pop(operation, None)

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if not call.startswith(("describe_", "list_"))]

    def _client(self, service: str, prefix: str) -> SimpleNamespace:
        return SimpleNamespace(**{name[3:]: self._called(service, prefix, name[3:]) for name in dir(self) if name.startswith(prefix)})

    def _called(self, service: str, prefix: str, name: str) -> Any:
        def call(**parameters: Any) -> dict[str, Any]:
            operation = "".join(part.capitalize() for part in name.split("_"))
            report = validate_parameters(parameters, _MODELS[service].operation_model(operation).input_shape)
            assert report is None
            self.calls.append(name)
            self.asked.append((name, deepcopy(parameters)))
            if error := self._refused.get(name):
                raise error
            answer = deepcopy(getattr(self, prefix + name)(**parameters))
            if self._left is not None:
                self._left -= 1
                if self._left == 0:
                    self._left = None
                    raise Interrupted
            return answer

        return call

    def _s_describe_services(self, cluster: str, services: list[str]) -> dict[str, Any]:
        if cluster != "turnout":
            raise failure("ClusterNotFoundException", "DescribeServices")
        self._pass()
        shown = self._old if self._looks_at_old else self.services
        self._looks_at_old = max(0, self._looks_at_old - 1)
        return {"services": [shown[name] for name in services if name in shown], "failures": [{"arn": name, "reason": "MISSING"} for name in services if name not in shown]}

    def _s_update_service(self, cluster: str, service: str, desiredCount: int | None = None, taskDefinition: str | None = None) -> dict[str, Any]:
        if service not in self.services:
            raise failure("ServiceNotFoundException", "UpdateService")
        if self.services[service]["status"] != "ACTIVE":
            raise failure("ServiceNotActiveException", "UpdateService")
        self._old, self._looks_at_old = deepcopy(self.services), self.lag
        updated = self.services[service]
        if desiredCount is not None:
            updated["desiredCount"] = self.primary(service)["desiredCount"] = desiredCount
        # What changes nothing begins no deployment.
        if taskDefinition is not None and self._by_arn(taskDefinition)["taskDefinitionArn"] != updated["taskDefinition"]:
            self._begin(updated, taskDefinition)
        return {"service": updated}

    def _s_register_task_definition(self, family: str, containerDefinitions: list[dict[str, Any]], **rest: Any) -> dict[str, Any]:
        for container in containerDefinitions:
            _check(container, rest)
        tags, revisions = rest.pop("tags", []), self.task_definitions.setdefault(family, [])
        # ECS fills in what was left out, and keeps variables in an order of its own.
        containers = [_DEFAULTS | each | {"environment": each.get("environment", [])[::-1]} for each in containerDefinitions]
        registered = {
            "family": family, "revision": len(revisions) + 1, "status": "ACTIVE", "taskDefinitionArn": f"{ARN}task-definition/{family}:{len(revisions) + 1}",
            "containerDefinitions": containers, "volumes": [], "placementConstraints": [], "compatibilities": ["EC2"], "requiresAttributes": [{"name": "a"}],
            "registeredAt": self._now(), "registeredBy": "somebody",
        } | rest  # fmt: skip
        revisions.append(registered | {"_tags": tags})
        return {"taskDefinition": registered, "tags": tags}

    def _s_describe_task_definition(self, taskDefinition: str, include: list[str]) -> dict[str, Any]:
        found = dict(self._by_arn(taskDefinition))
        tags = found.pop("_tags")
        return {"taskDefinition": found, "tags": tags}

    def _s_list_service_deployments(self, cluster: str, service: str, createdAt: dict[str, Any] | None = None, nextToken: str = "0") -> dict[str, Any]:
        after = (createdAt or {}).get("after", datetime.min.replace(tzinfo=UTC))
        found = [each for each in reversed(self.service_deployments) if each["serviceArn"].endswith(f"/{service}") and each["createdAt"] > after]
        start = int(nextToken)
        more = {"nextToken": str(start + 2)} if len(found) > start + 2 else {}
        return {"serviceDeployments": found[start : start + 2], **more}

    def _s_describe_service_revisions(self, serviceRevisionArns: list[str]) -> dict[str, Any]:
        if not 1 <= len(serviceRevisionArns) <= 20:
            raise failure("InvalidParameterException", "DescribeServiceRevisions")
        return {"serviceRevisions": [{"serviceRevisionArn": arn, "taskDefinition": self.revisions[arn]} for arn in serviceRevisionArns]}

    def _a_describe_scalable_targets(self, ServiceNamespace: str, ResourceIds: list[str], ScalableDimension: str) -> dict[str, Any]:
        assert (ServiceNamespace, ScalableDimension) == ("ecs", "ecs:service:DesiredCount")
        return {"ScalableTargets": [{"ResourceId": each, **self.scalable[each]} for each in ResourceIds if each in self.scalable]}

    def _a_register_scalable_target(self, ResourceId: str, SuspendedState: dict[str, bool], **_: str) -> dict[str, Any]:
        target, service = self.scalable[ResourceId], self.services[ResourceId.rpartition("/")[2]]
        target["SuspendedState"] = SuspendedState
        within = min(max(service["desiredCount"], target["MinCapacity"]), target["MaxCapacity"])
        service["desiredCount"] = self.primary(service["serviceName"])["desiredCount"] = within
        return {}

    def _e_describe_target_groups(self, TargetGroupArns: list[str]) -> dict[str, Any]:
        if any(arn not in self.groups for arn in TargetGroupArns):
            raise failure("TargetGroupNotFound", "DescribeTargetGroups")
        return {"TargetGroups": [{"TargetGroupArn": arn, "TargetType": self.groups[arn]} for arn in TargetGroupArns]}

    def _m_describe_secret(self, SecretId: str) -> dict[str, Any]:
        if SecretId not in self.secrets:
            raise failure("ResourceNotFoundException", "DescribeSecret")
        return {"ARN": self.secrets[SecretId]}

    def _by_arn(self, named: str) -> dict[str, Any]:
        family, _, revision = named.rpartition("/")[2].partition(":")
        revisions = self.task_definitions.get(family, [])
        if revision:
            found = next((each for each in revisions if str(each["revision"]) == revision), None)
        else:
            found = next((each for each in reversed(revisions) if each["status"] == "ACTIVE"), None)
        if found is None:
            raise failure("ClientException", "DescribeTaskDefinition", "Unable to describe task definition.")
        return found

    def _now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=next(self._numbers))

    def _begin(self, service: dict[str, Any], task_definition: str) -> None:
        for each in self._begun(service):
            each |= {"status": "STOPPED", "statusReason": "superseded by a newer deployment"}
        for each in service["deployments"]:
            each["status"] = "ACTIVE"
        number, name = next(self._numbers), service["serviceName"]
        self.revisions[f"{ARN}service-revision/turnout/{name}/{number}"] = task_definition
        self.service_deployments.append({
            "serviceDeploymentArn": f"{ARN}service-deployment/turnout/{name}/{number}", "serviceArn": f"{ARN}service/turnout/{name}", "status": "IN_PROGRESS",
            "targetServiceRevisionArn": f"{ARN}service-revision/turnout/{name}/{number}", "createdAt": self._now(),
        })  # fmt: skip
        self._replace(service, task_definition)

    def _replace(self, service: dict[str, Any], task_definition: str, reason: str = "in progress") -> None:
        service["taskDefinition"] = task_definition
        service["deployments"].insert(0, {
            "id": f"ecs-svc/{next(self._numbers)}", "status": "PRIMARY", "taskDefinition": task_definition, "desiredCount": service["desiredCount"],
            "runningCount": 0, "failedTasks": 0, "rolloutState": "IN_PROGRESS", "rolloutStateReason": reason, "createdAt": self._now(), "_looks": 0,
        })  # fmt: skip

    def _begun(self, service: dict[str, Any]) -> list[dict[str, Any]]:
        name = f"/{service['serviceName']}"
        return [each for each in self.service_deployments if each["serviceArn"].endswith(name) and each["status"] in {"IN_PROGRESS", "ROLLBACK_IN_PROGRESS"}]

    def _pass(self) -> None:
        for service in self.services.values():
            self._roll(service, self.primary(service["serviceName"]))

    def _roll(self, service: dict[str, Any], now: dict[str, Any]) -> None:
        now["_looks"] += 1
        images = {each["image"] for each in self._by_arn(now["taskDefinition"])["containerDefinitions"]}
        if images & self.broken:
            self._fail(service, now)
        elif now["rolloutState"] == "COMPLETED" or now["_looks"] >= self.slow:
            self._complete(service, now)

    def _complete(self, service: dict[str, Any], now: dict[str, Any]) -> None:
        now |= {"rolloutState": "COMPLETED", "runningCount": service["desiredCount"], "desiredCount": service["desiredCount"]}
        service["deployments"] = [now]
        for each in self._begun(service):
            each["status"] = "ROLLBACK_SUCCESSFUL" if each["status"] == "ROLLBACK_IN_PROGRESS" else "SUCCESSFUL"
        service["_completed"] = now["taskDefinition"]

    def _fail(self, service: dict[str, Any], now: dict[str, Any]) -> None:
        if now["rolloutState"] != "IN_PROGRESS" or not service["desiredCount"]:
            return
        now["failedTasks"] += 1
        breaker = service["deploymentConfiguration"].get("deploymentCircuitBreaker", {})
        if now["failedTasks"] < FAILURES_THAT_OPEN_THE_BREAKER or not breaker.get("enable"):
            return
        now |= {"rolloutState": "FAILED", "rolloutStateReason": "circuit breaker: tasks failed to start"}
        reason, back = "circuit breaker: tasks failed to start", service.get("_completed") if breaker.get("rollback") else None
        for each in self._begun(service):
            each |= {"status": "ROLLBACK_IN_PROGRESS" if back else "STOPPED", "statusReason": reason}
        if back:
            now["status"] = "ACTIVE"
            self._replace(service, back, "circuit breaker: rolling back")


def _check(container: dict[str, Any], rest: dict[str, Any]) -> None:
    names = [each["name"] for each in (*container.get("environment", []), *container.get("secrets", []))]
    if len(names) != len(set(names)):
        raise failure("ClientException", "RegisterTaskDefinition", "The secret name must be unique and not shared with any new or existing environment variables")
    if container.get("secrets") and not rest.get("executionRoleArn"):
        raise failure("ClientException", "RegisterTaskDefinition", "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.")
    for secret in container.get("secrets", []):
        if not secret["valueFrom"].startswith("arn:") and ":" in secret["valueFrom"]:
            raise failure("ClientException", "RegisterTaskDefinition", f"The Systems Manager parameter name specified for secret {secret['name']} is invalid")
