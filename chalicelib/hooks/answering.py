"""Read what a hook answered. Whatever is not exactly an answer is none, and says why.

An answer is `{"status": "succeeded" | "failed" | "in_progress", "reason": "…", "state": {…}, "call_back_after_seconds": 30}`;
all but the status may be left out, and what else is there is not looked at.
"""

import json
from datetime import timedelta
from typing import Any, NoReturn

from chalicelib.hooks.model import CALL_BACK_AFTER, MOST_STATE_BYTES, HookAnswer, Said

MOST_BYTES = 64 * 1024
_MOST_REASON = 500
_LONGEST_CALL_BACK = 24 * 3600
_STATUSES = (Said.SUCCEEDED, Said.FAILED, Said.IN_PROGRESS)


def read(raw: bytes) -> HookAnswer:
    """The answer in these bytes; one that says nothing where there is none."""
    if len(raw) > MOST_BYTES:
        return nothing(f"its answer is larger than {MOST_BYTES // 1024} KB")
    try:
        return _answer(json.loads(raw, parse_constant=_no_number))
    except (ValueError, RecursionError) as error:
        return nothing(f"its answer cannot be read: {error}")


def nothing(reason: str) -> HookAnswer:
    return HookAnswer(Said.NOTHING, _text(reason))


def _answer(values: Any) -> HookAnswer:
    """Raises `ValueError`, for a person."""
    if not isinstance(values, dict) or values.get("status") not in _STATUSES:
        raise ValueError(f"status must be one of {', '.join(_STATUSES)}")
    reason = values.get("reason") or ""
    if not isinstance(reason, str):
        raise ValueError("reason must be text")  # noqa: TRY004 - of the answer, not of ours
    return HookAnswer(Said(values["status"]), _text(reason), _state(values.get("state")), _call_back(values.get("call_back_after_seconds")))


def _state(state: Any) -> str | None:
    if state is None:
        return None
    if not isinstance(state, dict):
        raise ValueError("state must be an object")  # noqa: TRY004 - as above
    text = json.dumps(state, separators=(",", ":"))
    if len(text) > MOST_STATE_BYTES:
        raise ValueError(f"state is larger than {MOST_STATE_BYTES // 1024} KB")
    return text


def _call_back(seconds: Any) -> timedelta:
    if seconds is None:
        return CALL_BACK_AFTER
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 1 <= seconds <= _LONGEST_CALL_BACK:
        raise ValueError(f"call_back_after_seconds must be a number from 1 to {_LONGEST_CALL_BACK}")
    return timedelta(seconds=seconds)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"JSON has no number {text}")


def _text(reason: str) -> str:
    """Short, and free of what is no text (a lone surrogate)."""
    return reason[:_MOST_REASON].encode(errors="replace").decode()
