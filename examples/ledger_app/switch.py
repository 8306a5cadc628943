"""The application's side of a read-only cutover: it reads a moment, and enforces it by its own clock.

There is no bare "on" that somebody would have to switch off again: whatever becomes of Turnout, writes go on at that moment.
"""

import json
import sqlite3
import time
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

EVERY = 0.5
"""Seconds for which what was read counts. A cutover's `drain_seconds` must be longer."""
TOLD = "CREATE TABLE IF NOT EXISTS told (id TEXT NOT NULL, read_only_until TEXT)"
"""What a hook was told, one row each time; the last one counts."""


class Parameter:
    """A parameter of Systems Manager, which Turnout writes."""

    def __init__(self, parameter: str) -> None:
        self._parameter = parameter
        self._ssm: Any = boto3.client("ssm", config=Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1}))
        self._until: datetime | None = None
        self._read_at = float("-inf")

    def is_read_only(self) -> bool:
        """Reads the parameter at most every half second. What cannot be read stays as it was: it ends by itself."""
        if time.monotonic() - self._read_at >= EVERY:
            self._look()
        return self._until is not None and datetime.now(UTC) < self._until

    def _look(self) -> None:
        began = time.monotonic()
        try:
            said = json.loads(self._ssm.get_parameter(Name=self._parameter)["Parameter"]["Value"])
        except self._ssm.exceptions.ParameterNotFound:
            said = {}
        except (BotoCoreError, ClientError):
            return
        self._until = datetime.fromisoformat(said["read_only_until"]) if said.get("read_only_until") else None
        self._read_at = began


class InDatabase:
    """What the team's own hook wrote beside the rows. A look costs nothing there, so every write takes one."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._database.execute(TOLD)

    def is_read_only(self) -> bool:
        last = self._database.execute("SELECT read_only_until FROM told ORDER BY rowid DESC LIMIT 1").fetchone()
        return last is not None and last[0] is not None and datetime.now(UTC) < datetime.fromisoformat(last[0])
