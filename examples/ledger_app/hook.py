"""The hook of a team that keeps its switch in its database: Turnout tells it until when, or that it is over, and asks again until it says yes.

A Lambda function whose name begins with `turnout-hook-`, with LEDGER_DATABASE as the application has it, and in the definition
{"cutover": {"read_only": "hook"}, "hooks": [{"at": "read_only", "lambda": "turnout-hook-ledger"}]}
"""

import os
import sqlite3
from contextlib import closing
from typing import Any

from switch import TOLD


def handler(event: dict[str, Any], _context: object) -> dict[str, str]:
    """Yes is a promise: from now on the application refuses writes until that moment, and takes them again by its own clock."""
    until = event["read_only_until"]
    with closing(sqlite3.connect(os.environ["LEDGER_DATABASE"], timeout=5, isolation_level=None)) as database:
        database.execute(TOLD)
        database.execute("INSERT INTO told VALUES (?, ?)", (event["id"], until))
    return {"status": "succeeded", "reason": f"read-only until {until}" if until else "writable"}
