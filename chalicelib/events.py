"""What AWS's events say, in our words. Events are hints: none is trusted for more than where to look."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib import log
from chalicelib.errors import Unreadable


def object_of(detail: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """Bucket, key (as it is, not URL-encoded) and object version of an S3 "Object Created" event."""
    return detail["bucket"]["name"], detail["object"]["key"], detail["object"].get("version-id")


def tag_of(detail: Mapping[str, Any]) -> tuple[str, str]:
    """Repository and tag of an "ECR Image Action" event. Parts of an image for several platforms are pushed without a tag: then it is empty."""
    return detail["repository-name"], detail.get("image-tag") or ""


def each_changed(event: Mapping[str, Any], send: Callable[[list[str]], None]) -> dict[str, object]:
    """Send the services whose records a batch of the table's stream changed, each once; answer which changes could not be sent, so that those come again."""
    changes = [record["dynamodb"] for record in event["Records"]]
    service_by_number = {change["SequenceNumber"]: name for change in changes if (name := _service_of(change["Keys"]))}
    services = list(dict.fromkeys(service_by_number.values()))
    try:
        send(services)
    except Exception:  # noqa: BLE001 - the edge: the stream gives the batch again from its first failure on, a few times, then tells of it; the tick repairs what is missed
        log.event("changes.failed", level=logging.ERROR, services=services)
        return {"batchItemFailures": [{"itemIdentifier": number} for number in service_by_number]}
    return {"batchItemFailures": []}


def each_service(event: Mapping[str, Any], work: Callable[[str], None]) -> dict[str, object]:
    """Do the work for every message `{"service": name}`; answer which messages failed, so that only those come again."""
    failed = []
    for record in event["Records"]:
        try:
            work(json.loads(record["body"])["service"])
        except Unreadable as problem:  # it comes again, as another version may be at work meanwhile; the queue tells when none is
            log.event("service.left_alone", level=logging.WARNING, body=record["body"], reason=problem.detail)
            failed.append({"itemIdentifier": record["messageId"]})
        except Exception:  # noqa: BLE001 - the edge: one broken service must not stop the others; the queue tells when it keeps failing
            log.event("message.failed", level=logging.ERROR, body=record["body"])
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _service_of(key: Mapping[str, Any]) -> str | None:
    partition, sort = key["pk"]["S"], key["sk"]["S"]
    return partition.removeprefix("service#") if partition.startswith("service#") and sort == "state" else None
