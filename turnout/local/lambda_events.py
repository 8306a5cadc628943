"""Events in the form in which Lambda hands them to a function."""

import uuid
from datetime import UTC, datetime
from typing import Any

from turnout.local.addresses import ACCOUNT, REGION


def scheduled_event(name: str) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/turnout-local-{name}"],
        "detail": {},
    }


def queue_record(url: str, message: dict[str, Any]) -> dict[str, Any]:
    """A message as an SQS event source hands it to a function."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}",
        "awsRegion": REGION,
    }


def stream_record(record: dict[str, Any], table: str) -> dict[str, Any]:
    """A record of a table's stream, which moto keeps with a time that is no JSON."""
    change = record["dynamodb"]
    at = change["ApproximateCreationDateTime"].timestamp()
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}/stream/local"
    return record | {"eventSourceARN": arn, "dynamodb": change | {"ApproximateCreationDateTime": at}}
