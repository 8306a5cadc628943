"""Delivers what AWS would deliver to the control plane's handlers: S3 events, queue messages, stream records, the tick.

    EventBridge ─▶ deliver ─▶ on_artifact      asynchronous: two retries, then the dead-letter queue
    due queue ───▶ poll ────▶ on_due           one at a time for each service; what fails comes again, then the dead-letter queue
    probe queue ─▶ poll ────▶ on_probe_due     in threads of its own: a prober goes on for most of a minute
    stream ──────▶ lanes ───▶ on_change        in order for each partition key, retried, then the dead-letter queue
    clock ───────▶ ─────────▶ tick, reconcile  (AWS: every minute, every few minutes)

Everything is delivered at least once. A handler that fails is logged and
tried again; it never stops another one.
"""

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from turnout.local.handlers import Handlers, name_in
from turnout.local.lambda_events import scheduled_event
from turnout.local.lanes import Lanes, partition_key
from turnout.local.pool import Pool
from turnout.local.queues import Consumer, Feed, HandlerRefused

log = logging.getLogger(__name__)

RETRIES = 2
"""As often as Lambda tries an asynchronous event again."""
RETRY_AFTER_SECONDS = (0.5, 2.0)
"""AWS waits one and two minutes."""
DUE_VISIBILITY_SECONDS = 60
PROBE_VISIBILITY_SECONDS = 90
DUE_AGAIN_AFTER_TICKS = 6.0
"""A message that failed comes again when its visibility ends: in AWS after 360 s, with a tick of 60."""
PROBE_AGAIN_AFTER_TICKS = 1.5


@dataclass(frozen=True, slots=True)
class Dead:
    """An event nobody could take, kept for people to look at."""

    handler: str
    event: dict[str, Any]
    error: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Sources:
    """Where events come from. `take_records` hands over the stream records since it was last called."""

    sqs: Any
    due_queue_url: str
    probe_queue_url: str
    take_records: Callable[[], list[dict[str, Any]]]


