"""Running the command line without a process: streams that remember, a clock that only moves when it is slept on."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from turnout.cli.connection import Connection
from turnout.cli.context import Context
from turnout.cli.root import run
from turnout.client import Client

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@dataclass
class SleptClock:
    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)
    on_sleep: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        self.on_sleep()

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)


@dataclass
class Ran:
    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def problem(self) -> Any:
        return json.loads(self.err)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Runner:
    """`turnout(…)` runs one command. `typed` is what a person types; None: there is no terminal."""

    directory: Path
    environ: dict[str, str]
    clock: SleptClock = field(default_factory=SleptClock)
    piped: str = ""
    secret: str = ""

    def turnout(self, *arguments: str, typed: str | None = None, terminal_output: bool = False) -> Ran:
        stdin: io.StringIO = io.StringIO(self.piped) if typed is None else Terminal(typed)
        stdout: io.StringIO = Terminal() if terminal_output else io.StringIO()
        stderr: io.StringIO = io.StringIO() if typed is None else Terminal()
        context = Context(
            stdin, stdout, stderr, self.environ, self.directory,
            now=self.clock.now, monotonic=self.clock.monotonic, sleep=self.clock.sleep, connect=_connect, ask_secret=lambda _: self.secret,
        )  # fmt: skip
        return Ran(int(run(arguments, context)), stdout.getvalue(), stderr.getvalue())


def _connect(connection: Connection) -> Client:
    return Client(connection.url, connection.token, backoff_seconds=0)
