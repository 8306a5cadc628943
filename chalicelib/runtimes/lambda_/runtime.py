"""The runtime that is a Lambda function: a build is a published version, a colour is an alias, its target is that alias.

    environment ─▶ code ─▶ version ─▶ alias with permission and target ─▶ alias moved ─▶ provisioned concurrency, where there is to be some

Environment and code are put on `$LATEST`, which both colours share, so nothing
is published from it unless it is exactly the build, and the version is looked
at again before an alias moves to it. The alias moves last: what stands on a
colour can always be reached through its target group.
"""

from datetime import datetime
from typing import Any

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import translated
from chalicelib.clock import Clock
from chalicelib.colors import Color
from chalicelib.config.model import REPINNED, Environment
from chalicelib.deployments.model import Build
from chalicelib.errors import Conflict, Invalid, NotFound
from chalicelib.releases.model import ImageArtifact
from chalicelib.runtimes.lambda_.attachment import attach, require_lambda_groups
from chalicelib.runtimes.lambda_.function import (
    LATEST,
    another_service,
    function_of,
    hex_digest,
    size_of,
    standing_of,
    unready,
    variables,
    variables_of,
    zip_of,
)
from chalicelib.runtimes.lambda_.provisioned import FAILURE_IS_NEWS, TAKEN_OVER, Provisioned
from chalicelib.runtimes.lambda_.refusals import unless_refused
from chalicelib.runtimes.runtime import Fence, Progress, Size, Standing, unfenced
from chalicelib.services.definition import Definition

MOST_ENVIRONMENT_BYTES = 4096


