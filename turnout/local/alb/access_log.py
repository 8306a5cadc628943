"""Access logs, line for line and file for file as an Application Load Balancer writes them: gzip in S3, for load balancers that have them switched on.

A line is written when its request has been answered, or has ended otherwise. AWS writes a file of each balancer every five minutes, or earlier where there is
much traffic; here it is every `period_seconds`. Files lie in the embedded S3's memory, so of those written here only the last are kept, as a lifecycle
rule of the bucket would. Sources: "Access logs for your Application Load Balancer" in ELB's user guide, and the parser of the control plane.
"""

import asyncio
import contextlib
import gzip
import hashlib
import logging
import re
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

from turnout.local.alb.events import BODY_LIMIT
from turnout.local.alb.model import FixedResponse, Forward, Group, Listener, LogPlace, Redirect, Rule, Target
from turnout.local.compute.answers import InvokeResult

log = logging.getLogger(__name__)

ADDRESS = "127.0.0.1"
AGENT_BYTES = 8192
FILE_BYTES = 4 * 1024 * 1024
"""As many bytes of lines make a file before its time."""
MOST_BYTES = 4 * FILE_BYTES
"""More lines than this do not wait to be written: AWS, too, logs as well as it can and promises nothing."""
KEPT_FILES = 50
CLIENT_LEFT = 460
NOT_MEASURED = "-1 -1 -1"
_ACTIONS = {Forward: "forward", Redirect: "redirect", FixedResponse: "fixed-response"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(slots=True)
class Entry:
    """What becomes known of a request on its way. `target_began` and `target_seconds`: when it was handed to the target (epoch) and how long that took."""

    listener: Listener
    request: str
    client: str
    trace: str
    created: float = field(default_factory=time.time)
    rule: Rule | None = None
    action: str = "-"
    redirect: str = "-"
    group: str = "-"
    target: str = "-"
    target_status: str = "-"
    target_began: float | None = None
    target_seconds: float | None = None
    error: str = "-"

    def matched(self, rule: Rule) -> None:
        self.rule = rule
        self.action = _ACTIONS.get(type(rule.action), "-")

    def chosen(self, group: Group, target: Target | None) -> None:
        """A Lambda function has no address, and a group may have no target."""
        self.group = group.arn
        if target is not None and not group.is_lambda:
            self.target = f"{ADDRESS if target.id.startswith('i-') else target.id}:{target.port}"

    def handed_over(self) -> None:
        self.target_began = time.time()

    def answered(self, status: int, seconds: float) -> None:
        self.target_status, self.target_seconds = str(status), seconds

    def failed(self, reason: str, seconds: float) -> None:
        """A function that was asked but gave no response; ELB measures that, too."""
        self.error, self.target_seconds = reason, seconds


ENTRY = web.RequestKey("access-log-entry", Entry)
"""Under this a request carries its entry."""


@dataclass(slots=True)
class Buffer:
    lines: list[bytes] = field(default_factory=list)
    size: int = 0
    dropped: int = 0


class AccessLog:
    """Belongs to one event loop. `places` says where each load balancer's log goes now; one that is not in it has none."""

    def __init__(self, *, account: str, region: str, period_seconds: float, places: Callable[[], Mapping[str, LogPlace]]) -> None:
        self._account, self._region = account, region
        self._period_seconds = period_seconds
        self._places = places
        self._buffers: dict[tuple[str, LogPlace], Buffer] = {}
        self._full = asyncio.Event()
        self._kept: deque[tuple[str, str, str | None]] = deque()

    def ended(self, listener: Listener, request: web.BaseRequest, response: web.StreamResponse) -> None:
        """The last that is heard of a request: its answer was sent, or nobody was left to take it."""
        place = self._places().get(listener.load_balancer)
        if place is None:
            return
        line = _line(request.get(ENTRY) or _malformed(listener, request), request, response).encode("utf-8", "surrogateescape") + b"\n"
        buffer = self._buffers.setdefault((listener.load_balancer, place), Buffer())
        if buffer.size + len(line) > MOST_BYTES:
            buffer.dropped += 1
            return
        buffer.lines.append(line)
        buffer.size += len(line)
        if buffer.size >= FILE_BYTES:
            self._full.set()

    async def write_for_ever(self) -> None:
        while True:
            now = time.time()
            ends = (now // self._period_seconds + 1) * self._period_seconds
            self._full.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), ends - now)
            await self.write(min(ends, time.time()))

    async def write(self, ended: float | None = None) -> None:
        """One file for each load balancer that has lines, of the interval up to `ended` (epoch seconds; now, if not given). Raises nothing."""
        buffers, self._buffers = self._buffers, {}
        at = datetime.fromtimestamp(time.time() if ended is None else ended, UTC)
        for (balancer, place), buffer in buffers.items():
            if buffer.dropped:
                log.warning("access_log.lines_dropped load_balancer=%s lines=%s: more than %s bytes waited", balancer, buffer.dropped, MOST_BYTES)
            try:
                await asyncio.to_thread(self._put, place.bucket, key_of(place.prefix, self._account, self._region, balancer, at), buffer.lines)
            except Exception as error:  # noqa: BLE001  # without its bucket a log is lost, as in AWS; requests are served all the same
                log.warning("access_log.not_written bucket=%s load_balancer=%s: %r", place.bucket, balancer, error)

    def _put(self, bucket: str, key: str, lines: list[bytes]) -> None:
        """Tells of the object as of any upload, and lets go of the oldest."""
        from moto.s3.exceptions import MissingBucket
        from moto.s3.models import s3_backends

        s3 = s3_backends[self._account]["aws"]
        made = s3.put_object(bucket, key, gzip.compress(b"".join(lines), 6))
        self._kept.append((bucket, key, made.version_id if s3.get_bucket(bucket).is_versioned else None))
        while len(self._kept) > KEPT_FILES:
            with contextlib.suppress(MissingBucket):
                s3.delete_object(*self._kept.popleft())


