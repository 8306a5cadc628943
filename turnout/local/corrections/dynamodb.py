"""DynamoDB: calls one at a time, transactions that cost what they touch, queries that read one partition.

Plain moto holds no lock (eight threads lose updates and get HTTP 500), copies
the whole table once for each action of a transaction, and reads and sorts the
whole table for each query.
"""

import copy
import hashlib
import inspect
import json
import time
from collections.abc import Callable
from threading import RLock
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.dynamodb import models
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from turnout.local.corrections.patches import Patches

LOCK = RLock()
"""Held during every call; whoever reads a backend's items from outside holds it too."""

_TOKENS_LAST_SECONDS = 600


def correct(patches: Patches, *, changed: Callable[[], None]) -> None:
    """`changed` is told after every call, so that the streams can be looked at."""
    patches.replace(DynamoHandler, "call_action", lambda original: _one_at_a_time(original, changed))
    patches.replace(DynamoHandler, "transact_write_items", _idempotent)
    patches.replace(DynamoDBBackend, "transact_write_items", _undoing_what_it_touched)
    patches.replace(models, "copy", lambda _: _CopyButTables())
    patches.replace(Table, "query", _within_the_partition)


def _one_at_a_time(original: Any, changed: Callable[[], None]) -> Any:
    """Without a lock, concurrent transactions restore copies over each other's writes.

    One at a time also means that no two transactions ever meet, so TransactionConflict needs no stand-in.
    """

    def call_action(self: Any) -> Any:
        with LOCK:
            answer = original(self)
        changed()
        return answer

    return call_action


class _CopyButTables:
    """Stands in for the module `copy` where transactions take their backup: a table is handed back as it is."""

    def deepcopy(self, value: Any) -> Any:
        return value if isinstance(value, Table) else copy.deepcopy(value)

    def __getattr__(self, name: str) -> Any:
        return getattr(copy, name)


def _undoing_what_it_touched(original: Any) -> Any:
    """Keep the items a transaction names and the length of the streams; a failed one leaves neither item nor record."""

    def transact_write_items(self: Any, transact_items: list[dict[str, Any]]) -> None:
        touched = [found for action in transact_items if (found := _touched(self, action))]
        marks = [(table.stream_shard, len(table.stream_shard.items)) for table in self.tables.values() if table.stream_shard]
        try:
            original(self, transact_items)
        except Exception:  # whatever ended it, a transaction that fails changed nothing
            for table, hash_key, range_key, before in touched:
                _put_back(table, hash_key, range_key, before)
            for shard, length in marks:
                del shard.items[length:]
            raise

    return transact_write_items


def _touched(backend: Any, action: dict[str, Any]) -> tuple[Any, Any, Any, Any] | None:
    operation = next(iter(action.values()))
    table = backend.tables.get(operation.get("TableName", "").rpartition("/")[2])
    key = operation.get("Key") or operation.get("Item") or {}
    if table is None or any(name not in key for name in table.table_key_attrs):
        return None  # refused before it writes anything
    hash_key = DynamoType(key[table.hash_key_attr])
    range_key = DynamoType(key[table.range_key_attr]) if table.range_key_attr else None
    return table, hash_key, range_key, copy.deepcopy(table.get_item(hash_key, range_key))


def _put_back(table: Any, hash_key: Any, range_key: Any, before: Any) -> None:
    place, key = (table.items[hash_key], range_key) if range_key else (table.items, hash_key)
    if before is None:
        place.pop(key, None)
    else:
        place[key] = before


def _idempotent(original: Any) -> Any:
    """A transaction sent again under its `ClientRequestToken` within ten minutes is not done again.

    botocore sends a token by itself, so its retry after a lost answer relies on this.
    """
    done: dict[str, tuple[float, str, Any]] = {}

    def transact_write_items(self: Any) -> Any:
        token, digest = self.body.get("ClientRequestToken"), _digest(self.body["TransactItems"])
        _forget_old(done)
        if token in done:
            _, before, answer = done[token]
            if before != digest:
                raise JsonRESTError("IdempotentParameterMismatchException", "The request uses the same client token as a previous, different request.")
            return answer
        answer = original(self)
        if token:
            done[token] = (time.monotonic(), digest, answer)
        return answer

    return transact_write_items


def _digest(items: Any) -> str:
    return hashlib.sha256(json.dumps(items, sort_keys=True, default=repr).encode()).hexdigest()


def _forget_old(done: dict[str, tuple[float, str, ActionResult]]) -> None:
    horizon = time.monotonic() - _TOKENS_LAST_SECONDS
    for token in [token for token, (at, _, _) in done.items() if at < horizon]:
        del done[token]


def _within_the_partition(original: Any) -> Any:
    """Hand moto's query only the items of the partition that was asked for, instead of every item of the table, sorted."""
    signature = inspect.signature(original)

    def query(self: Any, *args: Any, **kwargs: Any) -> Any:
        asked = signature.bind(self, *args, **kwargs).arguments
        is_of_index = asked.get("index_name") is not None
        candidates = _in_index(self, asked.get("hash_key_conditions") or []) if is_of_index else _in_partition(self, asked["hash_key"])
        self.all_items = lambda: candidates  # the table is ours while the lock is held
        try:
            return original(self, *args, **kwargs)
        finally:
            del self.all_items

    return query


def _in_partition(table: Any, hash_key: Any) -> list[Any]:
    if hash_key not in table.items:
        return []
    found = table.items[hash_key]
    return list(found.values()) if table.range_key_attr else [found]


def _in_index(table: Any, conditions: list[tuple[str, Any]]) -> list[Any]:
    partitions = table.items.values()
    items = [item for partition in partitions for item in partition.values()] if table.range_key_attr else list(partitions)
    for name, wanted in conditions:
        items = [item for item in items if (found := item.attrs.get(name)) and found.value == wanted.value and found.type == wanted.type]
    return items
