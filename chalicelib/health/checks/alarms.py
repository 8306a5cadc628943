"""CloudWatch alarms that the definition names, as they stand.

| what is seen                                          | answer       |
|-------------------------------------------------------|--------------|
| none are named                                        | not asked    |
| `OK`, with traffic or without                         | healthy      |
| in alarm since after the candidate's first weight     | unhealthy    |
| already red: in alarm since before it                 | inconclusive |
| insufficient data (often: no traffic)                 | inconclusive; after an extension targets and probes decide (`when_quiet`) |
| there is no such alarm, unreadable                    | inconclusive |
"""

from datetime import datetime

from chalicelib.health.evidence import Evidence
from chalicelib.health.model import Alarm, AlarmState, Check, Outcome
from chalicelib.services.definition import Checks


def check(evidence: Evidence, checks: Checks, now: datetime) -> Check | None:  # noqa: ARG001 - every check's
    if not checks.alarms:
        return None
    alarms = evidence.alarms
    if alarms is None:
        return Check("alarms", Outcome.INCONCLUSIVE, "the alarms cannot be read")
    numbers = {state.value.lower(): float(sum(alarm.state is state for alarm in alarms)) for state in AlarmState}
    if turned := [alarm for alarm in alarms if alarm.state is AlarmState.ALARM and _is_of_this(alarm, evidence)]:
        return Check("alarms", Outcome.UNHEALTHY, "; ".join(f"alarm {_name(one)} turned red: {one.reason or 'no reason given'}" for one in turned), numbers)
    return _not_turned(alarms, evidence, checks, numbers)


def _not_turned(alarms: tuple[Alarm, ...], evidence: Evidence, checks: Checks, numbers: dict[str, float]) -> Check:
    if red := [alarm for alarm in alarms if alarm.state is AlarmState.ALARM]:
        return Check("alarms", Outcome.INCONCLUSIVE, f"{_names(red)} was red before the first weight, so it says nothing about the candidate", numbers)
    if missing := [alarm for alarm in alarms if alarm.state is AlarmState.MISSING]:
        return Check("alarms", Outcome.INCONCLUSIVE, f"there is no alarm {_names(missing)}", numbers)
    if silent := [alarm for alarm in alarms if alarm.state is AlarmState.INSUFFICIENT_DATA]:
        if evidence.extended and checks.when_quiet == "probe":
            said = f"{_names(silent)} has too little data, after an extension too; targets and probes decide"
            return Check("alarms", Outcome.HEALTHY, said, numbers, effective=len(silent) < len(alarms))
        return Check("alarms", Outcome.INCONCLUSIVE, f"{_names(silent)} has too little data", numbers)
    return Check("alarms", Outcome.HEALTHY, f"{len(alarms)} of {len(alarms)} alarms are OK", numbers)


def _is_of_this(alarm: Alarm, evidence: Evidence) -> bool:
    """Whether it turned red under the candidate's traffic."""
    return alarm.since is not None and evidence.weighted_since is not None and alarm.since >= evidence.weighted_since


def _names(alarms: list[Alarm]) -> str:
    return ", ".join(_name(alarm) for alarm in alarms)


def _name(alarm: Alarm) -> str:
    return alarm.arn.partition(":alarm:")[2] or alarm.arn