def key_of(prefix: str, account: str, region: str, balancer: str, ended: datetime) -> str:
    """`balancer` is `app/name/id`; several files of one interval differ in their last part."""
    name = f"{account}_elasticloadbalancing_{region}_{balancer.replace('/', '.')}_{ended:%Y%m%dT%H%MZ}_{ADDRESS}_{secrets.token_hex(4)}.log.gz"
    return f"{prefix + '/' if prefix else ''}AWSLogs/{account}/elasticloadbalancing/{region}/{ended:%Y/%m/%d}/{name}"


def entry(listener: Listener, request: web.BaseRequest, target: str, trace: str) -> Entry:
    """`target` is path and query as the client sent them. The URL names the listener's port, whatever the client called it."""
    host = re.sub(r":\d+$", "", request.headers.get("Host", "")) or ADDRESS
    version = f"HTTP/{request.version.major}.{request.version.minor}"
    return Entry(listener, f"{request.method} http://{host}:{listener.port}{target} {version}", _peer(request), trace)


def lambda_failure(result: InvokeResult) -> str:
    """Why an answer is no response, as one of ELB's error reason codes."""
    if result.status != 200:
        known = {403: "LambdaAccessDenied", 404: "LambdaResourceNotFound", 413: "LambdaRequestTooLarge", 429: "LambdaThrottling"}
        return known.get(result.status, "LambdaServiceException")
    if result.function_error:
        return "LambdaUnhandled"
    return "LambdaResponseTooLarge" if len(result.payload) > BODY_LIMIT else "LambdaInvalidResponse"


def _malformed(listener: Listener, request: web.BaseRequest) -> Entry:
    """What came was no request: there is neither method nor path."""
    return Entry(listener, f"- http://{ADDRESS}:{listener.port}- -", _peer(request), "-")


def _line(entry: Entry, request: web.BaseRequest, response: web.StreamResponse) -> str:
    """Sent bytes are 0 where the answer did not go out whole."""
    left = request.transport is None and not response.body_length
    priority = "-" if entry.rule is None else entry.rule.priority
    fields = (
        *("http", _moment(time.time()), entry.listener.load_balancer, entry.client, entry.target, _times(entry)),
        *(CLIENT_LEFT if left else response.status, entry.target_status, _received(request), response.body_length),
        *(_quoted(entry.request), _quoted(_agent(request)), "-", "-", entry.group, _quoted(entry.trace), '"-"', '"-"', priority),
        *(_moment(entry.created), _quoted(entry.action), _quoted(entry.redirect), _quoted(entry.error), _quoted(entry.target), _quoted(entry.target_status)),
        *('"-"', '"-"', f"TID_{_connection(entry)}", '"-"', '"-"', '"-"'),
    )
    return " ".join(str(each) for each in fields)


def _times(entry: Entry) -> str:
    """Until it was handed to the target, until that began to answer, until that began to be passed on, which here is at once."""
    if entry.target_began is None or entry.target_seconds is None:
        return NOT_MEASURED
    return f"{max(0.0, entry.target_began - entry.created):.3f} {entry.target_seconds:.3f} 0.000"


def _received(request: web.BaseRequest) -> int:
    """Bytes of request line, headers and what was read of the body."""
    first = len(request.method) + len(request.raw_path) + len(" HTTP/1.1\r\n") + 1
    return first + sum(len(name) + len(value) + 4 for name, value in request.raw_headers) + 2 + getattr(request.content, "total_bytes", 0)


def _agent(request: web.BaseRequest) -> str:
    return request.headers.get("User-Agent", "")[:AGENT_BYTES] or "-"


def _connection(entry: Entry) -> str:
    """The same for all requests of one connection."""
    return hashlib.blake2s(f"{entry.listener.arn} {entry.client}".encode(), digest_size=16).hexdigest()


def _quoted(text: str) -> str:
    """What would end the text or the line is escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _CONTROL.sub(lambda found: rf"\x{ord(found[0]):02x}", escaped) + '"'


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _peer(request: web.BaseRequest) -> str:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return f"{peer[0]}:{peer[1]}" if peer else "-"
