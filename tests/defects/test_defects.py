"""Every defect can still be put into the tree and names its test; `make defects` shows that each is caught, and here a few are."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.defects.defect import Defect, NoDefectError
from tests.defects.defects import DEFECTS
from tests.defects.trying import ROOT, Shown, a_copy, control, searched, tried

SLICE = ("health not checked before a step", "condition dropped", "hook not asked again", "lost reference used all the same", "approvals not bound")

CODE = "def half(number):\n    return number / 2\n"
TESTS = "from chalicelib.code import half\n\ndef test_half():\n    assert half(4) == 2\n\ndef test_nothing():\n    half(4)\n"


def named(defect: Defect) -> str:
    return defect.name


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    with a_copy(ROOT) as copy:
        yield copy


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A tree with one function and two tests, one of which looks at what it answers."""
    for name, text in {"chalicelib/__init__.py": "", "chalicelib/code.py": CODE, "tests/test_code.py": TESTS}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def a_defect(text: str = "number / 2", instead: str = "number / 3", by: str = "tests/test_code.py::test_half") -> Defect:
    return Defect("wrong", "what half means", "chalicelib/code.py", text, instead, by)


@pytest.mark.parametrize("defect", DEFECTS, ids=named)
class TestEveryDefect:
    def test_is_of_code_that_is_there_exactly_once(self, defect: Defect) -> None:
        assert (ROOT / defect.file).read_text().count(defect.text) == 1
        assert defect.text != defect.instead

    def test_names_a_test_that_is_there(self, defect: Defect) -> None:
        path, *_, test = defect.caught_by.split("::")

        assert f"    def {test.partition('[')[0]}(" in (ROOT / path).read_text() or f"\ndef {test.partition('[')[0]}(" in (ROOT / path).read_text()


def test_no_two_defects_have_one_name() -> None:
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS)


def test_a_few_are_caught_by_tests_that_pass_without_them(tree: Path) -> None:
    few = [defect for defect in DEFECTS if defect.name in SLICE]
    assert len(few) == len(SLICE)

    assert control(tree, few) == ""
    assert {defect.name: tried(defect, tree).shown for defect in few} == dict.fromkeys(SLICE, Shown.CAUGHT)


class TestTrying:
    def test_shows_the_test_that_fails(self, small: Path) -> None:
        found = tried(a_defect(), small)

        assert (found.shown, found.how.split(" - ")[0]) == (Shown.CAUGHT, "tests/test_code.py::test_half")

    def test_tells_of_a_test_that_does_not_notice(self, small: Path) -> None:
        assert tried(a_defect(by="tests/test_code.py::test_nothing"), small).shown is Shown.MISSED

    def test_leaves_the_tree_as_it_is(self, small: Path) -> None:
        tried(a_defect(), small)

        assert (small / "chalicelib/code.py").read_text() == CODE

    @pytest.mark.parametrize(
        ("defect", "why"),
        [
            (a_defect(text="number / 4"), "its text is 0 times in chalicelib/code.py"),
            (a_defect(instead="number /"), "no Python"),
            (a_defect(instead="numbers / 2"), "only crashes"),
            (a_defect(text="def half", instead="def quarter"), "cannot run"),
            (a_defect(by="tests/test_code.py::test_gone"), "cannot run"),
        ],
        ids=["its code has changed", "no Python", "a crash", "no test can be collected", "its test is gone"],
    )
    def test_refuses_what_is_no_defect(self, small: Path, defect: Defect, why: str) -> None:
        found = tried(defect, small)

        assert found.shown is Shown.NO_DEFECT
        assert why in found.how

    def test_finds_the_test_by_searching(self, small: Path) -> None:
        found = searched(a_defect(by=""), small, groups=(("tests/test_code.py",),))

        assert found.how.startswith("tests/test_code.py::test_half")


class TestTheControl:
    def test_passes_where_every_test_does(self, small: Path) -> None:
        assert control(small, [a_defect(), a_defect(by="tests/test_code.py::test_nothing")]) == ""

    def test_names_what_fails_without_any_defect(self, small: Path) -> None:
        a_defect().put_into(small)

        assert control(small, [a_defect()]).startswith("tests/test_code.py::test_half")

    def test_is_made_for_what_a_search_finds(self, small: Path) -> None:
        (small / "tests/test_code.py").write_text(TESTS + "    raise ValueError\n")

        assert searched(a_defect(instead="-number / -2"), small, groups=(("tests/test_code.py",),)).shown is Shown.MISSED


def test_no_defect_is_put_where_its_text_is_not(small: Path) -> None:
    with pytest.raises(NoDefectError):
        a_defect(text="nothing of the kind").put_into(small)
