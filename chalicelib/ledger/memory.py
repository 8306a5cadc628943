"""A ledger in memory: for tests, fault plans and trying things out. Keeps to every rule of the port, but ends with its process."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from threading import Lock
from typing import Any, TypeVar, cast

from chalicelib.errors import Stale
from chalicelib.ledger import codec, index, keys
from chalicelib.ledger.index import Position
from chalicelib.ledger.port import Change, Due, Expect, Listing, Page, Put, Ref

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Kept:
    """A document as JSON text, so that nobody shares a value with the ledger, what its conditions are about, and what the indexes know of it."""

    kind: type
    text: str
    revision: int | None
    epoch: int | None
    write_id: str
    listed: tuple[str, str] | None
    due: Due | None

    @classmethod
    def of(cls, document: object) -> "_Kept":
        values = codec.dump(document)
        conditions = values.get("revision"), values.get("epoch"), values.get("write_id", "")
        return cls(type(document), json.dumps(values), *conditions, index.listed(document), index.due_of(document))

    @property
    def values(self) -> dict[str, Any]:
        return cast(dict[str, Any], json.loads(self.text))


@dataclass(slots=True)
class MemoryLedger:
    _kept: dict[tuple[str, str], _Kept] = field(default_factory=dict)
    _claims: dict[str, datetime] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def find(self, ref: Ref[T]) -> T | None:
        with self._lock:
            kept = self._kept.get(_place(ref))
        return codec.load(ref.kind, kept.values) if kept else None

    def find_many(self, refs: tuple[Ref[object], ...]) -> tuple[object | None, ...]:
        if len(refs) > index.MOST:
            raise ValueError(f"at most {index.MOST} documents at once, not {len(refs)}")
        return tuple(self.find(ref) for ref in refs)

    def list(self, listing: Listing[T], *, limit: int, cursor: str | None = None) -> Page[T]:
        places = self._newest_first(listing)
        if cursor is not None:
            after = index.position(listing, cursor).order
            places = tuple(place for place in places if place.order < after)
        shown = places[:limit]
        found = (self.find(Ref(listing.kind, place.partition, place.sort)) for place in shown)
        return Page(
            tuple(document for document in found if document is not None),
            index.cursor(listing, shown[-1]) if len(places) > limit else None,
        )

    def due(self, now: datetime) -> tuple[Due, ...]:
        with self._lock:
            found = [kept.due for kept in self._kept.values() if kept.due is not None and kept.due.due_at <= now]
        return tuple(sorted(found, key=attrgetter("due_at")))

    def commit(self, change: Change) -> None:
        index.check_size(change)
        with self._lock:
            lost = [put for put in change.puts if not self._is_as_expected(put)]
            if any(self._is_in_place(put) for put in lost):
                return
            if lost:
                raise Stale(tuple(keys.ref_of(put.document) for put in lost))
            for ref in change.deletions:
                self._kept.pop(_place(ref), None)
            for put in change.puts:
                self._put(put.document)

    def note(self, document: object) -> None:
        with self._lock:
            self._put(document)

    def claim(self, name: str, *, now: datetime, lasting: timedelta) -> bool:
        with self._lock:
            if name in self._claims and self._claims[name] > now:
                return False
            self._claims[name] = now + lasting
            return True

    def release(self, name: str) -> None:
        with self._lock:
            self._claims.pop(name, None)

    def _newest_first(self, listing: Listing[T]) -> tuple[Position, ...]:
        with self._lock:
            kept = list(self._kept.items())
        if listing.by_sort_key:
            places = [Position(sort, partition, sort) for (partition, sort), one in kept if partition == listing.name and one.kind is listing.kind]
        else:
            places = [Position(one.listed[1], *place) for place, one in kept if one.listed and one.listed[0] == listing.name]
        return tuple(sorted(places, key=attrgetter("order"), reverse=True))

    def _is_in_place(self, put: Put) -> bool:
        """Whether this very write happened before: a service is told by its `write_id`."""
        ours = getattr(put.document, "write_id", "")
        there = self._kept.get(_place(keys.ref_of(put.document)))
        return bool(ours) and there is not None and there.write_id == ours

    def _is_as_expected(self, put: Put) -> bool:
        there = self._kept.get(_place(keys.ref_of(put.document)))
        match put.expecting:
            case Expect.ANY:
                return True
            case Expect.NEW:
                return there is None
            case revision:
                return there is not None and there.revision == revision and put.epoch in {None, there.epoch}

    def _put(self, document: object) -> None:
        self._kept[_place(keys.ref_of(document))] = _Kept.of(document)


def _place(ref: Ref[T]) -> tuple[str, str]:
    return ref.partition, ref.sort
