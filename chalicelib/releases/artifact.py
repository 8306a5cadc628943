"""Look into an uploaded zip before anything trusts it. Reads, never unpacks.

Nothing the archive says about itself is believed: sizes are counted while
reading, names are those the runtime would create, and neither memory nor time
depends on what a header claims.
"""

import hashlib
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from copy import copy
from enum import StrEnum
from typing import IO, cast

LARGEST_UNPACKED = 250 * 1024 * 1024
"""Bytes. What a Lambda function may unpack to; an upload may be no larger either."""
MOST_ENTRIES = 50_000
"""A bundled SDK alone has thousands of files; the 10,000 of common advice would refuse honest functions."""
LARGEST_DIRECTORY = 16 * 1024 * 1024
"""Bytes. What the names of that many entries may take."""
BOMB_RATIO = 100
"""The JSON models of an SDK, the best compressing large files of real functions, reach 24. Deflate itself ends at 1,032."""
BOMB_FLOOR = 1024 * 1024
"""Bytes. A smaller file may be all zeros."""

_CHUNK = 64 * 1024
_ENTRY_MARK = b"PK\x01\x02"
_LOCAL_HEADER = 30
_ARCHIVES = (".zip", ".jar", ".war", ".whl", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, OverflowError, OSError, RuntimeError)
"""What `zipfile` raises over bytes that are no sound archive; NotImplementedError is a RuntimeError."""


class Flaw(StrEnum):
    EMPTY = "empty"
    NOT_A_ZIP = "not-a-zip"
    DAMAGED = "damaged"
    ENCRYPTED = "encrypted"
    UNSAFE_NAME = "unsafe-name"
    SPECIAL_FILE = "special-file"
    DUPLICATE_NAME = "duplicate-name"
    TOO_MANY_ENTRIES = "too-many-entries"
    TOO_LARGE = "too-large"
    BOMB = "bomb"
    NESTED = "nested"
    OVERLAPPING = "overlapping"
    UNSUPPORTED = "unsupported"
    NO_FILES = "no-files"


