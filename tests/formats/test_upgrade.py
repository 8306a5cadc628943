"""What an earlier format left half done is finished by today's code, as if it had begun it."""

import pytest

from chalicelib.formats import FORMAT
from tests.formats import keeping
from tests.formats.conftest import names, record
from tests.formats.halfway import HALFWAY
from tests.formats.play import wrong_with

NEIGHBOUR = FORMAT - 1


@pytest.mark.parametrize(("format", "name"), [(format, name) for format in (NEIGHBOUR, FORMAT) for name in names(format)])
def test_what_was_left_half_done_ends_as_in_a_clean_run(format, name):
    stage = keeping.staged(record(format, name))
    HALFWAY[name].outside(stage)

    assert wrong_with(stage, HALFWAY[name]) == ""


@pytest.mark.parametrize("name", names(NEIGHBOUR))
def test_so_does_what_lies_in_dynamodb(name, in_dynamodb):
    left = record(NEIGHBOUR, name)
    stage = keeping.staged(left, lambda: in_dynamodb(left))
    HALFWAY[name].outside(stage)

    assert wrong_with(stage, HALFWAY[name]) == ""


def test_what_the_earlier_format_dropped_on_the_way_is_in_the_chain_again_with_the_next_change():
    """It went down and up again: the chain knows of fields that the record has no more."""
    left = record(FORMAT, "paused")
    service = next(item["body"] for item in left["items"] if item["kind"]["S"] == "service")
    del service["format"], service["definition"]["drill"], service["deployment"]["cutover"], service["deployment"]["approvals"]
    stage = keeping.staged(left)

    assert wrong_with(stage, HALFWAY["paused"]) == ""


def test_there_is_a_record_of_every_rollout_half_way():
    """Whoever adds one keeps it with `python -m tests.formats --write`."""
    assert names(FORMAT) == sorted(HALFWAY)
