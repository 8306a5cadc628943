"""What may change in the ledger's documents, and what takes another format."""

from copy import deepcopy
from typing import Any

from chalicelib.formats import FORMAT, UNKNOWN
from chalicelib.ledger import items
from chalicelib.ledger.codec import STAMP
from tests.formats import schema

KEPT = sorted(int(file.stem.removeprefix("format-")) for file in schema.FOLDER.glob("*.json"))

RAISE = """
The documents changed in a way that the format before cannot read. Raise FORMAT in chalicelib/formats.py, run `python -m tests.formats --write`,
and read docs/decisions/0008-formats.md. (While this FORMAT was never deployed anywhere, writing it anew is enough.)"""
KEEP = """
The documents have fields that the kept schema does not: run `python -m tests.formats --write`. If this FORMAT was deployed anywhere, raise it first."""


def test_the_documents_are_what_this_format_says():
    assert schema.changed(schema.of(FORMAT), schema.today()) == [], RAISE
    assert schema.of(FORMAT) == schema.today(), KEEP


def test_neighbours_read_each_other():
    assert [f"{format}: {one}" for format in KEPT if format + 1 in KEPT for one in schema.broken(schema.of(format), schema.of(format + 1))] == []


def test_no_document_has_a_field_of_ours():
    taken = {f"{name}.{field}" for name, one in schema.today().items() for field in one.get("fields", ()) if field == UNKNOWN}
    documents = {kind.__name__ for kind in items._MODELS}

    assert taken == set()
    assert [name for name in documents if STAMP in schema.today()[name]["fields"]] == []


SMALL: dict[str, Any] = {
    "Thing": {"required": ["name"], "fields": {"name": {"type": "string"}, "count": {"type": "integer", "maximum": 10}, "mode": {"enum": ["a", "b"]}}},
    "Color": {"values": ["blue", "green"]},
}


def with_(**changes: Any) -> Any:
    after = deepcopy(SMALL)
    after["Thing"]["fields"] |= changes
    return after


class TestWhatMayChange:
    def test_within_a_format_a_field_with_a_default_may_come(self):
        assert schema.changed(SMALL, with_(new={"type": "string"})) == []
        assert schema.broken(SMALL, with_(new={"type": "string"})) == []

    def test_a_field_that_has_to_be_there_may_not(self):
        after = with_(new={"type": "string"})
        after["Thing"]["required"].append("new")

        assert schema.changed(SMALL, after) == schema.broken(SMALL, after) == ["Thing.new has no default, and the other one does not write it"]

    def test_a_field_may_go_with_the_next_format_if_it_had_a_default(self):
        after = deepcopy(SMALL)
        del after["Thing"]["fields"]["count"]

        assert schema.changed(SMALL, after) == ["Thing.count is gone"]
        assert schema.broken(SMALL, after) == []
        del after["Thing"]["fields"]["name"]
        assert schema.broken(SMALL, after) == ["Thing.name is gone, and format n - 1 needs it"]

    def test_a_value_may_come_with_the_next_format_and_never_go(self):
        more = deepcopy(SMALL) | {"Color": {"values": ["blue", "green", "red"]}}

        assert schema.changed(SMALL, more) == ["Color has other values: red"]
        assert schema.broken(SMALL, more) == []
        assert schema.broken(more, SMALL) == ["Color lost red"]
        assert schema.broken(SMALL, with_(mode={"enum": ["a", "b", "c"]})) == []
        assert schema.broken(SMALL, with_(mode={"const": "a"})) == ["Thing.mode no longer reads what was written"]

    def test_a_bound_may_be_loosened_with_the_next_format_and_never_tightened(self):
        assert schema.changed(SMALL, with_(count={"type": "integer", "maximum": 20})) == ["Thing.count is another type"]
        assert schema.broken(SMALL, with_(count={"type": "integer", "maximum": 20})) == []
        assert schema.broken(SMALL, with_(count={"type": "integer"})) == []
        assert schema.broken(SMALL, with_(count={"type": "integer", "maximum": 5})) == ["Thing.count no longer reads what was written"]
        assert schema.broken(SMALL, with_(count={"type": "integer", "maximum": 10, "minimum": 1})) == ["Thing.count no longer reads what was written"]

    def test_another_type_is_never_read(self):
        assert schema.broken(SMALL, with_(count={"type": "string"})) == ["Thing.count no longer reads what was written"]
        assert schema.broken(SMALL, with_(count={"anyOf": [{"type": "integer", "maximum": 10}, {"type": "null"}]})) == []
