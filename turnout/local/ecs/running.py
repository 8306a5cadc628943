"""The life of one task, from its secrets and its image to its last signal.

    PROVISIONING ─ secrets, image ─▶ PENDING ─ started, registered ─▶ RUNNING
    RUNNING ─ asked to stop ─▶ DEACTIVATING ─ drained ─▶ STOPPING ─ SIGTERM, in the end SIGKILL ─▶ STOPPED
    RUNNING ─ exited by itself ─▶ STOPPED

What cannot start is STOPPED with the reason that ECS gives.
"""

import asyncio
import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from turnout.local.ecs import secrets
from turnout.local.ecs.container import CannotStart, Place, Variables, launch
from turnout.local.ecs.model import now
from turnout.local.ecs.process import Process
from turnout.local.ecs.targets import Targets
from turnout.local.ecs.tasks import RUNNING, Task
from turnout.local.images import BadImage, ImageConfig, ImageName, image, unpacked

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.02
SHORTEST_DRAIN_SECONDS = 0.2
"""The load balancer looks at its targets 20 times a second: as long a task is still given requests when it has been deregistered."""
STOP_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Host:
    """What tasks share. `changed` is told of every task that runs or has stopped."""

    account: str
    region: str
    work_dir: Path
    commands: Path
    logs: Path
    lifeline: int
    targets: Targets
    free_port: Callable[[], int]
    variables: Mapping[str, str]
    changed: Callable[[Task], None]


class Life:
    def __init__(self, task: Task, host: Host) -> None:
        self._task, self._host = task, host
        self._directory = host.work_dir / task.id
        self._process: Process | None = None

    async def live(self) -> None:
        """Returns when the task has stopped and nothing of it is left but its log. Cancelled, it kills."""
        task = self._task
        try:
            if await self._started() and await self._runs():
                await self._drained()
                await self._stopped()
        except (CannotStart, secrets.Unresolved, BadImage, OSError) as fault:
            task.ended("TaskFailedToStart", _reason(fault, task))
            log.warning("task.failed_to_start task=%s reason=%s", task.id, task.stopped_reason)
        except Exception as fault:  # outermost edge of a task: whatever befell it, it has ended and can be replaced
            task.ended("TaskFailedToStart", f"InternalError: {fault}")
            log.exception("task.failed task=%s", task.id)
        finally:
            self._cleared_away()
        self._host.changed(task)
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    async def _started(self) -> bool:
        """False where it was asked to stop before it could start."""
        task, host = self._task, self._host
        values = await asyncio.to_thread(secrets.resolved, task.plan.container.get("secrets") or (), account=host.account, region=host.region)
        task.moved("PENDING")
        place = Place(self._directory / "root", self._directory / "tmp", host.commands)
        config = await asyncio.to_thread(self._pulled, place.root)
        place.scratch.mkdir(parents=True, exist_ok=True)
        if not task.is_wanted:
            task.ended("", "")
            return False
        port = host.free_port()
        start = launch(task.plan.container, config, place, Variables(host.variables, {**values, "PORT": str(port)}))
        self._process = Process.start(start, host.logs / f"{task.plan.service}-{task.id}.log", host.lifeline)
        task.port, task.started_at = port, now()
        host.targets.register(task.plan.groups, port)
        task.moved(RUNNING)
        host.changed(task)
        return True

    def _pulled(self, root: Path) -> ImageConfig:
        from moto.ecr.models import ecr_backends

        name = ImageName.of(self._task.plan.container["image"])
        account, _, rest = name.registry.partition(".dkr.ecr.")
        region = rest.partition(".")[0]
        if not region:
            raise BadImage(f"{name.registry or 'docker.io'} cannot be reached from the local stack; push the image to its ECR")
        found = image(ecr_backends[account][region], name.repository, name.reference)
        config = unpacked(found.read_blob, found.manifest, into=root)
        self._task.image_digest = found.digest
        return config

    async def _runs(self) -> bool:
        """False when it has ended by itself, true when it was asked to stop."""
        process, task = self._running, self._task
        while (status := process.status()) is None and task.is_wanted:  # noqa: ASYNC110  # neither a process nor the API's threads set an event
            await asyncio.sleep(LOOK_SECONDS)
        if status is None:
            return True
        task.ended("EssentialContainerExited", "Essential container in task exited", status)
        return False

    async def _drained(self) -> None:
        """AWS waits for the whole delay, however idle the target is."""
        task, targets = self._task, self._host.targets
        task.stopping_at = now()
        task.moved("DEACTIVATING")
        self._deregister()
        if task.plan.groups:
            await self._until_it_ends(max(SHORTEST_DRAIN_SECONDS, targets.delay_seconds(task.plan.groups)))

    async def _stopped(self) -> None:
        self._task.moved("STOPPING")
        self._running.terminate()
        await self._until_it_ends(float(self._task.plan.container.get("stopTimeout") or STOP_TIMEOUT_SECONDS))
        self._running.kill()
        self._task.ended("", "", self._running.status())

    async def _until_it_ends(self, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while self._running.status() is None and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110  # as above
            await asyncio.sleep(LOOK_SECONDS)

    def _cleared_away(self) -> None:
        """Whatever way it went, no process of its group stays and no target of its port."""
        if self._process is not None:
            self._process.kill()
        self._deregister()

    def _deregister(self) -> None:
        if self._task.port is not None:
            self._host.targets.deregister(self._task.plan.groups, self._task.port)

    @property
    def _running(self) -> Process:
        if self._process is None:
            raise CannotStart("the task has no process")
        return self._process


def _reason(fault: Exception, task: Task) -> str:
    if isinstance(fault, BadImage):
        return f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {task.plan.container['image']}: {fault}"
    return str(fault)
