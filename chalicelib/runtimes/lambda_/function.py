"""What a Lambda function's configuration says about the build on it. Pure."""

from base64 import b64decode
from typing import Any

from chalicelib.colors import Color
from chalicelib.config.model import Environment
from chalicelib.deployments.model import Build
from chalicelib.errors import Unavailable
from chalicelib.releases.model import S3Artifact
from chalicelib.runtimes import identity
from chalicelib.runtimes.runtime import Progress, Standing
from chalicelib.services.definition import Definition
from chalicelib.services.running import LambdaRuntime

LATEST = "$LATEST"


def runtime_of(definition: Definition) -> LambdaRuntime:
    """Raises `TypeError` for a definition of another runtime, which is never given here."""
    if not isinstance(definition.runtime, LambdaRuntime):
        raise TypeError(f"{definition.name} has the runtime {definition.runtime.kind}")
    return definition.runtime


def function_of(definition: Definition) -> str:
    """The function's name."""
    return runtime_of(definition).function


def zip_of(build: Build) -> S3Artifact:
    """Raises `TypeError` for an image, which is refused before."""
    if not isinstance(build.artifact, S3Artifact):
        raise TypeError(f"{build.version} is an image")
    return build.artifact


def variables_of(service: str, color: Color, build: Build, environment: Environment) -> dict[str, str]:
    """The whole environment of a version: the settings, and by what the application can tell where it stands."""
    return environment.variables | identity.variables(service, color, build)


def size_of(variables: dict[str, str]) -> int:
    """Bytes of names and values together, as Lambda counts them against its limit."""
    return sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())


def variables(configuration: dict[str, Any]) -> dict[str, str]:
    """Raises `Unavailable` when Lambda could not decrypt them: an environment that cannot be read is not an empty one."""
    found = configuration.get("Environment", {})
    if error := found.get("Error"):
        raise Unavailable(f"the environment of {configuration.get('FunctionName')} cannot be read: {error.get('Message') or error.get('ErrorCode')}")
    return dict(found.get("Variables", {}))


def hex_digest(configuration: dict[str, Any]) -> str:
    """`CodeSha256` is in base64; digests are in hex."""
    return f"sha256:{b64decode(configuration['CodeSha256']).hex()}"


def standing_of(configuration: dict[str, Any], service: str, color: Color) -> Standing:
    """What the version behind a colour's alias is. `$LATEST` is never a build, whatever is on it."""
    found = identity.identity_in(variables(configuration), service, color)
    if configuration.get("Version") == LATEST or found is None:
        return Standing(Progress.EMPTY, reason="what stands there was not put there by Turnout")
    state = unready(configuration) or Standing(Progress.READY)
    if state.progress is Progress.FAILED:
        # A version that fell over after it stood is in nobody's way: the next one replaces it.
        return Standing(Progress.EMPTY, reason=state.reason)
    return Standing(state.progress, found.version, hex_digest(configuration), found.config_version, state.reason, found.repinned)


def another_service(configuration: dict[str, Any], service: str, color: Color) -> Standing | None:
    """Why this service may not move the alias: what it points at was put there for another one. `$LATEST` is nobody's."""
    owner = variables(configuration).get(identity.SERVICE)
    if configuration.get("Version") == LATEST or owner in (None, service):
        return None
    function = configuration.get("FunctionName")
    return Standing(
        Progress.FAILED,
        reason=f"alias {color} of {function} serves the service {owner}; give {service} a function of its own, "
        f"or point the alias at {LATEST} if {owner} is gone for good",
    )


def unready(version: dict[str, Any]) -> Standing | None:
    """Why a published version cannot serve. `Inactive` can: it wakes up with the first request, the health check's."""
    match version.get("State"):
        case "Pending":
            return Standing(Progress.WORKING, reason="the new version is being made ready")
        case "Failed":
            return Standing(Progress.FAILED, reason=f"Lambda could not make the version ready: {version.get('StateReason') or 'no reason given'}")
        case _:
            return None
