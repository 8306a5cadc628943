"""Two formats of the ledger against each other, and what tests/formats keeps of each.

    python -m tests.formats --write                   what this tree writes: records/format-N and schemas/format-N.json
    python -m tests.formats --write --from COMMIT     what that commit writes: records/format-N
    python -m tests.formats --from COMMIT             what one of the two leaves half done is finished by the other, and told

A commit has to have tests/faults, which is what rollouts are played with.
"""

import argparse
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

from tests.formats import schema

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
SHARED = ("__init__.py", "halfway.py", "keeping.py", "play.py")


@contextmanager
def tree_of(commit: str) -> Iterator[Path]:
    """That commit's files, with what plays rollouts half way put into them."""
    archive = subprocess.run(("git", "archive", commit), cwd=ROOT, capture_output=True, check=True).stdout
    with TemporaryDirectory() as folder:
        tree = Path(folder).resolve()
        with tarfile.open(fileobj=BytesIO(archive)) as files:
            files.extractall(tree, filter="data")
        copytree(HERE, tree / "tests/formats", dirs_exist_ok=True, ignore=lambda _, names: [name for name in names if name not in SHARED])
        yield tree


def format_of(tree: Path) -> int:
    found = tree / "chalicelib/formats.py"
    said = re.search(r"^FORMAT = (\d+)$", found.read_text(), re.MULTILINE) if found.exists() else None
    return int(said[1]) if said else 1


def played(what: str, tree: Path, folder: Path) -> dict[str, str]:
    """What `play` says went wrong with each, in that tree. `-m` puts the tree before whatever is installed."""
    command = (sys.executable, "-m", "tests.formats.play", what, str(folder))
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{what} in {tree} ended with {done.returncode}:\n{done.stderr}")
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"name"')]
    return {one["name"]: one["wrong"] for one in said}


def write(tree: Path) -> None:
    folder = HERE / f"records/format-{format_of(tree)}"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    told(f"written to {folder.relative_to(ROOT)}", played("write", tree, folder))


def both_ways(commit: str) -> bool:
    with tree_of(commit) as older, TemporaryDirectory() as records:
        names = {older: f"{commit} (format {format_of(older)})", ROOT: f"this tree (format {format_of(ROOT)})"}
        good = True
        for writer, reader in ((older, ROOT), (ROOT, older)):
            folder = Path(records) / ("upgrade" if reader is ROOT else "downgrade")
            folder.mkdir()
            unwritten = {name: wrong for name, wrong in played("write", writer, folder).items() if wrong}
            told(f"not to be had by {names[writer]}", unwritten)
            good &= told(f"{folder.name}: left half done by {names[writer]}, finished by {names[reader]}", played("finish", reader, folder))
    return good


def told(title: str, wrong_by_name: dict[str, str]) -> bool:
    if wrong_by_name:
        print(f"\n{title}: {sum(not wrong for wrong in wrong_by_name.values())} of {len(wrong_by_name)}")
    for name, wrong in wrong_by_name.items():
        print(f"  {name:14} {wrong or 'ok'}")
    return not any(wrong_by_name.values())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.formats", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="commit", help="a commit of this repository")
    parser.add_argument("--write", action="store_true", help="keep what is written instead of finishing it")
    asked = parser.parse_args()
    match asked.write, asked.commit:
        case True, None:
            write(ROOT)
            schema.keep()
        case True, commit:
            with tree_of(commit) as tree:
                write(tree)
        case False, None:
            parser.error("say --write, or --from which commit")
        case False, commit:
            return 0 if both_ways(commit) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
