"""Threads that do not keep the process alive: a prober may sleep for most of a minute when the stack stops."""

import itertools
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

log = logging.getLogger(__name__)

Job = Callable[[], None]


class Pool:
    """At most `size` threads, started as they are needed. Jobs still waiting when it stops are dropped."""

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._busy = 0
        self._threads = 0
        self._numbers = itertools.count(1)
        self._stopped = False

    def submit(self, job: Job) -> None:
        with self._lock:
            self._busy += 1
            if self._busy > self._threads and self._threads < self._size:
                self._threads += 1
                threading.Thread(target=self._work, name=f"{self._name}-{next(self._numbers)}", daemon=True).start()
        self._jobs.put(job)

    @property
    def is_full(self) -> bool:
        """Whether another job would have to wait."""
        with self._lock:
            return self._busy >= self._size

    def stop(self) -> None:
        self._stopped = True
        for _ in range(self._threads):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None and not self._stopped:
            try:
                job()
            except Exception:  # outermost edge of the thread: one job must not end it
                log.exception("a job of %s failed", self._name)
            finally:
                with self._lock:
                    self._busy -= 1
