"""What a stack leaves in its directory while it runs, and how others know that it does.

`local.lock` is locked for as long as the process lives, whatever way it ends,
so a file that was left behind is never taken for a stack, nor another process
for ours. `local.json` is there once the stack is ready.
"""

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

LOCK_FILE = "local.lock"
INFO_FILE = "local.json"
LOG_FILE = "local.log"


class AlreadyRunning(Exception):
    """A stack runs in this directory."""


class Claim:
    """The right to run a stack in a directory. Raises `AlreadyRunning` when somebody has it."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._file = _locked(directory)
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()
        (directory / INFO_FILE).unlink(missing_ok=True)

    def announce(self, info: dict[str, Any]) -> None:
        """Readable by the owner only, for it holds a token; there completely or not at all."""
        partial = self._directory / f"{INFO_FILE}.new"
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(info, indent=2) + "\n")
        partial.replace(self._directory / INFO_FILE)

    def release(self) -> None:
        (self._directory / INFO_FILE).unlink(missing_ok=True)
        (self._directory / LOCK_FILE).unlink(missing_ok=True)
        self._file.close()


@contextlib.contextmanager
def starting(directory: Path) -> Iterator[None]:
    """Who comes while another starts a stack here waits until that one runs, or has failed to. The lock is the directory's own: no file is left."""
    directory.mkdir(parents=True, exist_ok=True)
    opened = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _locked(directory: Path) -> IO[str]:
    """A few tries, for somebody who only looks whether a stack runs holds the lock for a moment too."""
    for _ in range(5):
        file = (directory / LOCK_FILE).open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_current(file, directory):
                return file
        except BlockingIOError:
            pass
        file.close()
        time.sleep(0.02)
    raise AlreadyRunning(f"a local stack already runs in {directory} (pid {_holder(directory)}); stop it with `turnout local down`")


def _is_current(file: IO[str], directory: Path) -> bool:
    """Whoever held the lock before may have removed the file between our opening and our locking it."""
    try:
        return os.fstat(file.fileno()).st_ino == (directory / LOCK_FILE).stat().st_ino
    except FileNotFoundError:
        return False


def running(directory: Path) -> int | None:
    """The pid of the stack that runs in this directory, if one does."""
    try:
        with (directory / LOCK_FILE).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return _holder(directory)
    return None


def _holder(directory: Path) -> int:
    """The lock is taken a moment before the pid is written."""
    for _ in range(100):
        if text := (directory / LOCK_FILE).read_text().strip():
            return int(text)
        time.sleep(0.01)
    raise AlreadyRunning(f"{directory / LOCK_FILE} is locked by a process that does not say which it is")


def info(directory: Path) -> dict[str, Any] | None:
    """What the stack announced; None while it is not ready."""
    try:
        found: dict[str, Any] = json.loads((directory / INFO_FILE).read_text())
    except FileNotFoundError:
        return None
    return found


def stop(directory: Path, *, patience_seconds: float = 10) -> bool:
    """Ask the stack to end, make it end if it does not, and remove what it left. False when none ran."""
    pid = running(directory)
    if pid is not None:
        _end(directory, pid, patience_seconds)
    for name in (INFO_FILE, f"{INFO_FILE}.new", LOCK_FILE):
        (directory / name).unlink(missing_ok=True)
    return pid is not None


def _end(directory: Path, pid: int, patience_seconds: float) -> None:
    _signal(pid, signal.SIGTERM)
    if not _gone(directory, patience_seconds):
        _signal_group(pid, signal.SIGKILL)
        _gone(directory, patience_seconds)


def _gone(directory: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while running(directory) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _signal_group(pid: int, number: int) -> None:
    """The whole group only if it leads one, as a detached stack does."""
    with contextlib.suppress(ProcessLookupError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
