"""Reading the audit chains: newest first for people, oldest first to verify them."""

from collections.abc import Iterator

from chalicelib.access.model import Caller, Role
from chalicelib.audit.chain import Entry, broken_at
from chalicelib.errors import NotFound
from chalicelib.ledger import keys
from chalicelib.ledger.filtered import filtered_page
from chalicelib.ledger.port import Ledger, Page

_SERVICE = "service/"
_AT_ONCE = 100


class Audit:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def list(self, *, service: str | None, by: Caller, limit: int, cursor: str | None = None) -> Page[Entry]:
        """Newest first: one service's chain, or all that `by` may see. The caller has checked that `by` may see the service."""
        if service is not None:
            return self._ledger.list(keys.audit_of(_SERVICE + service), limit=limit, cursor=cursor)
        return filtered_page(self._ledger, keys.audit(), lambda entry: _is_shown(entry, by), limit=limit, cursor=cursor)

    def verify(self, chain: str) -> int | None:
        """The number of the first entry that is missing, was changed or does not follow from the one before; None if the chain verifies.

        `chain` is `service/NAME` or `tokens`. Raises `NotFound` for a service that never was.
        """
        seq, hash = self._head(chain)
        return broken_at(self._entries(chain, seq), head=(seq, hash))

    def _head(self, chain: str) -> tuple[int, str]:
        if not chain.startswith(_SERVICE):
            head = self._ledger.find(keys.head(chain))
            return (head.seq, head.hash) if head else (0, "")
        name = chain.removeprefix(_SERVICE)
        service = self._ledger.find(keys.service(name))
        if service is None:
            raise NotFound(f"there is no service {name!r}, so there is no chain of it")
        return service.chain.seq, service.chain.hash

    def _entries(self, chain: str, last: int) -> Iterator[Entry]:
        """Oldest first and consistently, a batch at a time, until the last one or the first that is missing."""
        for first in range(1, last + 1, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, last + 1))
            for entry in self._ledger.find_many(tuple(keys.entry(chain, seq) for seq in numbers)):
                if not isinstance(entry, Entry):
                    return
                yield entry


def _is_shown(entry: Entry, by: Caller) -> bool:
    """A service's entries to whoever sees the service; those of no service (tokens) to those who administer everything."""
    if entry.chain.startswith(_SERVICE):
        return by.sees(entry.chain.removeprefix(_SERVICE))
    return by.role is Role.ADMIN and by.services == "*"
