"""The CloudWatch alarms that a service's checks name."""

from collections.abc import Iterator
from typing import Any

from turnout.cli.context import Json
from turnout.cli.doctor.findings import Finding, ok, problem, warning


def named(cloudwatch: Any, service: Json) -> Iterator[Finding]:
    """At most ten, so one call. One that is red now says nothing of a release that begins meanwhile, and so none would go on."""
    name, wanted = service["name"], service["definition"]["checks"]["alarms"]
    found = {}
    told = cloudwatch.describe_alarms(AlarmNames=sorted({_name(arn) for arn in wanted}), AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    for alarm in (*told.get("MetricAlarms", ()), *told.get("CompositeAlarms", ())):
        found[alarm["AlarmArn"]] = alarm
    for arn in wanted:
        if arn not in found:
            said = f"there is no alarm {_name(arn)} ({arn}), so no release is found healthy"
            yield problem(said, f"make it, or take it out: `turnout service put {name} FILE`")
        elif found[arn]["StateValue"] == "ALARM":
            said = f"alarm {_name(arn)} is red: {found[arn].get('StateReason', 'no reason given')}"
            yield problem(said, "see to what it tells of; until it is clear a release is held at its first step")
        elif found[arn]["StateValue"] == "INSUFFICIENT_DATA":
            yield warning(f"alarm {_name(arn)} has too little data to say anything", "choose how it treats missing data (notBreaching for counts of errors)")
    yield ok(f"{len(wanted)} alarms are there, and OK")


def _name(arn: str) -> str:
    return arn.split(":", 6)[6]
