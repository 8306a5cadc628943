import io
import json
import os
import random
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress

import pytest

from chalicelib.releases import artifact
from chalicelib.releases.artifact import Flaw, Unacceptable
from tests.unit.releases.builders import a_zip, a_zip_of, an_entry, both_headers, patched

MB = 1024 * 1024


def flaw_of(data: bytes) -> Flaw:
    with pytest.raises(Unacceptable) as refused:
        artifact.inspect(io.BytesIO(data), len(data))
    assert refused.value.reason
    assert refused.value.reason.isprintable()
    return refused.value.kind


def duplicate(*names: str) -> bytes:
    return a_zip_of(*(an_entry(name) for name in names))


def encrypted() -> bytes:
    return both_headers(a_zip(), 6, "<H", 1)


def overlapping() -> bytes:
    """Two directory entries that share one local entry."""
    data = a_zip({"a.py": b"x" * 100}, compress=zipfile.ZIP_STORED)
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    central = data[start:end]
    second = central.replace(b"a.py", b"b.py")
    tail = bytearray(data[end:])
    struct.pack_into("<HHI", tail, 8, 2, 2, len(central) * 2)
    return data[:start] + central + second + bytes(tail)


def lying_small() -> bytes:
    """Claims 10 bytes and unpacks to 5 MB of noise that repeats."""
    noise = random.Random(1).randbytes(MB)
    return both_headers(a_zip({"app.py": noise}), 22, "<I", 10)


def lying_large() -> bytes:
    return both_headers(a_zip({"app.py": b"short"}), 22, "<I", 4096)


def wrong_crc() -> bytes:
    return both_headers(a_zip(), 14, "<I", 1234)


def other_local_name() -> bytes:
    return a_zip({"app.py": b"x"}).replace(b"app.py", b"../../", 1)


def broken_stream() -> bytes:
    data = bytearray(a_zip({"app.py": os.urandom(4096)}, compress=zipfile.ZIP_DEFLATED))
    data[200:260] = b"\xff" * 60
    return bytes(data)


def many_entries() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(artifact.MOST_ENTRIES + 1):
            archive.writestr(zipfile.ZipInfo(f"{number}"), b"")
    return target.getvalue()


def huge_directory_claim() -> bytes:
    """The end record claims a directory larger than any that is read."""
    data = bytearray(a_zip({"app.py": b"x" * 64}, compress=zipfile.ZIP_STORED))
    padded = b"\0" * (17 * MB) + bytes(data)
    end = padded.rindex(b"PK\x05\x06")
    tail = bytearray(padded)
    struct.pack_into("<I", tail, end + 12, 16 * MB + 1)
    return bytes(tail)


def sum_too_large() -> bytes:
    """No entry claims too much by itself; together they are more than a function may have."""
    data = bytearray(a_zip({f"{number}.bin": b"x" for number in range(3)}))
    at = -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        struct.pack_into("<I", data, at + 24, 100 * MB)
    return bytes(data)



