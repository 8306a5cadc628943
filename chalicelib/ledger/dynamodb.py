"""The ledger in one DynamoDB table (`items.py` says how it is laid out).

The models say what an item and a condition look like; the calls are made through a connection of this ledger's own, so that
two ledgers of one process never share a table, and so that a transaction's items stay in the order in which DynamoDB gives its
reasons. All reads but those of the two indexes are strongly consistent.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from botocore.exceptions import ConnectionError as NoConnection
from botocore.exceptions import HTTPClientError
from pynamodb.connection import Connection
from pynamodb.connection.base import MetaTable
from pynamodb.exceptions import CancellationReason, DeleteError, PutError, PynamoDBException, QueryError, TransactWriteError
from pynamodb.expressions.condition import Condition

from chalicelib.audit.chain import Entry
from chalicelib.errors import Stale, Unavailable, Unparsable
from chalicelib.ledger import codec, index, keys
from chalicelib.ledger.index import Position
from chalicelib.ledger.items import DUE, ClaimItem, DocumentItem, Item, ListedItem, ServiceItem, item_of, table_definition
from chalicelib.ledger.port import Change, Due, Expect, Listing, Page, Put, Ref
from chalicelib.services.model import Service

T = TypeVar("T")
Raw = dict[str, Any]

_CONDITION_FAILED = "ConditionalCheckFailed"
_CONFLICT = "TransactionConflict"
"""Another transaction is writing one of the documents at this moment. It may win or not: read again and decide again."""
_BUSY = frozenset({
    "InternalServerError", "ProvisionedThroughputExceeded", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "ServiceUnavailable",
    "ThrottlingError", "ThrottlingException", "TransactionInProgressException",
})  # fmt: skip
_BATCH_ROUNDS = 6
"""How often keys that DynamoDB left unprocessed are asked for before giving up."""


class DynamoLedger:
    """One table. Region, endpoint and credentials come from the environment, unless said otherwise. Threads may share it."""

    def __init__(self, table: str, *, region: str | None = None, host: str | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self._table = table
        self._sleep = sleep
        self._held: dict[str, str] = {}
        # A Lambda that waits for PynamoDB's default of 30 s, four times, is dead before it hears that the table does not answer.
        self._connection = Connection(
            region=region, host=host, connect_timeout_seconds=1, read_timeout_seconds=3, max_retry_attempts=2, max_pool_connections=50,
        )  # fmt: skip
        self._connection.add_meta_table(MetaTable(table_definition(table)))

    def find(self, ref: Ref[T]) -> T | None:
        with _translated():
            answer = self._connection.get_item(self._table, ref.partition, ref.sort, consistent_read=True) if ref.sort else {}  # it refuses an empty key
        return _loaded(ref.kind, answer["Item"]) if "Item" in answer else None

    def find_many(self, refs: tuple[Ref[object], ...]) -> tuple[object | None, ...]:
        if len(refs) > index.MOST:
            raise ValueError(f"at most {index.MOST} documents at once, not {len(refs)}")
        items = {(raw["pk"]["S"], raw["sk"]["S"]): raw for raw in self._batch(refs)}
        return tuple(_loaded(ref.kind, raw) if (raw := items.get((ref.partition, ref.sort))) else None for ref in refs)

    def list(self, listing: Listing[T], *, limit: int, cursor: str | None = None) -> Page[T]:
        after = index.position(listing, cursor) if cursor is not None else None
        # One more than asked for, to know whether anything follows; DynamoDB's own last key does not say so.
        items = self._newest_first(listing, limit + 1, after)
        shown = items[:limit]
        return Page(
            tuple(_loaded(listing.kind, raw) for raw in shown),
            index.cursor(listing, _position(listing, shown[-1])) if len(items) > limit else None,
        )

    def due(self, now: datetime) -> tuple[Due, ...]:
        items = self._query(DUE, ServiceItem.due_at <= index.stamp(now), index_name=ServiceItem.due_index.Meta.index_name)
        return tuple(_due(ServiceItem.from_raw_data(raw)) for raw in items)

    def commit(self, change: Change) -> None:
        index.check_size(change)
        if not change.puts and not change.deletions:
            return
        deletions = [self._operation("Key", ref) for ref in change.deletions]
        puts = [self._put_operation(put) for put in change.puts]
        try:
            with _translated():
                self._connection.transact_write_items(condition_check_items=(), delete_items=deletions, put_items=puts, update_items=())
        except TransactWriteError as error:
            self._judge(change, error)

    def note(self, document: object) -> None:
        item = item_of(document)
        with _translated():
            self._connection.put_item(self._table, item.pk, item.sk, attributes=item.serialize())

    def claim(self, name: str, *, now: datetime, lasting: timedelta) -> bool:
        until, key = now + lasting, (f"claim#{name}", "claim")
        item = ClaimItem(*key, holder=uuid4().hex, held_until=index.stamp(until), expires=until + timedelta(seconds=1))
        free = ClaimItem.pk.does_not_exist()
        ended = ClaimItem.held_until <= index.stamp(now)  # DynamoDB clears it away by itself, but days later
        ours = ClaimItem.holder == item.holder  # the answer to our first attempt was lost
        try:
            with _translated():
                self._connection.put_item(self._table, item.pk, item.sk, attributes=item.serialize(), condition=free | ended | ours)
        except PutError as error:
            _reraise_unless_condition_failed(error)
            return False
        self._held[name] = item.holder
        return True

    def release(self, name: str) -> None:
        if (holder := self._held.pop(name, None)) is None:
            return
        still_ours = ClaimItem.holder == holder  # ours may have ended and somebody else's begun
        try:
            with _translated():
                self._connection.delete_item(self._table, f"claim#{name}", "claim", condition=still_ours)
        except DeleteError as error:
            _reraise_unless_condition_failed(error)

    def _batch(self, refs: tuple[Ref[object], ...]) -> Iterator[Raw]:
        wanted: Any = [{"pk": pk, "sk": sk} for pk, sk in dict.fromkeys((ref.partition, ref.sort) for ref in refs if ref.sort)]
        for attempt in range(_BATCH_ROUNDS):
            if not wanted:
                return
            if attempt:
                self._sleep(0.05 * 2**attempt)
            with _translated():
                answer = self._connection.batch_get_item(self._table, wanted, consistent_read=True)
            yield from answer["Responses"].get(self._table, ())
            wanted = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", ())
        if wanted:
            raise Unavailable(f"the ledger's table left {len(wanted)} documents unread; try again")

    def _newest_first(self, listing: Listing[T], limit: int, after: Position | None) -> tuple[Raw, ...]:
        numbered = Item.sk < ":" if listing.by_sort_key and listing.kind is Entry else None  # the head of a chain, a word, sorts behind its entries
        start = _start(listing, after) if after else None
        index_name = None if listing.by_sort_key else ListedItem.listing_index.Meta.index_name
        try:
            return self._query(listing.name, numbered, index_name=index_name, limit=limit, start=start)
        except QueryError as error:
            if start and error.cause_response_code == "ValidationException":
                raise Unparsable("this is no cursor of this list; start again without one", field="cursor") from error
            raise

    def _query(
        self, partition: str, condition: Condition | None, *, index_name: str | None, limit: int | None = None, start: Raw | None = None,
    ) -> tuple[Raw, ...]:  # fmt: skip
        """Every matching item up to `limit`; pages, as an answer ends at 1 MB. An index is read upwards without a limit, downwards with one."""
        items: tuple[Raw, ...] = ()
        while True:
            with _translated():
                answer = self._connection.query(
                    self._table, partition, condition, index_name=index_name, consistent_read=index_name is None,
                    scan_index_forward=limit is None, limit=limit and limit - len(items), exclusive_start_key=start,
                )  # fmt: skip
            items += tuple(answer["Items"])
            start = answer.get("LastEvaluatedKey")
            if start is None or (limit is not None and len(items) >= limit):
                return items

    def _put_operation(self, put: Put) -> Raw:
        ref = keys.ref_of(put.document)
        attributes = item_of(put.document).serialize()
        return self._operation("Item", ref, attributes=attributes, condition=_condition(put), return_values_on_condition_failure="ALL_OLD")

    def _operation(self, key: str, ref: Ref[Any], **kwargs: Any) -> Raw:
        return self._connection.get_operation_kwargs(self._table, ref.partition, ref.sort, key=key, **kwargs)

    def _judge(self, change: Change, error: TransactWriteError) -> None:
        """What a refused transaction means. DynamoDB gives one reason for each item, in the order sent: deletions, then puts."""
        reasons = [reason.code if reason else "" for reason in error.cancellation_reasons]
        puts = list(zip(change.puts, error.cancellation_reasons[len(change.deletions) :], strict=True)) if reasons else []
        if any(_is_in_place(put, reason) for put, reason in puts):
            return
        refs = (*change.deletions, *(keys.ref_of(put.document) for put in change.puts))
        if lost := tuple(ref for ref, reason in zip(refs, reasons, strict=False) if reason in {_CONDITION_FAILED, _CONFLICT}):
            raise Stale(lost) from error
        if _BUSY.intersection(reasons):
            raise Unavailable("the ledger's table is busy; try again") from error
        raise error


def _condition(put: Put) -> Condition | None:
    match put.expecting:
        case Expect.ANY:
            return None
        case Expect.NEW:
            return DocumentItem.pk.does_not_exist()
        case revision:
            unchanged = DocumentItem.revision == revision
            still_in_charge = ServiceItem.epoch == put.epoch if put.epoch is not None else None
            return unchanged & still_in_charge if still_in_charge is not None else unchanged


def _is_in_place(put: Put, reason: CancellationReason | None) -> bool:
    """Whether what stands there is this very write: the answer to a first attempt was lost, and a second one found the first."""
    if reason is None or reason.code != _CONDITION_FAILED or not isinstance(put.document, Service):
        return False
    there = (reason.raw_item or {}).get("write_id", {}).get("S")
    return bool(there) and there == put.document.write_id


def _loaded(kind: type[T], raw: Raw) -> T:
    return codec.load(kind, json.loads(DocumentItem.from_raw_data(raw).body))


def _due(item: ServiceItem) -> Due:
    return Due(item.service, datetime.fromisoformat(str(item.due_at)), probed=bool(item.probed))


def _position(listing: Listing[T], raw: Raw) -> Position:
    order = raw["sk" if listing.by_sort_key else "listed_at"]["S"]
    return Position(order, raw["pk"]["S"], raw["sk"]["S"])


def _start(listing: Listing[T], after: Position) -> Raw:
    """Never lets a cursor choose the partition that is read: that is the listing's."""
    if listing.by_sort_key:
        return {"pk": {"S": listing.name}, "sk": {"S": after.order}}
    return {"pk": {"S": after.partition}, "sk": {"S": after.sort}, "listing": {"S": listing.name}, "listed_at": {"S": after.order}}


def _reraise_unless_condition_failed(error: PynamoDBException) -> None:
    if error.cause_response_code != "ConditionalCheckFailedException":
        raise error


@contextmanager
def _translated() -> Iterator[None]:
    """Makes `Unavailable` of what says that the table does not answer now. A lost race and our own mistakes stay what they are."""
    try:
        yield
    except PynamoDBException as error:
        if isinstance(error.cause, HTTPClientError | NoConnection) or error.cause_response_code in _BUSY or _status(error) >= 500:
            raise Unavailable("the ledger's table does not answer; try again") from error
        if error.cause_response_code == "TransactionConflictException":
            raise Stale from error
        raise


def _status(error: PynamoDBException) -> int:
    """The HTTP status, which PynamoDB keeps only on the error it was raised from."""
    response = getattr(getattr(error.cause, "__cause__", None), "response", {})
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
