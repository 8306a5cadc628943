"""Reads the access logs of an Application Load Balancer. Pure: bytes in, requests out.

A line is about thirty fields with one space between, text in double quotes, `-` for what there was not and -1 for times that nobody measured; whatever
stands behind the fields known here is ignored, for new ones are added at the end. Source: "Access logs for your Application Load Balancer" in ELB's user guide.

Whoever sends a request chooses its URL and its User-Agent, so a log is hostile text: nothing in it raises, takes more than its share of memory,
or makes one line look like another. A line that cannot be read without doubt is skipped and counted.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

MOST_BYTES = 64 * 1024 * 1024
"""Of a file, unpacked."""
MOST_LINES = 100_000
LONGEST_LINE = 64 * 1024
"""Bytes. The balancer takes a request line of 16 KB and logs 8 KB of the User-Agent."""
MOST_MEMBERS = 1000
"""A gzip file may be several, one behind the other."""
TYPES = frozenset({"http", "https", "h2", "ws", "wss", "grpcs"})
"""Of the documentation, which says to ignore any other."""

_PIECE = 64 * 1024
_GZIP = b"\x1f\x8b"
_WINDOW = 31  # zlib: a gzip header is expected
_NEEDED = 18
"""Fields up to the one behind the target group's ARN, which shows that the ARN is whole; nothing further is read."""

