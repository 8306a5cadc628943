"""The audit chain: every change, by whom and why, each entry sealed with the hash of the one before.

There is one chain per service (`service/NAME`) and one for `tokens`. An entry
is written in the same transaction as the change it tells of, and carries the
change as a merge patch (RFC 7396), so that a chain can be replayed to the
state it led to. A chain alone does not stop somebody who may rewrite the
whole table; keep its head somewhere else for that.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """`seq` counts from 1 without a gap; `patch` changes the documents of the chain, by their names."""

    chain: str
    seq: int
    at: datetime
    actor: str
    action: str
    reason: str
    patch: Document = field(default_factory=dict)
    previous_hash: str = ""
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain that belongs to no service. A service carries its own."""

    chain: str
    seq: int = 0
    hash: str = ""
    revision: int = 0


def sealed(entry: Entry) -> Entry:
    """The same entry with its hash: SHA-256 over all its other fields as the API shows them, as JSON in UTF-8 with sorted names and without spaces."""
    at = entry.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    fields = {
        "chain": entry.chain, "seq": entry.seq, "at": at, "actor": entry.actor, "action": entry.action,
        "reason": entry.reason, "patch": entry.patch, "previous_hash": entry.previous_hash,
    }
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return replace(entry, hash=hashlib.sha256(canonical.encode()).hexdigest())


def broken_at(entries: Iterable[Entry], *, head: tuple[int, str] | None = None) -> int | None:
    """The `seq` of the first entry (given oldest first) that does not follow from the one before; None if the chain verifies.

    With `head` (its `seq` and hash) the entries must lead there as well, so that a chain that was cut short is found out.
    """
    seq, digest = 0, ""
    for entry in entries:
        intact = entry.seq == seq + 1 and entry.previous_hash == digest and sealed(entry).hash == entry.hash
        if not intact:
            return entry.seq
        seq, digest = entry.seq, entry.hash
    if head is None or (seq, digest) == head:
        return None
    return min(seq + 1, head[0])


def replayed(entries: Iterable[Entry]) -> Document:
    """The documents a chain (given oldest first) leads to, by their names."""
    documents: Document = {}
    for entry in entries:
        documents = merged(documents, entry.patch)
    return documents


def patch_between(before: Document, after: Document, *, whole: bool = False) -> Document:
    """The merge patch (RFC 7396) that turns `before` into `after`. Neither may hold a null: leave such fields out.

    With `whole` it also says what is the same, so that it makes `after` of anything that only lacks some of `before`.
    """
    patch: Document = dict.fromkeys(before.keys() - after.keys())
    for name, value in after.items():
        old = before.get(name)
        if old == value and name in before and not whole:
            continue
        patch[name] = patch_between(old, value, whole=whole) if isinstance(old, dict) and isinstance(value, dict) else value
    return patch


def merged(document: Document, patch: Document) -> Document:
    """`document` with a merge patch applied (RFC 7396)."""
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            old = result.get(name)
            result[name] = merged(old if isinstance(old, dict) else {}, value)
        else:
            result[name] = value
    return result
