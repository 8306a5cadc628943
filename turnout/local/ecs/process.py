"""The process of a task. It leads a process group, and the group ends with the local stack."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from turnout.local.ecs.container import Launch

KEEPER = Path(__file__).with_name("keeper.py")


class Process:
    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    @classmethod
    def start(cls, launch: Launch, log: Path, lifeline: int) -> "Process":
        """Takes a millisecond or two. Raises `OSError`."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(KEEPER), str(lifeline), *launch.command],
                cwd=launch.directory,
                env=dict(launch.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(lifeline,),
                start_new_session=True,
            )
        return cls(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    def status(self) -> int | None:
        """As a container's exit code: 128 and the signal's number where one ended it. None while it runs."""
        status = self._process.poll()
        return status if status is None or status >= 0 else 128 - status

    def terminate(self) -> None:
        """Of the group only the first process is told, as a container's is."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        """All of the group, the watcher too. Blocks for the moment that SIGKILL takes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
