"""The runtime that is a pair of ECS services: a build is a task definition, a colour is a service, ECS keeps its targets.

    task definition registered ─▶ service updated to it ─▶ rolled out: PRIMARY, completed, as many tasks as the other colour has

The service is updated last and is watched by what its PRIMARY deployment has,
because one that ECS has rolled back looks as stable as one that succeeded.
A task definition carries the attempt it was registered for: a failure is
final for that attempt, and the next one starts anew.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import code_of, is_refusal, message_of, translated
from chalicelib.colors import Color
from chalicelib.config.model import Environment
from chalicelib.deployments.model import Build
from chalicelib.errors import Conflict, NotFound, Unavailable
from chalicelib.releases.model import ImageArtifact
from chalicelib.runtimes.ecs import rollout as ecs_rollout
from chalicelib.runtimes.ecs import survey as ecs_survey
from chalicelib.runtimes.ecs import task_definition
from chalicelib.runtimes.ecs.cluster import Cluster
from chalicelib.runtimes.ecs.rollout import absence, ecs_of
from chalicelib.runtimes.ecs.secrets import Secrets, Unresolvable
from chalicelib.runtimes.ecs.sizes import Sizes
from chalicelib.runtimes.ecs.task_definition import Described, Ours, Told
from chalicelib.runtimes.runtime import Fence, Progress, Size, Standing, unfenced
from chalicelib.services.definition import Definition
from chalicelib.services.running import EcsRuntime as Pair

# What ECS says to a task definition that it will never take.
_REFUSED = frozenset({
    "ClientException", "InvalidParameterException", "PlatformUnknownException", "PlatformTaskDefinitionIncompatibilityException",
    "NamespaceNotFoundException", "UnsupportedFeatureException",
})  # fmt: skip
# The same codes with these words are over in a moment: two register at once, or what was registered is not known everywhere yet.
_PASSING = ("too many concurrent attempts", "not found")


@dataclass(frozen=True, slots=True)
class _Try:
    """What is to stand on a colour, and for which deployment."""

    definition: Definition
    color: Color
    build: Build
    environment: Environment
    attempt: str

    @property
    def runtime(self) -> Pair:
        return ecs_of(self.definition)

    @property
    def service(self) -> str:
        return self.runtime.services.of(self.color)

    @property
    def family(self) -> str:
        return task_definition.family_of(self.definition.name, self.color)

    def told_by(self, described: Described) -> Told | None:
        return task_definition.told_by(described, self.runtime.container, self.definition.name, self.color)

    def is_wanted(self, told: Told | None) -> bool:
        return told is not None and told.is_of(self.build, self.environment.repinned)

    def is_tried_by(self, described: Described) -> bool:
        """Whether this was registered for this build by this very attempt."""
        told = self.told_by(described)
        return told is not None and told.identity.attempt == self.attempt and self.is_wanted(told)


class EcsRuntime:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._cluster = Cluster(clients)
        self._sizes = Sizes(clients, self._cluster)
        self._secrets = Secrets(clients)

    def survey(self, definition: Definition) -> None:
        ecs_survey.survey(self._clients.elbv2, self._cluster, definition)

    def standing(self, definition: Definition, color: Color) -> Standing:
        runtime = ecs_of(definition)
        service = self._cluster.services(runtime)[color]
        if missing := absence(runtime, color, service):
            return Standing(Progress.EMPTY, reason=missing)
        told = task_definition.told_by(self._running(service), runtime.container, definition.name, color)
        if failed := ecs_rollout.failure(service, {ecs_rollout.task_definition_of(service)}):
            # What never came to stand is in nobody's way: the next one replaces it.
            return Standing(Progress.EMPTY, reason=failed.reason)
        return ecs_rollout.standing_of(service, told)

    def prepare(
        self, definition: Definition, color: Color, build: Build, environment: Environment, attempt: str, *,
        serving: bool = False, still_ours: Fence = unfenced,  # noqa: ARG002 - ECS keeps to what the service says
    ) -> Standing:
        try:
            return self._prepare(_Try(definition, color, build, environment, attempt), still_ours)
        except Unresolvable as final:
            return Standing(Progress.FAILED, reason=str(final))
        except (Conflict, NotFound) as passing:
            # Somebody changes it at the same moment, or what was just made is not seen everywhere yet: look again.
            return Standing(Progress.WORKING, reason=passing.detail)

    def sizes(self, definition: Definition) -> dict[Color, Size]:
        return self._sizes.of_both(ecs_of(definition))

    def resize(self, definition: Definition, color: Color, *, at_least: int = 0, at_most: int | None = None, held: bool) -> None:
        self._sizes.bring(ecs_of(definition), color, at_least=at_least, at_most=at_most, held=held)

    def _prepare(self, wanted: _Try, still_ours: Fence) -> Standing:
        services = self._cluster.services(wanted.runtime)
        service, other = services[wanted.color], services[wanted.color.other]
        if reason := absence(wanted.runtime, wanted.color, service) or ecs_rollout.unmanageable(service):
            return Standing(Progress.FAILED, reason=reason)
        running = self._running(service)
        if (owner := task_definition.owner_of(running)) not in (None, wanted.definition.name):
            return Standing(Progress.FAILED, reason=f"{wanted.service} serves the service {owner}; register {wanted.definition.name} with another")
        size = max(other.get("desiredCount", 0), wanted.runtime.size)
        told = wanted.told_by(running)
        if (wanted.is_wanted(told) and ecs_rollout.is_completed(service)) or wanted.is_tried_by(running):
            return self._watch(wanted, service, told, size, still_ours)
        return self._start(wanted, service, running, size, still_ours)

    def _watch(self, wanted: _Try, service: dict[str, Any], told: Told | None, size: int, still_ours: Fence) -> Standing:
        """How far the rollout is; the service is made larger where the other colour has grown, or this one was made small since."""
        if failed := ecs_rollout.failure(service, {ecs_rollout.task_definition_of(service)}):
            return failed
        if service["desiredCount"] < size:
            return self._update(wanted, service, size, still_ours)
        return ecs_rollout.standing_of(service, told, size)

    def _start(self, wanted: _Try, service: dict[str, Any], running: Described, size: int, still_ours: Fence) -> Standing:
        newest = self._cluster.newest(wanted.family)
        if newest is not None and (became := self._what_became(wanted, service, newest)):
            return became
        request = self._request(wanted, running)
        if isinstance(request, Standing):
            return request
        if newest is not None and task_definition.is_same(newest, request):
            return self._update(wanted, service, size, still_ours, newest["taskDefinitionArn"])
        registered = self._refusable("registering a task definition", lambda: self._clients.ecs.register_task_definition(**request))
        if isinstance(registered, Standing):
            return registered
        return self._update(wanted, service, size, still_ours, registered["taskDefinition"]["taskDefinitionArn"])

    def _what_became(self, wanted: _Try, service: dict[str, Any], newest: Described) -> Standing | None:
        """What ECS did with this attempt, whose task definition is no longer or not yet what the service has."""
        ours = self._cluster.back_from(newest, wanted.is_tried_by)
        if not ours:
            return None
        if failed := ecs_rollout.failure(service, ours):
            return failed
        begun = self._cluster.service_deployments(wanted.runtime, wanted.color, ours)
        return ecs_rollout.outcome(begun, self._cluster.task_definitions(begun), ours)

    def _request(self, wanted: _Try, running: Described) -> dict[str, Any] | Standing:
        runtime, artifact = wanted.runtime, wanted.build.artifact
        if not isinstance(artifact, ImageArtifact):
            return Standing(Progress.FAILED, reason=f"{wanted.build.version} is no image; ECS runs images")
        base = self._cluster.newest(runtime.task_definition) if runtime.task_definition else running
        if not base:
            return Standing(Progress.FAILED, reason=f"there is no active task definition {runtime.task_definition}; register one, or name another")
        if task_definition.container_in(base, runtime.container) is None:
            which = f"{base.get('family')}:{base.get('revision')}"
            return Standing(Progress.FAILED, reason=f"task definition {which} has no container {runtime.container}; name one that it has as runtime.container")
        variables = task_definition.variables_for(
            wanted.definition.name, wanted.color, wanted.build, wanted.environment, attempt=wanted.attempt, port=runtime.port
        )
        secrets = self._secrets.values_from(wanted.environment.references)
        ours = Ours(artifact.uri, variables, secrets)
        return task_definition.registration(base, wanted.family, runtime.container, ours)

    def _update(self, wanted: _Try, service: dict[str, Any], size: int, still_ours: Fence, to: str | None = None) -> Standing:
        """The one call after which the colour serves the build. It never makes the service smaller: its autoscaler may know better."""
        count = max(size, service["desiredCount"])
        if too_large := self._too_large(wanted, size):
            return too_large
        if not still_ours():
            return Standing(Progress.WORKING, reason="another deployment has taken over")
        changes = {"taskDefinition": to} if to else {}
        updated = self._refusable(
            f"updating {wanted.service}",
            lambda: self._clients.ecs_update.update_service(cluster=wanted.runtime.cluster, service=wanted.service, desiredCount=count, **changes),
        )
        return updated if isinstance(updated, Standing) else Standing(Progress.WORKING, reason=f"ECS was asked for {count} tasks")

    def _too_large(self, wanted: _Try, size: int) -> Standing | None:
        """Application Auto Scaling would take away again what is above its maximum, and the colour would never be as large as the other."""
        target = self._sizes.targets(wanted.runtime, wanted.color).get(wanted.color)
        if target is None or size <= target["MaxCapacity"]:
            return None
        most = f"{wanted.service} has a scalable target with a MaxCapacity of {target['MaxCapacity']}"
        return Standing(Progress.FAILED, reason=f"{most} and needs {size} tasks, as many as the other colour; raise MaxCapacity")

    def _refusable(self, doing: str, call: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any] | Standing:
        """`FAILED` when ECS will never take this, `WORKING` while it may not."""
        from botocore.exceptions import ClientError

        try:
            with translated(doing):
                return call()
        except ClientError as error:
            if code_of(error.response) not in _REFUSED:
                raise
            message = message_of(error.response)
            if any(words in message.lower() for words in _PASSING):
                return Standing(Progress.WORKING, reason=f"{doing}: {message}")
            return Standing(Progress.FAILED, reason=f"ECS refused it: {message}")
        except Unavailable as unanswered:
            if not is_refusal(unanswered):
                raise
            may = "AWS lets Turnout change only ECS services with the tag turnout:service, and pass only the roles of their tasks"
            return Standing(Progress.WORKING, reason=f"{doing} was not allowed: {may}")

    def _running(self, service: dict[str, Any]) -> Described:
        """What the PRIMARY deployment has; empty where ECS no longer knows it."""
        try:
            return self._cluster.task_definition(ecs_rollout.task_definition_of(service))
        except NotFound:
            return {}
