"""Other processes work in their own time: a condition is polled, with a bound."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(what: str, question: Callable[[], T | None], *, within: float = 60.0, seen: Callable[[], object] = lambda: "") -> T:
    """The first answer that is neither None nor empty nor False. When there is none, `seen` tells how things stand."""
    deadline = time.monotonic() + within
    while not (found := question()):
        assert time.monotonic() < deadline, f"not within {within:g} s: {what}. {seen()}"
        time.sleep(0.1)
    return found
