"""Delivery when handlers fail for good, when lanes are busy, and when the stack stops."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from turnout.local import events
from turnout.local.events import Dispatcher, Sources
from turnout.local.handlers import NAMES, Handlers, arn_of, name_in
from turnout.local.lanes import Lanes
from turnout.local.pool import Pool


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

        lanes = Lanes(Pool("lanes", 2), take)
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
