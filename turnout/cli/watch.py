"""`turnout watch`: a deployment as it goes on.

At a terminal a picture that is kept up to date; piped, a line for each event;
with --json, each event as a line of JSON. It ends when the deployment ends,
with the exit code of how it ended.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import click

from turnout.cli import options, printing
from turnout.cli.context import Context, Json
from turnout.cli.exits import BY_PHASE, Exit
from turnout.cli.waiting import Pace, Patience, Waited, failure
from turnout.problems import ApiProblem, Unreachable

OLDEST_EVENTS = 1000
"""How far back a timeline is read at most."""


class Screen(Protocol):
    """Where what was seen goes."""

    def update(self, service: Json, deployment: Json | None, fresh: list[Json]) -> None:
        """Show how things are. `fresh` are the events that were not seen before, oldest first."""


@click.command()
@click.argument("service")
@click.argument("deployment", required=False)
@click.option("--follow", is_flag=True, help="Stay when nothing is in progress, and go on with the next deployment.")
@options.shared("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Watch no longer than this.")
@options.shown
@click.pass_obj
def watch(context: Context, service: str, deployment: str | None, follow: bool) -> None:
    """Watch what is in progress on SERVICE, or DEPLOYMENT, until it ends.

    Piped it prints one line for each event, with --json one JSON document for each.
    """
    watching = _Watching(context, service, deployment, follow=follow)
    with _screen(context) as screen:
        waited = watching.run(screen)
    if waited is None:
        context.say(f"nothing is in progress on {service}; --follow waits for the next deployment, `turnout history {service}` has the earlier ones")
    elif failed := failure(service, waited):
        raise failed


class _Watching:
    """Follows one deployment, or one after another."""

    def __init__(self, context: Context, service: str, deployment: str | None, *, follow: bool) -> None:
        self._context = context
        self._service = service
        self._deployment = deployment
        self._follow = follow
        self._picture = context.client.watched(service)
        self._patience = Patience(context.monotonic, context.flags.timeout)
        self._pace = Pace()
        self._seen: set[str] = set()
        self._last: Json = {}
        self._following = ""

    def run(self, screen: Screen) -> Waited | None:
        """None where there was nothing to watch."""
        try:
            while True:
                try:
                    ended = self._look(screen)
                    self._patience.heard()
                except (ApiProblem, Unreachable) as trouble:
                    self._patience.bear(trouble)
                    ended = False
                if ended:
                    return self._ended()
                if self._patience.left == 0:
                    return Waited(self._last, Exit.TIMED_OUT) if self._last else None
                self._context.sleep(self._patience.bounded(self._pace.pause()))
        except KeyboardInterrupt:
            if not self._last:
                raise
            return Waited(self._last, Exit.INTERRUPTED)

    def _look(self, screen: Screen) -> bool:
        """One look; True when there is nothing more to wait for."""
        service = self._picture.read(seconds=self._patience.request_seconds())
        self._deployment = self._deployment or (service.get("deployment") or {}).get("id")
        if not self._deployment:
            screen.update(service, None, [])
            return not self._follow
        if self._following != self._deployment:
            self._follow_it(self._deployment)
        self._last = self._deployed.read(seconds=self._patience.request_seconds())
        fresh = self._fresh()
        if fresh:
            self._pace.hurry()
        screen.update(service, self._last, fresh)
        return self._is_over() and not self._goes_on()

    def _fresh(self) -> list[Json]:
        """The events since the last look, oldest first. Read after the deployment, so that its end is not told without its last event."""
        found: list[Json] = []
        for event in self._newest_first():
            if str(event.get("id")) in self._seen or len(found) >= OLDEST_EVENTS:
                break
            found.append(event)
        self._seen.update(str(event.get("id")) for event in found)
        return found[::-1]

    def _newest_first(self) -> Iterator[Json]:
        """Older pages are only asked for where the newest one was all news."""
        page = self._timeline.read(seconds=self._patience.request_seconds())
        yield from page.get("items", [])
        while page.get("cursor"):
            older = self._context.client.events(self._service, str(self._deployment), limit=100, cursor=page["cursor"])
            yield from older.items
            page = {"cursor": older.cursor}

    def _follow_it(self, deployment: str) -> None:
        self._following = deployment
        self._seen.clear()
        self._deployed = self._context.client.watched(self._service, "deployments", deployment)
        self._timeline = self._context.client.watched(self._service, "deployments", deployment, "events")

    def _is_over(self) -> bool:
        return self._last.get("phase") in BY_PHASE and self._last.get("phase") != "needs-human"

    def _goes_on(self) -> bool:
        if self._follow:
            self._deployment = None
        return self._follow

    def _ended(self) -> Waited | None:
        return Waited(self._last, BY_PHASE[str(self._last["phase"])]) if self._last else None


class _Lines:
    """An event a line: for pipes and files."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def update(self, _service: Json, _deployment: Json | None, fresh: list[Json]) -> None:
        for event in fresh:
            self._context.line(printing.as_json(event) if self._context.flags.as_json else _line(event))


def _line(event: Json) -> str:
    return f"{printing.cell(event.get('at'))} {printing.progress(event) if not event.get('step') else _step(event)}: {printing.cell(event.get('message'))}"


def _step(event: Json) -> str:
    return f"{printing.cell(event.get('phase'))} step {printing.cell(event.get('step'))}"


def _screen(context: Context) -> AbstractContextManager[Screen]:
    if context.flags.as_json or not context.stdout.isatty() or context.environ.get("TERM") == "dumb":
        return nullcontext(_Lines(context))
    from turnout.cli.live import live_screen

    return live_screen(context)
