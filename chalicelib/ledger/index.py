"""How documents are found other than by their keys: what is due, what is listed where, and the cursors over lists.

Every ledger keeps to these rules, so that all of them answer alike.
"""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalicelib.access.model import Token
from chalicelib.audit.chain import Entry
from chalicelib.errors import Unparsable
from chalicelib.ledger import keys
from chalicelib.ledger.port import Change, Due, Listing
from chalicelib.releases.model import Release
from chalicelib.services.model import Look, Service, Subscription

MOST = 100
"""Documents that can be read, or changed together, with one call."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a document stands in a listing: `order` puts it in its place, the key of the document makes it resumable."""

    order: str
    partition: str
    sort: str


def stamp(at: datetime) -> str:
    """A moment as text that sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def due_of(document: object) -> Due | None:
    """When the tick should look at a service: because of its record, or because its last look is so long ago."""
    match document:
        case Service(registered=True, due_at=datetime() as due_at, deployment=deployment):
            return Due(document.name, due_at, probed=deployment is not None and deployment.phase.is_probed)
        case Look(due_at=datetime() as due_at):
            return Due(document.service, due_at, probed=False)
        case _:
            return None


def listed(document: object) -> tuple[str, str] | None:
    """The listing a document is shown in and its place there. The identity behind the moment makes places unique."""
    match document:
        case Service(registered=True):
            return keys.services().name, f"{stamp(document.registered_at)}#{document.name}"
        case Release():
            return keys.releases(document.service).name, f"{stamp(document.registered_at)}#{document.version}"
        case Entry():
            return keys.audit().name, f"{stamp(document.at)}#{document.chain}#{document.seq:012}"
        case Subscription():
            return keys.subscriptions().name, f"{document.repository}#{document.service}"
        case Token():
            return keys.tokens().name, f"{stamp(document.created_at)}#{document.id}"
        case _:
            return None


def check_size(change: Change) -> None:
    """Raises `ValueError` for a change that cannot happen as one: too large, or with two wishes for one document."""
    refs = [*(keys.ref_of(put.document) for put in change.puts), *change.deletions]
    places = {(ref.partition, ref.sort) for ref in refs}
    if len(places) < len(refs):
        raise ValueError("a change can only do one thing to each document")
    if len(refs) > MOST:
        raise ValueError(f"a change has at most {MOST} puts and deletions, not {len(refs)}")


def cursor(listing: Listing[Any], after: Position) -> str:
    """An opaque cursor that goes on behind `after`."""
    values = {"of": listing.name, "after": [after.order, after.partition, after.sort]}
    return base64.urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode().rstrip("=")


def position(listing: Listing[Any], cursor: str) -> Position:
    """What `cursor` made this of. Raises `Unparsable` for anything else, and for a cursor of another listing."""
    try:
        values = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError) as error:
        raise _unparsable() from error
    match values:
        case {"of": listing.name, "after": [str() as order, str() as partition, str() as sort]} if all(
            part and part.isascii() for part in (order, partition, sort)
        ):
            return Position(order, partition, sort)
        case _:
            raise _unparsable()


def _unparsable() -> Unparsable:
    return Unparsable("this is no cursor of this list; start again without one", field="cursor")
