"""One worker process, seen from outside."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

LENGTHS = struct.Struct(">II")
BOOTSTRAP = Path(__file__).with_name("worker.py")
FRAME_LIMIT = 64 * 1024 * 1024


class Ended(Exception):
    """The process is gone, or said what no worker says. `status` as `subprocess` gives it, None if unknown."""

    def __init__(self, status: int | None) -> None:
        super().__init__(f"worker ended with {status}")
        self.status = status


class EndedUnread(Ended):
    """It was gone before it had read the whole event, so the code has seen nothing of it: another worker may be asked."""


class Worker:
    """Takes one call at a time. Whoever gets an exception out of it must `kill` it: its state is not known any more."""

    def __init__(self, process: "subprocess.Popen[bytes]", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls, directory: Path, environment: dict[str, str], log: Path, lifeline: int) -> "Worker":
        """Does not wait until the code is loaded; `ready` does. Isolated (-I) and without site (-S): the zip brings its own dependencies."""
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-I", "-S", "-X", "utf8", str(BOOTSTRAP), str(theirs.fileno()), str(lifeline)]
        try:
            with theirs, log.open("ab") as output:
                process = subprocess.Popen(  # noqa: ASYNC220  # a start takes a millisecond; what is slow, loading the code, is waited for in `ready`
                    command,
                    cwd=directory,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=(theirs.fileno(), lifeline),
                    start_new_session=True,
                )
        except OSError:
            ours.close()
            raise
        return cls(process, *await asyncio.open_connection(sock=ours, limit=2**20))

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None and not self._reader.at_eof()

    async def ready(self) -> bytes | None:
        """None when the handler is loaded, else the fault as JSON. Raises `Ended`."""
        about, body = await self._receive()
        return None if about.get("ready") else body

    async def call(self, about: dict[str, Any], event: bytes) -> tuple[dict[str, Any], bytes]:
        """Raises `Ended` when the process dies before it has answered."""
        head = json.dumps(about).encode()
        self._writer.write(LENGTHS.pack(len(head), len(event)) + head + event)
        return await self._receive()

    def dismiss(self) -> None:
        """Lets an idle worker end by itself."""
        self._writer.close()

    def kill(self) -> None:
        """With its children, for it leads a process group of its own."""
        self._writer.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def kill_and_reap(self) -> None:
        """Blocks for the moment that SIGKILL takes."""
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)

    def has_ended(self) -> bool:
        """Reaps it if so."""
        return self._process.poll() is not None

    async def _receive(self) -> tuple[dict[str, Any], bytes]:
        try:
            head, body = LENGTHS.unpack(await self._reader.readexactly(LENGTHS.size))
            if head + body > FRAME_LIMIT:
                raise Ended(None)
            about: dict[str, Any] = json.loads(await self._reader.readexactly(head))
            return about, await self._reader.readexactly(body)
        except OSError as error:  # the kernel resets a socket that is closed with something unread in it
            raise EndedUnread(await self._status()) from error
        except (asyncio.IncompleteReadError, ValueError) as error:
            raise Ended(await self._status()) from error

    async def _status(self) -> int | None:
        """The socket closes a moment before the process can be reaped."""
        for _ in range(50):
            if (status := self._process.poll()) is not None:
                return status
            await asyncio.sleep(0.01)
        return None
