"""A hook that is a real Lambda function, on a local stack as anybody starts it."""

import io
import json
import os
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3

from turnout.local.embedded import ROLE

ROOT = Path(__file__).resolve().parents[2]
APP = """
def handler(event, context):
    return {"statusCode": 200, "headers": {"Content-Type": "text/plain"}, "body": "hello"}
"""
HOOK = """
def handler(event, context):
    asked = event["state"].get("asked", 0)
    print(event["id"])
    if asked < 2:
        return {"status": "in_progress", "reason": "migrating", "state": {"asked": asked + 1}, "call_back_after_seconds": 1}
    return {"status": "succeeded", "reason": f"migrated before {event['weight']:g} %"}
"""


@dataclass(frozen=True)
class Stack:
    said: dict[str, Any]
    folder: Path
    http: urllib3.PoolManager

    def call(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self.said['token']}", "Content-Type": "application/json"}
        answer = self.http.request(method, self.said["api_url"].rstrip("/") + path, body=json.dumps(body) if body is not None else None, headers=headers)
        assert answer.status < 500, answer.data
        return json.loads(answer.data)

    def aws(self, service: str) -> Any:
        session: Any = boto3.Session("any", "any", region_name=self.said["region"])
        return session.client(service, endpoint_url=self.said["aws_endpoint_url"])

    def function(self, name: str, source: str) -> None:
        role = self.aws("iam").get_role(RoleName=ROLE)["Role"]["Arn"]
        self.aws("lambda").create_function(FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=role, Code={"ZipFile": a_zip(source)}, Timeout=5)

    def turnout(self, *words: str) -> str:
        return turnout(*words, cwd=self.folder, TURNOUT_URL=self.said["api_url"], TURNOUT_TOKEN=self.said["token"])


def turnout(*words: str, cwd: Path, **environ: str) -> str:
    command = (sys.executable, "-m", "turnout", *words)
    return subprocess.run(command, cwd=cwd, env=os.environ | {"PYTHONPATH": str(ROOT)} | environ, capture_output=True, text=True, check=True, timeout=120).stdout


def a_zip(source: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", source)
    return packed.getvalue()


def a_free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def until(question: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, "not so in time"
        time.sleep(0.2)
    return answer


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    said = json.loads(turnout("local", "up", "--detach", "--json", "--port", str(a_free_port()), cwd=folder))
    try:
        with urllib3.PoolManager(timeout=30, retries=False) as http:
            yield Stack(said, folder, http)
    finally:
        turnout("local", "down", cwd=folder)


def test_a_lambda_hook_is_asked_until_it_succeeds_before_each_weight(stack: Stack) -> None:
    stack.turnout("service", "create", "web", "--runtime", "lambda", "--handler", "app.handler")
    stack.function("turnout-hook-migrate", HOOK)
    definition = stack.call("GET", "/v1/services/web")["definition"] | {
        "rollout": {"steps": [{"weight": 50, "hold_seconds": 1}], "watch_seconds": 2},
        "hooks": [{"at": "before_shift", "lambda": "turnout-hook-migrate", "timeout_seconds": 60}],
        "checks": {"probe": {"every_seconds": 1}},
    }
    assert stack.call("PUT", "/v1/services/web", definition | {"hooks": [{"at": "before_shift", "lambda": "turnout-hook-nobody"}]})["errors"][0]["field"] == "hooks.0.lambda"
    assert stack.call("PUT", "/v1/services/web", definition)["definition"]["hooks"][0]["lambda"] == "turnout-hook-migrate"
    live(stack, "1.0.0")

    deployment = live(stack, "1.1.0")

    assert [(run["step"], run["answer"], run["asked"], run["reason"]) for run in deployment["hooks"]] == [
        (1, "succeeded", 3, "migrated before 50 %"),
        (2, "succeeded", 3, "migrated before 100 %"),
    ]
    events = stack.call("GET", f"/v1/services/web/deployments/{deployment['id']}/events?limit=100")["items"]
    moves = [event["kind"] for event in reversed(events) if event["kind"].startswith(("hook", "weights-asked"))]
    assert moves == ["hook-asked", "hook-succeeded", "weights-asked"] * 2


def live(stack: Stack, version: str) -> dict[str, Any]:
    """Uploaded, promoted and completed; the deployment as it is then."""
    stack.aws("s3").put_object(Bucket=stack.said["artifact_bucket"], Key=f"web/{version}/app.zip", Body=a_zip(APP + f"# {version}\n"))

    def found() -> dict[str, Any] | None:
        listed = stack.call("GET", "/v1/services/web/deployments")["items"]
        return next((one for one in listed if one["version"] == version), None)

    until(lambda: (one := found()) and one["phase"] == "staged")
    stack.call("POST", "/v1/services/web/promote", {"version": version})
    until(lambda: (one := found()) and one["phase"] == "completed")
    one = found()
    assert one is not None
    return one
