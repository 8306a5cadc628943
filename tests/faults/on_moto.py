"""The ledger of production on an embedded DynamoDB, for a sample of the plans."""

import os
from itertools import count

import boto3
from moto import mock_aws

from chalicelib.ledger.dynamodb import DynamoLedger
from chalicelib.ledger.items import table_definition

_names = count()
_REGION = "eu-west-1"


def begun() -> None:
    """From now on this process has an AWS of its own."""
    os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", AWS_DEFAULT_REGION=_REGION)
    mock_aws().start()


def a_ledger() -> DynamoLedger:
    name = f"ledger-{next(_names)}"
    boto3.client("dynamodb", region_name=_REGION).create_table(**table_definition(name))
    return DynamoLedger(name, sleep=lambda _: None)
