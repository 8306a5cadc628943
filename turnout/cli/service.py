"""`turnout service`: what is delivered, and how."""

import json
import re
from collections.abc import Iterator
from typing import TextIO

import click

from turnout.cli import options, printing
from turnout.cli.aws import local_lambda_service, local_stack
from turnout.cli.context import Context, Json
from turnout.cli.exits import Exit, Failure
from turnout.cli.push import SERVICE
from turnout.cli.status import show_services

RUNTIMES = ("lambda", "ecs", "autoscaling")
_BY_HAND = (
    "no local stack is running for this directory (`turnout local up` starts one), and this version makes no resources in AWS. Make them yourself: "
    "a Lambda function with the tag turnout:service={name}; two target groups of type lambda with health checks on; on an Application Load Balancer "
    "a rule for production and one for staging at another port or host, each forwarding to both groups with weights 1 and 0. "
    "Then write the definition with their ARNs and run `turnout service put {name} FILE`"
)


@click.group()
def service() -> None:
    """Services: make, list, show, change, remove."""


@service.command("create")
@click.argument("name")
@click.option("--runtime", type=click.Choice(RUNTIMES), required=True)
@click.option("--handler", default="app.handler", show_default=True, metavar="MODULE.FUNCTION", help="What Lambda calls.")
@click.option("--health-path", default="/", show_default=True, metavar="PATH", help="What the load balancer asks to learn whether a target is healthy.")
@options.shown
@click.pass_obj
def create_service(context: Context, name: str, runtime: str, handler: str, health_path: str) -> None:
    """Make what service NAME needs and register it: listeners, rules, two target groups, a function.

    On the local stack this does it all. In AWS make the resources yourself and register them with `turnout service put`.
    """
    if runtime != "lambda":
        raise Failure(f"--runtime {runtime} is not available yet; this version has: lambda", Exit.USAGE, "usage")
    if not re.fullmatch(SERVICE, name):
        raise Failure(f"{name!r} can be no service; it must match {SERVICE}", Exit.USAGE, "usage")
    stack = local_stack(context)
    if stack is None:
        raise Failure(_BY_HAND.format(name=name), slug="no-local-stack")
    endpoint = context.environ.get("AWS_ENDPOINT_URL") or stack.aws_endpoint_url
    context.client.define(name, local_lambda_service(endpoint, name=name, handler=handler, health_path=health_path))
    _show_made(context, context.client.service(name))


@service.command("list")
@options.paged
@options.shown
@click.pass_obj
def list_services(context: Context) -> None:
    """List the services you may see."""
    show_services(context)


@service.command("show")
@click.argument("name")
@options.shown
@click.pass_obj
def show_service(context: Context, name: str) -> None:
    """Show the definition of service NAME, as `service put` takes it."""
    context.show(context.client.service(name), lambda shown: json.dumps(shown.get("definition"), indent=2).splitlines())


@service.command("put")
@click.argument("name")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--if-match", metavar="ETAG", help="Only if the service is still as it was when this ETag was read.")
@options.reasoned
@options.sure
@options.shown
@click.pass_obj
def put_service(context: Context, name: str, file: TextIO, if_match: str | None) -> None:
    """Register service NAME with the definition in FILE (JSON, - for standard input), or change it."""
    definition = _definition(file)
    context.confirm(f"Define {name} as {file.name} says?")
    context.client.define(name, definition, if_match=if_match, reason=context.flags.reason)
    _show_made(context, context.client.service(name))


@service.command("delete")
@click.argument("name")
@options.reasoned
@options.sure
@options.shown
@click.pass_obj
def delete_service(context: Context, name: str) -> None:
    """Take service NAME out of Turnout's hands. Nothing in AWS is touched, its history stays."""
    context.confirm(f"Remove {name} from Turnout? Nothing in AWS is touched.")
    context.client.remove(name, reason=context.flags.reason)
    context.say(f"{name} is no longer in Turnout's hands; its traffic stays as it is")


def _definition(file: TextIO) -> Json:
    try:
        read = json.load(file)
    except ValueError as error:
        raise Failure(f"{file.name} is not JSON ({error}); `turnout service show NAME` prints one that is", Exit.USAGE, "usage") from error
    if not isinstance(read, dict):
        raise Failure(f"{file.name} holds no JSON object; `turnout service show NAME` prints one", Exit.USAGE, "usage")
    return read


def _show_made(context: Context, made: Json) -> None:
    def short(shown: Json) -> Iterator[str]:
        urls = ("name", "production_url", "staging_url")
        yield from printing.facts((name.removesuffix("_url"), printing.cell(shown.get(name))) for name in urls)

    context.show(made, short)
    context.say(f"`turnout status {made.get('name')}` shows it, `turnout push {made.get('name')} FILE --version VERSION` gives it a release")
