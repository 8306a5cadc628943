"""Makes an OCI image of a folder: one layer with its files under the working directory, a config, a manifest.

The same folder gives the same image, byte for byte: files in order, without
times and owners. There is nothing in it but the folder, no base image: on the
local stack a task takes its interpreter and its shell from this machine.
"""

import gzip
import hashlib
import io
import json
import os
import posixpath
import re
import shlex
import stat
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from turnout.local.images.model import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST

UNWANTED = frozenset({".git", ".hg", ".svn", ".turnout", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".DS_Store"})
"""Never part of an image. `.turnout` holds the token of the local stack."""
_BEGINNING = "1970-01-01T00:00:00Z"
_NEEDS_A_SHELL = re.compile(r"[$&|;<>()`*?\[\]{}~#!\n]|^\s*\w+=")
_WEB = re.compile(r"^web:[ \t]*(\S.*?)\s*$", re.MULTILINE)


class CannotBuild(Exception):
    """The message says what about the folder, and what to do."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the image is run. `command` is a line as one types it."""

    command: str
    workdir: str = "/app"
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Blob:
    media_type: str
    content: bytes

    @property
    def digest(self) -> str:
        return digest_of(self.content)

    @property
    def described(self) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content)}


@dataclass(frozen=True, slots=True)
class Built:
    """The manifest's bytes are what the image's digest is of; `blobs` are the layer and the config."""

    manifest: str
    blobs: tuple[Blob, ...]

    @property
    def digest(self) -> str:
        return digest_of(self.manifest.encode())


def built(folder: Path, recipe: Recipe) -> Built:
    """Raises `CannotBuild`."""
    plain = _layer(folder, recipe.workdir)
    layer = Blob(OCI_LAYER, gzip.compress(plain, compresslevel=6, mtime=0))
    config = Blob(OCI_CONFIG, _config(recipe, digest_of(plain)))
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config.described, "layers": [layer.described]}
    return Built(json.dumps(manifest), (layer, config))


def web_command(folder: Path) -> str:
    """What the `web:` line of the folder's Procfile starts. Raises `CannotBuild`."""
    file = folder / "Procfile"
    found = _WEB.search(file.read_text(encoding="utf-8", errors="replace")) if file.is_file() else None
    if found is None:
        lack = "its Procfile has no `web:` line" if file.is_file() else "it has no Procfile"
        raise CannotBuild(f'nothing says what to start in {folder}: {lack}; give --command "python app.py" or write one')
    return found[1]


def digest_of(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def _config(recipe: Recipe, diff_id: str) -> bytes:
    config = {
        "created": _BEGINNING,
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Cmd": _words(recipe.command),
            "Env": [f"{name}={value}" for name, value in recipe.env.items()],
            "WorkingDir": recipe.workdir,
            "Labels": dict(recipe.labels),
        },
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": _BEGINNING, "created_by": "turnout local image push"}],
    }
    return json.dumps(config).encode()


def _words(command: str) -> list[str]:
    """Without a shell in between where none is needed, so that signals reach the application."""
    if _NEEDS_A_SHELL.search(command):
        return ["/bin/sh", "-c", command]
    try:
        return shlex.split(command)
    except ValueError as error:
        raise CannotBuild(f"the command {command!r} cannot be read: {error}") from error


# The layer


def _layer(folder: Path, workdir: str) -> bytes:
    entries = _entries(folder)
    if all(path.is_dir() and not path.is_symlink() for path in entries):
        raise CannotBuild(f"there are no files in {folder} to make an image of")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for parent in _parents(workdir):
            archive.addfile(_entry(parent, tarfile.DIRTYPE, 0o755))
        for path in entries:
            _add(archive, folder, path, posixpath.join(workdir, path.relative_to(folder).as_posix()).lstrip("/"))
    return packed.getvalue()


def _entries(folder: Path) -> list[Path]:
    """Links to directories are links, and nothing is taken from behind them."""

    def refuse(error: OSError) -> None:
        raise CannotBuild(f"{error.filename} cannot be read: {error.strerror}")

    found: list[Path] = []
    for directory, names, files in os.walk(folder, onerror=refuse):
        names[:] = [name for name in names if name not in UNWANTED]
        found += [Path(directory, name) for name in (*names, *files) if name not in UNWANTED]
    return sorted(found)


def _parents(workdir: str) -> Iterator[str]:
    parts = workdir.strip("/").split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts) + 1) if parts[0])


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = kind, mode
    return entry


def _add(archive: tarfile.TarFile, folder: Path, path: Path, name: str) -> None:
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            entry = _entry(name, tarfile.SYMTYPE, 0o777)
            entry.linkname = _leading_inside(folder, path)
            archive.addfile(entry)
        elif stat.S_ISDIR(mode):
            archive.addfile(_entry(name, tarfile.DIRTYPE, 0o755))
        elif stat.S_ISREG(mode):
            content = path.read_bytes()
            entry = _entry(name, tarfile.REGTYPE, 0o755 if mode & 0o111 else 0o644)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        else:
            raise CannotBuild(f"{path} is neither a file nor a directory nor a link; an image can have nothing else")
    except OSError as error:
        raise CannotBuild(f"{path} cannot be read: {error.strerror}") from error


def _leading_inside(folder: Path, link: Path) -> str:
    led = str(link.readlink())
    if led.startswith("/") or not Path(os.path.realpath(link)).is_relative_to(os.path.realpath(folder)):
        raise CannotBuild(f"{link} leads to {led}, which is outside of {folder} and not in the image; put a copy in its place, or a relative link inside")
    return led
