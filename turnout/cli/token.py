"""`turnout token`: API tokens, shown once and stored hashed."""

import re
from collections.abc import Iterable

import click

from turnout.cli import options, printing
from turnout.cli.context import Context, Json
from turnout.cli.exits import Exit, Failure
from turnout.cli.listing import show_list

ROLES = ("viewer", "deployer", "approver", "admin", "evaluator")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


@click.group()
def token() -> None:
    """API tokens."""


@token.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--services", default="*", show_default=True, metavar="PATTERN", help="The services it is for, such as `web*`.")
@click.option("--expires-in", default="90d", show_default=True, metavar="TIME", help="Seconds, or with a unit: 30m, 12h, 90d.")
@options.shown
@click.pass_obj
def create_token(context: Context, name: str, role: str, services: str, expires_in: str) -> None:
    """Make a token called NAME and print it. It is not shown again."""
    made = context.client.create_token(name=name, role=role, services=services, expires_in_seconds=_seconds(expires_in))
    context.show(made, lambda shown: [printing.safe(str(shown.get("token")))])
    context.say(f"{role} {name} ({made.get('id')}), for services {services}, until {printing.clock(made.get('expires_at'))}; it is not shown again")


@token.command("list")
@options.paged
@options.shown
@click.pass_obj
def list_tokens(context: Context) -> None:
    """List the tokens, newest first, without their secrets."""
    show_list(context, lambda limit, cursor: context.client.tokens(limit=limit, cursor=cursor), _table, "no tokens yet")


@token.command("revoke")
@click.argument("token_id", metavar="ID")
@options.sure
@options.shown
@click.pass_obj
def revoke_token(context: Context, token_id: str) -> None:
    """Make a token worthless from now on."""
    context.confirm(f"Revoke token {token_id}?")
    context.client.revoke_token(token_id)
    context.say(f"token {token_id} is revoked")


@token.command("bootstrap")
@click.option("--table", metavar="NAME", help="The control plane's DynamoDB table.  [env: TURNOUT_TABLE]")
@click.option("--name", default="administrator", show_default=True)
@click.option("--expires-in", default="30d", show_default=True, metavar="TIME", help="Seconds, or with a unit: 30m, 12h, 90d.")
@options.as_json
@click.pass_obj
def bootstrap_token(context: Context, table: str | None, name: str, expires_in: str) -> None:
    """Make the first administrator's token, straight into the table.

    Needs AWS credentials that may write it, and no server. It is not shown again.
    """
    from turnout.bootstrap_token import bootstrap

    chosen = table or context.environ.get("TURNOUT_TABLE")
    if not chosen:
        raise Failure("which table? give --table NAME, or set TURNOUT_TABLE; the stack's outputs name it", Exit.USAGE, "usage")
    made = bootstrap(table=chosen, name=name, seconds=_seconds(expires_in))
    context.show(made, lambda shown: [str(shown["token"])])
    context.say(f"admin {name} ({made['id']}), until {printing.clock(made['expires_at'])}; keep it with `turnout login --url URL`: it is not shown again")


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", text)
    if not found or int(found[1]) == 0:
        raise Failure(f"{text!r} is no time; write seconds, or a number with s, m, h or d, such as 12h", Exit.USAGE, "usage")
    return int(found[1]) * _UNITS[found[2]]


def _table(items: list[Json]) -> Iterable[str]:
    return printing.table(
        ("ID", "NAME", "ROLE", "SERVICES", "CREATED", "EXPIRES"),
        (
            (
                printing.cell(item.get("id")),
                printing.cell(item.get("name")),
                printing.cell(item.get("role")),
                printing.cell(item.get("services")),
                printing.clock(item.get("created_at")),
                printing.clock(item.get("expires_at")),
            )
            for item in items
        ),
    )
