"""docs/rulings.md names a test for every ruling, and the test is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
TABLE = TESTS.parent / "docs" / "rulings.md"
NAMED = re.compile(r"`([^`]*?)(?:::([^`]*))?`")


def rows() -> list[tuple[str, str, list[tuple[str, str]]]]:
    """The heading, the ruling and its tests, each a file and a name in it."""
    heading, found = "", []
    for line in TABLE.read_text().splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("|") and line != "|---|---|" and not line.startswith("| ruling |"):
            ruling, tests = (cell.strip() for cell in line.strip("|").rsplit("|", 1))
            found.append((heading, ruling, NAMED.findall(tests)))
    return found


@cache
def names_in(file: Path) -> frozenset[str]:
    """The tests of a file, without importing it: `test_it`, or `TestThem::test_it`."""
    if not file.is_file():
        return frozenset()
    tests = [("", node) for node in ast.parse(file.read_text()).body]
    tests += [(f"{one.name}::", node) for _, one in tests if isinstance(one, ast.ClassDef) for node in one.body]
    return frozenset(f"{where}{node.name}" for where, node in tests if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


def test_every_ruling_names_a_test():
    assert [f"{heading}: {ruling}" for heading, ruling, tests in rows() if not tests] == []


def test_every_test_that_is_named_is_there():
    missing = [f"{heading}: {ruling}: {file}::{name}" for heading, ruling, tests in rows() for file, name in tests if name not in names_in(TESTS / file)]

    assert missing == []


@pytest.mark.parametrize("file", sorted(TESTS.glob("stories/test_rulings*.py")), ids=lambda file: file.name)
def test_every_test_of_a_ruling_is_named(file: Path):
    named = {(file, name) for _, _, tests in rows() for file, name in tests}

    assert sorted(name for name in names_in(file) if (f"stories/{file.name}", name) not in named) == []


def test_no_ruling_stands_twice_under_a_heading():
    told = [(heading, ruling) for heading, ruling, _ in rows() if not ruling.startswith("…")]

    assert sorted(one for one in set(told) if told.count(one) > 1) == []
