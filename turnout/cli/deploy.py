"""`turnout deploy`: put a release on staging."""

import click

from turnout.cli import options
from turnout.cli.answering import answer
from turnout.cli.context import Context
from turnout.cli.waiting import Goal


@click.command()
@click.argument("service")
@click.argument("version")
@click.option("--config-version", type=click.IntRange(min=0), metavar="N", help="Config to deploy it with; the newest unless given.")
@click.option("--override-quarantine", is_flag=True, help="Deploy it although it proved bad before (approvers, with --reason).")
@options.waiting("it is staged")
@options.changing
@click.pass_obj
def deploy(context: Context, service: str, version: str, config_version: int | None, override_quarantine: bool) -> None:
    """Put VERSION of SERVICE on staging; production is not touched."""
    body = {"version": version, "config_version": config_version, "override_quarantine": override_quarantine or None, "reason": context.flags.reason}
    answer(context, service, context.client.command(service, "deployments", body, dry_run=context.flags.dry_run), Goal.STAGED)
