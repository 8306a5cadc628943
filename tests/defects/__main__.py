"""`make defects`: put each defect into a copy of the tree, and show that a test catches it that passes without it."""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.defects.defect import Defect
from tests.defects.defects import DEFECTS
from tests.defects.trying import ROOT, Shown, Tried, a_copy, control, searched, tried


def main() -> int:
    asked = _arguments()
    chosen = [defect for defect in DEFECTS if asked.only in defect.name]
    began = time.monotonic()
    with a_copy(ROOT) as tree:
        if failing := control(tree, chosen):
            print(f"without any defect these tests do not pass, so nothing can be shown by them:\n{failing}")
            return 2
        tests = len({defect.caught_by for defect in chosen if defect.caught_by})
        print(f"without any defect the {tests} tests pass ({time.monotonic() - began:.0f} s)", flush=True)
        with ThreadPoolExecutor(asked.jobs) as pool:
            found = Counter(pool.map(lambda defect: _shown(defect, tree, search=asked.search), chosen))
    print(", ".join(f"{found[shown]} {shown}" for shown in Shown) + f" of {len(chosen)} in {time.monotonic() - began:.0f} s")
    return 0 if found[Shown.CAUGHT] == len(chosen) > 0 else 1


def _shown(defect: Defect, tree: Path, *, search: bool) -> Shown:
    what: Tried = searched(defect, tree) if search or not defect.caught_by else tried(defect, tree)
    print(f"{what.shown:9} {defect.name}: {defect.breaks}{f'  [{what.how}]' if what.how else ''}", flush=True)
    return what.shown


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.defects", description=__doc__)
    parser.add_argument("--only", default=os.environ.get("ONLY", ""), help="only defects with this in their name")
    parser.add_argument("--search", action="store_true", help="run the quick tests until one fails, instead of the test that is named")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
