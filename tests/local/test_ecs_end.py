"""However a task or the stack ends, no process of it stays."""

import os
import sys
from pathlib import Path

from tests.local.an_ecs import APP, DEAF, GRACEFUL, Ecs, alive_in_group
from tests.local.stage import eventually
from turnout.local.ecs.container import Launch
from turnout.local.ecs.process import Process


class TestTheEnd:
    def test_of_the_stack_is_that_of_every_task(self, tmp_path: Path) -> None:
        with Ecs.opened(tmp_path) as ecs:
            service = ecs.service(ecs.definition("left", ecs.image(APP.replace(GRACEFUL, DEAF))))
            service.settled()
            pid = service.listening.ask().json["pid"]
            assert alive_in_group(pid)

        eventually(lambda: not alive_in_group(pid))
        assert not list((tmp_path / "ecs-tasks").glob("*"))

    def test_of_the_stack_by_sigkill_is_that_of_every_process_of_a_task(self, tmp_path: Path) -> None:
        """The stack alone holds the other end of the lifeline, so that it closes whatever way the stack went."""
        lifeline, held = os.pipe()
        grandchild = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); time.sleep(600)"
        process = Process.start(Launch((sys.executable, "-c", grandchild), tmp_path, {}), tmp_path / "log", lifeline)
        try:
            eventually(lambda: len(members(process.pid)) == 3)  # with the watcher

            os.close(held)

            eventually(lambda: process.status() == 137 and not alive_in_group(process.pid))
        finally:
            process.kill()
            os.close(lifeline)

    def test_of_a_process_leaves_no_watcher(self, tmp_path: Path) -> None:
        lifeline, held = os.pipe()
        process = Process.start(Launch((sys.executable, "-c", "raise SystemExit(3)"), tmp_path, {}), tmp_path / "log", lifeline)

        assert eventually(process.status) == 3
        process.kill()

        eventually(lambda: not alive_in_group(process.pid))
        os.close(lifeline)
        os.close(held)


def members(group: int) -> list[int]:
    """Processes of a process group, as Linux tells them."""
    stats = [path.read_text().rpartition(")")[2].split() for path in Path("/proc").glob("[0-9]*/stat") if path.exists()]
    return [int(stat[2]) for stat in stats if int(stat[2]) == group]
