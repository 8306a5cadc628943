"""Records as a later format would write them: with fields that nobody here knows, at every level, in the record and in its audit."""

import json
from copy import deepcopy
from typing import Any

from chalicelib.audit.chain import Entry, patch_between, replayed, sealed
from chalicelib.formats import FORMAT
from chalicelib.ledger import codec, items
from tests.formats.keeping import KINDS, Item, Record

FIELD = "from_later"
_UNCHAINED = frozenset({"revision", "chain", "write_id"})


def written_later(record: Record, *, format: int = FORMAT + 1) -> Record:
    """The same record, one write of the later format on."""
    later = deepcopy(record)
    for item in later["items"]:
        _mark(item, format)
    service = _the(later, "service")
    entries = sorted((codec.load(Entry, item["body"]) for item in record["items"] if item["kind"]["S"] == "entry"), key=lambda entry: entry.seq)
    entry = _entry(entries, service["body"], later)
    service["body"] |= {"revision": service["body"]["revision"] + 1, "chain": {"seq": entry.seq, "hash": entry.hash}}
    service["revision"] = {"N": str(service["body"]["revision"])}
    shown = items.item_of(entry).serialize()
    later["items"].append(shown | {"body": json.loads(shown["body"]["S"]) | {"format": format}})
    return later


def _the(record: Record, kind: str) -> Item:
    return next(item for item in record["items"] if item["kind"]["S"] == kind)


def _mark(item: Item, format: int) -> None:
    """A field more in every part of the document."""
    body = item["body"]
    document = codec.load(KINDS[item["kind"]["S"]], body)
    for part, values in list(codec._parts(document, body)):
        values[FIELD] = {"of": type(part).__name__, "nothing": None, "list": [1, {"two": 2}]}
    body[FIELD] = body.get(FIELD, "an observation")
    body["format"] = format


def _entry(entries: list[Entry], service: dict[str, Any], later: Record) -> Entry:
    """What the later format's audit would say of it: the whole record, and every release."""
    told = {name: value for name, value in _without_nulls(service).items() if name not in _UNCHAINED | {"format"}}
    documents = {"service": told}
    for item in later["items"]:
        if item["kind"]["S"] == "release":
            documents[f"release/{item['sk']['S']}"] = {name: value for name, value in _without_nulls(item["body"]).items() if name != "format"}
    before = replayed(entries)
    patch = patch_between(before, before | documents)
    last = entries[-1]
    return sealed(Entry(last.chain, last.seq + 1, last.at, "turnout", "looked", "", patch, last.hash))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value
