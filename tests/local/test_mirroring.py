"""Mirrored traffic on a running stack: what users ask of production is asked of the candidate too, before anybody is sent to it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import urllib3

from tests.local.stage import zipped
from turnout.demo.stack import Stack, running, until

ROOT = Path(__file__).resolve().parents[2]
NAME = "shop"
ROLLOUT = {"strategy": "all-at-once", "steps": [], "promotion": "manual", "watch_seconds": 1, "deadline_seconds": 120}
CHECKS = {"probe": {"every_seconds": 1, "timeout_seconds": 2, "failures": 5}, "shadow": {"enabled": True, "share": 1, "per_second": 50, "paths": ["/products/*"]}}
HANDLER = """
import time

def handler(event, context):
    page = {"path": event["path"], "price": PRICE, "served_at": time.time(), "cookie": event["headers"].get("cookie", "")}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": __import__("json").dumps(page)}
"""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with running(tmp_path, nullcontext) as made:
        yield made


@contextmanager
def users(url: str) -> Iterator[None]:
    """Somebody, logged in, looks at one product after the other and buys some."""
    over = Event()

    def ask() -> None:
        with urllib3.PoolManager(timeout=5, retries=False) as http:
            for number in count():
                if over.wait(0.05):
                    return
                http.request("POST" if number % 5 == 4 else "GET", f"{url}/products/{number}", headers={"cookie": "session=secret"})

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        try:
            yield
        finally:
            over.set()
            asking.result()


def phase(stack: Stack, version: str) -> Callable[[], str | None]:
    def told() -> str | None:
        listed = stack.call("GET", f"/v1/services/{NAME}/deployments")["items"]
        return next((str(one["phase"]) for one in listed if one["version"] == version), None)

    return told


def upload(stack: Stack, version: str, price: str) -> None:
    stack.upload(f"{NAME}/{version}/app.zip", zipped({"app.py": f"PRICE = {price}\n{HANDLER}", "version": version}))


def test_a_candidate_is_compared_with_what_is_live_by_what_users_ask(stack: Stack) -> None:
    """Each answer says when it was given, in which live differs from itself; the cookies of users are never repeated."""
    made = stack.create_service(NAME, "app.handler")
    stack.call("PUT", f"/v1/services/{NAME}", {**made["definition"], "rollout": ROLLOUT, "checks": CHECKS})
    upload(stack, "1.0.0", "5")
    until("1.0.0 is staged", lambda: phase(stack, "1.0.0")() == "staged", seconds=60)
    stack.call("POST", f"/v1/services/{NAME}/promote", {"version": "1.0.0"})
    until("1.0.0 has completed", lambda: phase(stack, "1.0.0")() == "completed", seconds=60)

    with users(made["production_url"]):
        upload(stack, "1.1.0", "5")
        until("1.1.0 is staged", lambda: phase(stack, "1.1.0")() == "staged", seconds=90)
        upload(stack, "1.2.0", "6")
        until("1.2.0 has failed", lambda: phase(stack, "1.2.0")() == "failed", seconds=90)

    good, bad = (shadow(stack, version) for version in ("1.1.0", "1.2.0"))
    assert (good["compared_with"], good["differing"], good["errors"]) == ("1.0.0", 0, 0), good
    assert good["compared"] >= 20, good
    assert bad["differing"] == bad["compared"] >= 3, bad
    assert {one["what"] for one in bad["examples"]}, bad
    assert all(one["path"].startswith("/products/") for one in bad["examples"]), bad
    [failed] = [one for one in stack.call("GET", f"/v1/services/{NAME}/deployments")["items"] if one["version"] == "1.2.0"]
    assert "requests of production are answered otherwise than live answers them" in failed["reason"], failed["reason"]
    print(good, bad, failed["reason"], sep="\n")


def shadow(stack: Stack, version: str) -> dict[str, Any]:
    told: dict[str, Any] = stack.call("GET", f"/v1/services/{NAME}/releases/{version}")["shadow"]
    return told
