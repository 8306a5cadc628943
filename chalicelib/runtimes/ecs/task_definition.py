"""A task definition of one build: what is registered for it, and what one that runs says of itself. Pure.

Image, environment and secrets are a build's; everything else is the base's.
ECS gives an equal registration a new revision every time, so what is the same
is told by what is in it and never by its ARN.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.colors import Color
from chalicelib.config.model import Environment
from chalicelib.deployments.model import Build
from chalicelib.runtimes import identity
from chalicelib.runtimes.identity import Identity

Described = Mapping[str, Any]
"""As DescribeTaskDefinition answers it, with its tags beside the rest."""

PORT = "PORT"
KEPT = (
    "taskRoleArn", "executionRoleArn", "networkMode", "volumes", "placementConstraints", "requiresCompatibilities", "cpu", "memory", "pidMode", "ipcMode",
    "proxyConfiguration", "inferenceAccelerators", "ephemeralStorage", "runtimePlatform", "enableFaultInjection", "trustedExecutionConfiguration",
)  # fmt: skip
"""What a base gives besides its containers."""

_BY_DIGEST = re.compile(r".+@(sha256:[0-9a-f]{64})")
_WHOLE_SECRET_ARN = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[^:]+-[A-Za-z0-9]{6}")


@dataclass(frozen=True, slots=True)
class Told:
    """What a task definition of ours says of itself. `digest` is of the image that runs, not a variable."""

    identity: Identity
    digest: str

    def is_of(self, build: Build, repinned: str) -> bool:
        said = self.identity
        return (said.version, self.digest, said.config_version, said.repinned) == (build.version, build.digest, build.config_version, repinned)


@dataclass(frozen=True, slots=True)
class Ours:
    """What a build gives of its container. `secrets` are `valueFrom` by name."""

    image: str
    variables: Mapping[str, str]
    secrets: Mapping[str, str]

    def as_definition(self) -> dict[str, Any]:
        """ECS refuses a name that is both a variable and a secret: what Turnout sets comes first."""
        return {
            "image": self.image,
            "environment": [{"name": name, "value": value} for name, value in sorted(self.variables.items())],
            "secrets": [{"name": name, "valueFrom": source} for name, source in sorted(self.secrets.items()) if name not in self.variables],
        }


def family_of(service: str, color: Color) -> str:
    """The family that Turnout registers for a colour; nobody else should."""
    return f"{service}-{color}"


def told_by(described: Described, container: str, service: str, color: Color) -> Told | None:
    """None where this is not a build that Turnout put there for this colour, or its image is named by a tag, which says nothing."""
    found = container_in(described, container) or {}
    said = identity.identity_in(variables_of(found), service, color)
    by_digest = _BY_DIGEST.fullmatch(found.get("image", ""))
    return Told(said, by_digest[1]) if said and by_digest else None


def owner_of(described: Described) -> str | None:
    """The Turnout service that this was registered for, in whichever container it says so."""
    named = (variables_of(container).get(identity.SERVICE) for container in described.get("containerDefinitions", []))
    return next((name for name in named if name), None)


def container_in(described: Described, name: str) -> dict[str, Any] | None:
    return next((dict(each) for each in described.get("containerDefinitions", []) if each.get("name") == name), None)


def variables_of(container: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in container.get("environment") or []}


def listens_on(container: Mapping[str, Any], port: int) -> bool:
    return any(mapping.get("containerPort") == port for mapping in container.get("portMappings") or [])


def variables_for(service: str, color: Color, build: Build, environment: Environment, *, attempt: str, port: int) -> dict[str, str]:
    """The whole environment of a build: the settings, by what the application can tell where it stands, and where it has to listen."""
    return environment.settings | identity.variables(service, color, build) | {identity.DEPLOYMENT: attempt, PORT: str(port)}


def is_whole_secret_arn(name: str) -> bool:
    """Whether ECS takes this as it is: it needs the whole ARN, and that ends with six characters that nobody chooses."""
    return _WHOLE_SECRET_ARN.fullmatch(name) is not None


def value_from(secret_arn: str, version: str) -> str:
    """`ARN:JSON-KEY:VERSION-STAGE:VERSION-ID`. The version's id alone: with a stage beside it both would have to hold."""
    return f"{secret_arn}:::{version}" if version else secret_arn


def registration(base: Described, family: str, container: str, ours: Ours) -> dict[str, Any]:
    """What RegisterTaskDefinition is asked for; `base` has the container."""
    containers = [dict(each) | ours.as_definition() if each.get("name") == container else dict(each) for each in base["containerDefinitions"]]
    kept = {name: base[name] for name in KEPT if base.get(name)}
    # Tags that begin so are AWS's own and are refused.
    tags = [tag for tag in base.get("tags") or [] if not tag["key"].lower().startswith("aws:")]
    return {"family": family, "containerDefinitions": containers} | kept | ({"tags": tags} if tags else {})


def is_same(described: Described, request: Mapping[str, Any]) -> bool:
    """Whether registering this would only make another revision of what is there. Tags are not compared: they are nothing that runs."""
    return all(_plain(described.get(name)) == _plain(request.get(name)) for name in ("family", *KEPT)) and _containers(described) == _containers(request)


def _containers(of: Mapping[str, Any]) -> list[Any]:
    return [_plain(dict(each) | {name: sorted(each.get(name) or [], key=_name) for name in ("environment", "secrets")}) for each in of["containerDefinitions"]]


def _name(variable: Mapping[str, str]) -> str:
    return variable["name"]


def _plain(value: Any) -> Any:
    """Without what is empty: ECS answers some of what was left out with its default."""
    if isinstance(value, Mapping):
        plain = {name: _plain(each) for name, each in value.items()}
        return {name: each for name, each in plain.items() if each is not None} or None
    if isinstance(value, list):
        return [_plain(each) for each in value] or None
    return value or None
