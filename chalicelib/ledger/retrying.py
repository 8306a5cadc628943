"""Decide again when somebody else wrote first."""

from collections.abc import Callable
from typing import TypeVar

from chalicelib.errors import Stale, Unavailable

T = TypeVar("T")

ATTEMPTS = 5


def decided_anew(attempt: Callable[[], T], *, unless: Callable[[Stale], bool] = lambda _: False) -> T:
    """What `attempt` answers: it reads, decides and commits, and is called again when its commit was `Stale`.

    `unless` says of which lost races nothing else could come: those are raised at once.
    After `ATTEMPTS` lost races it is `Unavailable`: contention is no state of a service and passes by itself.
    """
    for _ in range(ATTEMPTS):
        try:
            return attempt()
        except Stale as stale:
            if unless(stale):
                raise
    raise Unavailable("others kept changing this at the same moment; try again")
