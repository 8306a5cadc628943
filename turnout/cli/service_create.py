"""`turnout service create`: what a service needs, made and registered, on the local stack or in AWS."""

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from turnout.cli import options, printing
from turnout.cli.aws import local_service, local_stack
from turnout.cli.context import Context, Json
from turnout.cli.exits import Exit, Failure
from turnout.cli.push import SERVICE
from turnout.cli.service_place import RUNTIMES, Application, InAws, require_fitting, stack_of
from turnout.problems import ApiProblem

if TYPE_CHECKING:
    from turnout.cli.service_stack import Stack

_PRIORITY = click.IntRange(1, 50000)


def show_made(context: Context, made: Json) -> None:
    def short(shown: Json) -> Iterator[str]:
        urls = ("name", "production_url", "staging_url")
        yield from printing.facts((name.removesuffix("_url"), printing.cell(shown.get(name))) for name in urls)

    context.show(made, short)
    name, repository = made.get("name"), made.get("definition", {}).get("source", {}).get("ecr")
    giving = f"an image pushed to {repository} is its release" if repository else f"`turnout push {name} FILE --version VERSION` gives it a release"
    context.say(f"`turnout status {name}` shows it, {giving}")


@click.command("create")
@click.argument("name")
@click.option("--runtime", type=click.Choice(RUNTIMES), required=True)
@click.option("--handler", metavar="MODULE.FUNCTION", help="lambda: what Lambda calls.  [default: app.handler]")
@click.option("--repository", metavar="NAME", help="ecs: the ECR repository of its images, in AWS one that is there; without it one named NAME is made.")
@click.option("--container", metavar="NAME", help="ecs: the container that gets a release's image.  [default: app]")
@click.option("--port", type=click.IntRange(1, 65535), metavar="N", help="ecs, autoscaling: where the application listens.  [default: 8080]")
@click.option("--health-path", default="/", show_default=True, metavar="PATH", help="What the load balancer asks to learn whether a target is healthy.")
@click.option("--listener", metavar="ARN", help="In AWS: the listener of your load balancer.")
@click.option("--host", multiple=True, metavar="HOST", help="In AWS: production's host name, again for more; every host without it.")
@click.option("--path", multiple=True, metavar="PATTERN", help="In AWS: path pattern of both rules, again for more; /* without it.")
@click.option("--priority", type=_PRIORITY, metavar="N", help="In AWS: priority of the production rule.")
@click.option("--staging-listener", metavar="ARN", help="In AWS: staging's own listener, of the same load balancer.")
@click.option("--staging-host", metavar="HOST", help="In AWS: staging's host name; needed where it has no listener of its own.")
@click.option("--staging-priority", type=_PRIORITY, metavar="N", help="In AWS: priority of the staging rule.")
@click.option("--vpc", metavar="ID", help="In AWS, ecs and autoscaling: the load balancer's VPC.")
@click.option("--subnet", multiple=True, metavar="ID", help="In AWS, ecs and autoscaling: where tasks or instances run, again for more.")
@click.option("--security-group", metavar="ID", help="In AWS, ecs and autoscaling: the load balancer's, from which alone they are reached.")
@click.option("--bucket", metavar="NAME", help="In AWS, autoscaling: the artifact bucket; TURNOUT_BUCKET without it.")
@click.option("--parameter", multiple=True, metavar="NAME=VALUE", help="In AWS: another parameter of infra/service-RUNTIME.yaml, such as MemorySize=1024.")
@click.option("--stack-name", metavar="NAME", help="In AWS: the CloudFormation stack's name; turnout-service-NAME without it.")
@options.reasoned
@options.rehearsed
@options.shown
@click.pass_obj
def create_service(context: Context, /, name: str, **asked: Any) -> None:
    """Make what service NAME needs and register it: rules, two target groups, and what runs behind them.

    That is a function (lambda), two ECS services (ecs) or two Auto Scaling groups (autoscaling). On the local stack this also makes
    listeners. In AWS it is a CloudFormation stack on a load balancer that is there already; given again, the command finds the stack
    it made. --dry-run shows its parameters.
    """
    application = Application(**{field.name: asked.pop(field.name) for field in fields(Application)})
    in_aws = InAws(**asked)
    require_fitting(application, in_aws)
    if not re.fullmatch(SERVICE, name):
        raise Failure(f"{name!r} can be no service; it must match {SERVICE}", Exit.USAGE, "usage")
    stack = local_stack(context)
    if stack is None:
        _create_in_aws(context, name, stack_of(name, application, in_aws, context.environ))
    elif in_aws.given or context.flags.dry_run:
        given = ", ".join(in_aws.given or ["--dry-run"])
        raise Failure(f"{given} is for AWS, and a local stack is running here ({stack.path}); leave it out, or name your server by --url", Exit.USAGE, "usage")
    else:
        endpoint = context.environ.get("AWS_ENDPOINT_URL") or stack.aws_endpoint_url
        wanted = {**application.settings(name), "health_path": application.health_path}
        _register(context, name, local_service(endpoint, application.runtime, name=name, **wanted))


def _create_in_aws(context: Context, name: str, stack: "Stack") -> None:
    from turnout.cli import service_stack

    if context.flags.dry_run:
        told = {"stack": stack.name, "region": stack.region, "template": stack.template, "parameters": stack.parameters}
        about = f"stack {stack.name} in {stack.region} by {stack.template}"
        context.show(told, lambda _: [about, *(f"  {key}={value}" for key, value in stack.parameters.items())])
        return
    _require_new(context, name)
    context.say(f"making stack {stack.name} in {stack.region}, a minute or two; interrupted, the same command goes on")
    outputs = service_stack.made(_cloudformation(context, stack), stack, service_stack.Patience(context.sleep, context.monotonic))
    context.say(f"stack {stack.name} is complete")
    _register(context, name, service_stack.definition_of(name, stack.runtime, outputs, health_path=stack.parameters["HealthCheckPath"]))


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
