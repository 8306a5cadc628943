"""Pages of a listing in which not everything is for everybody to see."""

from collections.abc import Callable
from typing import TypeVar

from chalicelib.ledger.port import Ledger, Listing, Page

T = TypeVar("T")

_MOST_READS = 20


def filtered_page(ledger: Ledger, listing: Listing[T], keep: Callable[[T], bool], *, limit: int, cursor: str | None) -> Page[T]:
    """Up to `limit` documents that `keep` lets through, newest first.

    Reads on until the page is full or the listing ends; after `_MOST_READS` reads it answers what it has, with a cursor to go on from.
    """
    found: tuple[T, ...] = ()
    for _ in range(_MOST_READS):
        page = ledger.list(listing, limit=limit - len(found), cursor=cursor)
        found, cursor = found + tuple(filter(keep, page.items)), page.cursor
        if cursor is None or len(found) == limit:
            break
    return Page(found, cursor)
