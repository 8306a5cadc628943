"""The ledger: what should be, kept in documents.

A document is a frozen dataclass of one of the domain packages; `keys.py` says
where each kind lives and how it is listed. Everything that changes a service
is one `Change`: all its puts happen, or none does.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")
D_co = TypeVar("D_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Ref(Generic[D_co]):
    """Where one document is."""

    kind: type[D_co]
    partition: str
    sort: str


@dataclass(frozen=True, slots=True)
class Listing(Generic[D_co]):
    """Documents of one kind that are read newest first.

    With `by_sort_key` they are one partition of the table in the order of
    their sort keys (consistent); otherwise they come from the listing index,
    which may lag a moment behind and is only ever shown, never decided from.
    """

    kind: type[D_co]
    name: str
    by_sort_key: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[D_co]):
    """`cursor` is opaque; None on the last page."""

    items: tuple[D_co, ...]
    cursor: str | None


class Expect(Enum):
    NEW = "new"
    """There must be no such document yet."""
    ANY = "any"
    """Whatever is there is written over; only for documents that change together with a conditional one."""


@dataclass(frozen=True, slots=True)
class Put:
    """Write `document` if what is there is as expected: absent, anything, or of exactly this revision (and epoch, where the document has one)."""

    document: object
    expecting: Expect | int
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """At most 100 puts and deletions that happen together or not at all."""

    puts: tuple[Put, ...] = ()
    deletions: tuple[Ref[object], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Due:
    """A service the tick should look at. `probed` says that its candidate is to be probed as well."""

    service: str
    due_at: datetime
    probed: bool


class Ledger(Protocol):
    """Reads are strongly consistent, but for listings from the index. All methods raise `Unavailable` when the store does not answer.

    What reads raises `Unreadable` for a document that another format wrote and this one cannot read (`codec.py`).
    """

    def find(self, ref: Ref[T]) -> T | None:
        """One document, or None."""

    def find_many(self, refs: tuple[Ref[object], ...]) -> tuple[object | None, ...]:
        """Up to 100 documents with one call, in the order asked for, None for what is not there. Not a snapshot."""

    def list(self, listing: Listing[T], *, limit: int, cursor: str | None = None) -> Page[T]:
        """Newest first. Raises `Unparsable` for a cursor that is not one of this listing's."""

    def due(self, now: datetime) -> tuple[Due, ...]:
        """Every service whose `due_at` has come, from a sparse index; pages internally, never scans."""

    def commit(self, change: Change) -> None:
        """All or nothing. Raises `Stale` with the refs whose expectation did not hold.

        An answer that was lost and a retry that then finds our own write in place count as success: a service is told by its `write_id`.
        """

    def note(self, document: object) -> None:
        """Write an observation over the one before, unconditionally. For `Look`, `ProbeLog`, `Sweep` and comparisons only."""

    def claim(self, name: str, *, now: datetime, lasting: timedelta) -> bool:
        """Take a named claim unless somebody holds it; it ends by itself. For saving work, never for correctness."""

    def release(self, name: str) -> None:
        """Give a claim back early. Giving back what nobody holds changes nothing."""
