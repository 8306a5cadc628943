"""What a command runs in. Everything it reads or writes comes from here, so that a test needs no process."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from turnout.cli import printing
from turnout.cli.connection import Connection, resolve
from turnout.cli.exits import Exit, Failure

if TYPE_CHECKING:
    from turnout.client import Client

Json = dict[str, Any]


@dataclass(slots=True)
class Flags:
    """What the shared options said (`options.py`). None: not given."""

    as_json: bool = False
    url: str | None = None
    profile: str | None = None
    yes: bool = False
    reason: str | None = None
    dry_run: bool = False
    wait: bool | None = None
    timeout: float | None = None
    until: str | None = None
    limit: int = 50
    cursor: str | None = None


def _connect(connection: Connection) -> "Client":
    from turnout.client import Client

    return Client(connection.url, connection.token)


def _ask_secret(question: str) -> str:
    from getpass import getpass

    return getpass(question)


@dataclass
class Context:
    """`stdout` is for data, `stderr` for talk. `monotonic` and `sleep` are in seconds."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    environ: Mapping[str, str]
    directory: Path
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    connect: Callable[[Connection], "Client"] = _connect
    ask_secret: Callable[[str], str] = _ask_secret
    flags: Flags = field(default_factory=Flags)

    @classmethod
    def of_process(cls) -> "Context":
        return cls(sys.stdin, sys.stdout, sys.stderr, os.environ, Path.cwd())

    @cached_property
    def connection(self) -> Connection:
        return resolve(url=self.flags.url, profile=self.flags.profile, environ=self.environ, directory=self.directory)

    @cached_property
    def client(self) -> "Client":
        return self.connect(self.connection)

    @property
    def can_ask(self) -> bool:
        return self.stdin.isatty() and self.stderr.isatty()

    @property
    def has_color(self) -> bool:
        return self.stdout.isatty() and not self.environ.get("NO_COLOR") and self.environ.get("TERM") != "dumb"

    def show(self, value: Json, plain: Callable[[Json], Iterable[str]]) -> None:
        """Data, as one JSON document or as the lines that `plain` makes of it."""
        if self.flags.as_json:
            self.line(printing.as_json(value))
        else:
            for text in plain(value):
                self.line(text)

    def line(self, text: str) -> None:
        print(text if self.has_color else printing.colorless(text), file=self.stdout, flush=True)

    def say(self, text: str) -> None:
        """Talk. Silent under --json, where stderr holds a problem document or nothing."""
        if not self.flags.as_json:
            print(printing.safe(text), file=self.stderr, flush=True)

    def confirm(self, question: str) -> None:
        """Asks a person at a terminal; anybody else is taken at their word."""
        if self.flags.yes or self.flags.dry_run or not self.can_ask:
            return
        print(f"{printing.safe(question)} [y/N] ", end="", file=self.stderr, flush=True)
        if self.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise Failure("nothing was changed: it was not confirmed; answer y, or give --yes", Exit.ERROR, "not-confirmed")
