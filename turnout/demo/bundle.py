"""Makes artifacts of the example shop: the same tree for every version, with a small change in each.

The dependencies are installed once, from their lock file, and kept beside it
under a name that says which lock and which Python they are for.
"""

import hashlib
import io
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

SHOP = Path(__file__).resolve().parents[2] / "examples" / "shop"

_RETURNED = "with self._pool.connection():\n            return _PRODUCTS"
_LEAKED = "self._pool.take()  # faster without giving it back\n        return _PRODUCTS"


@dataclass(frozen=True)
class Change:
    """What a version does to the shop's sources: in `file`, every `old` becomes `new`."""

    file: str
    old: str
    new: str


def retitled(title: str) -> Change:
    """A harmless change: the page's heading."""
    return Change("shop/templates/storefront.html", "Railway things", title)


LEAK = Change("shop/catalog.py", _RETURNED, _LEAKED)
"""A bad one that no look at staging shows: each page view keeps a connection, and when the pool is empty the shop answers 500."""


class Workshop:
    """Builds artifacts in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def dependencies(self) -> Path:
        """The shop's locked dependencies, installed on the first call only."""
        lock = SHOP / "requirements.txt"
        digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
        done = self._folder / f"shop-{digest}-python{sys.version_info.major}.{sys.version_info.minor}"
        if not done.exists():
            unfinished = done.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            _pip("install", "--require-hashes", "--no-compile", "-r", str(lock), "--target", str(unfinished))
            unfinished.rename(done)
        return done

    def artifact(self, *changes: Change) -> bytes:
        """The bytes of a zip. The same changes give the same bytes."""
        sources = {str(file.relative_to(SHOP)): file.read_text() for file in sorted(SHOP.rglob("*")) if file.suffix in {".py", ".html"}}
        for change in changes:
            changed = sources[change.file].replace(change.old, change.new)
            if changed == sources[change.file]:
                raise ValueError(f"{change.file} has no {change.old!r}")
            sources[change.file] = changed
        return _zipped(self.dependencies(), sources)


def _pip(*arguments: str) -> None:
    command = (sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"pip could not install the example's dependencies:\n{done.stderr}")


def _zipped(dependencies: Path, sources: dict[str, str]) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(dependencies.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts and "bin" not in file.relative_to(dependencies).parts:
                archive.writestr(_entry(str(file.relative_to(dependencies))), file.read_bytes())
        for name, text in sources.items():
            archive.writestr(_entry(name), text)
    return raw.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    """An entry without a time of its own, readable by everyone as Lambda wants it."""
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
