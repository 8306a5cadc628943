"""An application with a database that both colours share, and a cutover in which no write is lost.

    GET  /        is it there
    GET  /rows    how many rows there are
    POST /rows    {"id": "…"}: 201 once the row is written, 503 with Retry-After while it is read-only

turnout service create ledger --runtime lambda --handler app.handler
turnout config set ledger LEDGER_DATABASE=/srv/ledger.db LEDGER_SWITCH=/turnout/ledger/read-only

and in the definition: {"cutover": {"read_only": "parameter", "parameter": "/turnout/ledger/read-only"}}
Without LEDGER_SWITCH the switch is in the database, where `hook.py` sets it.
"""

import json
import os
import sqlite3
import time
from typing import Any

from switch import InDatabase, Parameter

database = sqlite3.connect(os.environ["LEDGER_DATABASE"], timeout=5, isolation_level=None)
database.execute("PRAGMA journal_mode = WAL")
database.execute("CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY, side TEXT NOT NULL, written_at REAL NOT NULL)")
switch = Parameter(os.environ["LEDGER_SWITCH"]) if os.environ.get("LEDGER_SWITCH") else InDatabase(database)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    match event["httpMethod"], event["path"]:
        case "POST", "/rows":
            return write(json.loads(event["body"])["id"])
        case "GET", "/rows":
            return answer(200, rows=database.execute("SELECT count(*) FROM rows").fetchone()[0])
        case "GET", "/":
            return answer(200)
    return answer(404)


def write(row: str) -> dict[str, Any]:
    if switch.is_read_only():
        return answer(503, {"Retry-After": "1"}, reason="read-only for a moment")
    database.execute("INSERT INTO rows VALUES (?, ?, ?)", (row, os.environ["TURNOUT_COLOR"], time.time()))
    return answer(201, id=row)


def answer(status: int, headers: dict[str, str] | None = None, **body: object) -> dict[str, Any]:
    """Names its release and its side, so that Turnout and the customers know who answered."""
    named = {"Content-Type": "application/json", "X-Release": os.environ["TURNOUT_VERSION"], "X-Side": os.environ["TURNOUT_COLOR"]}
    return {"statusCode": status, "headers": named | (headers or {}), "body": json.dumps(body)}
