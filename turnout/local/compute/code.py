"""Unpacks a version's zip, once for each digest, and removes what no version uses any more."""

import asyncio
import contextlib
import hashlib
import io
import shutil
import tempfile
import uuid
import zipfile
from pathlib import Path

EXECUTABLE_BITS = 0o111


class CodeStore:
    """Directories of unpacked code under `root`, named by digest."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._unpacking: dict[str, asyncio.Lock] = {}

    async def directory(self, sha256: str, code: bytes) -> Path:
        """Where the code lies. Raises `zipfile.BadZipFile` and `OSError`. Unpacks outside the event loop."""
        directory = self._path(sha256)
        async with self._unpacking.setdefault(sha256, asyncio.Lock()):
            if not directory.exists():
                await asyncio.to_thread(_unpack, code, directory)
        return directory

    async def forget(self, sha256: str) -> None:
        """To be unpacked again if it comes back. Nothing runs from it any more."""
        doomed = self._root / f"doomed-{uuid.uuid4().hex}"
        with contextlib.suppress(FileNotFoundError):
            self._path(sha256).rename(doomed)
            await asyncio.to_thread(shutil.rmtree, doomed, ignore_errors=True)

    def _path(self, sha256: str) -> Path:
        return self._root / hashlib.sha256(sha256.encode()).hexdigest()[:24]

    def remove(self) -> None:
        shutil.rmtree(self._root, ignore_errors=True)


def _unpack(code: bytes, directory: Path) -> None:
    """Renamed into place when complete, so that a directory that is there can be used."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=directory.parent))
    try:
        with zipfile.ZipFile(io.BytesIO(code)) as archive:
            for entry in archive.infolist():
                target = Path(archive.extract(entry, partial))
                if (entry.external_attr >> 16) & EXECUTABLE_BITS and target.is_file():
                    target.chmod(target.stat().st_mode | EXECUTABLE_BITS)
        partial.rename(directory)
    except (OSError, zipfile.BadZipFile):
        shutil.rmtree(partial, ignore_errors=True)
        raise
