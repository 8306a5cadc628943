"""All workers: finds the version, keeps its pool, retires what no alias points at any more."""

import asyncio
import contextlib
import hashlib
import logging
import os
import shutil
import time
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from turnout.local.compute.answers import InvokeResult, failure, timed_out, unknown
from turnout.local.compute.code import CodeStore
from turnout.local.compute.environment import environment
from turnout.local.compute.functions import LATEST, Functions, Resolved, Version
from turnout.local.compute.pool import INIT_SECONDS, CannotStart, Pool
from turnout.local.compute.process import Ended, Worker
from turnout.local.compute.provided import provide

log = logging.getLogger(__name__)

WORKERS_PER_VERSION = 10
STARTS_AT_ONCE = 4
SWEEP_SECONDS = 0.5
RETIRE_AFTER_SECONDS = 3.0
SHRINK_AFTER_SECONDS = 60.0
LOG_LIMIT = 5 * 1024 * 1024
LOG_TAIL = 4096


class Fleet:
    """Belongs to one event loop; everything but the constructor is called in it."""

    def __init__(self, *, region: str, account: str, work_dir: Path, endpoint_url: str = "") -> None:
        self._functions = Functions(region=region, account=account)
        self._region, self._account, self._endpoint_url = region, account, endpoint_url
        self._runtime_dir = work_dir / "lambda-runtime"
        self._code = CodeStore(work_dir / "lambda-code")
        self._scratch = work_dir / "lambda-tmp"
        self._logs = work_dir / "logs" / "lambda"
        self._pools: dict[Version, Pool] = {}

    async def start(self) -> None:
        self._logs.mkdir(parents=True, exist_ok=True)
        provide(self._runtime_dir)
        self._lifeline, self._held = os.pipe()
        self._sweeper = asyncio.create_task(self._sweep_for_ever())

    async def stop(self) -> None:
        """Every worker is gone when this returns, in the middle of a call too."""
        self._sweeper.cancel()
        await asyncio.gather(self._sweeper, return_exceptions=True)
        for pool in self._pools.values():
            await pool.kill()
        os.close(self._held)
        os.close(self._lifeline)
        self._code.remove()
        shutil.rmtree(self._scratch, ignore_errors=True)
        shutil.rmtree(self._runtime_dir, ignore_errors=True)

    async def invoke(self, function: str, qualifier: str | None, event: bytes) -> InvokeResult:
        resolved = self._functions.find(function, qualifier)
        if resolved is None:
            return unknown(function, qualifier)
        pool = self._pools.get(resolved.version)
        if pool is None:
            pool = self._pools[resolved.version] = Pool(resolved.version, self._starter(resolved), WORKERS_PER_VERSION)
        return await pool.invoke(event, resolved.arn)

    def log_size(self, function: str) -> int:
        try:
            return self._log_of(function).stat().st_size
        except FileNotFoundError:
            return 0

    def log_tail(self, function: str, since: int) -> str:
        """At most 4 KB of what the function has written since the log had that size; calls at the same time share it."""
        size = self.log_size(function)
        with contextlib.suppress(FileNotFoundError), self._log_of(function).open("rb") as written:
            written.seek(max(since if since <= size else 0, size - LOG_TAIL))
            return written.read(LOG_TAIL).decode(errors="replace")
        return ""

    def _log_of(self, function: str) -> Path:
        return self._logs / f"{function}.log"

    def _starter(self, resolved: Resolved) -> Callable[[], Awaitable[Worker]]:
        starts = asyncio.Semaphore(STARTS_AT_ONCE)  # of each version: one that hangs while it loads must not keep others from starting

        async def start() -> Worker:
            async with starts:
                return await self._start_worker(resolved)

        return start

    async def _start_worker(self, resolved: Resolved) -> Worker:
        """A worker that has loaded its code. Raises `CannotStart`."""
        version = resolved.version
        try:
            directory = await self._code.directory(version.sha256, resolved.code)
            scratch = self._scratch / hashlib.sha256(repr(version).encode()).hexdigest()[:16]
            scratch.mkdir(parents=True, exist_ok=True)
            places = {"task_root": directory, "runtime_dir": self._runtime_dir, "scratch": scratch}
            variables = environment(version, region=self._region, endpoint_url=self._endpoint_url, **places)
            worker = await Worker.start(directory, variables, self._log_of(version.function), self._lifeline)
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            raise CannotStart(failure("Runtime.InvalidEntrypoint", f"The code of {version.function} cannot be run: {error}", version.number)) from error
        await self._load(worker, version)
        return worker

    async def _load(self, worker: Worker, version: Version) -> None:
        seconds = max(INIT_SECONDS, version.timeout_seconds)
        try:
            async with asyncio.timeout(seconds):
                fault = await worker.ready()
            if fault is None:
                return
            answer = InvokeResult(200, "Unhandled", fault, executed_version=version.number)
        except TimeoutError:
            answer = timed_out("init", seconds, version.number)
        except Ended as end:
            answer = failure("Runtime.ExitError", f"Error: Runtime exited without providing a reason (status {end.status})", version.number)
        except asyncio.CancelledError:
            worker.kill_and_reap()
            raise
        worker.kill_and_reap()
        log.warning("worker.failed_to_load function=%s version=%s fault=%s", version.function, version.number, answer.payload[:500])
        raise CannotStart(answer)

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self._sweep()
            except Exception:  # the next sweep must come, whatever state the embedded AWS is in
                log.exception("fleet.sweep_failed")

    async def _sweep(self) -> None:
        pointed_at = self._functions.pointed_at()
        for version, pool in list(self._pools.items()):
            wanted = self._is_wanted(version, pointed_at)
            pool.retire_idle(idle_seconds=SHRINK_AFTER_SECONDS if wanted else RETIRE_AFTER_SECONDS, keep=1 if wanted else 0)
            if pool.reap() and pool.size == 0 and time.monotonic() - pool.used_at > SHRINK_AFTER_SECONDS:
                del self._pools[version]
                if not any(other.sha256 == version.sha256 for other in self._pools):
                    await self._code.forget(version.sha256)
        for path in self._logs.glob("*.log"):
            if path.stat().st_size > LOG_LIMIT:
                os.truncate(path, 0)  # the workers append, so they go on at the start

    def _is_wanted(self, version: Version, pointed_at: set[tuple[str, str]]) -> bool:
        if version.number != LATEST:
            return (version.function, version.number) in pointed_at
        latest = self._functions.find(version.function, LATEST)
        return latest is not None and latest.version == version
