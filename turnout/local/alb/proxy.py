"""Hands a request to an ip or instance target and its answer back, both as streams."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from turnout.local.alb.events import HOP_BY_HOP

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 60.0
BUFFERED_BODY = 1024 * 1024
INSTANCES_ARE_HERE = "127.0.0.1"

AddressOf = Callable[[str, int], tuple[str, int]]
"""Host and port at which a target can be reached, from its id and port."""


class NoAnswer(Exception):
    """`status` is what the client gets; `connected` tells a target that could not be reached from one that broke off."""

    def __init__(self, status: int, *, connected: bool) -> None:
        super().__init__(status)
        self.status = status
        self.connected = connected


@dataclass(frozen=True, slots=True)
class Onward:
    """What goes to the target, which is at `address`; `cookies` are added to what comes back."""

    address: tuple[str, int]
    path_and_query: str
    headers: Sequence[tuple[str, str]]
    cookies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """`seconds` until the target began to answer."""

    response: web.StreamResponse
    status: int
    seconds: float


def address_of(target_id: str, port: int) -> tuple[str, int]:
    """An instance that nobody knows better is on this machine, too."""
    return INSTANCES_ARE_HERE if target_id.startswith("i-") else target_id, port


def session() -> aiohttp.ClientSession:
    """Keeps connections to targets open, decodes nothing. A kept one that turns out closed is tried again, for idempotent methods only."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=IDLE_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
    )


async def forward(client: aiohttp.ClientSession, request: web.BaseRequest, onward: Onward) -> Answered:
    """Raises `NoAnswer` while the client can still be told. What breaks later cuts the client off: a short answer must not look complete."""
    host, port = onward.address
    url = URL(f"http://{host}:{port}{onward.path_and_query}", encoded=True)
    sent = CIMultiDict([(name, value) for name, value in onward.headers if name.lower() not in HOP_BY_HOP])
    began = time.perf_counter()
    try:
        body = await _body(request)
        answer = await client.request(request.method, url, headers=sent, data=body, allow_redirects=False)
    except (aiohttp.ConnectionTimeoutError, aiohttp.SocketTimeoutError) as error:
        raise NoAnswer(504, connected=isinstance(error, aiohttp.SocketTimeoutError)) from error
    except aiohttp.ClientConnectorError as error:
        raise NoAnswer(502, connected=False) from error
    except aiohttp.ClientError as error:
        raise NoAnswer(502, connected=True) from error
    seconds = time.perf_counter() - began
    async with answer:
        return Answered(await _pass_on(request, answer, onward.cookies), answer.status, seconds)


async def _body(request: web.BaseRequest) -> bytes | aiohttp.StreamReader | None:
    """A small body is read first, so that it can be sent twice; a large one, or one of unknown length, streams."""
    if not request.body_exists:
        return None
    if request.content_length is not None and request.content_length <= BUFFERED_BODY:
        return await request.content.read() if request.content_length else b""
    return request.content


async def _pass_on(request: web.BaseRequest, answer: aiohttp.ClientResponse, cookies: tuple[str, ...]) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, reason=answer.reason)
    for name, value in answer.headers.items():
        if name.lower() not in HOP_BY_HOP:
            response.headers.add(name, value)
    for cookie in cookies:
        response.headers.add("Set-Cookie", cookie)
    try:
        await response.prepare(request)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
    except (TimeoutError, aiohttp.ClientError):
        if request.transport is not None:
            request.transport.abort()
    return response
