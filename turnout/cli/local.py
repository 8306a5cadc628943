"""`turnout local`: the whole of it on this machine, with an embedded AWS."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from turnout.cli import options, printing
from turnout.cli.context import Context, Json
from turnout.cli.exits import Failure
from turnout.cli.local_image import image

STATE = ".turnout"

Command = TypeVar("Command", bound=Callable[..., Any])


def _seconds(name: str, default: float, what: str, *, least: float = 0.0) -> Callable[[Command], Command]:
    return click.option(name, type=click.FloatRange(min=least), default=default, show_default=True, metavar="SECONDS", help=what)


@click.group()
def local() -> None:
    """The local stack: control plane, embedded AWS, load balancer and compute in one process."""


local.add_command(image)


@local.command("up")
@click.option("--detach", is_flag=True, help="Return when it is ready; `turnout local down` ends it.")
@click.option("--port", type=click.IntRange(0, 65535), default=8640, show_default=True, help="The API's port.")
@_seconds("--tick", 1.0, "How often what is due is looked at; 60 in AWS.", least=0.05)
@_seconds("--alb-lag", 0.0, "How long the load balancer takes to follow a change; seconds in AWS.")
@_seconds("--metric-period", 1.0, "Length of a metric period; 60 in AWS.", least=0.1)
@_seconds("--metric-delay", 0.0, "How late metrics are; 150 in AWS.")
@_seconds("--log-period", 5.0, "How often access logs are written; 300 in AWS.", least=0.1)
@click.option(
    "--throttle",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    metavar="SHARE",
    help="How many of the calls to AWS are refused as throttled, as 0.05 for one in twenty.",
)
@options.as_json
@click.pass_obj
def up(context: Context, /, detach: bool, port: int, throttle: float, **seconds: float) -> None:
    """Start the local stack for this directory; its state is under .turnout/ and ends with it.

    Prints where it is once it is ready. Without --detach it runs until Ctrl-C.
    """
    from turnout.local import stack

    opted = stack.Options(port=port, throttle=throttle, state_dir=context.directory / STATE, **seconds)
    context.say(f"starting the local stack in {opted.state_dir} …")
    try:
        if detach:
            _show_ready(context, stack.start_detached(opted))
        else:
            stack.run(opted, ready=lambda told: _show_ready(context, told))
    except stack.CannotStart as refusal:
        raise Failure(str(refusal), slug="cannot-start") from refusal


@local.command("down")
@options.as_json
@click.pass_obj
def down(context: Context) -> None:
    """End the local stack of this directory. It is no error if none runs."""
    from turnout.local import stack

    ended = stack.down(context.directory / STATE)
    context.show({"ended": ended}, lambda _: [])
    context.say("the local stack has ended" if ended else "no local stack is running here")


def _show_ready(context: Context, told: Json) -> None:
    context.show(told, lambda shown: printing.facts((name, printing.cell(value)) for name, value in shown.items()))
    context.say("ready; `turnout service create web --runtime lambda --handler app.handler` makes a first service here")
