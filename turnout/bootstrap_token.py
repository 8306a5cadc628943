"""The first administrator: the one token that cannot be asked for over the API, because nobody has one yet.

It is written straight into the ledger with AWS credentials that may do so,
like any other token: hashed, expiring, in the audit chain.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from turnout.cli.exits import Failure


def bootstrap(*, table: str, name: str, seconds: int, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The token as the API would show it. AWS credentials and region come from where boto3 looks for them."""
    from botocore.exceptions import BotoCoreError, ClientError
    from pynamodb.exceptions import PynamoDBException

    from chalicelib.access.model import SYSTEM, Role
    from chalicelib.bootstrap import build
    from chalicelib.errors import Problem

    by = replace(SYSTEM, name="bootstrap")
    try:
        tokens = build(_settings(table, environ)).tokens
        token, text = tokens.create(name=name, role=Role.ADMIN, services="*", lasting=timedelta(seconds=seconds), by=by)
    except (Problem, PynamoDBException, BotoCoreError, ClientError) as error:
        hint = "check the AWS credentials, the region and the table's name"
        raise Failure(f"no token could be written to table {table!r} ({error}); {hint}", slug="bootstrap-failed") from error
    return {
        "id": token.id,
        "token": text,
        "name": token.name,
        "role": str(token.role),
        "services": token.services,
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at.isoformat(),
    }


def _settings(table: str, environ: Mapping[str, str]) -> Any:
    """Only the table is needed to write a token: what stands for the rest is never used."""
    from chalicelib.settings import Settings

    unused = dict.fromkeys(("TURNOUT_ARTIFACT_BUCKET", "TURNOUT_DUE_QUEUE_URL", "TURNOUT_PROBE_QUEUE_URL"), "unused")
    return Settings.from_environ({**unused, **environ, "TURNOUT_TABLE": table})
