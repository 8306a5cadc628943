"""The workers of one version: the one used last is used next, so that those not needed fall idle and can go."""

import asyncio
import contextlib
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable

from turnout.local.compute.answers import InvokeResult, exited, failure, throttled, timed_out
from turnout.local.compute.functions import Version
from turnout.local.compute.process import Ended, EndedUnread, Worker

INIT_SECONDS = 10.0
ATTEMPTS = 3
RESPONSE_LIMIT = 6 * 1024 * 1024 + 100
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 4.0


class CannotStart(Exception):
    """The code did not load. `answer` is what an invocation gets for it."""

    def __init__(self, answer: InvokeResult) -> None:
        super().__init__(answer.payload)
        self.answer = answer


class Pool:
    """Calls beyond `limit` at once wait for a worker; one that waits too long is throttled.

    A call does not wait for the worker started on its behalf but for the first that is free. After code that would
    not load, no worker is started for a moment (longer each time) and calls get the same answer again.
    """

    def __init__(self, version: Version, start: Callable[[], Awaitable[Worker]], limit: int) -> None:
        self.version = version
        self.used_at = time.monotonic()
        self._start = start
        self._limit = limit
        self._idle: list[tuple[float, Worker]] = []
        self._busy: set[Worker] = set()
        self._ending: list[Worker] = []
        self._waiting: deque[asyncio.Future[Worker]] = deque()
        self._starting: set[asyncio.Task[None]] = set()
        self._pause = FIRST_PAUSE_SECONDS
        self._no_start_before = 0.0
        self._fault: InvokeResult | None = None

    @property
    def size(self) -> int:
        return len(self._idle) + len(self._busy) + len(self._starting)

    async def invoke(self, event: bytes, arn: str) -> InvokeResult:
        for _ in range(ATTEMPTS):
            with contextlib.suppress(EndedUnread):
                return await self._attempt(event, arn)
        return exited("unknown", None, self.version.number)

    async def _attempt(self, event: bytes, arn: str) -> InvokeResult:
        self.used_at = time.monotonic()
        try:
            async with asyncio.timeout(max(self.version.timeout_seconds, INIT_SECONDS)):
                worker = await self._acquire()
        except TimeoutError:
            return throttled()
        except CannotStart as fault:
            return fault.answer
        finished = False
        try:
            result, finished = await self._call(worker, event, arn)
            return result
        finally:
            self.used_at = time.monotonic()
            if finished:
                self._offer(worker)
            else:
                self._end(worker)

    async def _call(self, worker: Worker, event: bytes, arn: str) -> tuple[InvokeResult, bool]:
        """The answer, and whether the worker can be used again."""
        request_id, number, seconds = str(uuid.uuid4()), self.version.number, self.version.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                about, payload = await worker.call({"request_id": request_id, "arn": arn, "timeout": seconds}, event)
        except TimeoutError:
            return timed_out(request_id, seconds, number), False
        except EndedUnread:
            raise
        except Ended as end:
            return exited(request_id, end.status, number), False
        if len(payload) > RESPONSE_LIMIT:
            return failure(
                "Function.ResponseSizeTooLarge", f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes).", number
            ), True
        return InvokeResult(200, about.get("error"), payload, executed_version=number), True

    async def _acquire(self) -> Worker:
        while self._idle:
            worker = self._idle.pop()[1]
            if worker.is_alive:
                self._busy.add(worker)
                return worker
            self._end(worker)
        turn: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._grow()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._offer(turn.result())
            raise

    def _grow(self) -> None:
        """One start for each call that waits, within the limit. Where none may be started and none is left, waiting is no use."""
        if time.monotonic() < self._no_start_before:
            if self.size == 0 and self._fault:
                self._refuse(self._fault)
            return
        while len(self._starting) < len(self._waiting) and self.size < self._limit:
            task = asyncio.get_running_loop().create_task(self._start_one())
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _start_one(self) -> None:
        try:
            worker = await self._start()
        except CannotStart as fault:
            self._starting.discard(asyncio.current_task())
            self._fault = fault.answer
            self._no_start_before = time.monotonic() + self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
            self._grow()
            return
        self._starting.discard(asyncio.current_task())
        self._pause, self._fault = FIRST_PAUSE_SECONDS, None
        self._offer(worker)

    def _refuse(self, answer: InvokeResult) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(CannotStart(answer))

    def _offer(self, worker: Worker) -> None:
        """To the call that waits longest, or to the idle ones."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                self._busy.add(worker)
                turn.set_result(worker)
                return
        self._busy.discard(worker)
        self._idle.append((time.monotonic(), worker))

    def _end(self, worker: Worker) -> None:
        self._busy.discard(worker)
        worker.kill()
        self._ending.append(worker)
        self._grow()

    def retire_idle(self, *, idle_seconds: float, keep: int) -> None:
        """Lets idle workers go that were not used for that long, the longest idle first. Calls in flight are not touched."""
        last_use = time.monotonic() - idle_seconds
        while len(self._idle) > keep and self._idle[0][0] <= last_use:
            worker = self._idle.pop(0)[1]
            worker.dismiss()
            self._ending.append(worker)

    def reap(self) -> bool:
        """Whether all that was to end has ended."""
        self._ending = [worker for worker in self._ending if not worker.has_ended()]
        return not self._ending

    async def kill(self) -> None:
        """Ends everything, in the middle of a call too. The pool is not used after this."""
        self._limit = 0
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        for worker in [*(idle for _, idle in self._idle), *self._busy, *self._ending]:
            worker.kill_and_reap()
        self._idle, self._busy, self._ending = [], set(), []
        self._refuse(throttled())
