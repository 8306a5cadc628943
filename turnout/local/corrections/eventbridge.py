"""S3 and EventBridge: events that look like AWS's, leave after the object is complete, and reach Lambda targets.

Plain moto sends every S3 event with the same `id` and `sequencer`, calls the
etag `eTag`, sends it before the object's metadata is set, delivers disabled
rules, raises NotImplementedError for a Lambda target, and never says that a
bucket tells EventBridge.
"""

import copy
import itertools
import re
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.events.models import Rule, events_backends
from moto.s3 import notifications
from moto.s3.responses import S3Response

from turnout.local.corrections.patches import Patches

Deliver = Callable[[str, dict[str, Any]], None]
"""Called with a Lambda ARN and the event; must return at once."""

_REASONS = {"Put": "PutObject", "Copy": "CopyObject", "Post": "POST Object"}
_Send = tuple[str, str, dict[str, Any]]
"""Account, region, event."""

_pending = threading.local()
_numbers = itertools.count(1)


def correct(patches: Patches, *, deliver: Deliver) -> None:
    patches.replace(notifications, "_send_event_bridge_message", lambda _: _send_later)
    patches.replace(S3Response, "key_response", _then_sending)
    patches.replace(S3Response, "bucket_response", _then_sending)
    patches.replace(S3Response, "get_bucket_notification", _saying_so)
    patches.replace(Rule, "send_to_targets", lambda original: _delivering(original, deliver))


# S3


def _then_sending(original: Any) -> Any:
    """An event leaves once the request is answered: until then the object lacks its metadata."""

    def respond(self: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(_pending, "sends", None) is not None:
            return original(self, *args, **kwargs)
        _pending.sends = []
        try:
            return original(self, *args, **kwargs)
        finally:
            sends, _pending.sends = _pending.sends, None
            for send in _one_for_each_object(sends):
                _send(*send)

    return respond


def _one_for_each_object(sends: list[_Send]) -> list[_Send]:
    """Moto tells a multipart upload twice, as a put and as what it is; what is told last counts."""
    last = {_what(event): place for place, (_, _, event) in enumerate(sends)}
    return [sends[place] for place in sorted(last.values())]


def _what(event: dict[str, Any]) -> tuple[str, str, str | None]:
    said = event["detail"]["object"]
    return event["detail-type"], said["key"], said.get("version-id")


def _send_later(account_id: str, bucket: Any, event_name: str, key: Any) -> None:
    event = _object_event(account_id, bucket, event_name, key)
    pending = getattr(_pending, "sends", None)
    if pending is None:
        _send(account_id, bucket.region_name, event)
    else:
        pending.append((account_id, bucket.region_name, event))


def _send(account_id: str, region: str, event: Any) -> None:
    for bus in list(events_backends[account_id][region].event_buses.values()):
        for rule in list(bus.rules.values()):
            rule.send_to_targets(event, transform_input=False)


def _object_event(account_id: str, bucket: Any, event_name: str, key: Any) -> dict[str, Any]:
    said = {"key": key.name, "size": key.size, "etag": key.etag.replace('"', ""), "sequencer": _sequencer()}
    if bucket.is_versioned:
        said["version-id"] = key.version_id
    action = event_name.rpartition(":")[2]
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": notifications._detail_type(event_name),  # noqa: SLF001  # one table of names is enough
        "source": "aws.s3",
        "account": account_id,
        "time": time.time(),
        "region": bucket.region_name,
        "resources": [bucket.arn],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket.name},
            "object": said,
            "request-id": uuid.uuid4().hex[:16].upper(),
            "requester": account_id,
            "source-ip-address": "127.0.0.1",
            "reason": _REASONS.get(action, action),
        },
    }


def _sequencer() -> str:
    """Later is greater, for one key and here for all."""
    return f"{time.time_ns():016X}{next(_numbers) % 0x10000:04X}"


def _saying_so(original: Any) -> Any:
    """A bucket's notifications are shown with the one to EventBridge."""

    def get_bucket_notification(self: Any) -> Any:
        status, headers, body = original(self)
        found = self.backend.get_bucket_notification_configuration(self.bucket_name)
        if found and found.event_bridge is not None:
            opened = re.sub(r"(<NotificationConfiguration[^>]*?)/>$", r"\1></NotificationConfiguration>", body)  # without any other it is one empty element
            body = opened.replace("</NotificationConfiguration>", "<EventBridgeConfiguration/></NotificationConfiguration>")
        return status, headers, body

    return get_bucket_notification


# EventBridge


def _delivering(original: Any, deliver: Deliver) -> Any:
    """Enabled rules that match deliver; what they deliver to a Lambda function is complete."""

    def send_to_targets(self: Any, event: dict[str, Any], transform_input: bool = True) -> None:
        if self.state != "ENABLED" or not self.event_pattern.get_pattern() or not self.event_pattern.matches_event(event):
            return
        others = [target for target in self.targets if ":lambda:" not in target["Arn"]]
        for target in self.targets:
            if target not in others:
                deliver(target["Arn"], _complete(event, self))
        if others:
            rest = copy.copy(self)
            rest.targets = others
            original(rest, event, transform_input)

    return send_to_targets


def _complete(event: dict[str, Any], rule: Any) -> dict[str, Any]:
    defaults = {"version": "0", "account": rule.account_id, "region": rule.region_name, "resources": []}
    return copy.deepcopy(defaults | event | {"time": _written(event.get("time"))})


def _written(at: Any) -> str:
    if isinstance(at, str) and "T" in at:
        return at
    moment = at if isinstance(at, datetime) else datetime.fromtimestamp(float(at or time.time()), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
