"""Looks at every service of the embedded ECS again and again, and makes its tasks what they should be."""

import asyncio
import itertools
import logging
import os
import random
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from turnout.local.addresses import is_free
from turnout.local.ecs import events
from turnout.local.ecs.care import Care, HealthOf
from turnout.local.ecs.model import rollouts_of
from turnout.local.ecs.running import Host, Life
from turnout.local.ecs.targets import Targets
from turnout.local.ecs.tasks import Task

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
SWEEP_SECONDS = 1.0
PORTS = range(9100, 12000)
"""Below those of instances and listeners, and below those from which the system takes ports for outgoing connections."""
LOG_LIMIT = 5 * 1024 * 1024
LOGS_KEPT = 100


class Scheduler:
    """Belongs to one event loop."""

    def __init__(self, *, region: str, account: str, work_dir: Path, endpoint_url: str, health: HealthOf) -> None:
        self._region, self._account = region, account
        self._care = Care(health, self._start)
        self._work_dir, self._endpoint_url = work_dir, endpoint_url
        self._lives: dict[Task, asyncio.Task[None]] = {}
        self._ports = itertools.cycle(random.sample(PORTS, len(PORTS)))
        self._changes: list[dict[str, Any]] = []

    async def start(self) -> None:
        self._lifeline, self._held = os.pipe()
        self._host = self._make_host()
        self._watcher = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Every task is gone when this returns, in the middle of a request too."""
        lives = [self._watcher, *self._lives.values()]
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)
        os.close(self._held)
        os.close(self._lifeline)
        shutil.rmtree(self._host.work_dir, ignore_errors=True)
        shutil.rmtree(self._host.commands, ignore_errors=True)

    async def _watch(self) -> None:
        swept_at = 0.0
        while True:
            try:
                self._look()
                if time.monotonic() - swept_at > SWEEP_SECONDS:
                    _keep_small(self._host.logs)
                    swept_at = time.monotonic()
            except Exception:  # the embedded AWS may be half way through a change, or reset: look again
                log.exception("scheduler.look_failed")
            await asyncio.sleep(LOOK_SECONDS)

    def _look(self) -> None:
        backend = self._backend()
        mine: set[Task] = set()
        for service in list(backend.services.values()):
            rollouts = rollouts_of(service)
            if rollouts is not None:
                self._look_after(backend, service)
                mine.update(rollouts.tasks)
        for task in list(self._lives):
            if task not in mine and not task.has_ended:
                task.ask_to_stop("ServiceSchedulerInitiated", "The service is gone")
        _count_in_clusters(backend)
        self._lives = {task: life for task, life in self._lives.items() if not life.done()}
        changes, self._changes = self._changes, []
        events.send(changes, account=self._account, region=self._region)

    def _look_after(self, backend: Any, service: Any) -> None:
        try:
            self._changes += self._care.look_after(backend, service)
        except Exception:  # one broken service must not stop the others
            log.exception("scheduler.service_failed service=%s", service.name)

    def _start(self, task: Task) -> None:
        self._lives[task] = asyncio.get_running_loop().create_task(Life(task, self._host).live())

    def _make_host(self) -> Host:
        work_dir, commands, logs = self._work_dir / "ecs-tasks", self._work_dir / "ecs-commands", self._work_dir / "logs" / "ecs"
        for directory in (work_dir, commands, logs):
            directory.mkdir(parents=True, exist_ok=True)
        for name in ("python", "python3"):
            (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
            (commands / name).chmod(0o755)
        targets = Targets(region=self._region, account=self._account)
        return Host(
            account=self._account,
            region=self._region,
            work_dir=work_dir,
            commands=commands,
            logs=logs,
            lifeline=self._lifeline,
            targets=targets,
            free_port=self._free_port,
            variables=_variables(self._region, self._endpoint_url),
            changed=self._changed,
        )

    def _free_port(self) -> int:
        taken = {task.port for task in self._lives}
        return next(port for port in itertools.islice(self._ports, len(PORTS)) if port not in taken and is_free(port))

    def _changed(self, task: Task) -> None:
        self._changes.append(events.task_changed(task))

    def _backend(self) -> Any:
        from moto.ecs.models import ecs_backends

        return ecs_backends[self._account][self._region]


def _variables(region: str, endpoint_url: str) -> Mapping[str, str]:
    """`endpoint_url` is where AWS is for the deployed code; empty where there is none."""
    return {
        **({"AWS_ENDPOINT_URL": endpoint_url} if endpoint_url else {}),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
    }


def _count_in_clusters(backend: Any) -> None:
    for cluster in list(backend.clusters.values()):
        here = [service for service in list(backend.services.values()) if service.cluster_arn == cluster.arn]
        cluster.running_tasks_count = sum(service.running_count for service in here)
        cluster.pending_tasks_count = sum(service.pending_count for service in here)
        cluster.active_services_count = sum(service.status == "ACTIVE" for service in here)


def _keep_small(logs: Path) -> None:
    by_age = sorted(logs.glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in by_age[:LOGS_KEPT]:
        if path.stat().st_size > LOG_LIMIT:
            os.truncate(path, 0)  # the tasks append, so they go on at the start
    for path in by_age[LOGS_KEPT:]:
        path.unlink(missing_ok=True)
