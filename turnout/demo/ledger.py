"""The example application with a database, under writes while it is cut over: what its customers were answered, and what its database kept."""

import io
import itertools
import json
import sqlite3
import threading
import time
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import urllib3

from turnout.demo.stack import Stack, until

NAME = "ledger"
LIMIT_SECONDS, WATCH_SECONDS = 15, 2
BY_PARAMETER = {"read_only": "parameter", "parameter": f"/turnout/{NAME}/read-only", "limit_seconds": LIMIT_SECONDS, "drain_seconds": 2}
_SOURCES = Path(__file__).resolve().parents[2] / "examples" / "ledger_app"
_ROLLOUT = {"strategy": "all-at-once", "steps": [], "watch_seconds": WATCH_SECONDS, "deadline_seconds": 60}
_CHECKS = {"probe": {"path": "/", "every_seconds": 1, "timeout_seconds": 5, "failures": 5}}


def artifact(marker: str) -> bytes:
    """The application, its switch and its hook in one zip; another marker makes another release."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for file in sorted(_SOURCES.glob("*.py")):
            archive.writestr(zipfile.ZipInfo(file.name), f"{file.read_text()}\n# {marker}\n")
    return raw.getvalue()


class Ledger:
    """The service; both its colours write into `database`."""

    def __init__(self, stack: Stack, database: Path, cutover: Mapping[str, Any] = BY_PARAMETER, **definition: Any) -> None:
        self._stack, self.database = stack, database.absolute()
        made = stack.create_service(NAME, "app.handler")
        self._call("PUT", "", {**made["definition"], "rollout": _ROLLOUT, "checks": _CHECKS, "cutover": dict(cutover), **definition})
        self._call("POST", "/config", {"set": {"LEDGER_DATABASE": str(self.database), "LEDGER_SWITCH": cutover.get("parameter", "")}, "unset": []})
        self.url: str = made["production_url"]

    def now(self) -> dict[str, Any]:
        now: dict[str, Any] = self._call("GET", "")
        return now

    def upload(self, version: str) -> None:
        self._stack.upload(f"{NAME}/{version}/{NAME}.zip", artifact(version))

    def promote(self, version: str) -> None:
        """As soon as it is staged."""
        until(f"{version} is staged", lambda: (self.now()["deployment"] or {}).get("phase") == "staged", seconds=60)
        self._call("POST", "/promote", {"version": version, "reason": "demo"})

    def has_settled_on(self, version: str) -> bool:
        now = self.now()
        return bool(now["live"] and now["live"]["version"] == version and now["deployment"] is None)

    def deployment(self, version: str) -> dict[str, Any]:
        """The newest one of this version."""
        found: dict[str, Any] = next(one for one in self._call("GET", "/deployments")["items"] if one["version"] == version)
        return found

    def events(self, id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", f"/deployments/{id}/events?limit=100")["items"]
        return found

    def rows(self) -> list["Row"]:
        with closing(sqlite3.connect(self.database)) as connection:
            return [Row(*row) for row in connection.execute("SELECT id, side, written_at FROM rows ORDER BY written_at")]

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._stack.call(method, f"/v1/services/{NAME}{path}", body)


@dataclass(frozen=True, slots=True)
class Row:
    """What the database kept, the side that wrote it, and when."""

    id: str
    side: str
    written_at: float


@dataclass(frozen=True, slots=True)
class Write:
    """What a customer was answered; `asked_at` and `answered_at` are of the monotonic clock. `status` is None when there was no answer."""

    row: str
    asked_at: float
    answered_at: float
    status: int | None
    retry_after: str | None = None
    side: str | None = None


class Writers:
    """A context: customers who write one row after another and go on whatever the answer."""

    def __init__(self, url: str, *, count: int = 4) -> None:
        self._url, self.answers = url, list[Write]()
        self._numbers, self._stop = itertools.count(), threading.Event()
        self._threads = [threading.Thread(target=self._write, name=f"writer-{number}", daemon=True) for number in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(10)

    def taken(self, *, since: float = 0.0) -> list[Write]:
        return [one for one in self.answers.copy() if one.status == 201 and one.asked_at >= since]

    def _write(self) -> None:
        with urllib3.PoolManager(timeout=10, retries=False) as http:
            while not self._stop.wait(0.05):
                self.answers.append(_written(http, self._url, f"row-{next(self._numbers)}"))


def _written(http: urllib3.PoolManager, url: str, row: str) -> Write:
    asked_at = time.monotonic()
    try:
        answer = http.request("POST", f"{url}/rows", body=json.dumps({"id": row}), headers={"Content-Type": "application/json"})
    except urllib3.exceptions.HTTPError:
        return Write(row, asked_at, time.monotonic(), None)
    return Write(row, asked_at, time.monotonic(), answer.status, answer.headers.get("Retry-After"), answer.headers.get("X-Side"))


@dataclass(frozen=True, slots=True)
class Finding:
    """`between` is from the last write on the old side to the first on the new one, `read_only` from the first refusal to the last; seconds.

    `lost` were answered 201 and are not in the database by the side that answered; `odd` is neither 201 nor a 503 that says when to come again.
    """

    taken: int
    refused: int
    lost: int
    odd: int
    unasked: int
    between: float
    read_only: float

    @property
    def is_clean(self) -> bool:
        """Every write that was answered is kept, by the side that answered it, no other is, and the sides did not write in turns."""
        return not (self.lost or self.odd or self.unasked) and self.refused > 0 and self.between > 0 and self.read_only < LIMIT_SECONDS


def found(answers: Sequence[Write], rows: Sequence[Row], old: str) -> Finding:
    """`old` is the side that was live before."""
    answered, kept = {(one.row, one.side) for one in answers if one.status == 201}, {(row.id, row.side) for row in rows}
    refused = [one for one in answers if one.status == 503 and one.retry_after]
    before, after = [row.written_at for row in rows if row.side == old], [row.written_at for row in rows if row.side != old]
    return Finding(
        taken=len(answered),
        refused=len(refused),
        lost=len(answered - kept),
        odd=sum(one.status != 201 for one in answers) - len(refused),
        unasked=len(kept - answered),
        between=min(after) - max(before) if before and after else 0.0,
        read_only=max(one.answered_at for one in refused) - min(one.asked_at for one in refused) if refused else 0.0,
    )
