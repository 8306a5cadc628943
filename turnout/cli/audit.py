"""`turnout audit`: who changed what, and why."""

from collections.abc import Iterable

import click

from turnout.cli import options, printing
from turnout.cli.context import Context, Json
from turnout.cli.listing import show_list


@click.command()
@click.argument("service", required=False)
@options.paged
@options.shown
@click.pass_obj
def audit(context: Context, service: str | None) -> None:
    """List the audit chain, newest first, of SERVICE or of everything you may see."""
    show_list(context, lambda limit, cursor: context.client.audit(service=service, limit=limit, cursor=cursor), _table, "nothing was changed yet")


def _table(items: list[Json]) -> Iterable[str]:
    return printing.table(
        ("AT", "CHAIN", "SEQ", "ACTOR", "WHAT", "REASON"),
        (
            (
                printing.clock(item.get("at")),
                printing.cell(item.get("chain") or item.get("service")),
                printing.cell(item.get("seq")),
                printing.cell(item.get("actor") or item.get("by")),
                printing.cell(item.get("action") or item.get("what") or item.get("kind")),
                printing.cell(item.get("reason")),
            )
            for item in items
        ),
    )
