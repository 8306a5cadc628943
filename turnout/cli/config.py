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
@click.option("--ssm", multiple=True, metavar="NAME=PARAMETER[#VERSION]", help="A reference to a parameter of SSM; may be given again.")
@click.option("--secret", multiple=True, metavar="NAME=SECRET[#VERSION]", help="A reference to a secret of Secrets Manager; may be given again.")
@click.option("--unset", multiple=True, metavar="NAME", help="Leave this setting out; may be given again.")
@options.changing
@click.pass_obj
def set_config(context: Context, service: str, settings: tuple[str, ...], *, ssm: tuple[str, ...], secret: tuple[str, ...], unset: tuple[str, ...]) -> None:
    """Record a new config version of SERVICE: the newest one with these changes.

    It starts nothing: the next deployment takes it. A reference is pinned to the version it names, or to the one that is current now.
    """
    wanted: Json = dict(_pair(text) for text in settings)
    wanted |= {name: _parameter(value) for name, value in map(_pair, ssm)} | {name: _reference("secretsmanager", value) for name, value in map(_pair, secret)}
    if not wanted and not unset:
        raise Failure("nothing to change: give NAME=VALUE, --ssm, --secret or --unset NAME", Exit.USAGE, "usage")
    _change(context, service, wanted, unset)


@config.command("unset")
@click.argument("service")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@options.changing
@click.pass_obj
def unset_config(context: Context, service: str, names: tuple[str, ...]) -> None:
    """Record a new config version of SERVICE: the newest one without these settings."""
    _change(context, service, {}, names)


@config.command("diff")
@click.argument("service")
@click.argument("against", type=click.IntRange(min=0), metavar="FROM")
@click.argument("number", type=click.IntRange(min=0), required=False, metavar="[TO]")
@options.shown
@click.pass_obj
def diff_config(context: Context, service: str, against: int, number: int | None) -> None:
    """Show what is different from config version FROM of SERVICE in version TO, or in the newest."""
    after = _newest(context, service)["config_version"] if number is None else number
    context.show(context.client.config_diff(service, after, against), _differences)


def _change(context: Context, service: str, wanted: Json, unset: tuple[str, ...]) -> None:
    body = {"set": wanted, "unset": list(unset), "reason": context.flags.reason}
    answered = context.client.command(service, "config", body, dry_run=context.flags.dry_run)
    context.show(answered, plan if context.flags.dry_run else _settings)


def _parameter(text: str) -> Json:
    reference = _reference("ssm", text)
    if "version" in reference:
        if not reference["version"].isdecimal():
            raise Failure(f"{text!r}: the version of a parameter is a number; write PARAMETER#3", Exit.USAGE, "usage")
        reference["version"] = int(reference["version"])
    return reference


def _reference(store: str, text: str) -> Json:
    """Neither a name nor an ARN can have a `#`."""
    name, hash_mark, version = text.partition("#")
    return {store: name, "version": version} if hash_mark else {store: name}


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
        yield f"{printing.cell(name)}={_shown(value)}"


def _differences(shown: Json) -> Iterator[str]:
    lines = [(item["name"], mark, item) for mark, part in (("+", "added"), ("-", "removed"), ("~", "changed")) for item in shown.get(part) or []]
    for name, mark, item in sorted(lines, key=lambda line: str(line[0])):
        values = [_shown(item[side]) for side in ("before", "after") if item.get(side) is not None]
        yield f"{mark} {printing.cell(name)}={' -> '.join(values)}"
    if not lines:
        yield "nothing is different"


def _shown(value: object) -> str:
    """A reference as the application sees it."""
    if isinstance(value, dict):
        [store] = value.keys() - {"version"} or {""}
        return printing.cell(f"{store}:{value.get(store)}:{value.get('version')}")
    return printing.cell(value) if value else ""


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
