"""The picture that `turnout watch` keeps up to date at a terminal. Imports rich: only ever imported by who draws."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from turnout.cli import printing
from turnout.cli.context import Context, Json
from turnout.cli.status import notes

TAIL = 12

_STYLES = {"blue": "blue", "green": "green"}


@contextmanager
def live_screen(context: Context) -> Iterator["LiveScreen"]:
    console = Console(file=context.stdout, no_color=not context.has_color, highlight=False)
    with Live(console=console, auto_refresh=False) as live:
        yield LiveScreen(context, live)


class LiveScreen:
    def __init__(self, context: Context, live: Live) -> None:
        self._context = context
        self._live = live
        self._tail: list[Json] = []

    def update(self, service: Json, deployment: Json | None, fresh: list[Json]) -> None:
        self._tail = (self._tail + fresh)[-TAIL:]
        self._live.update(drawn(service, deployment, self._tail, self._context), refresh=True)


def drawn(service: Json, deployment: Json | None, tail: list[Json], context: Context) -> RenderableType:
    return Group(_header(service, deployment, context), _weights(service), Text(""), _timeline(tail))


def _header(service: Json, deployment: Json | None, context: Context) -> Text:
    verdict = service.get("verdict") or {}
    lines = [
        f"{printing.cell(service.get('name'))}  {_what(deployment)}",
        f"live {printing.placed(service.get('live'))}   candidate {printing.placed(service.get('candidate'))}",
        f"verdict {printing.cell(verdict.get('outcome'))}" + (f": {printing.cell(verdict['reason'])}" if verdict.get("reason") else ""),
    ]
    if deployment and deployment.get("started_at"):
        lines.append(f"started {printing.moment(deployment['started_at'], context.now())}")
    if notes(service):
        lines.append(notes(service))
    return Text("\n".join(lines))


def _what(deployment: Json | None) -> str:
    if not deployment:
        return "nothing in progress"
    return f"{printing.cell(deployment.get('version'))} ({printing.cell(deployment.get('id'))}): {printing.colorless(printing.progress(deployment))}"


def _weights(service: Json) -> Table:
    weights = service.get("weights") or {}
    observed, desired = weights.get("observed") or {}, weights.get("desired") or {}
    bars = Table.grid(padding=(0, 1))
    for color in sorted({*observed, *desired}):
        share = float(observed.get(color) or 0)
        wanted = desired.get(color)
        aim = f"(to be {printing.cell(wanted)} %)" if wanted is not None and wanted != observed.get(color) else ""
        bar = ProgressBar(total=100, completed=share, width=40, complete_style=_STYLES.get(color, "cyan"), finished_style=_STYLES.get(color, "cyan"))
        bars.add_row(Text(printing.cell(color)), bar, Text(f"{printing.cell(share)} %"), Text(aim))
    return bars


def _timeline(tail: list[Json]) -> Table:
    table = Table.grid(padding=(0, 2))
    for event in tail:
        table.add_row(Text(printing.clock(event.get("at"))), Text(printing.cell(event.get("phase"))), Text(printing.cell(event.get("message"))))
    return table
