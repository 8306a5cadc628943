"""What a version of a launch template makes an instance run, read back from its user data. Pure."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from chalicelib.colors import Color
from chalicelib.config.model import Environment
from chalicelib.deployments.model import Build
from chalicelib.releases.model import S3Artifact
from chalicelib.runtimes import identity
from chalicelib.runtimes.autoscaling.user_data import Coordinates, coordinates_of, read_back, user_data
from chalicelib.runtimes.identity import Identity, identity_in
from chalicelib.services.definition import Definition
from chalicelib.services.running import AutoScalingRuntime

PORT = "PORT"
_UNVERSIONED = "null"  # by which S3 names the version of an object that has none


class Version(NamedTuple):
    """One version of a launch template. Its number says nothing of what is in it, but what is in it never changes."""

    template: str
    number: str


@dataclass(frozen=True, slots=True)
class Launch:
    """What an instance of one version runs. Equal ones run the same, for the same attempt; `made_at` is None where it is only wanted."""

    coordinates: Coordinates | None
    variables: Mapping[str, str]
    made_at: datetime | None = field(default=None, compare=False)

    @property
    def attempt(self) -> str:
        return self.variables.get(identity.DEPLOYMENT, "")

    @property
    def owner(self) -> str | None:
        """The service that it was made for; None where it was not made by Turnout."""
        return self.variables.get(identity.SERVICE) if self.coordinates else None

    @property
    def digest(self) -> str:
        return f"sha256:{self.coordinates.sha256}" if self.coordinates else ""

    def identity(self, service: str, color: Color) -> Identity | None:
        return identity_in(self.variables, service, color) if self.coordinates else None

    def is_as(self, other: "Launch | None") -> bool:
        """Whether both run the same code with the same settings, whoever asked for it."""
        return other is not None and self.coordinates is not None and _but_the_attempt(self) == _but_the_attempt(other)


def runtime_of(definition: Definition) -> AutoScalingRuntime:
    """Raises `TypeError` for a definition of another runtime, which is never given here."""
    if not isinstance(definition.runtime, AutoScalingRuntime):
        raise TypeError(f"{definition.name} has the runtime {definition.runtime.kind}")
    return definition.runtime


def wanted(definition: Definition, color: Color, build: Build, environment: Environment, attempt: str) -> Launch:
    """What instances of `color` have to run. Raises `TypeError` for an image, which is refused before."""
    artifact = build.artifact
    if not isinstance(artifact, S3Artifact):
        raise TypeError(f"{build.version} is an image")
    ours = identity.variables(definition.name, color, build) | {identity.DEPLOYMENT: attempt, PORT: str(runtime_of(definition).port)}
    pinned = Coordinates(artifact.bucket, artifact.key, artifact.object_version or _UNVERSIONED, artifact.sha256)
    return Launch(pinned, environment.variables | ours)


def encoded(launch: Launch) -> str:
    """The user data of a version that runs this, as EC2 takes it. Raises `Invalid` for what no instance can be given."""
    if launch.coordinates is None:
        raise TypeError("nothing is known of what this runs")
    return b64encode(user_data(launch.coordinates, launch.variables).encode()).decode()


def decoded(data: str | None, made_at: datetime | None) -> Launch:
    """What user data makes an instance run; nothing that we know of where it is not ours."""
    try:
        text = b64decode(data or "", validate=True).decode()
    except (NotBase64, ValueError):
        text = ""
    return Launch(coordinates_of(text), read_back(text), made_at)


def described(launch: Launch, base: str) -> str:
    """For a person who looks at the versions of a template. Nothing reads it back."""
    told = launch.variables
    names = (told[name] for name in (identity.SERVICE, identity.VERSION, identity.COLOR))
    return f"{' '.join(names)} config {told[identity.CONFIG_VERSION]} {launch.attempt} from version {base}"


def _but_the_attempt(launch: Launch) -> tuple[Coordinates | None, dict[str, str]]:
    return launch.coordinates, {name: value for name, value in launch.variables.items() if name != identity.DEPLOYMENT}