class LambdaRuntime:
    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock
        self._provisioned = Provisioned(clients, clock)

    def survey(self, definition: Definition) -> None:
        try:
            found = self._configuration(definition, LATEST)
        except NotFound as absent:
            name = function_of(definition)
            raise Invalid(f"runtime.function: there is no function {name}; name one that exists", field="runtime.function") from absent
        if found.get("PackageType", "Zip") != "Zip":
            raise Invalid("runtime.function: this function is a container image; releases are zips, so name a function of zips", field="runtime.function")
        require_lambda_groups(self._clients.elbv2, definition.traffic)

    def standing(self, definition: Definition, color: Color) -> Standing:
        there = self._behind_alias(definition, color)
        if there is None:
            return Standing(Progress.EMPTY, reason=f"there is no alias {color}")
        return self._provisioned.awaited(definition, color, standing_of(there, definition.name, color))

    def prepare(
        self, definition: Definition, color: Color, build: Build, environment: Environment, attempt: str, *, serving: bool = False, still_ours: Fence = unfenced  # noqa: ARG002 - of no use here: a failure is told by how old it is
    ) -> Standing:
        wanted = variables_of(definition.name, color, build, environment)
        if isinstance(build.artifact, ImageArtifact):
            return Standing(Progress.FAILED, reason=f"{build.version} is an image, and a function of zips cannot run it; publish it as a zip")
        if size_of(wanted) > MOST_ENVIRONMENT_BYTES:
            return Standing(Progress.FAILED, reason=f"the settings take {size_of(wanted)} bytes and Lambda allows {MOST_ENVIRONMENT_BYTES}; take some out")
        try:
            return self._prepare(definition, color, build, wanted, still_ours)
        except (Conflict, NotFound) as passing:
            # An update is under way, somebody moved first, or what was just made is not seen everywhere yet: look again.
            return Standing(Progress.WORKING, reason=passing.detail)

    def sizes(self, definition: Definition) -> dict[Color, Size] | None:
        """None without provisioned concurrency: a version that gets no requests costs nothing, and its alias can be given traffic again at once."""
        return self._provisioned.requested(definition)

    def resize(self, definition: Definition, color: Color, *, at_least: int = 0, at_most: int | None = None, held: bool) -> None:  # noqa: ARG002 - nothing here is held
        self._provisioned.bring(definition, color, at_least=at_least, at_most=at_most)

    def _prepare(self, definition: Definition, color: Color, build: Build, wanted: dict[str, str], still_ours: Fence) -> Standing:
        if there := self._behind_alias(definition, color):
            if anothers := another_service(there, definition.name, color):
                return anothers
            if standing_of(there, definition.name, color).holds(build, repinned=wanted.get(REPINNED, "")):
                return self._move(definition, color, there, still_ours)
        latest = self._latest_with(definition, build, wanted)
        if isinstance(latest, Standing):
            return latest
        version = self._publish(definition, color, build, latest)
        return _unlike(version, build, wanted) or self._move(definition, color, version, still_ours)

    def _latest_with(self, definition: Definition, build: Build, wanted: dict[str, str]) -> dict[str, Any] | Standing:
        """`$LATEST` once it is exactly the build, else how far that is.

        The environment goes first: from then on it names the build, so that a failed update can be told from one
        that an earlier build left behind.
        """
        try:
            latest = self._configuration(definition, LATEST)
        except NotFound:
            return Standing(Progress.FAILED, reason=f"there is no function {function_of(definition)}; make it again, or register the service with another")
        failed_before = _failed(latest)
        if under_way := _under_way(latest):
            return under_way
        if failed_before and variables(latest) == wanted and self._is_recent(latest):
            return failed_before
        if failed_before or variables(latest) != wanted:
            updated = self._update("update_function_configuration", definition, latest, Environment={"Variables": wanted})
            if isinstance(updated, Standing):
                return updated
            latest = updated
        return latest if hex_digest(latest) == build.digest else self._put_code(definition, build, latest)

    def _put_code(self, definition: Definition, build: Build, latest: dict[str, Any]) -> dict[str, Any] | Standing:
        """Answers `FAILED` where the object is not what was gated. One that was slow to arrive is found out by the next call."""
        artifact = zip_of(build)
        pinned = {"S3ObjectVersion": artifact.object_version} if artifact.object_version else {}
        updated = self._refusable("update_function_code", definition, latest, S3Bucket=artifact.bucket, S3Key=artifact.key, **pinned)
        if isinstance(updated, Standing):
            return updated
        reached = _under_way(updated) or _failed(updated)
        if not reached and hex_digest(updated) != build.digest:
            reached = Standing(Progress.FAILED, reason=f"{artifact.uri} is {hex_digest(updated)} and not {build.digest}; publish it as another version")
        return reached or updated

    def _is_recent(self, configuration: dict[str, Any]) -> bool:
        """Whether a failure is still news. An old one is tried again: whoever deploys the same build again has mended something."""
        modified = datetime.strptime(configuration["LastModified"], "%Y-%m-%dT%H:%M:%S.%f%z")
        return self._clock.now() - modified < FAILURE_IS_NEWS

    def _update(self, operation: str, definition: Definition, latest: dict[str, Any], **changes: Any) -> dict[str, Any] | Standing:
        updated = self._refusable(operation, definition, latest, **changes)
        return updated if isinstance(updated, Standing) else _under_way(updated) or _failed(updated) or updated

    def _refusable(self, operation: str, definition: Definition, latest: dict[str, Any], **changes: Any) -> dict[str, Any] | Standing:
        """Update `$LATEST` unless somebody else has since it was read; `FAILED` when Lambda will never take this, `WORKING` while it may not."""
        name, update = function_of(definition), getattr(self._clients.lambda_, operation)
        return unless_refused(operation, name, lambda: update(FunctionName=name, **_locked(latest), **changes))

    def _publish(self, definition: Definition, color: Color, build: Build, latest: dict[str, Any]) -> dict[str, Any]:
        """Publish `$LATEST` as it was seen. Publishing again what has not changed gives the same version."""
        description = f"{definition.name} {build.version} {color} config {build.config_version} {build.digest}"
        with translated(f"publishing a version of {function_of(definition)}"):
            version: dict[str, Any] = self._clients.lambda_.publish_version(
                FunctionName=function_of(definition), CodeSha256=latest["CodeSha256"], Description=description, **_locked(latest)
            )
        return version

    def _move(self, definition: Definition, color: Color, version: dict[str, Any], still_ours: Fence) -> Standing:
        """Point the colour's alias at the version alone, unless somebody moved the alias since it was read."""
        function, number = function_of(definition), version["Version"]
        alias = attach(self._clients, definition, color, self._alias_or_none(definition, color))
        if alias["FunctionVersion"] != number or alias.get("RoutingConfig", {}).get("AdditionalVersionWeights"):
            if underway := self._provisioned.taken_away(definition, color, still_ours):
                return underway
            if not still_ours():
                return TAKEN_OVER
            with translated(f"moving alias {color} of {function}"):
                self._clients.lambda_look.update_alias(
                    FunctionName=function, Name=color.value, FunctionVersion=number,
                    RoutingConfig={"AdditionalVersionWeights": {}}, **_locked(alias),
                )  # fmt: skip
        return self._provisioned.see_to(definition, color, standing_of(version, definition.name, color), still_ours)

    def _configuration(self, definition: Definition, qualifier: str) -> dict[str, Any]:
        with translated(f"reading {function_of(definition)}:{qualifier}"):
            found: dict[str, Any] = self._clients.lambda_look.get_function_configuration(FunctionName=function_of(definition), Qualifier=str(qualifier))
        return found

    def _behind_alias(self, definition: Definition, color: Color) -> dict[str, Any] | None:
        """The version that serves a colour. None where there is no alias."""
        try:
            return self._configuration(definition, color)
        except NotFound:
            return None

    def _alias(self, definition: Definition, color: Color) -> dict[str, Any]:
        with translated(f"reading alias {color} of {function_of(definition)}"):
            found: dict[str, Any] = self._clients.lambda_.get_alias(FunctionName=function_of(definition), Name=color.value)
        return found

    def _alias_or_none(self, definition: Definition, color: Color) -> dict[str, Any] | None:
        try:
            return self._alias(definition, color)
        except NotFound:
            return None


def _locked(seen: dict[str, Any]) -> dict[str, str]:
    """Lambda refuses the write when somebody else wrote since. An embedded AWS may know no revisions."""
    return {"RevisionId": seen["RevisionId"]} if seen.get("RevisionId") else {}


def _under_way(configuration: dict[str, Any]) -> Standing | None:
    if configuration.get("LastUpdateStatus") == "InProgress" or configuration.get("State") == "Pending":
        return Standing(Progress.WORKING, reason="an update of the function is in progress")
    return None


def _failed(configuration: dict[str, Any]) -> Standing | None:
    if configuration.get("LastUpdateStatus") != "Failed":
        return None
    return Standing(Progress.FAILED, reason=f"Lambda could not update the function: {configuration.get('LastUpdateStatusReason') or 'no reason given'}")


def _unlike(version: dict[str, Any], build: Build, wanted: dict[str, str]) -> Standing | None:
    """Why an alias may not move to this version yet: what was published is looked at, not what was asked for."""
    if hex_digest(version) != build.digest or variables(version) != wanted:
        return Standing(Progress.WORKING, reason="the function changed while it was published; looking again")
    return unready(version)
