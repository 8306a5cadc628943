"""`turnout service`: what is delivered, and how."""

import json
from typing import TextIO

import click

from turnout.cli import options
from turnout.cli.context import Context, Json
from turnout.cli.exits import Exit, Failure
from turnout.cli.service_create import create_service, show_made
from turnout.cli.status import show_services


@click.group()
def service() -> None:
    """Services: make, list, show, change, remove."""


service.add_command(create_service)


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
    show_made(context, context.client.service(name))


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
