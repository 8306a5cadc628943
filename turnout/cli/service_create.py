"""`turnout service create`: what a service needs, made and registered, on the local stack or in AWS."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import click

from turnout.cli import options, printing
from turnout.cli.aws import local_lambda_service, local_stack
from turnout.cli.context import Context, Json
from turnout.cli.exits import Exit, Failure
from turnout.cli.push import SERVICE
from turnout.problems import ApiProblem

if TYPE_CHECKING:
    from turnout.cli.service_stack import Stack

RUNTIMES = ("lambda", "ecs", "autoscaling")
_LISTENER = r"arn:aws[a-z-]*:elasticloadbalancing:([a-z0-9-]+):\d{12}:listener/app/[^/]+/[^/]+/[^/]+"
_PRIORITY = click.IntRange(1, 50000)


@dataclass(frozen=True, slots=True)
class InAws:
    """Where on a load balancer that is there already."""

    listener: str | None
    host: tuple[str, ...]
    path: tuple[str, ...]
    priority: int | None
    staging_listener: str | None
    staging_host: str | None
    staging_priority: int | None
    parameter: tuple[str, ...]
    stack_name: str | None

    @property
    def given(self) -> list[str]:
        return [f"--{name.replace('_', '-')}" for name, value in asdict(self).items() if value]


def show_made(context: Context, made: Json) -> None:
    def short(shown: Json) -> Iterator[str]:
        urls = ("name", "production_url", "staging_url")
        yield from printing.facts((name.removesuffix("_url"), printing.cell(shown.get(name))) for name in urls)

    context.show(made, short)
    context.say(f"`turnout status {made.get('name')}` shows it, `turnout push {made.get('name')} FILE --version VERSION` gives it a release")


@click.command("create")
@click.argument("name")
@click.option("--runtime", type=click.Choice(RUNTIMES), required=True)
@click.option("--handler", default="app.handler", show_default=True, metavar="MODULE.FUNCTION", help="What Lambda calls.")
@click.option("--health-path", default="/", show_default=True, metavar="PATH", help="What the load balancer asks to learn whether a target is healthy.")
@click.option("--listener", metavar="ARN", help="In AWS: the listener of your load balancer.")
@click.option("--host", multiple=True, metavar="HOST", help="In AWS: production's host name, again for more; every host without it.")
@click.option("--path", multiple=True, metavar="PATTERN", help="In AWS: path pattern of both rules, again for more; /* without it.")
@click.option("--priority", type=_PRIORITY, metavar="N", help="In AWS: priority of the production rule.")
@click.option("--staging-listener", metavar="ARN", help="In AWS: staging's own listener, of the same load balancer.")
@click.option("--staging-host", metavar="HOST", help="In AWS: staging's host name; needed where it has no listener of its own.")
@click.option("--staging-priority", type=_PRIORITY, metavar="N", help="In AWS: priority of the staging rule.")
@click.option("--parameter", multiple=True, metavar="NAME=VALUE", help="In AWS: another parameter of infra/service-lambda.yaml, such as MemorySize=1024.")
@click.option("--stack-name", metavar="NAME", help="In AWS: the CloudFormation stack's name; turnout-service-NAME without it.")
@options.reasoned
@options.rehearsed
@options.shown
@click.pass_obj
def create_service(context: Context, /, name: str, runtime: str, handler: str, health_path: str, **place: Any) -> None:
    """Make what service NAME needs and register it: rules, two target groups, a function.

    On the local stack this also makes listeners. In AWS it is a CloudFormation stack on a load balancer that is there already; given again,
    the command finds the stack it made. --dry-run shows its parameters.
    """
    if runtime != "lambda":
        raise Failure(f"--runtime {runtime} is not available yet; this version has: lambda", Exit.USAGE, "usage")
    if not re.fullmatch(SERVICE, name):
        raise Failure(f"{name!r} can be no service; it must match {SERVICE}", Exit.USAGE, "usage")
    in_aws = InAws(**place)
    stack = local_stack(context)
    if stack is None:
        _create_in_aws(context, name, _stack(name, handler, health_path, in_aws), health_path)
    elif in_aws.given or context.flags.dry_run:
        given = ", ".join(in_aws.given or ["--dry-run"])
        raise Failure(f"{given} is for AWS, and a local stack is running here ({stack.path}); leave it out, or name your server by --url", Exit.USAGE, "usage")
    else:
        endpoint = context.environ.get("AWS_ENDPOINT_URL") or stack.aws_endpoint_url
        _register(context, name, local_lambda_service(endpoint, name=name, handler=handler, health_path=health_path))


def _stack(name: str, handler: str, health_path: str, place: InAws) -> "Stack":
    from turnout.cli.service_stack import Stack

    region, paths = _require_place(place), place.path or ("/*",)
    if not any(fnmatchcase(health_path, pattern) for pattern in paths):
        raise Failure(f"the rules would not take --health-path {health_path}, but only {', '.join(paths)}; give one that they take", Exit.USAGE, "usage")
    given = {
        "ServiceName": name,
        "Handler": handler,
        "HealthCheckPath": health_path,
        "ListenerArn": place.listener,
        "Hosts": ",".join(place.host),
        "Paths": ",".join(paths),
        "Priority": place.priority,
        "StagingListenerArn": place.staging_listener,
        "StagingHost": place.staging_host,
        "StagingPriority": place.staging_priority,
        **_parameters(place.parameter),
    }
    return Stack(place.stack_name or f"turnout-service-{name}", region, {key: str(value or "") for key, value in given.items()})


def _require_place(place: InAws) -> str:
    """The region. Staging that the production rule would answer for is refused: it would be production that is checked."""
    shared = not place.staging_listener or place.staging_listener == place.listener
    wanted = {
        "--listener": place.listener, "--priority": place.priority, "--staging-priority": place.staging_priority,
        "--staging-host or another --staging-listener": place.staging_host or not shared,
    }  # fmt: skip
    if missing := [option for option, value in wanted.items() if not value]:
        hint = "`turnout service create --help` explains them; on the local stack (`turnout local up`) none is needed"
        raise Failure(f"in AWS this needs {', '.join(missing)} too; {hint}", Exit.USAGE, "usage")
    if shared and not place.host and (place.staging_priority or 0) >= (place.priority or 0):
        detail = "the production rule takes every host, so it would answer for staging; give a --staging-priority below --priority, or production a --host"
        raise Failure(detail, Exit.USAGE, "usage")
    for hosts in (place.host, (place.staging_host,) if place.staging_host else ()):
        if hosts and all(set(host) & set("*?") for host in hosts):
            raise Failure(f"{', '.join(hosts)} is no host that a probe could ask; write one out in full", Exit.USAGE, "usage")
    found = re.fullmatch(_LISTENER, place.listener or "")
    if not found:
        raise Failure(f"{place.listener!r} is no listener of an Application Load Balancer; give its ARN", Exit.USAGE, "usage")
    return found[1]


def _parameters(pairs: Iterable[str]) -> dict[str, str]:
    parted = [pair.partition("=") for pair in pairs]
    if wrong := [name for name, equals, _ in parted if not equals]:
        raise Failure(f"--parameter takes NAME=VALUE, and {wrong[0]!r} has no =", Exit.USAGE, "usage")
    return {name: value for name, _, value in parted}


def _create_in_aws(context: Context, name: str, stack: "Stack", health_path: str) -> None:
    from turnout.cli import service_stack

    if context.flags.dry_run:
        told = {"stack": stack.name, "region": stack.region, "parameters": stack.parameters}
        context.show(told, lambda _: [f"stack {stack.name} in {stack.region}", *(f"  {key}={value}" for key, value in stack.parameters.items())])
        return
    _require_new(context, name)
    context.say(f"making stack {stack.name} in {stack.region}, a minute or two; interrupted, the same command goes on")
    outputs = service_stack.made(_cloudformation(context, stack), stack, service_stack.Patience(context.sleep, context.monotonic))
    context.say(f"stack {stack.name} is complete")
    _register(context, name, service_stack.definition_of(name, outputs, health_path=health_path))


def _require_new(context: Context, name: str) -> None:
    """Asked first: nothing is made where there is no server or no token that it knows, and a definition that is there keeps its settings."""
    try:
        context.client.service(name)
    except ApiProblem as problem:
        if problem.status != 404:
            raise
    else:
        raise Failure(f"{name} is registered already; `turnout service show {name}` shows it", Exit.CONFLICT, "already-registered")


def _cloudformation(context: Context, stack: "Stack") -> Any:
    import boto3

    return boto3.Session(region_name=stack.region).client("cloudformation", endpoint_url=context.environ.get("AWS_ENDPOINT_URL"))


def _register(context: Context, name: str, definition: Json) -> None:
    context.client.define(name, definition, reason=context.flags.reason)
    show_made(context, context.client.service(name))
