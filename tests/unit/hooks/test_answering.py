"""Which answers of a hook count, and as what."""

import json
from datetime import timedelta

import pytest

from chalicelib.hooks.answering import MOST_BYTES, read
from chalicelib.hooks.model import CALL_BACK_AFTER, MOST_STATE_BYTES, HookAnswer, Said

UNREADABLE = {
    "nothing at all": b"",
    "no JSON": b"yes",
    "no UTF-8": b'{"status": "succeeded", "reason": "\xff"}',
    "text": b'"succeeded"',
    "null, as a function that returns nothing answers": b"null",
    "a list": b'["succeeded"]',
    "no status": b"{}",
    "another status": b'{"status": "done"}',
    "a status that is ours to give": b'{"status": "nothing"}',
    "a status in capitals": b'{"status": "SUCCEEDED"}',
    "a status that is an object": b'{"status": {}}',
    "a reason that is no text": b'{"status": "failed", "reason": 3}',
    "a state that is a list": b'{"status": "in_progress", "state": []}',
    "a state that is text": b'{"status": "in_progress", "state": "{}"}',
    "a number that JSON does not have": b'{"status": "in_progress", "state": {"n": NaN}}',
    "a call back that is text": b'{"status": "in_progress", "call_back_after_seconds": "5"}',
    "a call back that is true": b'{"status": "in_progress", "call_back_after_seconds": true}',
    "a call back at once": b'{"status": "in_progress", "call_back_after_seconds": 0}',
    "a call back in the past": b'{"status": "in_progress", "call_back_after_seconds": -5}',
    "a call back in two days": b'{"status": "in_progress", "call_back_after_seconds": 172800}',
    "a call back never": b'{"status": "in_progress", "call_back_after_seconds": 1e999}',
    "too deep": b'{"status": "in_progress", "state": ' + b'{"a":' * 20000 + b"1" + b"}" * 20000 + b"}",
    "too large": b'{"status": "succeeded", "reason": "' + b"x" * MOST_BYTES + b'"}',
    "too much state": json.dumps({"status": "in_progress", "state": {"a": "x" * MOST_STATE_BYTES}}).encode(),
}


class TestReading:
    @pytest.mark.parametrize("status", ["succeeded", "failed", "in_progress"])
    def test_a_status_is_enough(self, status: str) -> None:
        assert read(json.dumps({"status": status}).encode()) == HookAnswer(Said(status), "", None, CALL_BACK_AFTER)

    def test_takes_reason_state_and_when_to_ask_again(self) -> None:
        answer = read(b'{"status": "in_progress", "reason": "row 7", "state": {"row": 7}, "call_back_after_seconds": 2.5}')

        assert answer == HookAnswer(Said.IN_PROGRESS, "row 7", '{"row":7}', timedelta(seconds=2.5))

    def test_does_not_look_at_what_it_does_not_know(self) -> None:
        assert read(b'{"status": "succeeded", "colour": "green"}').said is Said.SUCCEEDED

    def test_takes_as_much_state_as_may_be(self) -> None:
        state = {"a": "x" * (MOST_STATE_BYTES - len('{"a":""}'))}

        assert read(json.dumps({"status": "in_progress", "state": state}).encode()).said is Said.IN_PROGRESS

    def test_keeps_a_reason_short_and_writable(self) -> None:
        reason = read(b'{"status": "failed", "reason": "\\ud800' + b"x" * 9000 + b'"}').reason

        assert len(reason) == 500
        assert reason.encode()

    def test_keeps_a_state_writable(self) -> None:
        state = read(b'{"status": "in_progress", "state": {"a": "\\ud800"}}').state

        assert state is not None
        assert state.encode()

    @pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE)
    def test_what_is_no_answer_says_nothing_and_why(self, raw: bytes) -> None:
        answer = read(raw)

        assert answer.said is Said.NOTHING
        assert answer.reason
