"""`make defects`: put each defect into a copy of the tree, and show that the quick tests catch it."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.defects.defects import DEFECTS, Defect

ROOT = Path(__file__).parents[2]
TREE = ("app.py", "pyproject.toml", "chalicelib", "tests", ".chalice", "docs")
QUICK = (
    ("tests/stories", "tests/unit/deployments"),
    ("tests/unit/releases", "tests/unit/services", "tests/unit/traffic"),
    ("tests/contract/test_ledger.py", "tests/contract/test_router.py", "-k", "emory"),
    ("tests/faults",),
)
"""What is run, until one of them fails."""


def main() -> int:
    asked = _arguments()
    chosen = [defect for defect in DEFECTS if asked.only in defect.name]
    with tempfile.TemporaryDirectory(prefix="turnout-defects-") as folder, ThreadPoolExecutor(asked.jobs) as pool:
        tree = Path(folder, "tree")
        tree.mkdir()
        for name in TREE:
            _copied(ROOT / name, tree / name)
        caught = list(pool.map(lambda defect: _shown(defect, tree), chosen))
    print(f"{sum(caught)}/{len(caught)} caught")
    return 0 if all(caught) else 1


def _shown(defect: Defect, tree: Path) -> bool:
    by = _caught_by(defect, tree)
    print(f"{'caught ' if by else 'MISSED '} {defect.name}: {defect.breaks}{f'  [{by}]' if by else ''}", flush=True)
    return bool(by)


def _caught_by(defect: Defect, tree: Path) -> str:
    """The first test that fails with the defect in place; empty if none does."""
    with tempfile.TemporaryDirectory(prefix="turnout-defect-") as folder:
        copy = Path(folder, "tree")
        shutil.copytree(tree, copy)
        _apply(defect, copy / defect.file)
        return next((by for tests in QUICK if (by := _first_failure(copy, tests))), "")


def _copied(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    elif source.exists():
        shutil.copy(source, target)


def _apply(defect: Defect, path: Path) -> None:
    text = path.read_text()
    found = text.count(defect.text)
    if found != 1:
        raise SystemExit(f"{defect.name}: its text is {found} times in {defect.file}; bring it up to date")
    path.write_text(text.replace(defect.text, defect.instead))


def _first_failure(copy: Path, tests: tuple[str, ...]) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--no-header", *tests]
    run = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    failed = [line.removeprefix("FAILED ").split(" - ")[0] for line in run.stdout.splitlines() if line.startswith("FAILED")]
    if run.returncode and not failed:
        raise SystemExit(f"the tests cannot run in the copy: {run.stdout[-2000:]}{run.stderr[-2000:]}")
    return failed[0] if failed else ""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.defects", description=__doc__)
    parser.add_argument("--only", default="", help="only defects with this in their name")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
