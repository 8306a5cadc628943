"""Every defect can still be put into the tree; `make defects` shows that each is caught."""

from pathlib import Path

import pytest

from tests.defects.defects import DEFECTS, Defect

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_text_is_in_its_file_exactly_once(defect: Defect) -> None:
    assert (ROOT / defect.file).read_text().count(defect.text) == 1
