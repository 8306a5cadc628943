"""The command: its options, its lines and its exit code."""

from collections.abc import Iterator

import click

from turnout.cli import options, printing
from turnout.cli.context import Context, Json
from turnout.cli.exits import Exit

_COLORS = {"ok": "green", "warning": "yellow", "problem": "red", "unknown": "cyan"}


@click.command()
@click.argument("service", required=False)
@click.option("--region", metavar="REGION", help="Of the control plane; without it AWS_REGION, your AWS profile's, or the services' own.")
@click.option("--stack", metavar="NAME", help="The control plane's CloudFormation stack; without it the one whose EndpointURL is the server's.")
@options.shown
@click.pass_obj
def doctor(context: Context, service: str | None, region: str | None, stack: str | None) -> Exit:
    """Check what SERVICE stands on, or every service that you may see, and say what to do.

    The server, token, AWS identity, clocks, alarms, dead letters, bucket and table; of each service its rules, weights, target groups, what runs
    behind them, its source, what it waits for and its audit chain. Nothing is changed. It needs AWS credentials that may read, and ends with
    exit code 1 where it found a problem; what could not be looked at is `unknown` and is none.
    """
    from turnout.cli.doctor.rounds import Asked, examination

    found = examination(context, Asked(service, region, stack))
    context.show({"outcome": _worst(found), "checks": found}, lambda shown: _lines(shown["checks"]))
    context.say(_summary(found))
    return Exit.ERROR if _worst(found) == "problem" else Exit.DONE


def _lines(checks: list[Json]) -> Iterator[str]:
    wide = max(len(_name(check)) for check in checks)
    for check in checks:
        outcome = click.style(check["outcome"].ljust(7), fg=_COLORS[check["outcome"]])
        told = "; ".join(part for part in (check["said"], check["remedy"]) if part)
        yield f"{outcome}  {_name(check).ljust(wide)}  {printing.cell(told)}"


def _name(check: Json) -> str:
    return printing.cell(" ".join(part for part in (check["service"], check["name"]) if part))


def _summary(checks: list[Json]) -> str:
    counts = {outcome: sum(check["outcome"] == outcome for check in checks) for outcome in ("problem", "warning", "unknown", "ok")}
    return ", ".join(f"{number} {outcome}" for outcome, number in counts.items() if number)


def _worst(checks: list[Json]) -> str:
    found = {check["outcome"] for check in checks}
    return next((outcome for outcome in ("problem", "warning", "unknown") if outcome in found), "ok")
