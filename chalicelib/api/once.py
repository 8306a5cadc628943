"""Idempotency keys: the same request again gets the answer it got, and changes nothing.

A key counts for 24 hours per token, method and path. It is kept with the
answer in the transaction of the change wherever the use case lets us.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from chalice.app import Response

from chalicelib.access.model import Once
from chalicelib.api import parsing
from chalicelib.api.call import Call, shown
from chalicelib.errors import Invalid, Stale
from chalicelib.ledger import keys
from chalicelib.ledger.port import Change, Expect, Put

KEPT_FOR = timedelta(hours=24)


def key_id(call: Call[Any]) -> str | None:
    """What the key is kept under; None if the request has none."""
    key = parsing.idempotency_key(call.request)
    return hashlib.sha256(f"{call.caller.token}|{call.target}|{key}".encode()).hexdigest() if key is not None else None


def answered(call: Call[Any], produce: Callable[[], Response]) -> Response:
    """What `produce` answers; or, if its key was used, what was answered then."""
    if kept := _kept(call):
        return replayed(call, kept)
    try:
        return produce()
    except Stale:
        if kept := _kept(call):  # its twin was quicker
            return replayed(call, kept)
        raise


def replayed(call: Call[Any], kept: Once) -> Response:
    """Raises `Invalid` if the key came with another body then."""
    if kept.body_sha256 != parsing.fingerprint(call.values):
        raise Invalid("this idempotency key was used with another body; take a new one", field="Idempotency-Key", slug="idempotency-key-reused")
    return shown(kept.answer, kept.status, **{"Idempotency-Replayed": "true"})


def marks(call: Call[Any], status: int, answer: Mapping[str, Any]) -> tuple[Put, ...]:
    """What to write together with the change, so that a repeat gets this answer."""
    id = key_id(call)
    if id is None:
        return ()
    now = call.plane.clock.now()
    found = call.plane.ledger.find(keys.once(id))
    outlived = found is not None and found.expires_at <= now  # the store takes its time to delete what has expired
    return (Put(Once(id, parsing.fingerprint(call.values), status, dict(answer), now + KEPT_FOR), Expect.ANY if outlived else Expect.NEW),)


def keep(call: Call[Any], status: int, answer: Mapping[str, Any]) -> None:
    """The same afterwards, for use cases that have no place for it: what they do twice does no harm."""
    if puts := marks(call, status, answer):
        call.plane.ledger.commit(Change(puts))


def _kept(call: Call[Any]) -> Once | None:
    id = key_id(call)
    kept = call.plane.ledger.find(keys.once(id)) if id else None
    return kept if kept and kept.expires_at > call.plane.clock.now() else None
