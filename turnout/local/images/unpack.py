"""Applies the layers of an image to a directory, lowest first, and says how the image wants to be run.

A layer is a tar, compressed or not. `.wh.name` in it removes `name` of the
layers below, `.wh..wh..opq` everything they have in that directory. Nothing
that a layer says leads out of the directory: not a path, not a link, not what
lies behind a link of a layer below. Owners, devices and set-uid bits are left
out, for everything runs as whoever runs the stack.

A link to `/etc/x` means the image's own, so it is kept as a relative one that
begins with all its `..`. Such links cannot be combined to lead out either.
"""

import contextlib
import gzip
import hashlib
import io
import json
import os
import posixpath
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from turnout.local.images.model import BadImage, ImageConfig, ReadBlob

_GONE = ".wh."
_OPAQUE = ".wh..wh..opq"
_OWN = ".wh..wh."
"""What begins with it is for union file systems and no part of the image."""
_LATEST_MTIME = 2**32
_GZIP = b"\x1f\x8b"
_IN_MEMORY = 32 * 1024 * 1024


def unpacked(read_blob: ReadBlob, manifest: Mapping[str, Any], into: Path) -> ImageConfig:
    """Unpack into `into`, which is made and should be empty. Raises `BadImage`; what was unpacked by then is left to the caller."""
    config, layers = manifest.get("config"), manifest.get("layers")
    if not isinstance(config, Mapping) or not isinstance(layers, list):
        raise BadImage(f"a manifest of type {manifest.get('mediaType')} names no config and layers; only OCI and Docker schema 2 images can be run")
    told = _config(_blob(read_blob, config))
    into.mkdir(parents=True, exist_ok=True)
    for layer in layers:
        _apply(_blob(read_blob, layer), str(layer["digest"]), Path(os.path.realpath(into)))
    return told


def _blob(read_blob: ReadBlob, described: Mapping[str, Any]) -> bytes:
    try:
        digest = str(described["digest"])
    except (KeyError, TypeError):
        raise BadImage(f"the manifest describes a layer without a digest: {described!r}") from None
    blob = read_blob(digest)
    found = "sha256:" + hashlib.sha256(blob).hexdigest()
    if found != digest:
        raise BadImage(f"the layer {digest} has other bytes, with the digest {found}")
    return blob


# The config


def _config(blob: bytes) -> ImageConfig:
    try:
        config = json.loads(blob).get("config") or {}
        return ImageConfig(
            entrypoint=_words(config.get("Entrypoint")),
            command=_words(config.get("Cmd")),
            env=dict(pair.split("=", 1) for pair in config.get("Env") or () if "=" in pair),
            workdir=config.get("WorkingDir") or "/",
            user=config.get("User") or "",
            labels=dict(config.get("Labels") or {}),
            exposed_ports=tuple(sorted(_ports(config.get("ExposedPorts") or ()))),
        )
    except (ValueError, AttributeError, TypeError) as error:
        raise BadImage(f"the image's config cannot be read: {error}") from error


def _words(given: Any) -> tuple[str, ...]:
    """A list, or one string as very old builders wrote it."""
    return ("/bin/sh", "-c", given) if isinstance(given, str) else tuple(str(word) for word in given or ())


def _ports(exposed: Iterable[str]) -> Iterator[int]:
    for port in exposed:
        number, _, protocol = port.partition("/")
        if protocol in ("", "tcp"):
            yield int(number)


# A layer


def _apply(blob: bytes, digest: str, root: Path) -> None:
    """First what it removes: that is about the layers below, wherever in the tar it stands."""
    try:
        with _uncompressed(blob) as plain, tarfile.open(fileobj=plain, mode="r:") as layer:
            entries = [(_inside(entry.name), entry) for entry in layer]
            for path, _ in entries:
                _remove(root, path)
            for path, entry in entries:
                if not posixpath.basename(path).startswith(_GONE) and path != ".":
                    _add(root, path, entry, layer)
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise BadImage(f"the layer {digest} cannot be unpacked: {error}") from error


