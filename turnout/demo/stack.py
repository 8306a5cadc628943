"""A local stack of the demo's own, used as anybody would use it: the `turnout` command, the REST API, boto3."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import boto3
import urllib3
from botocore.config import Config

T = TypeVar("T")

_AGAIN = urllib3.Retry(
    total=4, connect=0, read=0, status_forcelist=[503], allowed_methods=None, backoff_factor=0.2, respect_retry_after_header=False, raise_on_status=False
)
_TURNOUT = str(Path(sys.executable).with_name("turnout"))


class Stopped(Exception):
    """The play cannot go on: something did not answer as the contract says."""


@dataclass(frozen=True)
class Stack:
    folder: Path
    api_url: str
    token: str
    aws_endpoint_url: str
    region: str
    artifact_bucket: str
    http: urllib3.PoolManager
    repeated: list[str] = field(default_factory=list)
    """The calls that were answered 503 and sent again, as the `turnout` command does it: with the same idempotency key."""

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """What the API answered; raises `Stopped` for anything that is not 2xx."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        content = None if body is None else json.dumps(body).encode()
        try:
            answer = self.http.request(method, self.api_url.rstrip("/") + path, body=content, headers=headers, retries=_AGAIN)
        except urllib3.exceptions.HTTPError as failed:
            raise Stopped(f"{method} {path} was not answered: {failed}") from failed
        self.repeated.extend(f"{method} {path}" for _ in (answer.retries.history if answer.retries else ()))
        if answer.status >= 300:
            raise Stopped(f"{method} {path} answered {answer.status}: {answer.data.decode()[:500]}")
        return json.loads(answer.data) if answer.data else None

    def aws(self, service: str, *, attempts: int = 5) -> Any:
        session: Any = boto3.Session("demo", "demo", region_name=self.region)  # typed per service, which `service` is not
        return session.client(service, endpoint_url=self.aws_endpoint_url, config=Config(retries={"total_max_attempts": attempts}))

    def upload(self, key: str, content: bytes) -> None:
        self.aws("s3").put_object(Bucket=self.artifact_bucket, Key=key, Body=content, Metadata={"commit": "0" * 40})

    def turnout(self, *arguments: str) -> str:
        """What the command printed, as this stack's administrator."""
        return _turnout(*arguments, cwd=self.folder, environ={"TURNOUT_URL": self.api_url, "TURNOUT_TOKEN": self.token})

    def create_service(self, name: str, handler: str) -> dict[str, Any]:
        self.turnout("service", "create", name, "--runtime", "lambda", "--handler", handler)
        made: dict[str, Any] = self.call("GET", f"/v1/services/{name}")
        return made


@contextmanager
def running(folder: Path, starting: Callable[[], AbstractContextManager[object]], *options: str) -> Iterator[Stack]:
    """A local stack in `folder`, on a port of its own, with more options for `local up`; stopped whatever happens, a second Ctrl-C included."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with starting():
            said = json.loads(_turnout("local", "up", "--detach", "--json", "--port", str(_free_port()), *options, cwd=folder))
        names = ("api_url", "token", "aws_endpoint_url", "region", "artifact_bucket")
        with urllib3.PoolManager(maxsize=4, timeout=30, retries=False) as http:
            yield Stack(folder, **{name: said[name] for name in names}, http=http)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _turnout("local", "down", cwd=folder)


def until(what: str, question: Callable[[], T | None], *, seconds: float) -> T:
    """The first answer that is neither None nor False."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := question():
            return found
        time.sleep(0.1)
    raise Stopped(f"{what}: not within {seconds:.0f} s")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _turnout(*arguments: str, cwd: Path | None = None, environ: dict[str, str] | None = None) -> str:
    done = subprocess.run((_TURNOUT, *arguments), cwd=cwd, env={**os.environ, **(environ or {})}, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise Stopped(f"turnout {' '.join(arguments)} ended with {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout
