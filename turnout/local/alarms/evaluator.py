"""Looks at every alarm of the embedded CloudWatch again and again.

What an alarm's datapoints say is written where it differs from what they said before, and once in every period: a state that somebody
set by hand lasts no longer than that. A composite alarm follows when one of those in its rule changes.
"""

import json
import logging
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from turnout.local.alarms import evaluating, rules
from turnout.local.alarms.evaluating import Condition

log = logging.getLogger(__name__)

_under_way: set[str] = set()
"""Composite alarms that are being evaluated: rules that name each other in a circle end there."""


class Evaluator:
    """Begins with the first alarm."""

    def __init__(self, every: timedelta) -> None:
        self._every = every.total_seconds()
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread:
            self._thread.join(5)

    def _run(self) -> None:
        while not self._stopping.wait(self._every):
            for backend in _backends():
                evaluate(backend, datetime.now(UTC))


def evaluate(backend: Any, now: datetime) -> None:
    """Every metric alarm of moto's backend, once."""
    for alarm in list(backend.alarms.values()):
        try:
            if alarm.rule is None:
                _evaluate(backend, alarm, now)
        except Exception:  # whatever one alarm asks for that the local stack has not, the others are looked at
            if alarm.evaluated is None:
                log.exception("alarm.not_evaluated alarm=%s", alarm.name)
            alarm.evaluated = ("", 0)


def evaluate_composites(backend: Any, because: str) -> None:
    """Those whose rule names this alarm: `because` is its name."""
    for alarm in list(backend.alarms.values()):
        if alarm.rule is not None and because in alarm.rule:
            evaluate_composite(backend, alarm)


def evaluate_composite(backend: Any, alarm: Any) -> None:
    if alarm.alarm_arn in _under_way:
        return

    def state_of(name: str) -> str | None:
        found = backend.alarms.get(name.split(":", 6)[6] if name.startswith("arn:") else name)
        return found.state_value if found else None

    value = evaluating.ALARM if rules.parsed(alarm.rule)(state_of) else evaluating.OK
    if value != alarm.state_value:
        _under_way.add(alarm.alarm_arn)
        try:
            alarm.update_state(f"{alarm.alarm_arn}: its rule is {'true' if value == evaluating.ALARM else 'false'}", "{}", value)
        finally:
            _under_way.discard(alarm.alarm_arn)


def _evaluate(backend: Any, alarm: Any, now: datetime) -> None:
    query = _query(alarm)
    condition = _condition(alarm)
    if query is None or condition.operator not in evaluating.OPERATORS:
        return  # it stays as it was made, and can be set
    period = int(query["MetricStat"]["Period"])
    points = _points(backend, query, condition.periods + evaluating.FURTHER, period, now)
    value = evaluating.state(condition, points)
    told = (value or "", int(now.timestamp()) // period)
    if told == alarm.evaluated:
        return
    alarm.evaluated = told
    if value and value != alarm.state_value:
        data = json.dumps({"version": "1.0", "recentDatapoints": [point for point in points if point is not None], "threshold": condition.threshold})
        alarm.update_state(evaluating.said(condition, points), data, value)


def _condition(alarm: Any) -> Condition:
    periods = int(alarm.evaluation_periods or 1)
    return Condition(
        alarm.comparison_operator, float(alarm.threshold or 0), periods, int(alarm.datapoints_to_alarm or periods), alarm.treat_missing_data or "missing",
    )  # fmt: skip


def _query(alarm: Any) -> dict[str, Any] | None:
    """Its one metric. None: it watches an expression, or several."""
    if not alarm.metric_data_queries:
        metric = {"Namespace": alarm.namespace, "MetricName": alarm.metric_name, "Dimensions": _dimensions(alarm.dimensions)}
        return _asked(metric, alarm.period, alarm.extended_statistic or alarm.statistic, alarm.unit)
    [first, *further] = alarm.metric_data_queries
    stat = first.metric_stat
    if further or stat is None:
        return None
    metric = {"Namespace": stat.metric.namespace, "MetricName": stat.metric.metric_name, "Dimensions": _dimensions(stat.metric.dimensions)}
    return _asked(metric, stat.period, stat.stat, stat.unit)


def _asked(metric: dict[str, Any], period: Any, stat: str, unit: str | None) -> dict[str, Any]:
    return {"Id": "m1", "MetricStat": {"Metric": metric, "Period": int(period), "Stat": stat} | ({"Unit": unit} if unit else {})}


def _dimensions(dimensions: Iterable[Any]) -> list[dict[str, Any]]:
    return [{"Name": each.name, "Value": each.value} for each in dimensions]


def _points(backend: Any, query: dict[str, Any], number: int, period: int, now: datetime) -> list[float | None]:
    """Of the last whole periods, oldest first."""
    end = datetime.fromtimestamp(int(now.timestamp()) // period * period, UTC)
    begin = end - number * timedelta(seconds=period)
    [answer] = backend.get_metric_data([query], begin, end)
    found = {at.replace(tzinfo=UTC): value for at, value in zip(answer["timestamps"], answer["values"], strict=True)}
    return [found.get(begin + place * timedelta(seconds=period)) for place in range(number)]


def _backends() -> Iterator[Any]:
    from moto.cloudwatch.models import cloudwatch_backends

    for of_account in list(cloudwatch_backends.values()):
        yield from list(of_account.values())
