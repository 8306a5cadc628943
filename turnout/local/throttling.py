"""Refuses a share of the calls to the embedded AWS, as AWS does when an account asks too much.

A refusal is what the service itself would send: its code, its status, in the protocol the caller speaks. It comes before
anything was done. The n-th call of an operation is refused or not, whatever else is called beside it: with the same seed
every run refuses the same ones. What is counted is told at `COUNTS`, below a path that moto keeps for itself.
"""

import io
import json
import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from turnout.local.corrections.patches import Patches

log = logging.getLogger(__name__)

COUNTS = "/moto-api/throttling"
SEED = 20260101
CODES: Mapping[str, tuple[int, str, str]] = {
    "elasticloadbalancing": (400, "Throttling", "Throttling"),
    "dynamodb": (400, "ThrottlingException", "com.amazon.coral.availability#ThrottlingException"),
    "lambda": (429, "TooManyRequestsException", "TooManyRequestsException"),
    "monitoring": (400, "Throttling", "com.amazon.coral.availability#ThrottlingException"),
    "sqs": (400, "RequestThrottled", "com.amazonaws.sqs#RequestThrottled"),
}
"""By the name a service is signed with: the status, the code that a client reads, and its name in JSON."""
_QUERY_COMPATIBLE = frozenset({"monitoring", "sqs"})
"""In JSON today, with the code of their older protocol beside it."""
_XML = (
    '<ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error><Type>Sender</Type>'
    "<Code>{code}</Code><Message>Rate exceeded</Message></Error><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
)

Environ = dict[str, Any]
Respond = Callable[[str, list[tuple[str, str]]], object]


@dataclass
class Throttle:
    """`rate` is the share of calls that are refused. `calls` and `refused` count by service, then operation."""

    rate: float
    seed: int = SEED
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    _chances: dict[tuple[str, str], random.Random] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refuses(self, service: str, operation: str) -> bool:
        key = (service, operation)
        with self._lock:
            chance = self._chances.setdefault(key, random.Random(f"{self.seed}/{service}/{operation}"))  # noqa: S311  # the same in every run
            self.calls[key] += 1
            refused = chance.random() < self.rate
            self.refused[key] += refused
        return refused

    def counts(self) -> dict[str, dict[str, dict[str, int]]]:
        """`{"elasticloadbalancing": {"DescribeRules": {"calls": 400, "refused": 19}}}`"""
        told: dict[str, dict[str, dict[str, int]]] = {}
        with self._lock:
            for (service, operation), calls in sorted(self.calls.items()):
                told.setdefault(service, {})[operation] = {"calls": calls, "refused": self.refused[service, operation]}
        return told


@contextmanager
def throttled(rate: float, *, seed: int = SEED) -> Iterator[Throttle]:
    """From now on the embedded AWS of this process refuses this share; 0 refuses and counts nothing."""
    throttle = Throttle(rate, seed)
    with Patches() as patches:
        if rate:
            patches.replace(DomainDispatcherApplication, "__call__", lambda original: _refusing(original, throttle))
        yield throttle
    if rate:
        log.info("throttling.ended calls=%d refused=%d", throttle.calls.total(), throttle.refused.total())


def _refusing(original: Any, throttle: Throttle) -> Any:
    def call(self: Any, environ: Environ, start_response: Respond) -> Any:
        if environ["PATH_INFO"] == COUNTS:
            return _answered("200 OK", [("Content-Type", "application/json")], json.dumps(throttle.counts()), start_response)
        service = _service(environ)
        if service in CODES and throttle.refuses(service, _operation(environ, _body(environ))):
            return _refused(service, environ, start_response)
        return original(self, environ, start_response)

    return call


def _service(environ: Environ) -> str:
    """From the signature: `AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/SERVICE/aws4_request, …`"""
    parts = str(environ.get("HTTP_AUTHORIZATION", "")).partition(",")[0].split("/")
    return parts[3] if len(parts) == 5 else ""


def _body(environ: Environ) -> bytes:
    """Read, and put back for whoever answers: what is left unread would be taken for the connection's next request."""
    content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(content)
    return bytes(content)


def _operation(environ: Environ, body: bytes) -> str:
    """`DescribeRules`; of Lambda, which has paths for names, something like `PUT functions/aliases`."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rpartition(".")[2]
    if action := parse_qs(body.decode(errors="replace")).get("Action"):
        return action[0]
    return f"{environ['REQUEST_METHOD']} {'/'.join(environ['PATH_INFO'].split('/')[2::2])}"


def _refused(service: str, environ: Environ, start_response: Respond) -> list[bytes]:
    number, code, name = CODES[service]
    status = f"{number} {HTTPStatus(number).phrase}"
    if service == "lambda":
        told = {"Reason": "CallerRateLimitExceeded", "Type": "User", "message": "Rate exceeded"}
        return _answered(status, [("Content-Type", "application/json"), ("x-amzn-ErrorType", name)], json.dumps(told), start_response)
    if "HTTP_X_AMZ_TARGET" not in environ:
        return _answered(status, [("Content-Type", "text/xml")], _XML.format(code=code), start_response)
    headers = [("Content-Type", "application/x-amz-json-1.0")]
    if service in _QUERY_COMPATIBLE:
        headers.append(("x-amzn-query-error", f"{code};Sender"))
    return _answered(status, headers, json.dumps({"__type": name, "message": "Rate exceeded"}), start_response)


def _answered(status: str, headers: list[tuple[str, str]], body: str, start_response: Respond) -> list[bytes]:
    content = body.encode()
    start_response(status, [*headers, ("Content-Length", str(len(content)))])
    return [content]
