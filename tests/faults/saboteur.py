"""Stands between the control plane and the outside, counts the calls, and lets one of them go wrong."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NoReturn

from chalicelib.clock import ManualClock
from chalicelib.errors import Problem, Stale, Unavailable
from chalicelib.health.signal import Answer
from chalicelib.hooks import answering
from chalicelib.services.model import Look
from tests.faults.plans import MAY_LAG, SKEWED, Fault

_LAG = timedelta(seconds=5)
"""How old an answer may be that comes instead of the newest one."""


class Died(BaseException):
    """The worker is gone: nothing catches this but the world that started it."""


@dataclass(frozen=True)
class Call:
    """A call to the outside. Two that are equal are the same call of a wait that goes on."""

    name: str
    situation: str
    place: int


@dataclass
class Saboteur:
    """`at` is the call that goes wrong, counted from 0 and from when it is `armed`.

    `meanwhile` lets others work for some seconds, `unattended` lets time pass while nobody works, `repeated` delivers once more,
    `at_once` is told after something was delivered a second time while it was dealt with, and `situation` says where the workflow is.
    """

    at: int = -1
    fault: Fault | None = None
    armed: bool = False
    calls: list[Call] = field(default_factory=list)
    happened: str = ""
    meanwhile: Callable[[float], None] = lambda seconds: None
    unattended: Callable[[], None] = lambda: None
    repeated: Callable[[Callable[[], object]], None] = lambda work: None
    at_once: Callable[[], None] = lambda: None
    situation: Callable[[], str] = lambda: ""
    skew: timedelta = timedelta(0)
    _delivery: Callable[[], object] | None = None
    _again: bool = False
    _doubled: bool = False
    _began: int = 0
    _throttled: str = ""
    _last: dict[str, tuple[datetime, Any]] = field(default_factory=dict)

    def between(self, name: str, adapter: Any) -> Any:
        if name == "clock":
            self.clock = adapter
            return SkewedClock(self, adapter)
        return _Between(self, name, adapter)

    def deliver(self, work: Callable[[], object]) -> Any:
        """An event, message or request is dealt with by a worker of its own. Raises what the work raises, or `Died`."""
        self._delivery, self._again, self._doubled, self._began = work, False, False, len(self.calls)
        try:
            return work()
        finally:
            self.skew, self._throttled, self._delivery = timedelta(0), "", None
            if self._again:
                self._once_more(work)
            if self._doubled:
                self.at_once()

    def call(self, name: str, method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not self.armed:
            return self._remembered(name, args, method(*args, **kwargs))
        number = len(self.calls)
        self.calls.append(Call(name, self.situation() if self.fault is None else "", number - self._began))
        if self._throttled == name or number == self.at:
            return self._wrong(number, name, method, args, kwargs)
        return self._remembered(name, args, method(*args, **kwargs))

    def _wrong(self, number: int, name: str, method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return self._goes_wrong(name, method, args, kwargs) if number == self.at else self._throttle()
        except Unavailable as error:
            if name == "probe.ask":  # which never raises: no answer is an answer too
                return Answer(None, None, "", timedelta(0), error=error.detail)
            if name == "hooks.call":  # nor does this one
                return answering.nothing(error.detail)
            raise

    def _goes_wrong(self, name: str, method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.happened = name
        self._before(name)
        if self.fault is Fault.STALE_READ:
            return self._old(name, args, method(*args, **kwargs))
        if self.fault is Fault.CONDITION_FAILED and name == "ledger.claim":
            return False
        answer = method(*args, **kwargs)
        self._after()
        return answer

    def _throttle(self) -> NoReturn:
        raise Unavailable("throttled")

    def _before(self, name: str) -> None:
        match self.fault:
            case Fault.DIES_BEFORE:
                raise Died
            case Fault.THROTTLED:
                self._throttled = name
                self._throttle()
            case Fault.SERVER_ERROR:
                raise Unavailable("internal error")
            case Fault.CONDITION_FAILED if name == "ledger.commit":
                raise Stale
            case Fault.ALL_GONE:
                self._aside(self.unattended)
                raise Died
            case Fault.STALLS:
                self._aside(lambda: self.meanwhile(30))
            case Fault.CLOCK_AHEAD | Fault.CLOCK_BEHIND:
                self.skew = SKEWED[self.fault]

    def _after(self) -> None:
        match self.fault:
            case Fault.DIES_AFTER:
                raise Died
            case Fault.ANSWER_LOST:
                raise Unavailable("timed out")
            case Fault.SECOND_WORKER:
                self._aside(lambda: self.meanwhile(4))
            case Fault.DELIVERED_TWICE:
                self._again = True
            case Fault.DELIVERED_AT_ONCE if self._delivery:
                delivery, self._doubled = self._delivery, True
                self._aside(delivery)

    def _once_more(self, work: Callable[[], object]) -> None:
        self._again = False
        self._aside(lambda: self.repeated(work))

    def _aside(self, work: Callable[[], object]) -> None:
        """Others work, unharmed, on clocks that are right; what they find (a conflict) is theirs."""
        armed, skew, delivery, throttled = self.armed, self.skew, self._delivery, self._throttled
        self.armed, self.skew, self._throttled = False, timedelta(0), ""
        try:
            with suppress(Problem):
                work()
        finally:
            self.armed, self.skew, self._delivery, self._throttled = armed, skew, delivery, throttled

    def _remembered(self, name: str, args: tuple[Any, ...], answer: Any) -> Any:
        if name in MAY_LAG:
            self._last[_question(name, args)] = self.clock.now(), answer
        return answer

    def _old(self, name: str, args: tuple[Any, ...], answer: Any) -> Any:
        at, last = self._last.get(_question(name, args), (self.clock.now(), answer))
        self._remembered(name, args, answer)
        if self.clock.now() - at > _LAG:
            return answer
        if name == "ledger.find_many":
            return tuple(old if isinstance(old, Look) else new for old, new in zip(last, answer, strict=True))
        return last


class SkewedClock:
    """The clock of whoever works just now."""

    def __init__(self, saboteur: Saboteur, clock: ManualClock) -> None:
        self._saboteur, self._clock = saboteur, clock

    def now(self) -> datetime:
        return self._clock.now() + self._saboteur.skew

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep(self, duration: timedelta) -> None:
        self._clock.sleep(duration)


class _Between:
    """An adapter whose every method goes through the saboteur."""

    def __init__(self, saboteur: Saboteur, name: str, adapter: Any) -> None:
        self._saboteur, self._name, self._adapter = saboteur, name, adapter

    def __getattr__(self, method: str) -> Any:
        real = getattr(self._adapter, method)
        if not callable(real):
            return real
        return lambda *args, **kwargs: self._saboteur.call(f"{self._name}.{method}", real, args, kwargs)


def _question(name: str, args: tuple[Any, ...]) -> str:
    """What was asked: about one service, so its traffic need not be spelt out."""
    return name if name == "router.look" else f"{name} {args[-1]!r}"
