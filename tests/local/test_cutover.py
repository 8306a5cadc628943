"""A read-only cutover of an application with a real database, under writes: what its customers and its database saw."""

import io
import itertools
import json
import sqlite3
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import pytest
import urllib3

from turnout.demo.stack import Stack, running, until

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "examples" / "ledger_app"
SWITCH = "/turnout/ledger/read-only"
LIMIT, WATCH = 15, 3
DEFINITION = {
    "rollout": {"strategy": "all-at-once", "steps": [], "watch_seconds": WATCH, "deadline_seconds": 60},
    "checks": {"probe": {"path": "/", "every_seconds": 1, "timeout_seconds": 5, "failures": 5}},
    "cutover": {"read_only": "parameter", "parameter": SWITCH, "limit_seconds": LIMIT, "drain_seconds": 2},
}


@dataclass(frozen=True)
class Write:
    row: str
    asked_at: float
    answered_at: float
    status: int | None
    retry_after: str | None
    side: str | None


@dataclass
class Writers:
    """Customers who write one row after another and go on whatever the answer."""

    url: str
    count: int = 4
    answers: list[Write] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._write, daemon=True) for _ in range(self.count)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(10)

    def _write(self) -> None:
        with urllib3.PoolManager(timeout=10, retries=False) as http:
            while not self._stop.is_set():
                row, asked_at = f"row-{next(self._numbers)}", time.monotonic()
                try:
                    answer = http.request("POST", f"{self.url}/rows", body=json.dumps({"id": row}), headers={"Content-Type": "application/json"})
                    found = Write(row, asked_at, time.monotonic(), answer.status, answer.headers.get("Retry-After"), answer.headers.get("X-Side"))
                except urllib3.exceptions.HTTPError:
                    found = Write(row, asked_at, time.monotonic(), None, None, None)
                self.answers.append(found)
                time.sleep(0.05)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with running(tmp_path, nullcontext) as made:
        yield made


def zipped(marker: str) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for file in sorted(SOURCES.glob("*.py")):
            archive.writestr(file.name, f"{file.read_text()}\n# {marker}\n")
    return raw.getvalue()


def now(stack: Stack) -> dict[str, Any]:
    picture: dict[str, Any] = stack.call("GET", "/v1/services/ledger")
    return picture


def is_live(stack: Stack, version: str) -> bool:
    live = now(stack)["live"]
    return bool(live and live["version"] == version)


def brought(stack: Stack, version: str) -> None:
    """Uploaded, staged and promoted."""
    stack.upload(f"ledger/{version}/ledger.zip", zipped(version))
    until(f"{version} is staged", lambda: (now(stack)["deployment"] or {}).get("phase") == "staged", seconds=60)
    stack.call("POST", "/v1/services/ledger/promote", {"version": version})


def watched_for(stack: Stack, version: str) -> float:
    """From the whole traffic to the end, in seconds."""
    deployment = next(one for one in stack.call("GET", "/v1/services/ledger/deployments")["items"] if one["version"] == version)
    events = stack.call("GET", f"/v1/services/ledger/deployments/{deployment['id']}/events?limit=100")["items"]
    at = {event["kind"]: datetime.fromisoformat(event["at"]) for event in events}
    assert "completed" in at, [(event["kind"], event["message"]) for event in events]
    assert deployment["confirmation"]["confirmed"], deployment["confirmation"]
    return (at["completed"] - at["watching"]).total_seconds()


def rows(database: Path) -> list[tuple[str, str, float]]:
    with sqlite3.connect(database) as connection:
        return connection.execute("SELECT id, side, written_at FROM rows ORDER BY written_at").fetchall()


def test_no_write_is_lost_and_none_is_taken_by_both_sides(stack: Stack, tmp_path: Path) -> None:
    database = tmp_path / "ledger.db"
    made = stack.create_service("ledger", "app.handler")
    stack.call("PUT", "/v1/services/ledger", {**made["definition"], **DEFINITION})
    stack.call("POST", "/v1/services/ledger/config", {"set": {"LEDGER_DATABASE": str(database), "LEDGER_SWITCH": SWITCH}, "unset": []})
    brought(stack, "1.0.0")
    until("1.0.0 has completed", lambda: is_live(stack, "1.0.0") and now(stack)["deployment"] is None, seconds=60)
    old = now(stack)["live"]["color"]

    with Writers(made["production_url"]) as writers:
        until("there are rows", lambda: len(writers.answers) > 20, seconds=30)
        brought(stack, "2.0.0")
        until("it is shown as read-only", lambda: now(stack)["read_only"], seconds=30)
        until("2.0.0 is live and writable", lambda: is_live(stack, "2.0.0") and not now(stack)["read_only"], seconds=60)
        after = time.monotonic()
        until("2.0.0 takes writes", lambda: any(one.status == 201 and one.asked_at > after for one in writers.answers), seconds=30)

        until("2.0.0 has completed", lambda: now(stack)["deployment"] is None, seconds=30)
        assert watched_for(stack, "2.0.0") < WATCH + 10, "it is over within ten seconds of the end of its watch"

    kept = rows(database)
    taken = [one for one in writers.answers if one.status == 201]
    refused = [one for one in writers.answers if one.status == 503]
    assert {one.row for one in taken} == {row for row, _, _ in kept}, "every write that was answered is in the database, and no other"
    assert {one.status for one in writers.answers} == {201, 503}
    assert refused
    assert all(one.retry_after == "1" for one in refused)
    last_old = max(at for _, side, at in kept if side == old)
    first_new = min(at for _, side, at in kept if side != old)
    assert last_old < first_new, "from the first write on the new side there is none on the old one"
    seconds = max(one.answered_at for one in refused) - min(one.asked_at for one in refused)
    print(f"{len(taken)} writes kept, {len(refused)} refused in {seconds:.1f} s of read-only (limit {LIMIT} s), {first_new - last_old:.1f} s between the sides")
    assert seconds < LIMIT