class Dispatcher:
    """Delivers from `start` on; what comes before that waits."""

    def __init__(self, *, tick: float) -> None:
        self.dead_letters: list[Dead] = []
        self._tick = tick
        self._handlers: Handlers
        self._started = threading.Event()
        self._stopping = threading.Event()
        self._changed = threading.Event()
        self._events = Pool("events", 8)
        self._due = Pool("due", 16)
        self._probes = Pool("probes", 64)
        self._clock = Pool("clock", 3)
        self._lanes = Lanes(Pool("stream", 16), self._take_changes, partition_key)

    def start(self, handlers: Handlers, sources: Sources) -> None:
        self._handlers = handlers
        self._started.set()
        for name, loop in self._loops(sources):
            threading.Thread(target=loop, name=name, daemon=True).start()

    def stop(self) -> None:
        """Nothing is delivered any more. Handlers that run are left behind in daemon threads."""
        self._stopping.set()
        self._started.set()
        self._changed.set()
        for pool in (self._events, self._due, self._probes, self._clock):
            pool.stop()
        self._lanes.stop()

    def deliver(self, arn: str, event: dict[str, Any]) -> None:
        """Take an event for a Lambda function. Returns at once."""
        name = name_in(arn)
        if name is None:
            log.error("event.undeliverable arn=%s event=%s", arn, json.dumps(event, default=str))
        else:
            self._attempt(name, event)

    def stream_changed(self) -> None:
        self._changed.set()

    def _loops(self, sources: Sources) -> Iterable[tuple[str, Callable[[], None]]]:
        yield "due-queue", Consumer(sources.sqs, self._due_feed(sources.due_queue_url), self._due, self._call, self._stopping).poll
        yield "probe-queue", Consumer(sources.sqs, self._probe_feed(sources.probe_queue_url), self._probes, self._call, self._stopping).poll
        yield "stream", lambda: self._follow(sources.take_records)
        yield "tick", lambda: self._every(self._tick, "tick")
        yield "reconcile", lambda: self._every(max(5.0, 5 * self._tick), "reconcile")

    def _due_feed(self, url: str) -> Feed:
        """Two passes of one service beside each other only get in each other's way."""
        return Feed(url, "on_due", DUE_VISIBILITY_SECONDS, math.ceil(DUE_AGAIN_AFTER_TICKS * self._tick), lambda message: str(message["Body"]))

    def _probe_feed(self, url: str) -> Feed:
        """A prober lasts longer than a tick, and sees to it itself that there is one of it."""
        return Feed(url, "on_probe_due", PROBE_VISIBILITY_SECONDS, math.ceil(PROBE_AGAIN_AFTER_TICKS * self._tick), lambda message: str(message["MessageId"]))

    def _call(self, name: str, event: dict[str, Any]) -> Any:
        self._started.wait()
        return None if self._stopping.is_set() else self._handlers.call(name, event)

    # Asynchronous events

    def _attempt(self, name: str, event: dict[str, Any], attempt: int = 0) -> None:
        self._events.submit(lambda: self._try(name, event, attempt))

    def _try(self, name: str, event: dict[str, Any], attempt: int) -> None:
        try:
            self._call(name, event)
        except Exception as error:  # the edge to the app: whatever it raised, the event is not lost
            log.exception("handler.failed handler=%s attempt=%d", name, attempt + 1)
            if attempt < RETRIES:
                self._later(RETRY_AFTER_SECONDS[attempt], lambda: self._attempt(name, event, attempt + 1))
            else:
                self._bury(name, event, error)

    def _later(self, seconds: float, job: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, job)
        timer.daemon = True
        timer.start()

    def _bury(self, name: str, event: dict[str, Any], error: Exception) -> None:
        self.dead_letters.append(Dead(name, event, repr(error)))
        log.critical("event.dead handler=%s error=%r event=%s", name, error, json.dumps(event, default=str))

    # The clock

    def _every(self, seconds: float, name: str) -> None:
        due = time.monotonic()
        running = threading.Semaphore(2)  # the schedule does not wait for the last one, but it does not pile up either
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            due = max(due + seconds, time.monotonic())
            if running.acquire(blocking=False):
                self._clock.submit(lambda: self._scheduled(name, running))

    def _scheduled(self, name: str, running: threading.Semaphore) -> None:
        try:
            self._call(name, scheduled_event(name))
        except Exception:  # the edge to the app: the next tick does what this one could not
            log.exception("handler.failed handler=%s", name)
        finally:
            running.release()

    # The stream

    def _follow(self, take_records: Callable[[], list[dict[str, Any]]]) -> None:
        while not self._stopping.is_set():
            self._changed.wait(1)
            self._changed.clear()
            self._lanes.add(take_records())

    def _take_changes(self, records: list[dict[str, Any]]) -> None:
        """A batch is tried again from its first failure on, as AWS does; then its records one by one, so that a bad one harms no other."""
        for attempt in range(RETRIES + 1):
            try:
                records = _left(records, self._call("on_change", {"Records": records}))
            except Exception as error:  # the edge to the app: the records are not lost
                log.exception("handler.failed handler=on_change attempt=%d records=%d", attempt + 1, len(records))
                failed = error
            else:
                if not records:
                    return
                failed = HandlerRefused(f"{len(records)} records")
            if attempt < RETRIES and self._stopping.wait(RETRY_AFTER_SECONDS[attempt]):
                return
        if len(records) == 1:
            self._bury("on_change", {"Records": records}, failed)
            return
        for record in records:
            self._take_changes([record])


def _left(records: list[dict[str, Any]], answer: Any) -> list[dict[str, Any]]:
    """What the answer leaves to do: everything from the first record on that it names as failed."""
    failed = {failure["itemIdentifier"] for failure in answer.get("batchItemFailures", [])} if isinstance(answer, dict) else set()
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    return next((records[place:] for place, number in enumerate(numbers) if number in failed), [])
