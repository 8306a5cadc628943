"""`turnout config`: numbered, immutable sets of environment settings."""

from collections.abc import Iterable, Iterator

import click

from turnout.cli import options, printing
from turnout.cli.answering import plan
from turnout.cli.context import Context, Json
from turnout.cli.exits import Exit, Failure
from turnout.cli.listing import show_list


@click.group()
def config() -> None:
    """Settings of a service, by version."""


@config.command("list")
@click.argument("service")
@options.paged
@options.shown
@click.pass_obj
def list_configs(context: Context, service: str) -> None:
    """List the config versions of SERVICE, newest first."""
    nothing = f"{service} has no settings yet; `turnout config set {service} NAME=VALUE` makes version 1"
    show_list(context, lambda limit, cursor: context.client.configs(service, limit=limit, cursor=cursor), _table, nothing)


@config.command("show")
@click.argument("service")
@click.argument("number", type=click.IntRange(min=0), required=False)
@options.shown
@click.pass_obj
def show_config(context: Context, service: str, number: int | None) -> None:
    """Show the settings of SERVICE: of version NUMBER, or the newest."""
    context.show(_newest(context, service) if number is None else context.client.config(service, number), _settings)


@config.command("set")
@click.argument("service")
@click.argument("settings", nargs=-1, metavar="NAME=VALUE...")
@click.option("--unset", multiple=True, metavar="NAME", help="Leave this setting out; may be given again.")
@options.changing
@click.pass_obj
def set_config(context: Context, service: str, settings: tuple[str, ...], unset: tuple[str, ...]) -> None:
    """Record a new config version of SERVICE: the newest one with these changes.

    It starts nothing: the next deployment takes it.
    """
    if not settings and not unset:
        raise Failure("nothing to change: give NAME=VALUE, or --unset NAME", Exit.USAGE, "usage")
    body = {"set": dict(_pair(text) for text in settings), "unset": list(unset), "reason": context.flags.reason}
    answered = context.client.command(service, "config", body, dry_run=context.flags.dry_run)
    context.show(answered, plan if context.flags.dry_run else _settings)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise Failure(f"{text!r} is no setting; write NAME=VALUE, or --unset NAME to leave one out", Exit.USAGE, "usage")
    return name, value


def _newest(context: Context, service: str) -> Json:
    found = context.client.configs(service, limit=1).items
    return found[0] if found else context.client.config(service, 0)


def _settings(shown: Json) -> Iterator[str]:
    for name, value in sorted((shown.get("settings") or {}).items()):
        yield f"{printing.cell(name)}={printing.cell(value) if value else ''}"


def _table(items: list[Json]) -> Iterable[str]:
    return printing.table(
        ("VERSION", "CREATED", "SETTINGS"),
        (
            (
                printing.cell(item.get("config_version")),
                printing.clock(item.get("created_at")),
                printing.cell(", ".join(sorted(item.get("settings") or {}))),
            )
            for item in items
        ),
    )
