"""`turnout rollback`: put production back."""

import click

from turnout.cli import options
from turnout.cli.answering import answer
from turnout.cli.context import Context, Json
from turnout.cli.exits import Exit, Failure
from turnout.cli.preflight import lines as preflight_of
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
    named = version or to
    preflight = _preflight(context, service, named)
    target = named or (preflight.get("version") if not context.flags.dry_run else None)
    context.confirm(f"Roll {service} back{f' to {target}' if target else ''}?")
    asked = {"to": target, "reason": context.flags.reason or "asked for at the command line, no reason given"}
    answered = context.client.command(service, "rollback", asked, dry_run=context.flags.dry_run)
    answer(context, service, answered | ({"preflight": preflight} if preflight and context.flags.dry_run else {}), _goal(answered))


def _goal(answered: Json) -> Goal:
    """A rollout that was turned to reverting has done what was asked when it is reverted."""
    return Goal.LIVE if answered.get("kind") == "rollback" else Goal.WITHDRAWN


def _preflight(context: Context, service: str, named: str | None) -> Json:
    """What the rollback would do, shown to somebody who can still say no. Whatever goes wrong here does not hold up a rollback."""
    if not context.flags.dry_run and (context.flags.yes or not context.can_ask):
        return {}
    try:
        found = context.client.preflight(service, to=named)
    except Trouble as trouble:
        context.say(f"the preflight could not be read ({trouble.detail})")
        return {}
    for text in preflight_of(found):
        context.say(text)
    return found
