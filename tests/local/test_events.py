"""Delivery when handlers fail for good, when lanes are busy, and when the stack stops."""

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from turnout.local import events
from turnout.local.events import Dispatcher, Sources
from turnout.local.handlers import NAMES, Handlers, arn_of, name_in
from turnout.local.lanes import Lanes, partition_key
from turnout.local.pool import Pool
from turnout.local.queues import Consumer, Feed


class NoQueue:
    """A queue that is always empty."""

    def receive_message(self, **_: Any) -> dict[str, Any]:
        threading.Event().wait(0.05)
        return {}


def a_record(key: str, number: int) -> dict[str, Any]:
    return {"dynamodb": {"Keys": {"pk": {"S": key}}, "SequenceNumber": number}}


class TestAnEventNobodyCanTake:
    def test_is_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(events, "RETRY_AFTER_SECONDS", (0.0, 0.0))
        tries: list[str] = []
        buried = threading.Event()

        def fail(event: dict[str, Any], context: Any) -> None:
            tries.append(event["id"])
            raise RuntimeError("never")

        class Watched(Dispatcher):
            def _bury(self, *how: Any) -> None:
                super()._bury(*how)
                buried.set()

        dispatcher = Watched(tick=60)
        others = {name: lambda event, context: None for name in NAMES}
        dispatcher.start(Handlers(SimpleNamespace(**others | {"on_artifact": fail})), Sources(NoQueue(), "due", "probe", list))

        dispatcher.deliver(arn_of("on_artifact"), {"id": "e"})

        assert buried.wait(5)
        dispatcher.stop()
        assert tries == ["e", "e", "e"]
        [dead] = dispatcher.dead_letters
        assert (dead.handler, dead.event, dead.error) == ("on_artifact", {"id": "e"}, "RuntimeError('never')")


class TestAChangeThatIsNamedAsFailed:
    def test_comes_again_with_all_that_follow_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(events, "RETRY_AFTER_SECONDS", (0.0, 0.0))
        given: list[list[int]] = []
        done = threading.Event()

        def refuse_the_second_once(event: dict[str, Any], context: Any) -> Any:
            given.append([record["dynamodb"]["SequenceNumber"] for record in event["Records"]])
            if len(given) == 1:
                return {"batchItemFailures": [{"itemIdentifier": 2}]}
            done.set()
            return {"batchItemFailures": []}

        batches = [[a_record("a", 1), a_record("a", 2), a_record("a", 3)]]
        others = {name: lambda event, context: None for name in NAMES}
        dispatcher = Dispatcher(tick=60)
        handlers = Handlers(SimpleNamespace(**others | {"on_change": refuse_the_second_once}))
        dispatcher.start(handlers, Sources(NoQueue(), "due", "probe", lambda: batches.pop() if batches else []))
        dispatcher.stream_changed()

        assert done.wait(5)
        dispatcher.stop()
        assert given == [[1, 2, 3], [2, 3]]
        assert dispatcher.dead_letters == []


class AQueue:
    """Hands over its messages ten at a time and keeps what is done with them."""

    def __init__(self, *bodies: str) -> None:
        self.waiting: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.hidden: list[tuple[str, int]] = []
        self.send(*bodies)

    def send(self, *bodies: str) -> None:
        self.waiting += [{"MessageId": body, "ReceiptHandle": body, "Body": body, "MD5OfBody": ""} for body in bodies]

    def receive_message(self, **_: Any) -> dict[str, Any]:
        taken, self.waiting = self.waiting[:10], self.waiting[10:]
        if not taken:
            threading.Event().wait(0.02)
        return {"Messages": taken}

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:
        self.deleted.append(ReceiptHandle)

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:
        self.hidden.append((ReceiptHandle, VisibilityTimeout))


class TestAConsumer:
    @pytest.fixture
    def stopping(self) -> Iterator[threading.Event]:
        stopping = threading.Event()
        yield stopping
        stopping.set()

    def test_does_what_one_service_is_asked_for_one_after_another_and_at_once_what_waited(self, stopping: threading.Event) -> None:
        queue, calls, others_came = AQueue("web"), [], threading.Event()

        def handle(_: str, event: dict[str, Any]) -> None:
            [record] = event["Records"]
            calls.append(record["body"])
            if len(calls) == 1:
                queue.send(*["web"] * 5, "shop")
                assert others_came.wait(5), "shop had to wait for web"
            elif record["body"] == "shop":
                others_came.set()

        self.consume(queue, handle, stopping)

        wait_for(lambda: len(queue.deleted) == 7)
        assert calls == ["web", "shop", "web"]

    def test_hides_what_failed_and_all_that_waited_with_it(self, stopping: threading.Event) -> None:
        queue = AQueue("web", "shop")

        def handle(_: str, event: dict[str, Any]) -> None:
            if event["Records"][0]["body"] == "web":
                raise RuntimeError("never")

        self.consume(queue, handle, stopping)

        wait_for(lambda: queue.deleted and queue.hidden)
        assert (queue.deleted, queue.hidden) == (["shop"], [("web", 6)])

    @staticmethod
    def consume(queue: AQueue, handle: Any, stopping: threading.Event) -> None:
        feed = Feed("url", "on_due", hidden=60, again=6, lane_of=lambda message: str(message["Body"]))
        threading.Thread(target=Consumer(queue, feed, Pool("due", 4), handle, stopping).poll, daemon=True).start()


def wait_for(found: Any) -> None:
    deadline = time.monotonic() + 5
    while not found():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)


class TestLanes:
    def test_keep_the_order_of_each_key_while_another_is_busy(self) -> None:
        taken: dict[str, list[int]] = {"a": [], "b": []}
        first_of_a, done = threading.Event(), threading.Event()

        def take(batch: list[dict[str, Any]]) -> None:
            key = batch[0]["dynamodb"]["Keys"]["pk"]["S"]
            if key == "a" and not taken["a"]:
                assert first_of_a.wait(5)
            taken[key] += [record["dynamodb"]["SequenceNumber"] for record in batch]
            if key == "b":
                first_of_a.set()
            if len(taken["a"]) == 3:
                done.set()

        lanes = Lanes(Pool("lanes", 2), take, partition_key)
        lanes.add([a_record("a", 1)])
        lanes.add([a_record("a", 2), a_record("b", 1), a_record("a", 3)])

        assert done.wait(5)
        lanes.stop()
        assert taken == {"a": [1, 2, 3], "b": [1]}


class TestAPool:
    def test_goes_on_after_a_job_that_fails(self) -> None:
        pool, done = Pool("pool", 1), threading.Event()

        pool.submit(lambda: 1 / 0)  # type: ignore[arg-type]
        pool.submit(done.set)

        assert done.wait(5)
        pool.stop()


class TestAnArn:
    @pytest.mark.parametrize(("arn", "name"), [(arn_of("tick"), "tick"), (arn_of("unheard"), None), ("arn:aws:lambda:us-east-1:123456789012:function:tick", None)])
    def test_names_a_handler_or_nothing(self, arn: str, name: str | None) -> None:
        assert name_in(arn) == name
