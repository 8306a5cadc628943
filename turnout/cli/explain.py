"""`turnout explain`: why a service waits."""

from collections.abc import Iterator

import click

from turnout.cli import options, printing
from turnout.cli.context import Context, Json


@click.command()
@click.argument("service")
@options.shown
@click.pass_obj
def explain(context: Context, service: str) -> None:
    """Say what SERVICE is waiting for: every gate and condition, with its answer."""
    context.show(context.client.explain(service), _lines)


def _lines(explained: Json) -> Iterator[str]:
    checks = _checks(explained)
    yield from printing.facts((name, printing.cell(value)) for name, value in explained.items() if value and not isinstance(value, list))
    if checks:
        yield from printing.table(("CONDITION", "ANSWER", "WHY, AND WHAT TO DO"), (_row(check) for check in checks))
    else:
        yield "it waits for nothing"


def _checks(explained: Json) -> list[Json]:
    return [check for value in explained.values() if isinstance(value, list) for check in value if isinstance(check, dict)]


def _row(check: Json) -> tuple[str, str, str]:
    return printing.cell(check.get("name")), printing.word(check.get("answer") or check.get("outcome")), printing.cell(check.get("reason"))
