"""ECS: task definitions as they are listed, and the tasks of services.

Plain moto lists task definitions in any order and all at once, takes the newest
revision of a family even if it is inactive, and knows no task of any service.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.exceptions import InvalidParameterException
from moto.ecs.models import EC2ContainerServiceBackend
from moto.ecs.responses import EC2ContainerServiceResponse

from turnout.local.corrections.pages import page
from turnout.local.corrections.patches import Patches
from turnout.local.ecs.tasks import Task


def correct(patches: Patches) -> None:
    backend: dict[str, Callable[[Any], Any]] = {
        "register_task_definition": _as_it_is_shown,
        "describe_task_definition": _newest_active,
        "stop_task": _asking_to_stop,
    }
    for name, make in backend.items():
        patches.replace(EC2ContainerServiceBackend, name, make)
    patches.replace(EC2ContainerServiceResponse, "list_task_definitions", lambda _: _list_task_definitions)
    patches.replace(EC2ContainerServiceResponse, "list_tasks", lambda _: _list_tasks)
    patches.replace(EC2ContainerServiceResponse, "describe_tasks", _telling_what_is_missing)


# Task definitions


def _as_it_is_shown(original: Any) -> Any:
    """With the time it was registered, and port mappings that are complete: the protocol is tcp, and with awsvpc both ports are one."""

    def register_task_definition(self: Any, *args: Any, **kwargs: Any) -> Any:
        made = original(self, *args, **kwargs)
        made.registered_at = datetime.now(UTC)
        for container in made.container_definitions:
            container["portMappings"] = [_complete(mapping, made.network_mode) for mapping in container.get("portMappings") or ()]
        return made

    return register_task_definition


def _complete(mapping: dict[str, Any], network_mode: str | None) -> dict[str, Any]:
    host = {"hostPort": mapping["containerPort"]} if network_mode == "awsvpc" and "containerPort" in mapping else {"hostPort": 0}
    return {"protocol": "tcp"} | (host if "containerPort" in mapping else {}) | mapping


def _newest_active(original: Any) -> Any:
    """Inactive revisions can only be asked for by number."""

    def describe_task_definition(self: Any, task_definition_str: str) -> Any:
        family = task_definition_str.rsplit("/", maxsplit=1)[-1]
        active = [number for number, each in self.task_definitions.get(family, {}).items() if each.status == "ACTIVE"]
        return original(self, f"{family}:{max(active, default=0)}" if ":" not in family else task_definition_str)

    return describe_task_definition


def _list_task_definitions(self: Any) -> Any:
    """By family and revision; DESC is the newest first."""
    given = dict(self.params)
    family, status = given.get("familyPrefix"), given.get("status") or "ACTIVE"
    every = [each for revisions in self.ecs_backend.task_definitions.values() for each in revisions.values()]
    found = [each for each in every if each.status == status and family in (None, each.family)]
    found.sort(key=lambda each: (each.family, each.revision), reverse=given.get("sort") == "DESC")
    shown, more = page([each.arn for each in found], given)
    return ActionResult({"taskDefinitionArns": shown, **more})


# Tasks


def _list_tasks(self: Any) -> Any:
    """Those that should run, unless others are asked for; moto lists all, of whatever service."""
    given, backend = dict(self.params), self.ecs_backend
    cluster = given.get("cluster") or "default"
    status = given.get("desiredStatus") or "RUNNING"
    wanted = (cluster, given.get("containerInstance"), given.get("family"), given.get("startedBy"), None, status)
    tasks = backend.list_tasks(*wanted)
    if name := given.get("serviceName"):
        service = backend._get_service(cluster, name.split("/")[-1])  # noqa: SLF001  # what moto itself looks with
        tasks = [task for task in tasks if task.group == f"service:{service.name}" and task.cluster_arn == service.cluster_arn]
    shown, more = page([task.task_arn for task in tasks], given)
    return ActionResult({"taskArns": shown, **more})


def _telling_what_is_missing(original: Any) -> Any:
    """A task that is not there is a failure in the answer."""

    def describe_tasks(self: Any) -> Any:
        answer = original(self)
        found = {task.task_arn.split("/")[-1] for task in answer.result["tasks"]}
        missing = [named for named in dict(self.params).get("tasks") or () if named.split("/")[-1] not in found]
        answer.result["failures"] = [{"arn": named, "reason": "MISSING"} for named in missing]
        return answer

    return describe_tasks


def _asking_to_stop(original: Any) -> Any:
    """A task of a service is drained and ended by what runs it, which then starts another."""

    def stop_task(self: Any, cluster_str: str, task_str: str, reason: str | None) -> Any:
        cluster = self._get_cluster(cluster_str)
        known = list(self.tasks.get(cluster.name, {}).values())
        found = next((task for task in known if task.task_arn.split("/")[-1] == task_str.rsplit("/", maxsplit=1)[-1]), None)
        if found is None:
            raise InvalidParameterException("The referenced task was not found.")
        if not isinstance(found, Task):
            return original(self, cluster_str, task_str, reason)
        found.ask_to_stop("UserInitiated", reason or "Task stopped by user")
        return found

    return stop_task
