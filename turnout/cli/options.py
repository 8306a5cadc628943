"""The options that commands share. Each writes what it was given to `Context.flags`, so that a command's own parameters are its own."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from turnout.cli.context import Context

Command = TypeVar("Command", bound=Callable[..., Any])


def _keep(ctx: click.Context, parameter: click.Parameter, value: object) -> None:
    context = ctx.find_object(Context)
    if context is not None and value is not None and parameter.name is not None:
        setattr(context.flags, parameter.name, value)


def shared(*names: str, **settings: Any) -> Callable[[Command], Command]:
    return click.option(*names, callback=_keep, expose_value=False, **settings)


def _together(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


as_json = shared("--json", "as_json", is_flag=True, is_eager=True, help="Print JSON.")
reasoned = shared("--reason", metavar="TEXT", help="Why; it is kept in the timeline and the audit chain.")
sure = shared("--yes", is_flag=True, help="Do not ask for confirmation.")
rehearsed = shared("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")

connected = _together(
    shared("--url", metavar="URL", help="Address of the server.  [env: TURNOUT_URL]"),
    shared("--profile", metavar="NAME", help="Profile made by `turnout login`."),
)
shown = _together(as_json, connected)
paged = _together(
    shared("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many, newest first."),
    shared("--cursor", metavar="TEXT", help="Go on where an earlier list ended."),
)


def changing(command: Command) -> Command:
    """For a command that changes something and answers what became of it."""
    return _together(reasoned, sure, rehearsed, shown)(command)


def waiting(what: str) -> Callable[[Command], Command]:
    """For a command whose end can be waited for; `what` says which end that is."""
    return _together(
        shared("--wait/--no-wait", default=None, help=f"Wait until {what}; without it, return when the server has answered."),
        shared("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait no longer than this (implies --wait); the deployment goes on."),
    )
