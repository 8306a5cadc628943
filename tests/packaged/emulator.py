"""ministack as a process of its own: another AWS than the one the local stack is built on, written by others, which enforces IAM."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import urllib3
from botocore.config import Config

from tests.packaged.waiting import until

ACCOUNT, REGION = "123456789012", "eu-west-1"
_START = Path(__file__).with_name("ministack_corrected.py")
_OWNER = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
"""The credentials that may do everything there; functions have their roles'."""


@dataclass(frozen=True)
class Emulator:
    url: str
    folder: Path
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def certificate(self) -> Path:
        """It is its own authority. Encrypted, because the artifact bucket refuses everything else."""
        return self.folder / "ministack-tls" / "server.crt"

    @cached_property
    def http(self) -> urllib3.PoolManager:
        return urllib3.PoolManager(maxsize=16, retries=False, timeout=60, ca_certs=str(self.certificate))

    def client(self, service: str) -> Any:
        if service not in self._clients:
            keys = {name.lower(): value for name, value in _OWNER.items()}
            place = {"region_name": REGION, "endpoint_url": self.url, "verify": str(self.certificate)}
            config = Config(retries={"total_max_attempts": 1}, read_timeout=60)
            self._clients[service] = boto3.client(service, config=config, **place, **keys)  # type: ignore[call-overload]
        return self._clients[service]

    @property
    def environ(self) -> dict[str, str]:
        """For a command that is to find this AWS as it would find the real one."""
        trusted = {"AWS_CA_BUNDLE": str(self.certificate), "SSL_CERT_FILE": str(self.certificate)}
        return {**_OWNER, **trusted, "AWS_ENDPOINT_URL": self.url, "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION}

    @property
    def log(self) -> str:
        return (self.folder / "log.txt").read_text(errors="replace")


@contextmanager
def running(python: Path, folder: Path) -> Iterator[Emulator]:
    port = _free_port()
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), "STATE_DIR": str(folder / "state"), "S3_DATA_DIR": str(folder / "s3"),
        "AUTH": "true", "USE_SSL": "1", "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "MINISTACK_ACCOUNT_ID": ACCOUNT, "MINISTACK_REGION": REGION,
        # Functions are its children and have its environment: nothing of this machine but what they need to start.
        "PYTHONDONTWRITEBYTECODE": "1", "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen((str(python), str(_START)), cwd=folder, env=environ, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
    emulator = Emulator(f"https://127.0.0.1:{port}", folder)
    try:
        until("ministack answers", lambda: process.poll() is not None or _answers(emulator))
        assert process.poll() is None, emulator.log
        yield emulator
    finally:
        _end(process)


def _answers(emulator: Emulator) -> bool:
    try:
        return emulator.http.request("GET", f"{emulator.url}/_ministack/health", timeout=2).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """The workers of its functions too: they are in its process group, which is theirs alone."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + 5
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
    process.wait(10)
    if process.stdin:
        process.stdin.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
