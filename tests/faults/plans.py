"""Fault plans: what goes wrong, at which call to the outside.

A clean run of a workflow is recorded first: N calls. Then the workflow is
played again for every call and every kind of fault, and must end as the clean run did or
safely back, with the invariants holding after every step.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from chalicelib.clock import ManualClock
from chalicelib.errors import Unavailable


class Fault(StrEnum):
    DIES_BEFORE = "the worker dies before the call"
    DIES_AFTER = "the worker dies after the call: done, and nobody knows"
    NO_ANSWER = "throttled: not done, and an error says so"
    ANSWER_LOST = "done, but the answer is a time-out"
    LATE = "the worker stalls for half a minute before the call"


class Died(BaseException):
    """The worker is gone: nothing catches this but the world that started it."""


@dataclass
class Saboteur:
    """Stands between the control plane and the outside; `at` is the call that goes wrong, counted from 0."""

    at: int = -1
    fault: Fault | None = None
    armed: bool = False
    calls: list[str] = field(default_factory=list)
    clock: ManualClock | None = None

    def between(self, name: str, adapter: Any) -> Any:
        return _Between(self, name, adapter)

    def call(self, name: str, method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not self.armed:
            return method(*args, **kwargs)
        number = len(self.calls)
        self.calls.append(name)
        return self._wrong(method, args, kwargs) if number == self.at else method(*args, **kwargs)

    def _wrong(self, method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        match self.fault:
            case Fault.DIES_BEFORE:
                raise Died
            case Fault.NO_ANSWER:
                raise Unavailable("throttled")
            case Fault.LATE:
                assert self.clock is not None
                self.clock.move(timedelta(seconds=30))
                return method(*args, **kwargs)
        answer = method(*args, **kwargs)
        if self.fault is Fault.DIES_AFTER:
            raise Died
        if self.fault is Fault.ANSWER_LOST:
            raise Unavailable("timed out")
        return answer


class _Between:
    """An adapter whose every method goes through the saboteur."""

    def __init__(self, saboteur: Saboteur, name: str, adapter: Any) -> None:
        self._saboteur, self._name, self._adapter = saboteur, name, adapter

    def __getattr__(self, method: str) -> Any:
        real = getattr(self._adapter, method)
        if not callable(real):
            return real
        return lambda *args, **kwargs: self._saboteur.call(f"{self._name}.{method}", real, args, kwargs)