BAD: dict[str, tuple[Callable[[], bytes], Flaw]] = {
    "nothing at all": (lambda: b"", Flaw.EMPTY),
    "text": (lambda: b"print('hello')\n", Flaw.NOT_A_ZIP),
    "a tarball": (lambda: b"\x1f\x8b\x08\x00" + os.urandom(500), Flaw.NOT_A_ZIP),
    "an HTML error page": (lambda: b"<html><body>403 Forbidden</body></html>", Flaw.NOT_A_ZIP),
    "zeros": (lambda: b"\0" * 4096, Flaw.NOT_A_ZIP),
    "only the first two bytes of a zip": (lambda: b"PK", Flaw.DAMAGED),
    "cut in the middle": (lambda: a_zip({"app.py": os.urandom(5000)})[:2500], Flaw.DAMAGED),
    "cut before its end record": (lambda: a_zip()[:-22], Flaw.DAMAGED),
    "cut by one byte": (lambda: a_zip()[:-1], Flaw.DAMAGED),
    "without its first half": (lambda: a_zip({"app.py": os.urandom(5000)})[2500:], Flaw.DAMAGED),
    "a directory out of place": (lambda: a_zip().replace(b"PK\x01\x02", b"PK\x09\x09"), Flaw.DAMAGED),
    "an empty archive": (lambda: b"PK\x05\x06" + b"\0" * 18, Flaw.NO_FILES),
    "only directories": (lambda: a_zip({"src/": b"", "src/lib/": b""}), Flaw.NO_FILES),
    "an encrypted entry": (encrypted, Flaw.ENCRYPTED),
    "strong encryption": (lambda: both_headers(a_zip(), 6, "<H", 0x41), Flaw.ENCRYPTED),
    "masked headers": (lambda: patched(a_zip(), central=(8, "<H", 0x2000)), Flaw.ENCRYPTED),
    "bzip2": (lambda: a_zip(compress=zipfile.ZIP_BZIP2), Flaw.UNSUPPORTED),
    "lzma": (lambda: a_zip(compress=zipfile.ZIP_LZMA), Flaw.UNSUPPORTED),
    "an unknown method": (lambda: both_headers(a_zip(), 8, "<H", 99), Flaw.UNSUPPORTED),
    "an absolute name": (lambda: duplicate("/etc/passwd"), Flaw.UNSAFE_NAME),
    "a name that leads out": (lambda: duplicate("../app.py"), Flaw.UNSAFE_NAME),
    "a name that leads out on its way": (lambda: duplicate("lib/../../app.py"), Flaw.UNSAFE_NAME),
    "a name that ends leading out": (lambda: duplicate("lib/.."), Flaw.UNSAFE_NAME),
    "a drive": (lambda: duplicate("C:/app.py"), Flaw.UNSAFE_NAME),
    "a relative name on a drive": (lambda: duplicate("c:app.py"), Flaw.UNSAFE_NAME),
    "a backslash": (lambda: duplicate("lib\\app.py"), Flaw.UNSAFE_NAME),
    "a backslash that leads out": (lambda: duplicate("..\\..\\app.py"), Flaw.UNSAFE_NAME),
    "a network name": (lambda: duplicate("//host/share/app.py"), Flaw.UNSAFE_NAME),
    "a NUL": (lambda: a_zip({"appXpy": b""}).replace(b"appXpy", b"app\0py"), Flaw.UNSAFE_NAME),
    "no name": (lambda: duplicate(""), Flaw.UNSAFE_NAME),
    "a name of dots": (lambda: duplicate("./."), Flaw.UNSAFE_NAME),
    "too deep": (lambda: duplicate("d/" * 100 + "app.py"), Flaw.UNSAFE_NAME),
    "a symbolic link": (lambda: a_zip_of(an_entry(mode=stat.S_IFLNK | 0o777), content=b"/etc/passwd"), Flaw.SPECIAL_FILE),
    "a character device": (lambda: a_zip_of(an_entry(mode=stat.S_IFCHR | 0o666)), Flaw.SPECIAL_FILE),
    "a block device": (lambda: a_zip_of(an_entry(mode=stat.S_IFBLK | 0o666)), Flaw.SPECIAL_FILE),
    "a pipe": (lambda: a_zip_of(an_entry(mode=stat.S_IFIFO | 0o666)), Flaw.SPECIAL_FILE),
    "a socket": (lambda: a_zip_of(an_entry(mode=stat.S_IFSOCK | 0o666)), Flaw.SPECIAL_FILE),
    "a file that claims to be a directory": (lambda: a_zip_of(an_entry("app", mode=stat.S_IFDIR | 0o755)), Flaw.SPECIAL_FILE),
    "a directory that claims to be a link": (lambda: a_zip_of(an_entry("lib/", mode=stat.S_IFLNK | 0o777), content=b""), Flaw.SPECIAL_FILE),
    "a name twice": (lambda: duplicate("app.py", "app.py"), Flaw.DUPLICATE_NAME),
    "a name twice by a detour": (lambda: duplicate("lib/app.py", "lib/./app.py"), Flaw.DUPLICATE_NAME),
    "a name twice by a double slash": (lambda: duplicate("lib/app.py", "lib//app.py"), Flaw.DUPLICATE_NAME),
    "a name twice but for case": (lambda: duplicate("App.py", "app.py"), Flaw.DUPLICATE_NAME),
    "a name twice but for folded case": (lambda: duplicate("straße.py", "STRASSE.py"), Flaw.DUPLICATE_NAME),
    "a file that is a directory too": (lambda: duplicate("lib", "lib/app.py"), Flaw.DUPLICATE_NAME),
    "an archive in an archive": (lambda: a_zip({"app.zip": a_zip()}), Flaw.NESTED),
    "a tarball in an archive": (lambda: a_zip({"app.tar": b"x"}), Flaw.NESTED),
    "a compressed tarball in an archive": (lambda: a_zip({"App.TAR.GZ": b"x"}), Flaw.NESTED),
    "a jar as it was built": (lambda: a_zip({"app.jar": a_zip()}), Flaw.NESTED),
    "an archive beside a directory entry": (lambda: a_zip({"build/": b"", "app.zip": a_zip()}), Flaw.NESTED),
    "an archive in a directory": (lambda: a_zip({"dist/app.zip": a_zip()}), Flaw.NESTED),
    "nothing but archives": (lambda: a_zip({"a.zip": a_zip(), "b/c.zip": a_zip()}), Flaw.NESTED),
    "two entries over the same bytes": (overlapping, Flaw.OVERLAPPING),
    "an entry that runs into the directory": (lambda: patched(a_zip(), central=(20, "<I", 60_000)), Flaw.OVERLAPPING),
    "too many entries": (many_entries, Flaw.TOO_MANY_ENTRIES),
    "a directory larger than it may be": (huge_directory_claim, Flaw.TOO_MANY_ENTRIES),
    "a bomb of zeros": (lambda: a_zip({"zeros": b"\0" * (20 * MB)}), Flaw.BOMB),
    "a bomb that claims to be small": (lambda: both_headers(a_zip({"zeros": b"\0" * (20 * MB)}), 22, "<I", 10), Flaw.BOMB),
    "a claim of 4 GB": (lambda: patched(a_zip(), central=(24, "<I", 0xFFFFFFF0)), Flaw.TOO_LARGE),
    "more in all than a function may have": (sum_too_large, Flaw.TOO_LARGE),
    "a size smaller than what is there": (lying_small, Flaw.DAMAGED),
    "a size larger than what is there": (lying_large, Flaw.DAMAGED),
    "a wrong checksum": (wrong_crc, Flaw.DAMAGED),
    "another name in the entry than in the directory": (other_local_name, Flaw.DAMAGED),
    "a broken stream": (broken_stream, Flaw.DAMAGED),
}


