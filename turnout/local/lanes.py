"""Keeps records in order where order matters, and side by side where it does not."""

import json
import threading
from collections.abc import Callable
from typing import Any

from turnout.local.pool import Pool

RECORDS_AT_ONCE = 100


class Lanes:
    """Records in order within their lane, and lanes beside each other.

    What arrives for a lane while it is busy waits and is handed over together.
    """

    def __init__(self, pool: Pool, take: Callable[[list[dict[str, Any]]], None], lane_of: Callable[[dict[str, Any]], str]) -> None:
        self._pool = pool
        self._take = take
        self._lane_of = lane_of
        self._waiting: dict[str, list[dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def add(self, records: list[dict[str, Any]]) -> None:
        for record in records:
            key = self._lane_of(record)
            with self._lock:
                is_busy = key in self._waiting
                self._waiting.setdefault(key, []).append(record)
            if not is_busy:
                self._run(key)

    def stop(self) -> None:
        self._pool.stop()

    def _run(self, key: str) -> None:
        self._pool.submit(lambda: self._drain(key))

    def _drain(self, key: str) -> None:
        while batch := self._next(key):
            self._take(batch)

    def _next(self, key: str) -> list[dict[str, Any]]:
        with self._lock:
            waiting = self._waiting[key]
            batch, self._waiting[key] = waiting[:RECORDS_AT_ONCE], waiting[RECORDS_AT_ONCE:]
            if not batch:
                del self._waiting[key]
            return batch


def partition_key(record: dict[str, Any]) -> str:
    """The lane of a stream record."""
    keys = record["dynamodb"]["Keys"]
    return json.dumps(keys.get("pk", keys), sort_keys=True)
