"""One instance: the process that its user data became, where it listens, and its end.

    Pending ─▶ InService ─▶ Terminating: deregistered ─ delay over ─▶ SIGTERM ─ ended, or late ─▶ SIGKILL, gone

Times are monotonic.
"""

import contextlib
import os
import random
import shutil
import signal
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

from turnout.local.addresses import is_free
from turnout.local.ecs.container import Launch
from turnout.local.ecs.process import Process
from turnout.local.instances.model import Activity

STOP_SECONDS = 10.0
"""What an application has to end after SIGTERM."""
WATCHERS = 1
"""Of the processes of a group, that which ends it with the stack."""
PORTS = range(12000, 20000)
"""Below those of the listeners."""
PORTS_TRIED = 200
_AWS = Path(__file__).with_name("awscli.py")
_STAND_IN = '#!/bin/sh\nPYTHONPATH="{path}" exec "{python}" -P "{program}" "$@"\n'


class Machine:
    """`process` is None where the user data is no script: such an instance is there and runs nothing.

    `registered` are the target groups it was put into, which is done once.
    """

    def __init__(self, instance: str, process: Process | None, port: int, directory: Path) -> None:
        self.id, self.port = instance, port
        self.registered: set[str] = set()
        self.launched_at = 0.0
        self.in_service_at: float | None = None
        self.activity: Activity | None = None
        self._process = process
        self._directory = directory
        self._drained_at: float | None = None
        self._told_at: float | None = None

    @property
    def has_ended(self) -> bool:
        return self._process is not None and self._process.status() is not None

    @property
    def is_going(self) -> bool:
        return self._drained_at is not None

    def retire(self, drained_at: float) -> None:
        self._drained_at = drained_at

    def is_gone(self, at: float) -> bool:
        """Takes the next step of its end, and says whether that was the last one."""
        if self._drained_at is None:
            return False
        if not self._is_over:
            if at < self._drained_at:
                return False
            if self._told_at is None:
                self._tell(at)
            if at - (self._told_at or at) < STOP_SECONDS:
                return False
        self.kill()
        return True

    @property
    def _is_over(self) -> bool:
        """A shell before the application ends as soon as it is told to; the application behind it may still be answering."""
        return self._process is not None and self.has_ended and (self._told_at is None or _members(self._process.pid) <= WATCHERS)

    def _tell(self, at: float) -> None:
        """All of the group, as systemd does."""
        self._told_at = at if self._process is not None else at - STOP_SECONDS
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Leaves no process of it, and nothing it has written but its log."""
        if self._process is not None:
            self._process.kill()
        shutil.rmtree(self._directory, ignore_errors=True)


class Yard:
    """Where instances run: a directory each, and one with the commands they all have."""

    def __init__(self, work_dir: Path, aws: Mapping[str, str]) -> None:
        self._root = work_dir / "instances"
        self._logs = work_dir / "logs" / "instances"
        self._commands = self._root / "bin"
        self._aws = dict(aws)

    def open(self) -> None:
        self._logs.mkdir(parents=True, exist_ok=True)
        self._commands.mkdir(parents=True, exist_ok=True)
        aws = self._commands / "aws"
        aws.write_text(_STAND_IN.format(path=os.pathsep.join(path for path in sys.path if path), python=sys.executable, program=_AWS))
        aws.chmod(0o755)

    def close(self) -> None:
        shutil.rmtree(self._root, ignore_errors=True)

    def launch(self, instance: str, user_data: str, lifeline: int, taken: Collection[int]) -> Machine:
        """As an instance's first boot does: a script is run, anything else is not. `taken` are ports of others. Raises `OSError`."""
        directory = self._root / instance
        (directory / "tmp").mkdir(parents=True)
        port = next(port for port in random.sample(PORTS, PORTS_TRIED) if port not in taken and is_free(port))
        process = None
        if user_data.startswith("#!"):
            script = directory / "user-data"
            script.write_text(user_data, newline="")
            script.chmod(0o700)
            command = Launch((str(script),), directory, self._environment(directory, port))
            process = Process.start(command, self._logs / f"{instance}.log", lifeline)
        return Machine(instance, process, port, directory)

    def _environment(self, directory: Path, port: int) -> dict[str, str]:
        """Python last on the path: an instance of Amazon Linux has one."""
        found = [str(self._commands), os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)]
        return {
            "PATH": os.pathsep.join(found),
            "HOME": str(directory),
            "TMPDIR": str(directory / "tmp"),
            "LANG": "C.UTF-8",
            "TURNOUT_LOCAL_PORT": str(port),
            **self._aws,
        }


def _members(group: int) -> int:
    """Processes of this group that have not ended."""
    found = 0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            state, _, its_group = entry.read_text().rpartition(")")[2].split()[:3]
            found += int(its_group) == group and state != "Z"
    return found
