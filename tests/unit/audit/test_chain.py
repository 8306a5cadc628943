"""The chain itself: merge patches, seals, replay."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.audit.chain import Entry, broken_at, merged, patch_between, replayed, sealed
from chalicelib.ledger import codec
from tests.ledger_builders import at

_leaves = st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
_names = st.text(max_size=3)
_values = st.recursive(_leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3), max_leaves=12)
documents = st.dictionaries(_names, _values, max_size=4)


def a_chain(patches: list[dict[str, Any]]) -> list[Entry]:
    entries, digest = [], ""
    for seq, patch in enumerate(patches, start=1):
        entry = sealed(Entry("service/web", seq, at(seq), "ci", "changed", f"change {seq}", patch, digest))
        entries.append(entry)
        digest = entry.hash
    return entries


chains = st.lists(documents, min_size=1, max_size=6).map(a_chain)

MUTATIONS = {
    "chain": lambda entry: replace(entry, chain=entry.chain + "x"),
    "seq": lambda entry: replace(entry, seq=entry.seq + 1),
    "at": lambda entry: replace(entry, at=at(-1)),
    "actor": lambda entry: replace(entry, actor="mallory"),
    "action": lambda entry: replace(entry, action="nothing"),
    "reason": lambda entry: replace(entry, reason=""),
    "patch": lambda entry: replace(entry, patch=entry.patch | {"service": {"epoch": -1}, "forged": "yes"}),
    "previous_hash": lambda entry: replace(entry, previous_hash="0" * 64),
    "hash": lambda entry: replace(entry, hash="0" * 64),
}


class TestPatch:
    @given(documents, documents)
    def test_of_two_documents_leads_from_one_to_the_other(self, before, after):
        assert merged(before, patch_between(before, after)) == after

    @given(documents)
    def test_of_a_document_and_itself_is_empty(self, document):
        assert patch_between(document, document) == {}

    @given(documents, documents)
    def test_leaves_what_it_is_made_of_as_it_was(self, before, after):
        kept = repr((before, after))

        merged(before, patch_between(before, after))

        assert repr((before, after)) == kept

    @pytest.mark.parametrize(("document", "patch", "result"), [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"a": "foo"}, {"a": {"b": "c"}}, {"a": {"b": "c"}}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ])  # fmt: skip
    def test_is_applied_as_rfc_7396_says(self, document, patch, result):
        assert merged(document, patch) == result


class TestChain:
    @given(chains)
    def test_as_it_was_written_verifies(self, entries):
        assert broken_at(entries) is None

    @given(chains)
    def test_as_it_is_read_back_verifies(self, entries):
        assert broken_at(codec.load(Entry, codec.dump(entry)) for entry in entries) is None

    @given(chains, st.data(), st.sampled_from(sorted(MUTATIONS)))
    def test_in_which_one_field_of_one_entry_was_changed_does_not_verify(self, entries, data, field):
        position = data.draw(st.integers(0, len(entries) - 1))
        entries[position] = MUTATIONS[field](entries[position])

        assert broken_at(entries) is not None

    @given(chains, st.data())
    def test_in_which_an_entry_was_sealed_again_after_a_change_breaks_behind_it(self, entries, data):
        end = (len(entries), entries[-1].hash)
        position = data.draw(st.integers(0, len(entries) - 1))
        entries[position] = sealed(replace(entries[position], actor="mallory"))

        assert broken_at(entries, head=end) == min(position + 2, len(entries))

    @given(chains, st.data())
    def test_without_one_of_its_entries_does_not_verify(self, entries, data):
        end = (len(entries), entries[-1].hash)
        entries.pop(data.draw(st.integers(0, len(entries) - 1)))

        assert broken_at(entries, head=end) is not None

    @given(chains)
    def test_with_two_entries_exchanged_does_not_verify(self, entries):
        assert len(entries) == 1 or broken_at(reversed(entries)) is not None

    def test_that_is_empty_verifies(self):
        assert broken_at([], head=(0, "")) is None

    def test_that_was_cut_short_breaks_at_the_first_that_is_missing(self):
        entries = a_chain([{}, {}, {}])

        assert broken_at(entries[:2], head=(3, entries[2].hash)) == 3
        assert broken_at([], head=(3, entries[2].hash)) == 1

    @given(st.lists(documents, max_size=6))
    def test_of_changes_replays_to_the_last_document(self, history):
        before: dict[str, Any] = {}
        patches = []
        for after in history:
            patches.append(patch_between(before, after))
            before = after

        assert replayed(a_chain(patches)) == before
