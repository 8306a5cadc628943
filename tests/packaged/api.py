"""Turnout's API over plain HTTP, as the gateway serves it."""

import json
import uuid
from dataclasses import dataclass, replace
from typing import Any

import urllib3


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any


@dataclass(frozen=True)
class Api:
    http: urllib3.PoolManager
    url: str
    token: str | None

    def named(self, token: str | None) -> "Api":
        return replace(self, token=token)

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        answer = self.http.request(method, self.url + path, body=None if body is None else json.dumps(body).encode(), headers=headers)
        return Answer(answer.status, json.loads(answer.data or b"null"))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """What was answered, which has to be what was asked for."""
        answer = self.ask(method, path, body)
        assert answer.status < 300, f"{method} {path}: {answer}"
        return answer.body
