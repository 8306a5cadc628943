"""`turnout history`: the deployments of a service, or the timeline of one."""

from collections.abc import Iterable

import click

from turnout.cli import options, printing
from turnout.cli.context import Context, Json
from turnout.cli.listing import show_list


@click.command()
@click.argument("service")
@click.argument("deployment", required=False)
@options.paged
@options.shown
@click.pass_obj
def history(context: Context, service: str, deployment: str | None) -> None:
    """List the deployments of SERVICE, or the timeline of DEPLOYMENT; newest first."""
    client = context.client
    if deployment:
        nothing = f"{service} {deployment} has no events yet"
        show_list(context, lambda limit, cursor: client.events(service, deployment, limit=limit, cursor=cursor), events_table, nothing)
    else:
        nothing = f"{service} has had no deployments yet; upload an artifact, or run `turnout deploy {service} VERSION`"
        show_list(context, lambda limit, cursor: client.deployments(service, limit=limit, cursor=cursor), _table, nothing)


def _table(items: list[Json]) -> Iterable[str]:
    return printing.table(
        ("ID", "VERSION", "CONFIG", "KIND", "PHASE", "STARTED", "ENDED", "REASON"),
        (
            (
                printing.cell(item.get("id")),
                printing.cell(item.get("version")),
                printing.cell(item.get("config_version")),
                printing.cell(item.get("kind")),
                printing.progress(item),
                printing.clock(item.get("started_at")),
                printing.clock(item.get("ended_at")),
                printing.cell(item.get("reason")),
            )
            for item in items
        ),
    )


def events_table(items: list[Json]) -> Iterable[str]:
    return printing.table(
        ("AT", "PHASE", "STEP", "ACTOR", "WHAT"),
        (
            (
                printing.clock(item.get("at")),
                printing.word(item.get("phase")),
                printing.cell(item.get("step") or None),
                printing.cell(item.get("actor")),
                printing.cell(item.get("message")),
            )
            for item in items
        ),
    )
