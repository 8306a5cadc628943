"""Takes the messages of a queue to their handler, as Lambda's event source does.

A message is deleted when its handler has succeeded. Else it is hidden for a while and comes again, and the
queue moves it to its dead letters when it has come too often. Messages of one lane are done one after another;
those that came while the lane was busy are done together, in one call: they ask for the same thing.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from turnout.local.lambda_events import queue_record
from turnout.local.lanes import Lanes
from turnout.local.pool import Pool

log = logging.getLogger(__name__)

Message = dict[str, Any]


class HandlerRefused(Exception):
    """A handler answered that it could not do what it was given."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A queue and its handler. Seconds: `hidden` while the handler may work, `again` after it failed.

    `lane_of` says which messages may not be done beside each other.
    """

    url: str
    handler: str
    hidden: int
    again: int
    lane_of: Callable[[Message], str]


class Consumer:
    """Call `poll` in a thread of its own; it returns soon after `stopping` is set."""

    def __init__(self, sqs: Any, feed: Feed, pool: Pool, call: Callable[[str, dict[str, Any]], Any], stopping: threading.Event) -> None:
        self._sqs = sqs
        self._feed = feed
        self._pool = pool
        self._call = call
        self._stopping = stopping
        self._lanes = Lanes(pool, self._take, feed.lane_of)

    def poll(self) -> None:
        feed = self._feed
        while not self._stopping.is_set():
            if self._pool.is_full:
                self._stopping.wait(0.05)
                continue
            try:
                answer = self._sqs.receive_message(
                    QueueUrl=feed.url, MaxNumberOfMessages=10, WaitTimeSeconds=1, VisibilityTimeout=feed.hidden, AttributeNames=["All"]
                )
            except (BotoCoreError, ClientError):
                log.exception("queue.unreadable url=%s", feed.url)
                self._stopping.wait(1)
                continue
            self._lanes.add(answer.get("Messages", []))

    def _take(self, messages: list[Message]) -> None:
        url, again = self._feed.url, self._feed.again
        try:
            _require_done(self._call(self._feed.handler, {"Records": [queue_record(url, messages[-1])]}))
        except Exception:  # the edge to the app: the messages come again
            log.exception("handler.failed handler=%s messages=%s", self._feed.handler, [message["MessageId"] for message in messages])
            _settle(messages, lambda receipt: self._sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=again))
            return
        if not self._stopping.is_set():
            _settle(messages, lambda receipt: self._sqs.delete_message(QueueUrl=url, ReceiptHandle=receipt))


def _settle(messages: list[Message], tell: Callable[[str], object]) -> None:
    """What the queue is not told, being throttled, it finds out: the message comes again when its visibility ends. The lane goes on."""
    for message in messages:
        try:
            tell(message["ReceiptHandle"])
        except (BotoCoreError, ClientError):
            log.warning("queue.not_told message=%s", message["MessageId"], exc_info=True)


def _require_done(answer: Any) -> None:
    """A handler may raise, or name the messages it could not do; there is one message a call."""
    if isinstance(answer, dict) and answer.get("batchItemFailures"):
        raise HandlerRefused(answer)
