"""`turnout pause`, `resume`, `abort` and `certify`: steering what is in progress."""

import click

from turnout.cli import options, printing
from turnout.cli.answering import answer, plan
from turnout.cli.context import Context, Json
from turnout.cli.status import notes
from turnout.cli.waiting import Goal


@click.command()
@click.argument("service")
@options.changing
@click.pass_obj
def pause(context: Context, service: str) -> None:
    """Take no step forward on SERVICE until it is resumed.

    Health goes on being judged: a bad candidate is still reverted, and rollback and abort still work.
    """
    _switch(context, service, "pause", {"reason": context.flags.reason})


@click.command()
@click.argument("service")
@click.option("--drift", type=click.Choice(["restore", "adopt"]), help="End a drift: put Turnout's weights back, or take over the found ones (approvers).")
@options.changing
@click.pass_obj
def resume(context: Context, service: str, drift: str | None) -> None:
    """Let SERVICE go on after a pause or a drift."""
    if drift:
        context.confirm(f"End the drift of {service}: {drift}?")
    _switch(context, service, "resume", {"drift": drift, "reason": context.flags.reason})


@click.command()
@click.argument("service")
@options.waiting("it is aborted or its traffic is back")
@options.changing
@click.pass_obj
def abort(context: Context, service: str) -> None:
    """Stop the deployment in progress on SERVICE.

    Before the shift production is not touched; after it the traffic is put back.
    """
    context.confirm(f"Abort the deployment of {service}?")
    answered = context.client.command(service, "abort", {"reason": context.flags.reason}, dry_run=context.flags.dry_run)
    answer(context, service, answered, Goal.WITHDRAWN)


@click.command()
@click.argument("service")
@click.option("--not-certified", is_flag=True, help="End the watch without certifying the release.")
@options.waiting("it is completed")
@options.changing
@click.pass_obj
def certify(context: Context, service: str, not_certified: bool) -> None:
    """End the watch of SERVICE now and certify its release (approvers)."""
    context.confirm(f"End the watch of {service} {'without certifying it' if not_certified else 'and certify it'}?")
    body = {"certified": not not_certified, "reason": context.flags.reason}
    answer(context, service, context.client.command(service, "certify", body, dry_run=context.flags.dry_run), Goal.COMPLETED)


def _switch(context: Context, service: str, verb: str, body: Json) -> None:
    answered = context.client.command(service, verb, body, dry_run=context.flags.dry_run)
    if context.flags.dry_run:
        context.show(answered, plan)
    else:
        context.show(answered, lambda shown: [f"{service}  {notes(shown) or 'not paused'}  {_busy(shown)}"])


def _busy(service: Json) -> str:
    deployment = service.get("deployment")
    return f"{deployment.get('id')} {printing.what(deployment)}: {printing.progress(deployment)}" if deployment else "nothing in progress"
