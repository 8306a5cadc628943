"""A hook that is an HTTPS URL, called so that it can lead nowhere it should not.

The host is resolved here, every address it has is checked, and the connection goes to the checked one, with the
host's name for TLS and in `Host`: what the name means a moment later does not matter. No redirect, no proxy, three
seconds to connect, five in all, 64 KB of answer.
"""

import json
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPException
from ssl import SSLContext
from time import monotonic
from urllib.parse import urlsplit

import urllib3

from chalicelib.errors import NotFound, Unavailable
from chalicelib.hooks import answering
from chalicelib.hooks.addresses import is_public
from chalicelib.hooks.model import HookAnswer
from chalicelib.services.definition import Hook

_TO_CONNECT, _IN_ALL = 3.0, 5.0
_HEADERS = {"User-Agent": "turnout-hook", "Accept": "application/json", "Content-Type": "application/json", "Connection": "close"}

Resolve = Callable[[str], tuple[str, ...]]
"""The addresses of a host. Raises `OSError` when it has none, `TimeoutError` when that takes too long."""


class _Refused(Exception):
    """The host has an address that is not the internet's."""


def resolved(host: str) -> tuple[str, ...]:
    """By the system's resolver, which knows no timeout of its own."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="resolve")
    found: Future[tuple[str, ...]] = pool.submit(lambda: tuple(str(entry[4][0]) for entry in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)))
    try:
        return found.result(timeout=_TO_CONNECT)
    finally:
        pool.shutdown(wait=False)


def _on_443(address: str) -> tuple[str, int]:
    return address, 443


class HttpsHooks:
    """`reached_at` says where a checked address is connected to, and `trust` whose certificates count: a test's server is on its own machine."""

    def __init__(self, resolve: Resolve = resolved, reached_at: Callable[[str], tuple[str, int]] = _on_443, trust: SSLContext | None = None) -> None:
        self._resolve = resolve
        self._reached_at = reached_at
        self._trust = trust

    def survey(self, hook: Hook) -> None:
        host = _host(hook)
        try:
            self._checked(host)
        except _Refused as refused:
            raise NotFound(str(refused)) from refused
        except TimeoutError as error:
            raise Unavailable(f"looking up {host}: no answer; try again later") from error
        except OSError as error:
            raise NotFound(f"{host} cannot be resolved: {error}") from error

    def call(self, hook: Hook, payload: dict[str, object]) -> HookAnswer:
        until = monotonic() + _IN_ALL
        try:
            address, port = self._reached_at(self._checked(_host(hook)))
            return self._asked(hook, json.dumps(payload).encode(), address, port, until)
        except (_Refused, urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError) as error:
            return answering.nothing(f"{type(error).__name__}: {error}" if not isinstance(error, _Refused) else str(error))

    def _checked(self, host: str) -> str:
        """The address to connect to. One that is not public spoils them all: who answers so is up to something."""
        addresses = self._resolve(host)
        if not addresses or not all(is_public(address) for address in addresses):
            raise _Refused(f"{host} does not resolve to public addresses only; a hook's URL must be reachable by everybody")
        return addresses[0]

    def _asked(self, hook: Hook, body: bytes, address: str, port: int, until: float) -> HookAnswer:
        host = _host(hook)
        left = until - monotonic()
        patience = urllib3.Timeout(connect=min(_TO_CONNECT, left), read=left, total=left)
        with urllib3.HTTPSConnectionPool(
            address, port, cert_reqs="CERT_REQUIRED", assert_hostname=host, server_hostname=host, ssl_context=self._trust, retries=False, timeout=patience
        ) as pool:
            response = pool.urlopen("POST", _path(hook), body=body, headers={**_HEADERS, "Host": host}, redirect=False, preload_content=False)
            try:
                if not 200 <= response.status < 300:
                    return answering.nothing(f"it answered {response.status}")
                raw = _read(response, until)
            finally:
                response.close()
        return answering.read(raw) if monotonic() < until else answering.nothing(f"no complete answer within {_IN_ALL:g} s")


def _read(response: urllib3.BaseHTTPResponse, until: float) -> bytes:
    """A little more than may be, so that too much shows; what trickles is given up when its time is over."""
    found = b""
    while len(found) <= answering.MOST_BYTES and monotonic() < until:
        piece = response.read1(answering.MOST_BYTES + 1 - len(found))
        if not piece:
            break
        found += piece
    return found


def _host(hook: Hook) -> str:
    return urlsplit(hook.https or "").hostname or ""


def _path(hook: Hook) -> str:
    parts = urlsplit(hook.https or "")
    return f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
