"""From the datapoints of a metric to the state of its alarm, as CloudWatch documents it ("Configuring how CloudWatch alarms treat missing data").

More periods are looked at than are evaluated. Where enough of them have a datapoint, the newest ones count and gaps between them do not;
where there are too few, the gaps are filled in as the alarm says, up to the number of evaluation periods.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import ge, gt, le, lt

FURTHER = 2
"""Periods that are looked at beyond those that are evaluated. CloudWatch's own number depends on the period and is not told; its examples have two."""
OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": ge, "GreaterThanThreshold": gt, "LessThanThreshold": lt, "LessThanOrEqualToThreshold": le,
}  # fmt: skip
"""The others compare with a band of expected values, which there is none of here."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`periods` are evaluated and `to_alarm` of them must breach; `missing` is `missing`, `ignore`, `breaching` or `notBreaching`."""

    operator: str
    threshold: float
    periods: int
    to_alarm: int
    missing: str = "missing"

    def breaches(self, value: float) -> bool:
        return OPERATORS[self.operator](value, self.threshold)


def state(condition: Condition, points: Sequence[float | None]) -> str | None:
    """Oldest first, one for each period that is looked at, None where there is no datapoint. None: it stays as it is."""
    there = [condition.breaches(point) for point in points if point is not None]
    gaps = condition.periods - len(there)
    if gaps <= 0:
        return ALARM if sum(there[-condition.periods :]) >= condition.to_alarm else OK
    if condition.missing in {"breaching", "notBreaching"}:
        return ALARM if sum(there) + gaps * (condition.missing == "breaching") >= condition.to_alarm else OK
    if not there:
        return INSUFFICIENT if condition.missing == "missing" else None
    if not all(there):
        return ALARM if sum(there) >= condition.to_alarm else OK
    return _all_breach(condition, points, len(there))


def _all_breach(condition: Condition, points: Sequence[float | None], number: int) -> str | None:
    """There is nothing but breaches, in too few periods. Once the oldest is old enough, gaps behind it make no difference, unless they are ignored."""
    age = next(len(points) - place for place, point in enumerate(points) if point is not None)
    if number >= condition.to_alarm or (condition.missing == "missing" and age >= condition.to_alarm):
        return ALARM
    return None


def said(condition: Condition, points: Sequence[float | None]) -> str:
    """The reason of a state in a sentence."""
    there = [point for point in points if point is not None][-condition.periods :]
    if not there:
        return f"no datapoint in {len(points)} periods; those are taken as {condition.missing}"
    breaching = sum(condition.breaches(point) for point in there)
    shown = ", ".join(f"{point:g}" for point in there)
    return f"Threshold Crossed: {breaching} of the last {len(there)} datapoints [{shown}] are {condition.operator} ({condition.threshold:g})."
