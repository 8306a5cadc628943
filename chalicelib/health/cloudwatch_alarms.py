"""CloudWatch alarms as they stand, metric alarms and composite ones."""

from collections.abc import Iterator
from typing import Any

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import translated
from chalicelib.health.model import Alarm, AlarmState
from chalicelib.health.signal import Subject

MOST_NAMES = 100
"""That one call takes."""
_TYPES = ["MetricAlarm", "CompositeAlarm"]
"""Those that are not named are not told: left out, only metric alarms are."""


class CloudWatchAlarms:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def read(self, subject: Subject) -> tuple[Alarm, ...]:
        """One try for every call, 2 s. Asked by name and known by ARN: one of another region or account is told as missing."""
        with translated("reading the alarms"):
            found = {alarm.arn: alarm for alarm in self._described(sorted({_name(arn) for arn in subject.alarms}))}
        return tuple(found.get(arn, Alarm(arn, AlarmState.MISSING, None)) for arn in subject.alarms)

    def _described(self, names: list[str]) -> Iterator[Alarm]:
        pages = self._clients.cloudwatch.get_paginator("describe_alarms")
        for start in range(0, len(names), MOST_NAMES):
            for page in pages.paginate(AlarmNames=names[start : start + MOST_NAMES], AlarmTypes=_TYPES):
                yield from (_alarm(each) for kind in ("MetricAlarms", "CompositeAlarms") for each in page.get(kind, ()))


def _alarm(described: dict[str, Any]) -> Alarm:
    since = described.get("StateTransitionedTimestamp") or described.get("StateUpdatedTimestamp")
    return Alarm(described["AlarmArn"], AlarmState(described["StateValue"]), since, described.get("StateReason", ""))


def _name(arn: str) -> str:
    """A name may have colons in it."""
    return arn.split(":", 6)[6]
