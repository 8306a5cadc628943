"""One HTTP request, asked as a stranger would: a new connection, no proxy, no redirect, no patience."""

from datetime import timedelta
from http.client import HTTPException
from time import monotonic

import urllib3

from chalicelib.health.signal import Answer

MOST_BODY_BYTES = 64 * 1024
_HEADERS = {"User-Agent": "turnout-probe", "Accept": "*/*", "Connection": "close"}


class HttpUrlProbe:
    def ask(self, method: str, url: str, *, header: str, timeout: timedelta) -> Answer:
        began = monotonic()
        try:
            # A pool of its own: a kept connection may still lead to where the previous request went.
            with urllib3.PoolManager(num_pools=1, headers=_HEADERS) as pool:
                response = pool.request(method, url, timeout=urllib3.Timeout(total=timeout.total_seconds()), retries=False, preload_content=False)
                try:
                    body = _body(response, until=began + timeout.total_seconds())
                finally:
                    response.close()
        except (urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError) as error:
            return Answer(None, None, "", _since(began), error=f"{type(error).__name__}: {error}")
        if _since(began) > timeout:
            return Answer(None, None, "", _since(began), error=f"no complete answer within {timeout.total_seconds():g} s")
        told = response.headers
        return Answer(response.status, told.get(header), body, _since(began), kind=told.get("Content-Type", ""), location=told.get("Location", ""))


def _body(response: urllib3.BaseHTTPResponse, until: float) -> str:
    """At most `MOST_BODY_BYTES`; an answer that trickles is given up when its time is over."""
    found = b""
    while len(found) < MOST_BODY_BYTES and monotonic() < until:
        piece = response.read1(MOST_BODY_BYTES - len(found))
        if not piece:
            break
        found += piece
    return found[:MOST_BODY_BYTES].decode("utf-8", errors="replace")


def _since(began: float) -> timedelta:
    return timedelta(seconds=monotonic() - began)
