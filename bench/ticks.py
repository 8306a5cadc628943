"""A tick with very many services due, at AWS's pace: every call takes 20 ms, and ELB answers from a bucket (40, refilled by 10 a second).

The services are in their watch, on memory adapters behind that delay; the passes that the tick's messages start run on 32 threads,
which stand for as many Lambdas at once. Meanwhile a rollback is asked for. Budget: one tick's interval (60 s), less than 512 MB,
and the rollback is not starved.

`unread looks` are passes' questions that ELB refused: such a pass waits for the next tick.
"""

import logging
import resource
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from typing import Any

from bench.field import arguments, report, say
from chalicelib.colors import Split
from chalicelib.deployments.model import Phase
from chalicelib.errors import Unavailable
from chalicelib.health.signal import Answer
from tests.world import World, a_definition

LATENCY_SECONDS = 0.02
LAMBDAS = 32
PATIENCE_SECONDS = 60.0
_ASK_ELB = frozenset({"router", "targets"})
_CALL_AWS = frozenset({"router", "targets", "ledger", "runtime", "metrics", "queues"})


@dataclass
class Pace:
    """Off while the world is built. `bucket` is ELB's, in requests."""

    is_on: bool = False
    bucket: float = 40.0
    refilled_at: float = field(default_factory=time.monotonic)
    calls: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, adapter: str, times: int) -> None:
        """Takes as long as AWS does. Raises `Unavailable` as throttled."""
        if not self.is_on:
            return
        time.sleep(LATENCY_SECONDS * times)
        with self.lock:
            self.calls[adapter] += times
            if adapter in _ASK_ELB and not self._takes():
                self.calls["refused"] += 1
                raise Unavailable("throttled")

    def _takes(self) -> bool:
        now = time.monotonic()
        self.bucket = min(40.0, self.bucket + 10 * (now - self.refilled_at))
        self.refilled_at = now
        if self.bucket < 1:
            return False
        self.bucket -= 1
        return True


class Slow:
    """An adapter behind AWS's delay."""

    def __init__(self, name: str, adapter: Any, pace: Pace) -> None:
        self._name, self._adapter, self._pace = name, adapter, pace

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._adapter, name)

        def slowly(*given: Any, **named: Any) -> Any:
            self._pace.call(self._name, -(-len(given[0]) // 10) if self._name == "queues" else 1)  # SQS takes ten messages a call
            return method(*given, **named)

        return slowly


class Fleet(World):
    """Many services at once; every application answers."""

    def _answer(self, method: str, url: str) -> Answer:  # noqa: ARG002  # the world's
        return Answer(200, None, "", timedelta(milliseconds=5))

    def bring_to_watch(self, names: list[str]) -> None:
        for name in names:
            self.register(a_definition(name, rollout={"strategy": "all-at-once", "watch_seconds": 7 * 24 * 3600, "deadline_seconds": 24 * 3600}))
        for version in ("1.0.0", "2.0.0"):
            for name in names:
                self.upload(version, name)
            self.until(lambda: self._all_are(names, Phase.STAGED))
            for name in names:
                self.control.deployments.promote(name, self.asked(), version=version)
            self.until(lambda: self._all_are(names, Phase.WATCHING))
            if version == "1.0.0":
                for name in names:
                    self.control.deployments.certify(name, self.asked())
                self.until(lambda: all(self.service(name).deployment is None for name in names))

    def until(self, question: Callable[[], object], seconds: float = 120) -> None:
        for _ in range(round(seconds)):
            if question():
                return
            self.wait(1)
        raise SystemExit("the services did not come to their watch")

    def _all_are(self, names: list[str], phase: Phase) -> bool:
        return all((deployment := self.service(name).deployment) is not None and deployment.phase is phase for name in names)


def main() -> None:
    given = arguments(__doc__, services=1000)
    logging.disable(logging.CRITICAL)
    pace = Pace()
    with redirect_stdout(StringIO()):  # metrics in embedded form are printed
        world = Fleet(between=lambda name, adapter: Slow(name, adapter, pace) if name in _CALL_AWS else adapter)
        names = [f"web-{number}" for number in range(given.services)]
        say(f"{len(names)} services are brought to their watch")
        world.bring_to_watch(names)
        say("the tick")
        row = _measured(world, pace, names)
    report([row], given.json)


def _measured(world: Fleet, pace: Pace, names: list[str]) -> dict[str, object]:
    world.clock.move(timedelta(seconds=60))
    pace.is_on, pace.refilled_at = True, time.monotonic()
    began = time.monotonic()
    with ThreadPoolExecutor(LAMBDAS) as lambdas, ThreadPoolExecutor(1) as person:
        due = world.control.passes.tick()
        rollback = person.submit(_roll_back, world, names[-1])
        for done in [lambdas.submit(world.control.passes.run, name) for name in names[:-1]]:
            done.result()
        seconds = time.monotonic() - began
        took = rollback.result()
    return {
        "due": due, "seconds": seconds, "calls per service": sum(pace.calls[name] for name in _CALL_AWS) / due,
        "ELB calls": sum(pace.calls[name] for name in _ASK_ELB), "unread looks": pace.calls["refused"],
        "rollback: s to weights": took if took is not None else f"not within {PATIENCE_SECONDS:.0f}",
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


def _roll_back(world: Fleet, name: str) -> float | None:
    """Asked for while the passes are at it; then a pass each second, as its own record's stream and the tick would start them."""
    time.sleep(1)
    began = time.monotonic()
    color = world.service(name).deployment.color  # type: ignore[union-attr]  # it is in its watch
    world.control.deployments.rollback(name, world.asked("bench"))
    while time.monotonic() - began < PATIENCE_SECONDS:
        if _asked_for(world, name) == Split.all_on(color.other):  # type: ignore[union-attr]  # as above
            return time.monotonic() - began
        time.sleep(1)
        world.clock.move(timedelta(seconds=2))
        world.control.passes.run(name)
    return None


def _asked_for(world: Fleet, name: str) -> Split | None:
    """What the rule itself says; the world's own adapters have no delay."""
    return world.router.look(world.service(name).definition.traffic).production.split


if __name__ == "__main__":
    main()
