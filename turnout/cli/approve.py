"""`turnout approve`: stand behind what is on its way to be promoted."""

from collections.abc import Iterator

import click

from turnout.cli import options, printing
from turnout.cli.answering import plan, summary
from turnout.cli.context import Context, Json


@click.command()
@click.argument("service")
@click.argument("version")
@options.changing
@click.pass_obj
def approve(context: Context, service: str, version: str) -> None:
    """Approve VERSION of SERVICE for promotion (approvers).

    It counts for 24 hours and for exactly this code, config and plan; not from whoever asked for the deployment, nor from whoever promotes it.
    """
    context.confirm(f"Approve {service} {version}?")
    body = {"version": version, "reason": context.flags.reason}
    answered = context.client.command(service, "approve", body, dry_run=context.flags.dry_run)
    context.show(answered, plan if context.flags.dry_run else lambda shown: _lines(service, shown))


def _lines(service: str, deployment: Json) -> Iterator[str]:
    yield f"{summary(service, deployment)}  {printing.approved(deployment) or 'no approval is needed'}"