@contextlib.contextmanager
def _uncompressed(blob: bytes) -> Iterator[IO[bytes]]:
    """On disk when it is large: a layer of a base image has hundreds of megabytes."""
    if not blob.startswith(_GZIP):
        yield io.BytesIO(blob)
        return
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as plain, gzip.GzipFile(fileobj=io.BytesIO(blob)) as packed:
        shutil.copyfileobj(packed, plain)
        plain.seek(0)
        yield plain


def _inside(name: str) -> str:
    """A path inside the image, without its first slash."""
    if ".." in name.split("/"):
        raise BadImage(f"a layer has the path {name!r}, which leads out of the image")
    return posixpath.normpath(name.lstrip("/") or ".")


def _directory(root: Path, path: str) -> Path:
    """Where a directory of the image lies, links followed."""
    real = Path(os.path.realpath(root / path))
    if not real.is_relative_to(root):
        raise BadImage(f"a layer has the path {path!r}, which leads out of the image")
    return real


def _remove(root: Path, path: str) -> None:
    parent, name = posixpath.split(path)
    if not name.startswith(_GONE):
        return
    directory = _directory(root, parent)
    if name == _OPAQUE:
        with contextlib.suppress(FileNotFoundError):
            for child in list(directory.iterdir()):
                _clear(child)
    elif not name.startswith(_OWN):
        gone = name.removeprefix(_GONE)
        if gone in ("", ".", ".."):
            raise BadImage(f"a layer removes {path!r}, which names nothing")
        _clear(directory / gone)


def _clear(path: Path) -> None:
    """A link is removed, never what it leads to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _add(root: Path, path: str, entry: tarfile.TarInfo, layer: tarfile.TarFile) -> None:
    parent, name = posixpath.split(path)
    directory = _directory(root, parent)
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / name
    if entry.isdir() and target.is_dir() and not target.is_symlink():
        target.chmod(0o700 | entry.mode & 0o777)
        return
    if not (entry.isdir() or entry.isfile() or entry.issym() or entry.islnk()):
        return  # a device or a pipe: nothing that a process needs from an image
    if entry.islnk():
        _link(root, entry, target)
        return
    _clear(target)
    if entry.isdir():
        target.mkdir()
        target.chmod(0o700 | entry.mode & 0o777)
    elif entry.issym():
        target.symlink_to(_contained(entry.linkname, directory.relative_to(root).as_posix()))
    else:
        _write(layer, entry, target)


def _contained(link: str, directory: str) -> str:
    """What a link in `directory` means inside the image: `/` and too many `..` end at its root."""
    meant = posixpath.normpath(posixpath.join("/", directory, link))
    return posixpath.relpath(meant, posixpath.join("/", directory))


def _link(root: Path, entry: tarfile.TarInfo, target: Path) -> None:
    """A second name for a file that is there. A link to itself changes nothing."""
    parent, name = posixpath.split(_inside(entry.linkname))
    source = _directory(root, parent) / name
    source.lstat()  # raises for what is not there, before anything is removed
    if source.is_relative_to(target) != (source == target) or (source.is_dir() and not source.is_symlink()):
        raise BadImage(f"a layer links {entry.name!r} to {entry.linkname!r}, which is no file or goes away by it")
    if source != target:
        _clear(target)
        os.link(source, target, follow_symlinks=False)


def _write(layer: tarfile.TarFile, entry: tarfile.TarInfo, target: Path) -> None:
    """Always a new file, so that nothing is written through a link."""
    content = layer.extractfile(entry)
    with target.open("xb") as file:
        if content is not None:
            shutil.copyfileobj(content, file)
    target.chmod(0o600 | entry.mode & 0o777)
    mtime = min(max(0, entry.mtime), _LATEST_MTIME)
    os.utime(target, (mtime, mtime))
