"""Looking at ECS: services, task definitions and what became of deployments. Writes nothing."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import code_of, message_of, translated
from chalicelib.colors import Color
from chalicelib.errors import NotFound
from chalicelib.runtimes.ecs.task_definition import Described
from chalicelib.services.running import EcsRuntime

_REMEMBERED = 256
_MOST_REVISIONS = 20  # that ECS describes at once
_CLOCKS = timedelta(minutes=1)


class Cluster:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        # What a revision says never changes, only whether it is active.
        self.task_definition = lru_cache(_REMEMBERED)(self._described)

    def services(self, runtime: EcsRuntime) -> dict[Color, dict[str, Any]]:
        """Both, in one call; empty for one that was never there, and so both where the cluster is gone."""
        try:
            return self.surveyed(runtime)
        except NotFound:
            return {color: {} for color in Color}

    def surveyed(self, runtime: EcsRuntime) -> dict[Color, dict[str, Any]]:
        """Raises `NotFound` where there is no such cluster."""
        names = {color: runtime.services.of(color) for color in Color}
        with translated(f"reading the services of cluster {runtime.cluster}"):
            found = self._clients.ecs_look.describe_services(cluster=runtime.cluster, services=list(names.values()))["services"]
        by_name = {each["serviceName"]: each for each in found}
        return {color: by_name.get(name, {}) for color, name in names.items()}

    def newest(self, family: str) -> Described | None:
        """The newest revision that is active; None where there is none."""
        try:
            return self._described(family)
        except NotFound:
            return None

    def back_from(self, newest: Described, is_ours: Callable[[Described], bool]) -> dict[str, Described]:
        """The newest revisions of its family, as long as `is_ours` holds, by their ARNs: two workers may each have registered one."""
        found: dict[str, Described] = {}
        described: Described | None = newest
        while described is not None and is_ours(described) and len(found) < _MOST_REVISIONS:
            found[described["taskDefinitionArn"]] = described
            described = self._before(described)
        return found

    def service_deployments(self, runtime: EcsRuntime, color: Color, ours: Mapping[str, Described]) -> list[dict[str, Any]]:
        """Those that began since the first of these task definitions was registered."""
        registered = [each["registeredAt"] for each in ours.values() if "registeredAt" in each]
        asked: dict[str, Any] = {"createdAt": {"after": min(registered) - _CLOCKS}} if registered else {}
        name, found = runtime.services.of(color), []
        with translated(f"reading the deployments of {name}"):
            while True:
                page = self._clients.ecs_look.list_service_deployments(cluster=runtime.cluster, service=name, **asked)
                found += page["serviceDeployments"]
                if not page.get("nextToken"):
                    return found
                asked["nextToken"] = page["nextToken"]

    def task_definitions(self, service_deployments: list[dict[str, Any]]) -> dict[str, str]:
        """The task definition of each service revision that these went to."""
        revisions = list(dict.fromkeys(each["targetServiceRevisionArn"] for each in service_deployments if each.get("targetServiceRevisionArn")))
        found: list[dict[str, Any]] = []
        for start in range(0, len(revisions), _MOST_REVISIONS):
            with translated("reading service revisions"):
                asked = revisions[start : start + _MOST_REVISIONS]
                found += self._clients.ecs_look.describe_service_revisions(serviceRevisionArns=asked)["serviceRevisions"]
        return {each["serviceRevisionArn"]: each["taskDefinition"] for each in found}

    def _before(self, described: Described) -> Described | None:
        family, revision = described["taskDefinitionArn"].rsplit(":", 1)
        try:
            return self.task_definition(f"{family}:{int(revision) - 1}") if int(revision) > 1 else None
        except NotFound:
            return None

    def _described(self, task_definition: str) -> Described:
        """Raises `NotFound`, for which ECS has no code of its own."""
        from botocore.exceptions import ClientError

        try:
            with translated(f"reading task definition {task_definition}"):
                found = self._clients.ecs_look.describe_task_definition(taskDefinition=task_definition, include=["TAGS"])
        except ClientError as error:
            if code_of(error.response) != "ClientException":
                raise
            raise NotFound(f"there is no task definition {task_definition}: {message_of(error.response)}") from error
        return {**found["taskDefinition"], "tags": found.get("tags") or []}
