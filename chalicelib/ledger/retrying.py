"""Decide again when somebody else wrote first."""

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from chalicelib.access.model import Once
from chalicelib.clock import Clock
from chalicelib.errors import Stale, Unavailable
from chalicelib.ledger.port import Ref

T = TypeVar("T")

ATTEMPTS = 6
"""The first and five more."""
SHORTEST_PAUSE = 40
"""Milliseconds. Writers that lost together would lose together again: each waits for up to this long, then for up to twice as long, and so on."""


def decided_anew(attempt: Callable[[], T], clock: Clock, *, unless: Callable[[Stale], bool] = lambda _: False) -> T:
    """What `attempt` answers: it reads, decides and commits, and is called again when its commit was `Stale`.

    `unless` says of which lost races nothing else could come: those are raised at once.
    After `ATTEMPTS` lost races it is `Unavailable`: contention is no state of a service and passes by itself.
    """
    for lost in range(ATTEMPTS):
        try:
            return attempt()
        except Stale as stale:
            if unless(stale):
                raise
        if lost < ATTEMPTS - 1:
            clock.sleep(timedelta(milliseconds=secrets.randbelow(SHORTEST_PAUSE * 2**lost)))
    raise Unavailable("others kept changing this at the same moment; try again")


def is_repeat(stale: Stale) -> bool:
    """The idempotency key is there already: deciding again would not help."""
    return any(isinstance(ref, Ref) and ref.kind is Once for ref in stale.keys)
