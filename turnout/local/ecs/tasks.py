"""A task as the API shows it. moto keeps it beside its own, so the names are those that moto's answers are written from."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

RUNNING, STOPPED = "RUNNING", "STOPPED"
HERE = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a task is made from: the service's name and cluster, a task definition, the container that runs, and where it is registered.

    `targets` are (target group ARN, container port).
    """

    cluster_arn: str
    service: str
    deployment: str
    task_definition: Any
    container: dict[str, Any]
    targets: tuple[tuple[str, int], ...] = ()
    launch_type: str = "FARGATE"

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(arn for arn, _ in self.targets))


class Task:
    """`desired_status` STOPPED asks it to end; the data plane does the rest. Written by the data plane's loop and, to stop it, by the API."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.id = uuid.uuid4().hex
        self.task_arn = f"{plan.cluster_arn.replace(':cluster/', ':task/')}/{self.id}"
        self.cluster_arn = plan.cluster_arn
        self.task_definition_arn = plan.task_definition.arn
        self.group = f"service:{plan.service}"
        self.started_by = plan.deployment
        self.launch_type = plan.launch_type
        self.cpu, self.memory = plan.task_definition.cpu, plan.task_definition.memory
        self.container_instance_arn = None
        self.resource_requirements: dict[str, Any] = {}
        self.overrides: dict[str, Any] = {"containerOverrides": []}
        self.tags: list[dict[str, str]] = []
        self.health_status = "UNKNOWN"  # of container health checks; what the load balancer thinks stands with the target group
        self.last_status, self.desired_status = "PROVISIONING", RUNNING
        self.created_at = datetime.now(UTC)
        self.started_at: datetime | None = None
        self.stopping_at: datetime | None = None
        self.stopped_at: datetime | None = None
        self.stop_code: str | None = None
        self.stopped_reason: str | None = None
        self.version = 1
        self.port: int | None = None
        self.exit_code: int | None = None
        self.image_digest: str | None = None
        self.is_healthy = self.was_healthy = False
        self.is_counted = False
        self._attachment = str(uuid.uuid4())
        self._container_arn = f"{plan.cluster_arn.replace(':cluster/', ':container/')}/{self.id}/{uuid.uuid4()}"

    def advance(self) -> None:
        """Moto moves its own tasks on whenever they are looked at."""

    @property
    def is_wanted(self) -> bool:
        return self.desired_status == RUNNING

    @property
    def is_running(self) -> bool:
        return self.last_status == RUNNING and self.is_wanted

    @property
    def has_ended(self) -> bool:
        return self.last_status == STOPPED

    @property
    def has_failed(self) -> bool:
        """Ended without having been asked to."""
        return self.stop_code in {"TaskFailedToStart", "EssentialContainerExited"}

    def ask_to_stop(self, code: str, reason: str) -> None:
        if self.is_wanted:
            self.stop_code, self.stopped_reason, self.desired_status = code, reason, STOPPED

    def ended(self, code: str, reason: str, exit_code: int | None = None) -> None:
        """One that was asked to stop keeps the reason it was given."""
        self.ask_to_stop(code, reason)
        self.exit_code, self.stopped_at, self.is_healthy = exit_code, datetime.now(UTC), False
        self.moved(STOPPED)

    def moved(self, status: str) -> None:
        self.last_status = status
        self.version += 1

    @property
    def containers(self) -> list[dict[str, Any]]:
        definition, at = self.plan.container, ([{"attachmentId": self._attachment, "privateIpv4Address": HERE}] if self.port else [])
        shown = {
            "containerArn": self._container_arn, "taskArn": self.task_arn, "name": definition["name"], "image": definition["image"],
            "imageDigest": self.image_digest, "lastStatus": self.last_status if self.last_status in {RUNNING, STOPPED} else "PENDING",
            "exitCode": self.exit_code, "healthStatus": self.health_status, "networkInterfaces": at, "networkBindings": self._bindings,
        }  # fmt: skip
        return [{name: value for name, value in shown.items() if value is not None}]

    @property
    def _bindings(self) -> list[dict[str, Any]]:
        """Empty in AWS where a task has an address of its own; here they say on which port of this machine it is."""
        ports = dict.fromkeys(port for _, port in self.plan.targets)
        return [{"bindIP": HERE, "containerPort": port, "hostPort": self.port, "protocol": "tcp"} for port in ports if self.port]

    @property
    def attachments(self) -> list[dict[str, Any]]:
        details = [{"name": "privateIPv4Address", "value": HERE}] if self.port else []
        status = "ATTACHED" if self.port and not self.has_ended else "DELETED" if self.has_ended else "PRECREATED"
        return [{"id": self._attachment, "type": "ElasticNetworkInterface", "status": status, "details": details}]