_FIELD = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"(?= |$)|([^\s"]+)(?= |$)')
_ESCAPE = re.compile(r'\\(?:x([0-9a-fA-F]{2})|(["\\]))')
_METHOD = re.compile(r"(?!-)[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_URL = re.compile(r"(https?|wss?)://(\[[0-9a-fA-F:.%]+\]|[A-Za-z0-9._~%-]+)(?::(\d{1,5}))?(/[^?]*)?(?:\?(.*))?", re.DOTALL | re.ASCII)
_VERSION = re.compile(r"HTTP/\d(?:\.\d)?", re.ASCII)
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII)
_SECONDS = re.compile(r"\d{1,7}(?:\.\d{1,9})?", re.ASCII)
_KEY = re.compile(
    r"(?:(?P<prefix>.+)/)?AWSLogs/(?P<account>\d{12})/elasticloadbalancing/(?P<region>[a-z0-9-]+)/\d{4}/\d\d/\d\d/"
    r"(?P=account)_elasticloadbalancing_(?P=region)_app\.(?P<name>[A-Za-z0-9-]+)\.(?P<id>[0-9A-Za-z]+)"
    r"_(?P<ended>\d{8}T\d{4}Z)_(?P<address>[0-9A-Fa-f.:]+)_[0-9A-Za-z]+\.log\.gz",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request that the balancer answered. `at` is when it did; path and query are as the client sent them, undecoded, and may hold anything
    (what is no UTF-8 is replaced by U+FFFD).

    `target_status` is None where the target gave no answer. `seconds` are from sending the request to the target until its answer began, None where there
    was none to measure. `target_group_arn` is empty where no group was chosen, `user_agent` where none was sent.
    """

    at: datetime
    type: str
    method: str
    scheme: str
    host: str
    port: int
    path: str
    query: str
    elb_status: int | None
    target_status: int | None
    seconds: float | None
    target_group_arn: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Source:
    """What the key of a log file says. `load_balancer` is `app/name/id`, as in its ARN; `ended` is when the file's interval ended, to the minute."""

    account: str
    region: str
    load_balancer: str
    ended: datetime
    address: str
    prefix: str = ""


class Lines(Iterator[Request]):
    """The requests of one file, in its order. As they are read, `skipped` counts lines without a request in them and `cut_off` says why the rest was left."""

    def __init__(self, content: bytes) -> None:
        self.skipped = 0
        self.cut_off: str | None = None
        self._requests = self._read(content)

    def __next__(self) -> Request:
        return next(self._requests)

    def _read(self, content: bytes) -> Iterator[Request]:
        lines = self._split(self._bounded(self._unpacked(content) if content.startswith(_GZIP) else _sliced(content)))
        for line in islice(lines, MOST_LINES):
            if request := _request(line):
                yield request
            else:
                self.skipped += 1
        if next(lines, None) is not None:
            self.cut_off = f"more than {MOST_LINES} lines"

    def _split(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Lines that are not blank. One too long comes empty; a last one without an end comes only if nothing was cut off: half a line may look whole."""
        rest, too_long = b"", False
        for piece in pieces:
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                if line.strip():
                    yield b"" if too_long else line
                too_long = False
            if len(rest) > LONGEST_LINE:
                rest, too_long = b"-", True
        if rest.strip() and self.cut_off is None:
            yield b"" if too_long else rest

    def _bounded(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        left = MOST_BYTES
        for piece in pieces:
            if len(piece) > left:
                self.cut_off = f"more than {MOST_BYTES} bytes unpacked"
                yield piece[:left]
                return
            left -= len(piece)
            yield piece

    def _unpacked(self, content: bytes) -> Iterator[bytes]:
        """At most `_PIECE` bytes at a time, however well they were packed."""
        members, unpack = 1, zlib.decompressobj(_WINDOW)
        for piece in _sliced(content):
            left = piece
            while left:
                try:
                    out = unpack.decompress(left, _PIECE)
                except zlib.error:
                    self.cut_off = "the gzip is damaged"
                    return
                if out:
                    yield out
                left = unpack.unconsumed_tail or unpack.unused_data
                if unpack.eof and left:
                    members, unpack = members + 1, zlib.decompressobj(_WINDOW)
                if members > MOST_MEMBERS:
                    self.cut_off = f"more than {MOST_MEMBERS} gzip members"
                    return
        if not unpack.eof:
            self.cut_off = "the gzip ends early"


def lines(content: bytes) -> Lines:
    """The requests of a log file, gzip or plain. Never raises, and holds a piece of it at a time: take them one by one."""
    return Lines(content)


def source_of(key: str) -> Source | None:
    """Whose log this is, by the key of its object; None for anything else, such as the empty ELBAccessLogTestFile or a connection log."""
    found = _KEY.fullmatch(key)
    if not found or "AWSLogs" in (found["prefix"] or ""):
        return None
    try:
        ended = datetime.strptime(found["ended"], "%Y%m%dT%H%MZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return Source(found["account"], found["region"], f"app/{found['name']}/{found['id']}", ended, found["address"], found["prefix"] or "")


def _sliced(content: bytes) -> Iterator[bytes]:
    return (content[start : start + _PIECE] for start in range(0, len(content), _PIECE))


def _request(line: bytes) -> Request | None:
    """None where the line is no entry, or one of something that was never a request."""
    fields = _fields(line.decode("utf-8", "replace").rstrip("\r"))
    if len(fields) < _NEEDED or fields[0] not in TYPES:
        return None
    at = _moment(fields[1])
    method, url = _asked(fields[12])
    port = int(url[3] or _PORTS[url[1]]) if url else 0
    try:
        statuses = [_status(field) for field in fields[8:10]]
        seconds = _seconds(fields[6])
    except ValueError:
        return None
    if at is None or url is None or not 0 < port <= 65535:
        return None
    group, agent = _or_empty(fields[16]), _or_empty(fields[13])
    return Request(at, fields[0], method, url[1], url[2], port, url[4] or "/", url[5] or "", statuses[0], statuses[1], seconds, group, agent)


def _asked(line: str) -> tuple[str, re.Match[str] | None]:
    """Method and URL. A URL may hold spaces. What never was a request is logged as `- http://host:80- -`, and has no URL here."""
    method, _, rest = line.partition(" ")
    url, _, version = rest.rpartition(" ")
    return method, _URL.fullmatch(url) if _METHOD.fullmatch(method) and _VERSION.fullmatch(version) else None


def _fields(line: str) -> list[str]:
    """The first fields, as many as are needed; fewer where the quotes do not come out even."""
    found: list[str] = []
    start = 0
    while len(found) < _NEEDED and (field := _FIELD.match(line, start)):
        found.append(_plain(field[1]) if field[1] is not None else field[2])
        start = field.end() + 1
    return found


def _plain(quoted: str) -> str:
    """Without the balancer's escapes; a backslash before anything else was the client's own."""
    return _ESCAPE.sub(lambda found: found[2] or chr(int(found[1], 16)), quoted) if "\\" in quoted else quoted


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:
        return None


def _status(text: str) -> int | None:
    """Raises `ValueError` for what is neither a status nor `-`."""
    if text == "-":
        return None
    if not re.fullmatch(r"[1-9]\d\d", text, re.ASCII):
        raise ValueError(text)
    return int(text)


def _seconds(text: str) -> float | None:
    """-1: not measured. Raises `ValueError` for what is no time."""
    if text in {"-1", "-1.000", "-"}:
        return None
    if not _SECONDS.fullmatch(text):
        raise ValueError(text)
    return float(text)


def _or_empty(text: str) -> str:
    return "" if text == "-" else text
