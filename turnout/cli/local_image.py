"""`turnout local image push`: a folder becomes an image in the embedded ECR, without Docker."""

import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from turnout.cli import options, printing
from turnout.cli.connection import LocalStack, find_local
from turnout.cli.context import Context, Json
from turnout.cli.exits import Exit, Failure

if TYPE_CHECKING:
    from turnout.local.images.build import Built
    from turnout.local.images.push import Pushed

REPOSITORY = r"(?=.{2,256}$)(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*"
TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_PLAIN = r"/|(?:/(?!\.{1,2}(?:/|$))[^/\0]+)+"


@click.group("image")
def image() -> None:
    """Images of the local stack's own registry."""


@image.command("push")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--repository", required=True, metavar="NAME", help="Made if it is not there.")
@click.option("--tag", required=True, metavar="TAG", help="The version, for a service that is released from this repository.")
@click.option("--command", metavar="LINE", help="What starts the application; the `web:` line of the folder's Procfile without it.")
@click.option("--workdir", default="/app", show_default=True, metavar="PATH", help="Where the folder is in the image, and where the command runs.")
@click.option("--env", multiple=True, metavar="NAME=VALUE", help="A variable of the image, again for more. A service's configuration goes over it.")
@click.option("--label", multiple=True, metavar="NAME=VALUE", help="A label, again for more: org.opencontainers.image.revision=COMMIT says which commit it is.")
@options.as_json
@click.pass_obj
def push_image(
    context: Context, /, folder: Path, *, repository: str, tag: str, command: str | None, workdir: str, env: tuple[str, ...], label: tuple[str, ...]
) -> None:
    """Make an OCI image of FOLDER and push it to the local stack. No Docker is needed.

    The image has the folder's files and nothing else: a task takes Python and the shell from this machine. The application
    listens on $PORT. The same folder is the same image again, with the same digest.
    """
    _require("--repository", REPOSITORY, repository)
    _require("--tag", TAG, tag)
    _require("--workdir", _PLAIN, workdir)
    stack = find_local(context.directory)
    if stack is None:
        raise Failure("no local stack is running here; start one with `turnout local up --detach`", slug="no-local-stack")
    made = _built(context.directory / folder, command, workdir, _pairs("--env", env), _pairs("--label", label))
    pushed = _push(stack, made, repository, tag)
    context.show({"repository": repository, "tag": tag, **asdict(pushed)}, _lines)
    context.say(f"{repository}:{tag} is pushed" if pushed.pushed else f"{repository}:{tag} was this image already; nothing was changed")


def _require(option: str, pattern: str, value: str) -> None:
    if not re.fullmatch(pattern, value):
        shape = "an absolute path without . and .." if option == "--workdir" else f"it must match {pattern}"
        raise Failure(f"{value!r} is no good {option}: {shape}", Exit.USAGE, "usage")


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    parted = [pair.partition("=") for pair in given]
    if wrong := [pair for pair, (name, equals, _) in zip(given, parted, strict=True) if not (name and equals)]:
        raise Failure(f"{option} takes NAME=VALUE, and {wrong[0]!r} is none", Exit.USAGE, "usage")
    return {name: value for name, _, value in parted}


def _built(folder: Path, command: str | None, workdir: str, env: dict[str, str], labels: dict[str, str]) -> "Built":
    from turnout.local.images.build import CannotBuild, Recipe, built, web_command

    if command is not None and not command.strip():
        raise Failure("--command is empty; leave it out to use the Procfile", Exit.USAGE, "usage")
    if not folder.is_dir():
        raise Failure(f"{folder} is no directory; give the folder with the application's files", Exit.USAGE, "usage")
    try:
        return built(folder, Recipe(command or web_command(folder), workdir, env, labels))
    except (CannotBuild, OSError) as refusal:
        raise Failure(str(refusal), slug="cannot-build") from refusal


def _push(stack: LocalStack, made: "Built", repository: str, tag: str) -> "Pushed":
    """To the embedded AWS and no other, whatever the environment says: a repository is made there without asking."""
    from botocore.exceptions import BotoCoreError, ClientError

    from turnout.local.embedded import clients
    from turnout.local.images.push import TagTaken, push

    try:
        return push(clients(stack.aws_endpoint_url)("ecr"), made, repository, tag)
    except TagTaken as refusal:
        raise Failure(str(refusal), slug="tag-taken") from refusal
    except (BotoCoreError, ClientError) as error:
        hint = "if the local stack was killed, run `turnout local down` and `turnout local up` again"
        raise Failure(f"the image could not be pushed to {stack.aws_endpoint_url} ({error}); {hint}", slug="push-failed") from error


def _lines(shown: Json) -> Iterator[str]:
    yield from printing.facts((name, printing.cell(shown[name])) for name in ("repository", "tag", "digest", "uri"))
    for layer in shown["layers"]:
        yield f"{'pushed' if layer['pushed'] else 'there already'}  {layer['digest']}  {layer['media_type']}  {layer['size']} bytes"
