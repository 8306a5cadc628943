"""Delivers what AWS would deliver to the control plane's handlers: S3 events, queue messages, stream records, the tick.

    EventBridge ─▶ deliver ─▶ on_artifact      asynchronous: two retries, then the dead-letter queue
    due queue ───▶ poll ────▶ on_due           a message is deleted when its handler has succeeded, else it comes again
    probe queue ─▶ poll ────▶ on_probe_due     in threads of its own: a prober goes on for most of a minute
    stream ──────▶ lanes ───▶ on_change        in order for each partition key, retried, then the dead-letter queue
    clock ───────▶ ─────────▶ tick, reconcile  (AWS: every minute, every few minutes)

Everything is delivered at least once. A handler that fails is logged and
tried again; it never stops another one.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from turnout.local.handlers import Handlers, name_in
from turnout.local.lambda_events import queue_record, scheduled_event
from turnout.local.lanes import Lanes
from turnout.local.pool import Pool

log = logging.getLogger(__name__)

RETRIES = 2
"""As often as Lambda tries an asynchronous event again."""
RETRY_AFTER_SECONDS = (0.5, 2.0)
"""AWS waits one and two minutes."""
DUE_VISIBILITY_SECONDS = 60
PROBE_VISIBILITY_SECONDS = 90
FAILED_MESSAGE_AFTER_SECONDS = 1


class HandlerRefused(Exception):
    """A handler of queue messages answered that it could not do this one."""


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
        self._lanes = Lanes(Pool("stream", 16), self._take_changes)

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
        yield "due-queue", lambda: self._poll(sources.sqs, sources.due_queue_url, "on_due", self._due, DUE_VISIBILITY_SECONDS)
        yield "probe-queue", lambda: self._poll(sources.sqs, sources.probe_queue_url, "on_probe_due", self._probes, PROBE_VISIBILITY_SECONDS)
        yield "stream", lambda: self._follow(sources.take_records)
        yield "tick", lambda: self._every(self._tick, "tick")
        yield "reconcile", lambda: self._every(max(5.0, 5 * self._tick), "reconcile")

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

    # Queues

    def _poll(self, sqs: Any, url: str, name: str, pool: Pool, visibility: int) -> None:
        while not self._stopping.is_set():
            if pool.is_full:
                self._stopping.wait(0.05)
                continue
            try:
                answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, VisibilityTimeout=visibility, AttributeNames=["All"])
            except (BotoCoreError, ClientError):
                log.exception("queue.unreadable url=%s", url)
                self._stopping.wait(1)
                continue
            for message in answer.get("Messages", []):
                self._hand_over(sqs, url, name, pool, message)

    def _hand_over(self, sqs: Any, url: str, name: str, pool: Pool, message: dict[str, Any]) -> None:
        pool.submit(lambda: self._consume(sqs, url, name, message))

    def _consume(self, sqs: Any, url: str, name: str, message: dict[str, Any]) -> None:
        receipt = message["ReceiptHandle"]
        try:
            _require_done(self._call(name, {"Records": [queue_record(url, message)]}))
        except Exception:  # the edge to the app: the message comes again
            log.exception("handler.failed handler=%s message=%s", name, message["MessageId"])
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=FAILED_MESSAGE_AFTER_SECONDS)
            return
        if not self._stopping.is_set():
            sqs.delete_message(QueueUrl=url, ReceiptHandle=receipt)

    # The stream

    def _follow(self, take_records: Callable[[], list[dict[str, Any]]]) -> None:
        while not self._stopping.is_set():
            self._changed.wait(1)
            self._changed.clear()
            self._lanes.add(take_records())

    def _take_changes(self, records: list[dict[str, Any]]) -> None:
        """A batch is tried again whole, as AWS does; then its records one by one, so that a bad one harms no other."""
        for attempt in range(RETRIES + 1):
            try:
                self._call("on_change", {"Records": records})
            except Exception as error:  # the edge to the app: the records are not lost
                log.exception("handler.failed handler=on_change attempt=%d records=%d", attempt + 1, len(records))
                failed = error
            else:
                return
            if attempt < RETRIES and self._stopping.wait(RETRY_AFTER_SECONDS[attempt]):
                return
        if len(records) == 1:
            self._bury("on_change", {"Records": records}, failed)
            return
        for record in records:
            self._take_changes([record])


def _require_done(answer: Any) -> None:
    """A handler may raise, or name the messages it could not do; there is one message a call."""
    if isinstance(answer, dict) and answer.get("batchItemFailures"):
        raise HandlerRefused(answer)
