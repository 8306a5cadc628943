"""What a service's stack in AWS is made with: the options of `service create` checked, and turned into the template's parameters.

    what it is    Application    the runtime, and what only that one has
    where it is   InAws          on which listener, in which network

An option of another runtime is refused rather than passed over.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from turnout.cli.exits import Exit, Failure

if TYPE_CHECKING:
    from turnout.cli.service_stack import Stack

RUNTIMES = ("lambda", "ecs", "autoscaling")
BUCKET = "TURNOUT_BUCKET"
_IN_NETWORK = ("ecs", "autoscaling")
_OF = {
    "handler": ("lambda",), "repository": ("ecs",), "container": ("ecs",), "port": _IN_NETWORK,
    "vpc": _IN_NETWORK, "subnet": _IN_NETWORK, "security_group": _IN_NETWORK, "bucket": ("autoscaling",),
}  # fmt: skip
"""Which runtimes have an option; one that is not here is everybody's."""
_LISTENER = r"arn:aws[a-z-]*:elasticloadbalancing:([a-z0-9-]+):\d{12}:listener/app/[^/]+/[^/]+/[^/]+"


@dataclass(frozen=True, slots=True)
class Application:
    """What is None was not asked for."""

    runtime: str
    health_path: str
    handler: str | None = None
    repository: str | None = None
    container: str | None = None
    port: int | None = None

    def settings(self, name: str) -> dict[str, Any]:
        """What its runtime has beside the path of its health checks, with its default where it was not asked for."""
        match self.runtime:
            case "lambda":
                return {"handler": self.handler or "app.handler"}
            case "ecs":
                return {"repository": self.repository or name, "container": self.container or "app", "port": self.port or 8080}
            case _:
                return {"port": self.port or 8080}


@dataclass(frozen=True, slots=True)
class InAws:
    """Where on a load balancer that is there already, and in which network."""

    listener: str | None
    host: tuple[str, ...]
    path: tuple[str, ...]
    priority: int | None
    staging_listener: str | None
    staging_host: str | None
    staging_priority: int | None
    vpc: str | None
    subnet: tuple[str, ...]
    security_group: str | None
    bucket: str | None
    parameter: tuple[str, ...]
    stack_name: str | None

    @property
    def given(self) -> list[str]:
        return [_option(name) for name, value in asdict(self).items() if value]

    @property
    def shares_listener(self) -> bool:
        return not self.staging_listener or self.staging_listener == self.listener


def require_fitting(application: Application, place: InAws) -> None:
    """Raises `Failure` where something was asked for that the runtime does not have."""
    asked = {field.name: getattr(part, field.name) for part in (application, place) for field in fields(part)}
    if foreign := [name for name, runtimes in _OF.items() if asked[name] and application.runtime not in runtimes]:
        told = ", ".join(f"{_option(name)} is for --runtime {' or '.join(_OF[name])}" for name in foreign)
        raise _usage(f"{told}, and this is --runtime {application.runtime}; leave it out")


def stack_of(name: str, application: Application, place: InAws, environ: Mapping[str, str]) -> "Stack":
    """The stack to make. Raises `Failure` where something is missing, or staging would not be staging."""
    from turnout.cli.service_stack import Stack

    bucket = place.bucket or environ.get(BUCKET)
    _require_whole(application, place, bucket)
    region, paths = _require_reached(place), place.path or ("/*",)
    if not any(fnmatchcase(application.health_path, pattern) for pattern in paths):
        raise _usage(f"the rules would not take --health-path {application.health_path}, but only {', '.join(paths)}; give one that they take")
    given = {
        "ServiceName": name,
        "HealthCheckPath": application.health_path,
        "ListenerArn": place.listener,
        "Hosts": ",".join(place.host),
        "Paths": ",".join(paths),
        "Priority": place.priority,
        "StagingListenerArn": place.staging_listener,
        "StagingHost": place.staging_host,
        "StagingPriority": place.staging_priority,
        **_of_runtime(name, application, place, bucket),
        **_parameters(place.parameter),
    }
    told = {key: str(value or "") for key, value in given.items()}
    return Stack(place.stack_name or f"turnout-service-{name}", region, application.runtime, told)


def _of_runtime(name: str, application: Application, place: InAws, bucket: str | None) -> dict[str, Any]:
    settings = application.settings(name)
    network = {"Port": settings.get("port"), "VpcId": place.vpc, "SubnetIds": ",".join(place.subnet), "LoadBalancerSecurityGroupId": place.security_group}
    match application.runtime:
        case "lambda":
            return {"Handler": settings["handler"]}
        case "ecs":  # without a repository the template makes one
            return {**network, "RepositoryName": application.repository, "ContainerName": settings["container"]}
        case _:
            return {**network, "ArtifactBucket": bucket}


def _require_whole(application: Application, place: InAws, bucket: str | None) -> None:
    wanted: dict[str, Any] = {
        "--listener": place.listener, "--priority": place.priority, "--staging-priority": place.staging_priority,
        "--staging-host or another --staging-listener": place.staging_host or not place.shares_listener,
    }  # fmt: skip
    if application.runtime in _IN_NETWORK:
        wanted |= {"--vpc": place.vpc, "--subnet": place.subnet, "--security-group": place.security_group}
    if application.runtime == "autoscaling":
        wanted[f"--bucket (or {BUCKET})"] = bucket
    if missing := [option for option, value in wanted.items() if not value]:
        hint = "`turnout service create --help` explains them; on the local stack (`turnout local up`) none is needed"
        raise _usage(f"in AWS this needs {', '.join(missing)} too; {hint}")


def _require_reached(place: InAws) -> str:
    """The region. Staging that the production rule would answer for is refused: it would be production that is checked."""
    if place.shares_listener and not place.host and (place.staging_priority or 0) >= (place.priority or 0):
        detail = "the production rule takes every host, so it would answer for staging; give a --staging-priority below --priority, or production a --host"
        raise _usage(detail)
    for hosts in (place.host, (place.staging_host,) if place.staging_host else ()):
        if hosts and all(set(host) & set("*?") for host in hosts):
            raise _usage(f"{', '.join(hosts)} is no host that a probe could ask; write one out in full")
    found = re.fullmatch(_LISTENER, place.listener or "")
    if not found:
        raise _usage(f"{place.listener!r} is no listener of an Application Load Balancer; give its ARN")
    return found[1]


def _parameters(pairs: Iterable[str]) -> dict[str, str]:
    parted = [pair.partition("=") for pair in pairs]
    if wrong := [name for name, equals, _ in parted if not equals]:
        raise _usage(f"--parameter takes NAME=VALUE, and {wrong[0]!r} has no =")
    return {name: value for name, _, value in parted}


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _usage(detail: str) -> Failure:
    return Failure(detail, Exit.USAGE, "usage")
