"""Try a defect: the test that is to catch it passes without it (the control) and fails with it.

Everything happens in copies of the tree; the tree itself is never changed.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.defects.defect import Defect, NoDefectError

ROOT = Path(__file__).parents[2]
TREE = ("app.py", "pyproject.toml", "chalicelib", "turnout", "infra", "examples", "tests", ".chalice", "docs")
Groups = tuple[tuple[str, ...], ...]

QUICK: Groups = (
    ("tests/stories",),
    ("tests/unit",),
    ("tests/contract/test_ledger.py", "tests/contract/test_router.py", "tests/contract/test_runtime.py"),
    ("tests/faults",),
)
"""What a search runs, until one of them fails."""

_CRASHES = ("NameError", "UnboundLocalError", "ImportError", "ModuleNotFoundError", "SyntaxError")
"""What code dies of that is not wrong but broken: any test would notice, so it shows nothing."""
_FAILED = re.compile(r"^FAILED (?P<test>.+?)(?: - (?P<why>.*))?$", re.MULTILINE)


class Shown(StrEnum):
    CAUGHT = "caught"
    MISSED = "MISSED"
    NO_DEFECT = "NO DEFECT"


@dataclass(frozen=True)
class Tried:
    """`how` is the test that failed and why, `by` that test; or why it is no defect."""

    defect: Defect
    shown: Shown
    how: str = ""
    by: str = ""


@dataclass(frozen=True)
class Run:
    """One run of pytest. `failed` are the tests that ran and failed, each with why."""

    code: int
    failed: dict[str, str]
    output: str

    @property
    def passed(self) -> bool:
        return self.code == 0


@contextmanager
def a_copy(source: Path) -> Iterator[Path]:
    """The tree as it is, compiled code included, so that only what changes is compiled anew."""
    with tempfile.TemporaryDirectory(prefix="turnout-defects-") as folder:
        copy = Path(folder, "tree")
        copy.mkdir()
        for name in TREE:
            if (source / name).is_dir():
                shutil.copytree(source / name, copy / name)
            elif (source / name).exists():
                shutil.copy2(source / name, copy / name)
        yield copy


def control(tree: Path, defects: Iterable[Defect]) -> str:
    """What does not pass without any defect; empty where everything does. A test that fails anyway catches nothing."""
    tests = list(dict.fromkeys(defect.caught_by for defect in defects if defect.caught_by))
    run = ran(tree, *tests) if tests else Run(0, {}, "")
    return "" if run.passed else "\n".join(f"{test}: {why}" for test, why in run.failed.items()) or run.output[-2000:]


def tried(defect: Defect, tree: Path) -> Tried:
    """Its test, with the defect in a copy of `tree`, where the test passes."""
    return _tried(defect, tree, ((defect.caught_by,),))


def searched(defect: Defect, tree: Path, groups: Groups = QUICK) -> Tried:
    """The quick tests, with the defect in a copy of `tree`, until one fails that passes without it."""
    found = _tried(defect, tree, groups)
    if found.shown is Shown.CAUGHT and not ran(tree, found.by).passed:
        return Tried(defect, Shown.MISSED, f"{found.by} fails without it as well")
    return found


def ran(tree: Path, *arguments: str) -> Run:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no", "--timeout=120", *arguments]
    quietly = {**os.environ, "COLUMNS": "400", "PYTHONPATH": ""}
    quietly.pop("PYTHONDONTWRITEBYTECODE", None)
    run = subprocess.run(command, cwd=tree, env=quietly, capture_output=True, text=True, check=False)
    return Run(run.returncode, {found["test"]: found["why"] or "" for found in _FAILED.finditer(run.stdout)}, run.stdout + run.stderr)


def _tried(defect: Defect, tree: Path, groups: Groups) -> Tried:
    with a_copy(tree) as copy:
        try:
            defect.put_into(copy)
            for group in groups:
                if failure := _first_failure(ran(copy, "-x", *group)):
                    return Tried(defect, Shown.CAUGHT, " - ".join(part for part in failure if part), by=failure[0])
        except NoDefectError as error:
            return Tried(defect, Shown.NO_DEFECT, str(error))
    return Tried(defect, Shown.MISSED)


def _first_failure(run: Run) -> tuple[str, str] | None:
    """The test and why it failed; None where everything passed. Raises `NoDefectError` where the tests could not run, or the code only crashed."""
    if run.passed:
        return None
    if not run.failed:
        raise NoDefectError(f"the tests cannot run with it:\n{run.output[-2000:]}")
    test, why = next(iter(run.failed.items()))
    if why.startswith(_CRASHES):
        raise NoDefectError(f"the code only crashes with it: {why}")
    return test, why
