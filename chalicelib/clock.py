"""Time comes in as an argument: everything that waits or stamps is given a `Clock`."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back; for bounds inside one process."""

    def sleep(self, duration: timedelta) -> None:
        """Wait. A test's clock moves on instead."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, duration: timedelta) -> None:
        time.sleep(max(0.0, duration.total_seconds()))


class ManualClock:
    """Stands still until it is moved; sleeping moves it."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._elapsed = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    def sleep(self, duration: timedelta) -> None:
        self.move(duration)

    def move(self, duration: timedelta) -> None:
        self._now += duration
        self._elapsed += duration.total_seconds()
