"""`turnout promote`: shift production to what is staged."""

import click

from turnout.cli import options, printing
from turnout.cli.answering import answer, is_waited_for
from turnout.cli.context import Context, Json
from turnout.cli.exits import Exit, Failure
from turnout.cli.waiting import Goal


@click.command()
@click.argument("service")
@click.argument("version", required=False)
@click.option("--strategy", type=click.Choice(["all-at-once", "linear", "canary"]), help="Another strategy than the service's own.")
@click.option("--skip-holds", is_flag=True, help="Do not hold the steps; they are still taken one by one, and judged.")
@click.option("--override-quarantine", is_flag=True, help="Promote it although it proved bad before (approvers, with --reason).")
@click.option("--until", type=click.Choice(["live", "completed"]), help="Wait until all traffic was seen on it, or its watch is over (implies --wait).")
@options.waiting("it is completed, or live with --until live")
@options.changing
@click.pass_obj
def promote(context: Context, /, service: str, version: str | None, until: str | None, **body: object) -> None:
    """Shift production of SERVICE to VERSION, or to the version that is staged.

    Without VERSION it is looked up and shown first, and exactly that one is promoted: if another has taken its place meanwhile, nothing is.
    """
    context.flags.until = until
    is_waited_for(context)
    chosen = version or _shown(context, context.client.service(service))
    context.confirm(f"Promote {service} {chosen}?")
    asked = {"version": chosen, "reason": context.flags.reason, **{name: value or None for name, value in body.items()}}
    answer(context, service, context.client.command(service, "promote", asked, dry_run=context.flags.dry_run), Goal(until or Goal.COMPLETED))


def _shown(context: Context, service: Json) -> str:
    name, candidate, busy = service.get("name"), service.get("candidate") or {}, service.get("deployment") or {}
    if busy.get("kind") == "drill":
        detail = f"nothing is staged on {name}: a rollback drill ({busy.get('id')}) is on, and what comes next waits for its end"
        raise Failure(detail, Exit.CONFLICT, "nothing-staged")
    version = candidate.get("version") or busy.get("version")
    if not version:
        raise Failure(f"nothing is staged on {name}; put a release there with `turnout deploy {name} VERSION`", Exit.CONFLICT, "nothing-staged")
    context.say(f"{name} {version}: {printing.colorless(printing.progress(busy))}")
    return str(version)
