"""`turnout rollback`: put production back."""

import click

from turnout.cli import options, printing
from turnout.cli.answering import answer
from turnout.cli.context import Context, Json
from turnout.cli.exits import Exit, Failure
from turnout.cli.waiting import Goal
from turnout.problems import Trouble


@click.command()
@click.argument("service")
@click.argument("version", required=False)
@click.option("--to", metavar="VERSION", help="The same as VERSION.")
@options.waiting("its target holds all traffic")
@options.changing
@click.pass_obj
def rollback(context: Context, service: str, version: str | None, to: str | None) -> None:
    """Put production of SERVICE back: to VERSION, or to where it came from.

    While a rollout shifts or is watched this reverts it. A person at a terminal is shown the target first, and exactly that one is sent;
    nobody else is kept waiting for a look.
    """
    if version and to and version != to:
        raise Failure(f"VERSION is {version} and --to is {to}; give one of the two", Exit.USAGE, "usage")
    target = version or to or _shown(context, service)
    context.confirm(f"Roll {service} back{f' to {target}' if target else ''}?")
    asked = {"to": target, "reason": context.flags.reason or "asked for at the command line, no reason given"}
    answered = context.client.command(service, "rollback", asked, dry_run=context.flags.dry_run)
    answer(context, service, answered, _goal(answered))


def _goal(answered: Json) -> Goal:
    """A rollout that was turned to reverting has done what was asked when it is reverted."""
    return Goal.LIVE if answered.get("kind") == "rollback" else Goal.WITHDRAWN


def _shown(context: Context, service: str) -> str | None:
    """The target of the preflight, shown to somebody who can still say no. Whatever goes wrong here does not hold up a rollback."""
    if context.flags.yes or context.flags.dry_run or not context.can_ask:
        return None
    try:
        preflight = context.client.preflight(service)
    except Trouble as trouble:
        context.say(f"the preflight could not be read ({trouble.detail})")
        return None
    for text in printing.facts((name, printing.cell(value)) for name, value in preflight.items() if value is not None):
        context.say(text)
    return preflight.get("version")
