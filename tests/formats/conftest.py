"""What every test here plays with: records as they lie in the ledger, in memory and in an embedded DynamoDB."""

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.ledger.dynamodb import DynamoLedger
from chalicelib.ledger.items import table_definition
from chalicelib.ledger.port import Ledger
from tests.formats import keeping
from tests.quiet import quiet  # noqa: F401 - a fixture for all of them

Keeping = Callable[[dict[str, Any]], Ledger]

RECORDS = Path(__file__).parent / "records"
_numbers = count()


def record(format: int, name: str) -> dict[str, Any]:
    return json.loads((RECORDS / f"format-{format}" / f"{name}.json").read_text())


def names(format: int) -> list[str]:
    return sorted(file.stem for file in RECORDS.glob(f"format-{format}/*.json"))


@pytest.fixture(scope="module")
def embedded_aws() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("dynamodb")


@pytest.fixture
def in_dynamodb(embedded_aws) -> Keeping:
    """Makes a ledger that holds what a record holds."""
    return _in_dynamodb(embedded_aws)


def _in_dynamodb(client: Any) -> Keeping:
    def keep(found: dict[str, Any]) -> Ledger:
        table = f"formats-{next(_numbers)}"
        client.create_table(**table_definition(table))
        for item in keeping.stored(found):
            client.put_item(TableName=table, Item=item)
        return DynamoLedger(table, sleep=lambda _: None)

    return keep
