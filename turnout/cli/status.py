"""`turnout status`: the live picture of one service, or a line for each."""

from collections.abc import Iterable, Iterator

import click

from turnout.cli import options, printing
from turnout.cli.context import Context, Json
from turnout.cli.listing import show_list


@click.command()
@click.argument("service", required=False)
@options.paged
@options.shown
@click.pass_obj
def status(context: Context, service: str | None) -> None:
    """Show SERVICE as it is now, or every service in a line."""
    if service:
        context.show(context.client.service(service), lambda shown: picture(shown, context))
    else:
        show_services(context)


def show_services(context: Context) -> None:
    nothing = "no services yet; make one with `turnout service create NAME --runtime lambda --handler app.handler`"
    show_list(context, lambda limit, cursor: context.client.services(limit=limit, cursor=cursor), services_table, nothing)


def services_table(items: list[Json]) -> Iterable[str]:
    return printing.table(
        ("SERVICE", "LIVE", "CANDIDATE", "WEIGHTS", "DEPLOYMENT", "VERDICT", "NOTES"),
        (
            (
                printing.cell(item.get("name")),
                _version(item.get("live")),
                _version(item.get("candidate")),
                printing.shares(_weights(item, "observed")),
                printing.progress(item["deployment"]) if item.get("deployment") else "-",
                printing.word((item.get("verdict") or {}).get("outcome")),
                notes(item) or "-",
            )
            for item in items
        ),
    )


def picture(service: Json, context: Context) -> Iterator[str]:
    deployment, verdict, weights = service.get("deployment"), service.get("verdict") or {}, service.get("weights") or {}
    seen_at = f", seen {printing.moment(weights.get('observed_at'), context.now())}" if weights.get("observed_at") else ""
    yield from printing.facts(
        [
            ("service", printing.cell(service.get("name"))),
            ("production", printing.cell(service.get("production_url"))),
            ("staging", printing.cell(service.get("staging_url"))),
            ("live", printing.placed(service.get("live"))),
            ("candidate", printing.placed(service.get("candidate"))),
            ("previous", printing.placed(service.get("previous"))),
            ("weights", f"{printing.shares(weights.get('observed'))}{seen_at}"),
            ("wanted", printing.shares(weights.get("desired"))),
            ("deployment", f"{deployment.get('id')} {printing.what(deployment)}: {printing.progress(deployment)}" if deployment else "-"),
            *([("approvals", approved)] if (approved := printing.approved(deployment or {})) else []),
            ("verdict", printing.word(verdict.get("outcome")) + (f": {printing.cell(verdict['reason'])}" if verdict.get("reason") else "")),
            ("notes", notes(service) or "-"),
        ]
    )


def notes(service: Json) -> str:
    raw = (service.get("drift") or {}).get("raw")
    said = {"paused": "paused", "read_only": "read-only", "drifted": f"drifted: {printing.cell(raw)}" if raw else "drifted"}
    return ", ".join(text for name, text in said.items() if service.get(name))


def _version(placement: Json | None) -> str:
    return f"{printing.cell(placement.get('version'))} ({printing.cell(placement.get('color'))})" if placement else "-"


def _weights(service: Json, which: str) -> Json | None:
    found: Json | None = (service.get("weights") or {}).get(which)
    return found
