"""Clients for tests, and ways to make them fail without touching anything of ours."""

from functools import cache
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse

from chalicelib.aws.clients import Clients


@cache
def _session() -> boto3.Session:
    return boto3.Session()


def new_clients() -> Clients:
    """Clients of their own, from a session that has read botocore's large models before."""
    clients = Clients()
    clients._session = _session()
    return clients


class _Raw:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Any:
        yield self._content


def throttled(client: Any, operation: str, code: str = "Throttling", status: int = 400, *, json: bool = False) -> list[str]:
    """From now on AWS refuses this operation; the list grows with every attempt. `json` for the services that speak it."""
    attempts: list[str] = []
    content = f"<ErrorResponse><Error><Code>{code}</Code><Message>Rate exceeded</Message></Error></ErrorResponse>".encode()
    if json:
        content = f'{{"__type": "{code}", "message": "Rate exceeded"}}'.encode()

    def refuse(request: Any, **_: Any) -> AWSResponse:
        attempts.append(operation)
        return AWSResponse(request.url, status, {}, _Raw(content))

    client.meta.events.register_first(f"before-send.*.{operation}", refuse)
    return attempts
