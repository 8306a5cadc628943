"""`turnout replay`: what another policy would have made of past rollouts."""

import json
from collections.abc import Iterator
from typing import Any, TextIO

import click

from turnout.cli import options, printing
from turnout.cli.context import Context, Json
from turnout.cli.exits import Exit, Failure

_RATE = click.FloatRange(min=0, max=1, min_open=True)
_FLAGS = {
    "max_rate": ("errors", "max_rate"), "false_alarm_rate": ("errors", "false_alarm_rate"), "minimum_requests": ("errors", "minimum_requests"),
    "failures": ("probe", "failures"), "percentile": ("latency", "percentile"), "max_increase": ("latency", "max_increase"),
}  # fmt: skip
"""Where in `checks` each flag belongs."""


@click.command()
@click.argument("service")
@click.option("--checks", "file", type=click.File("r", encoding="utf-8"), metavar="FILE", help="A definition or its checks, as JSON; - for standard input.")
@click.option("--max-rate", type=_RATE, metavar="X", help="checks.errors.max_rate, such as 0.02.")
@click.option("--false-alarm-rate", type=_RATE, metavar="X", help="checks.errors.false_alarm_rate.")
@click.option("--minimum-requests", type=click.IntRange(min=1), metavar="N", help="checks.errors.minimum_requests.")
@click.option("--failures", type=click.IntRange(min=1), metavar="N", help="checks.probe.failures.")
@click.option("--percentile", type=click.FloatRange(min=0, max=100, min_open=True, max_open=True), metavar="P", help="checks.latency.percentile.")
@click.option("--max-increase", type=click.FloatRange(min=0, min_open=True), metavar="X", help="checks.latency.max_increase.")
@click.option("--when-quiet", type=click.Choice(("probe", "hold")), help="checks.when_quiet.")
@click.option("--last", type=click.IntRange(1, 100), default=50, show_default=True, metavar="N", help="How many rollouts, newest first.")
@options.shown
@click.pass_obj
def replay(context: Context, /, service: str, file: TextIO | None, last: int, when_quiet: str | None, **flags: Any) -> None:
    """Play past rollouts of SERVICE under another policy.

    Says which bad releases it would have caught, and which good ones it would have stopped. What is not given is as the service has it
    now; flags go before the file. Nothing is changed.
    """
    checks = _checks(file) if file else {}
    for flag, (part, name) in _FLAGS.items():
        if flags[flag] is not None:
            checks[part] = {**_part(checks, part), name: flags[flag]}
    if when_quiet:
        checks["when_quiet"] = when_quiet
    found = context.client.replay(service, checks=checks, deployments=last)
    context.show(found, _lines)
    for talk in _talk(service, found):
        context.say(talk)


def _checks(file: TextIO) -> Json:
    try:
        read = json.load(file)
    except ValueError as error:
        raise Failure(f"{file.name} is not JSON ({error}); `turnout service show NAME` prints a definition with its checks", Exit.USAGE, "usage") from error
    policy = read.get("checks", read) if isinstance(read, dict) else None
    if not isinstance(policy, dict):
        raise Failure(f"{file.name} holds no JSON object; give the `checks` of a definition", Exit.USAGE, "usage")
    return policy


def _part(checks: Json, name: str) -> Json:
    """What the file says of it; anything that is no object is left to the server, which says what is wrong with it."""
    part = checks.get(name, {})
    if not isinstance(part, dict):
        raise Failure(f"checks.{name} has to be a JSON object", Exit.USAGE, "usage")
    return part


def _lines(found: Json) -> Iterator[str]:
    items = found.get("items") or []
    if items:
        yield from printing.table(("VERSION", "WHEN", "ENDED", "JUDGED", "WOULD", "EFFECT", "WHY"), (_row(item) for item in items))
        yield _sentence(found.get("summary") or {})


def _row(item: Json) -> tuple[str, ...]:
    would = item.get("would") or {}
    why = str(would.get("reason") or "no verdict of it was kept")
    left_out = item.get("left_out") or []
    return (
        printing.cell(item.get("version")),
        printing.clock(item.get("ended_at")) if item.get("ended_at") else "-",
        printing.word(item.get("ended")),
        printing.word((item.get("judged") or {}).get("outcome")),
        printing.word(would.get("outcome")),
        printing.cell(item.get("effect")),
        printing.cell(f"{why} (without {', '.join(map(str, left_out))})" if left_out else why),
    )


def _sentence(summary: Json) -> str:
    bad, good = (int(summary.get(one, 0)) + int(summary.get(other, 0)) for one, other in (("caught", "missed"), ("stopped", "passed")))
    caught = f"caught {summary.get('caught')} of {bad} bad {'release' if bad == 1 else 'releases'}"
    return f"would have {caught} and stopped {summary.get('stopped')} of {good} good {'one' if good == 1 else 'ones'}"


def _talk(service: str, found: Json) -> Iterator[str]:
    """What the figures leave out."""
    summary = found.get("summary") or {}
    if not found.get("items"):
        yield f"{service} has had no rollouts yet"
    if held := summary.get("held"):
        yield f"{held} of {summary.get('played')} would have ended undecided: held until more is seen, or to the deadline"
    if unknown := summary.get("without_evidence"):
        yield f"{unknown} without evidence: nothing was judged before they ended, or they are older than kept verdicts"
    if left := summary.get("not_played"):
        yield f"{left} older ones were not played for want of time; --last {len(found.get('items') or [])} asks for no more than there is time for"
    if any(item.get("left_out") for item in found.get("items") or []):
        yield "what was not measured then cannot be played: latency is left out where its percentile or allowed increase is another one"