class TestRefused:
    @pytest.mark.parametrize("case", BAD)
    def test_is(self, case: str) -> None:
        build, kind = BAD[case]

        assert flaw_of(build()) is kind

    def test_without_being_read_when_it_is_larger_than_a_function_may_be(self) -> None:
        with pytest.raises(Unacceptable) as refused:
            artifact.inspect(io.BytesIO(b""), artifact.LARGEST_UNPACKED + 1)

        assert refused.value.kind is Flaw.TOO_LARGE

    def test_in_little_memory_whatever_it_unpacks_to(self) -> None:
        bomb = a_zip({"zeros": b"\0" * (100 * MB)})
        tracemalloc.start()
        try:
            assert flaw_of(bomb) is Flaw.BOMB
            assert tracemalloc.get_traced_memory()[1] < 4 * MB
        finally:
            tracemalloc.stop()

    def test_with_nothing_but_a_reason_whatever_bytes_are_damaged(self) -> None:
        sound, chance = a_zip({"app.py": b"print()\n" * 50, "lib/x.py": os.urandom(200)}), random.Random(7)
        for _ in range(2_000):
            data = bytearray(sound)
            for _ in range(chance.randint(1, 6)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            with suppress(Unacceptable):
                artifact.inspect(io.BytesIO(data), len(data))


GOOD: dict[str, Callable[[], bytes]] = {
    "one file": a_zip,
    "stored": lambda: a_zip(compress=zipfile.ZIP_STORED),
    "directories with their entries": lambda: a_zip({"lib/": b"", "lib/app.py": b"x", "lib/deep/y.py": b"y"}),
    "an empty file": lambda: a_zip({"__init__.py": b""}),
    "a comment": lambda: a_zip(comment=b"built by CI"),
    "something in front": lambda: b"#!/usr/bin/env python3\n" + a_zip(),
    "unix modes": lambda: a_zip_of(an_entry("bootstrap", mode=stat.S_IFREG | 0o755)),
    "a small file of zeros": lambda: a_zip({"zeros": b"\0" * MB}),
    "a JSON model": lambda: a_zip({"service.json": json.dumps([{"shape": f"Shape{n}", "documentation": "<p>The</p>"} for n in range(40_000)]).encode()}),
    "jars and wheels inside": lambda: a_zip({"lib/app.jar": a_zip(), "app.py": b"x"}),
    "only a jar in its directory": lambda: a_zip({"lib/app.jar": a_zip()}),
    "names that are no ASCII": lambda: a_zip({"templates/grüße.txt": b"x", "日本.txt": b"y"}),
    "dots inside names": lambda: a_zip({"a..b/c...py": b"x", ".hidden": b"y"}),
    "times before the epoch of zip": lambda: a_zip_of(an_entry(at=(1980, 1, 1, 0, 0, 0))),
    "thousands of files": lambda: a_zip({f"pkg{number // 100}/{number}.py": b"x = 1\n" for number in range(11_000)}),
}


class TestAccepted:
    @pytest.mark.parametrize("case", GOOD)
    def test_is(self, case: str) -> None:
        data = GOOD[case]()

        artifact.inspect(io.BytesIO(data), len(data))

    def test_with_the_digest_of_the_whole_file(self) -> None:
        assert artifact.sha256_of(io.BytesIO(b"abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