class Unacceptable(Exception):
    """The archive is never going to be a release. `reason` is for the person who uploaded it."""

    def __init__(self, kind: Flaw, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


def sha256_of(file: IO[bytes]) -> str:
    """The digest of the whole file, in hex, read in small pieces."""
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def inspect(file: IO[bytes], size: int) -> None:
    """Raises `Unacceptable` unless a function could be made of this zip of `size` bytes."""
    _check_size(size)
    with _opened(file) as archive:
        entries = archive.infolist()
        _check_count(len(entries))
        for entry in entries:
            _check_entry(entry)
        _check_names(entries)
        _check_contents([entry for entry in entries if not entry.is_dir()])
        _check_overlaps(entries, archive.start_dir)
        _check_data(archive, entries)


def _check_size(size: int) -> None:
    if size == 0:
        raise Unacceptable(Flaw.EMPTY, "the file is empty; upload a zip of the function's code")
    if size > LARGEST_UNPACKED:
        raise Unacceptable(Flaw.TOO_LARGE, f"the file has {size:,} bytes and a function may unpack to {LARGEST_UNPACKED:,}; make it smaller")


def _opened(file: IO[bytes]) -> zipfile.ZipFile:
    file.seek(0)
    looks_like_one = file.read(2) == b"PK"
    try:
        return zipfile.ZipFile(cast(IO[bytes], _Guarded(file)))
    except _BROKEN as error:
        if looks_like_one:
            raise Unacceptable(Flaw.DAMAGED, f"the zip is cut off or damaged ({error}); build and upload it again") from error
        raise Unacceptable(Flaw.NOT_A_ZIP, "the file is no zip; upload a zip of the function's code") from error


class _Guarded:
    """The file as `zipfile` may read it. It takes in the whole directory at once, as large as the archive claims it to be: not here."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > LARGEST_DIRECTORY:
            raise Unacceptable(Flaw.TOO_MANY_ENTRIES, f"the zip's directory claims {size:,} bytes; leave out what the function does not need")
        data = self._file.read(size)
        _check_count(data.count(_ENTRY_MARK))
        return data


def _check_count(entries: int) -> None:
    if entries > MOST_ENTRIES:
        raise Unacceptable(Flaw.TOO_MANY_ENTRIES, f"the zip has more than {MOST_ENTRIES:,} entries; leave out what the function does not need")


def _check_entry(entry: zipfile.ZipInfo) -> None:
    if problem := _unsafe(entry.orig_filename):
        raise Unacceptable(Flaw.UNSAFE_NAME, f"the entry {_shown(entry)} {problem}; zip from inside the directory, with relative names")
    if entry.flag_bits & _ENCRYPTED:
        raise Unacceptable(Flaw.ENCRYPTED, f"the entry {_shown(entry)} is encrypted; upload a zip without a password")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unacceptable(Flaw.UNSUPPORTED, f"the entry {_shown(entry)} is compressed by method {entry.compress_type}; use deflate")
    expected = stat.S_IFDIR if entry.is_dir() else stat.S_IFREG
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, expected):
        raise Unacceptable(Flaw.SPECIAL_FILE, f"the entry {_shown(entry)} is a link, a device or the like; put regular files into the zip")


def _unsafe(name: str) -> str | None:
    if "\0" in name:
        return "has a NUL in its name"
    if "\\" in name:
        return "has a backslash in its name"
    if name.startswith("/"):
        return "has an absolute name"
    if re.match(r"[A-Za-z]:", name):
        return "names a drive"
    if ".." in name.split("/"):
        return "leads out of the archive"
    return None if _normal(name) else "has no name"


def _shown(entry: zipfile.ZipInfo) -> str:
    """The name as it can be printed anywhere, cut to a line."""
    return ascii(entry.orig_filename[:120])


def _normal(name: str) -> str:
    """The path a name leads to, without its detours."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _check_names(entries: list[zipfile.ZipInfo]) -> None:
    """No two entries may become one file, not even on a disk that ignores case, and no file a directory of others."""
    seen: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        first = seen.setdefault(_normal(entry.filename).casefold(), entry)
        if first is not entry:
            raise Unacceptable(Flaw.DUPLICATE_NAME, f"the entries {_shown(first)} and {_shown(entry)} have the same name; keep one")
    for name, entry in seen.items():
        for parent in _parents(name):
            if parent in seen and not seen[parent].is_dir():
                raise Unacceptable(Flaw.DUPLICATE_NAME, f"the entry {_shown(seen[parent])} is a file and the directory of {_shown(entry)}; keep one")


def _parents(name: str) -> Iterator[str]:
    """`a/b/c` has `a/b` and `a`. A name's length is limited to 64 KiB by the format, its depth here."""
    for _ in range(64):
        name, slash, _rest = name.rpartition("/")
        if not slash:
            return
        yield name
    raise Unacceptable(Flaw.UNSAFE_NAME, "an entry lies more than 64 directories deep; flatten it")


def _check_contents(files: list[zipfile.ZipInfo]) -> None:
    if not files:
        raise Unacceptable(Flaw.NO_FILES, "the zip has no files; upload a zip of the function's code")
    if all(_is_archive(_normal(file.filename).lower()) for file in files):
        raise Unacceptable(Flaw.NESTED, f"the zip holds nothing but archives, such as {_shown(files[0])}; upload what is in the archive as the zip")
    claimed = sum(file.file_size for file in files)
    if claimed > LARGEST_UNPACKED:
        raise _too_large(claimed)


def _is_archive(name: str) -> bool:
    """Nothing a runtime would look into; it does into the jars of `lib/`."""
    return name.endswith(_ARCHIVES) and not (name.startswith("lib/") and name.endswith(".jar"))


def _too_large(unpacked: int) -> Unacceptable:
    return Unacceptable(Flaw.TOO_LARGE, f"the zip unpacks to {unpacked:,} bytes or more and a function may have {LARGEST_UNPACKED:,}; make it smaller")


def _check_overlaps(entries: Iterable[zipfile.ZipInfo], directory_at: int) -> None:
    """Entries that share bytes make little input into much output, whatever the ratio of each."""
    in_order = sorted(entries, key=lambda entry: entry.header_offset)
    starts = [entry.header_offset for entry in in_order[1:]] + [directory_at]
    for entry, next_start in zip(in_order, starts, strict=True):
        if entry.header_offset + _LOCAL_HEADER + len(entry.orig_filename) + entry.compress_size > next_start:
            raise Unacceptable(Flaw.OVERLAPPING, f"the entry {_shown(entry)} runs into what follows it; build the zip again")


def _check_data(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> None:
    total = 0
    for entry in entries:
        total += _count(archive, entry, total)


def _count(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, before: int) -> int:
    """How many bytes the entry really unpacks to; `before` is what the others did."""
    counted = 0
    try:
        with archive.open(_unlimited(entry)) as content:
            while chunk := content.read(_CHUNK):
                counted += len(chunk)
                _check_growth(entry, counted, before)
    except _BROKEN as error:
        raise Unacceptable(Flaw.DAMAGED, f"the entry {_shown(entry)} cannot be read ({str(error)[:120]!a}); build and upload the zip again") from error
    if counted != entry.file_size:
        raise Unacceptable(Flaw.DAMAGED, f"the entry {_shown(entry)} has {counted:,} bytes and claims {entry.file_size:,}; build and upload the zip again")
    return counted


def _unlimited(entry: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """`zipfile` stops at the size an entry claims and would not see the rest of one that lies."""
    honest = copy(entry)
    honest.file_size = LARGEST_UNPACKED + _CHUNK
    return honest


def _check_growth(entry: zipfile.ZipInfo, counted: int, before: int) -> None:
    if counted > BOMB_FLOOR and counted > BOMB_RATIO * entry.compress_size:
        raise Unacceptable(Flaw.BOMB, f"the entry {_shown(entry)} unpacks to more than {BOMB_RATIO} times its size; this looks like a zip bomb")
    if before + counted > LARGEST_UNPACKED:
        raise _too_large(before + counted)
