"""CloudWatch: a store of metrics that answers GetMetricData as AWS does, at a bounded cost.

Plain moto looks at every point there is for every period of every query,
starts periods where the query starts, cares for the order of the dimensions'
values, ignores the namespace once there are dimensions, crashes on
percentiles and counts between bounds, and never forgets. GetMetricStatistics and ListMetrics see nothing here.
"""

import math
import re
from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend

from turnout.local.corrections.patches import Patches

KEPT = timedelta(hours=3)
"""As long as AWS keeps points of less than a minute."""
MOST_QUERIES = 500

# As AWS's own model of the service has them, of which the bounds in percent are left out: nothing here asks for them.
_NUMBER = r"\d+(?:\.\d{0,10})?(?:[Ee][+-]?\d+)?"
_PERCENTILE = re.compile(r"p(?P<percent>\d{1,2}(?:\.\d{0,10})?|100)")
_BETWEEN = re.compile(rf"(?P<of>TC|TS|TM|PR)\((?=:?\d)(?P<low>{_NUMBER})?:(?P<high>{_NUMBER})?\)")

_Series = tuple[str, str, frozenset[tuple[str, str]]]


@dataclass(frozen=True, slots=True, order=True)
class _Point:
    """`count` values that add up to `total`. `exact`: they are all the same, and so have percentiles."""

    at: float
    total: float
    low: float
    high: float
    count: float
    exact: bool
    unit: str


class _Metrics:
    def __init__(self) -> None:
        self._points: dict[_Series, list[_Point]] = {}
        self._lock = RLock()

    def put(self, series: _Series, points: Iterable[_Point]) -> None:
        with self._lock:
            kept = self._points.setdefault(series, [])
            for point in points:
                insort(kept, point)
            horizon = (datetime.now(UTC) - KEPT).timestamp()
            if kept and kept[0].at < horizon:
                del kept[: bisect_left(kept, horizon, key=lambda point: point.at)]

    def between(self, series: _Series, start: float, end: float) -> list[_Point]:
        with self._lock:
            kept = self._points.get(series, [])
            return kept[bisect_left(kept, start, key=lambda point: point.at) : bisect_left(kept, end, key=lambda point: point.at)]


def correct(patches: Patches, *, delay: timedelta) -> None:
    """Points can be read from `delay` after their time on, as AWS's own come late."""
    metrics = _Metrics()
    patches.replace(CloudWatchBackend, "put_metric_data", lambda _: _put_into(metrics))
    patches.replace(CloudWatchBackend, "get_metric_data", lambda _: _get_from(metrics, delay))


# Putting


def _put_into(metrics: _Metrics) -> Any:
    def put_metric_data(self: Any, namespace: str, metric_data: list[dict[str, Any]]) -> None:
        for number, metric in enumerate(metric_data, 1):
            self._validate_parameters_put_metric_data(metric, number)
        for metric in metric_data:
            metrics.put((namespace, metric["MetricName"], _dimensions(metric)), _points(metric))

    return put_metric_data


def _dimensions(metric: dict[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset((dimension["Name"], dimension["Value"]) for dimension in metric.get("Dimensions") or [])


def _points(metric: dict[str, Any]) -> list[_Point]:
    at, unit = _seconds(metric.get("Timestamp") or datetime.now(UTC)), metric.get("Unit") or "None"
    if metric.get("StatisticValues"):
        known = {name: float(value) for name, value in metric["StatisticValues"].items()}
        return [_Point(at, known["Sum"], known["Minimum"], known["Maximum"], known["SampleCount"], False, unit)]
    values = [float(value) for value in metric.get("Values") or [metric.get("Value") or 0]]
    counts = [float(count) for count in metric.get("Counts") or [1] * len(values)]
    return [_Point(at, value * count, value, value, count, True, unit) for value, count in zip(values, counts, strict=True)]


def _seconds(at: datetime | str | float) -> float:
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    if isinstance(at, datetime):
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return float(at)


# Getting


def _get_from(metrics: _Metrics, delay: timedelta) -> Any:
    def get_metric_data(_: Any, queries: list[dict[str, Any]], start_time: datetime, end_time: datetime, scan_by: str = "") -> list[dict[str, Any]]:
        start, end = _seconds(start_time), _seconds(end_time)
        if start >= end:
            raise ValidationError("The parameter EndTime must be greater than StartTime.")
        if len(queries) > MOST_QUERIES:
            raise ValidationError(f"The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}.")
        end = min(end, (datetime.now(UTC) - delay).timestamp()) if delay else end
        answers = [_answer(metrics, query, start, end, newest_first=scan_by != "TimestampAscending") for query in queries]
        return [answer for query, answer in zip(queries, answers, strict=True) if query.get("ReturnData", True)]

    return get_metric_data


def _answer(metrics: _Metrics, query: dict[str, Any], start: float, end: float, *, newest_first: bool) -> dict[str, Any]:
    if "MetricStat" not in query:
        raise ValidationError("The local stack has no metric math: ask for the metrics and calculate.")
    asked, metric = query["MetricStat"], query["MetricStat"]["Metric"]
    period = int(asked["Period"])
    points = metrics.between((metric["Namespace"], metric["MetricName"], _dimensions(metric)), start // period * period, end)
    found = _by_period([point for point in points if asked.get("Unit") in (None, point.unit)], period)
    values = [(at, value) for at, group in sorted(found.items(), reverse=newest_first) if (value := statistic(asked["Stat"], group)) is not None]
    return {
        "id": query["Id"],
        "label": query.get("Label") or metric["MetricName"],
        "timestamps": [datetime.fromtimestamp(at, UTC).replace(tzinfo=None) for at, _ in values],
        "values": [value for _, value in values],
        "status_code": "Complete",
    }


def _by_period(points: list[_Point], period: int) -> dict[float, list[_Point]]:
    """Periods begin at multiples of their length, wherever the query begins."""
    found: dict[float, list[_Point]] = {}
    for point in points:
        found.setdefault(point.at // period * period, []).append(point)
    return found


def statistic(name: str, points: list[_Point]) -> float | None:
    """None where there is nothing to say, as for a percentile of values that were summed up before they were sent."""
    match name:
        case "Sum":
            return math.fsum(point.total for point in points)
        case "SampleCount":
            return math.fsum(point.count for point in points)
        case "Average":
            return math.fsum(point.total for point in points) / math.fsum(point.count for point in points)
        case "Minimum":
            return min(point.low for point in points)
        case "Maximum":
            return max(point.high for point in points)
    return _of_values(name, points)


def _of_values(name: str, points: list[_Point]) -> float | None:
    """What needs the values one by one."""
    if found := _BETWEEN.fullmatch(name):
        return _between(found["of"], float(found["low"] or "-inf"), float(found["high"] or "inf"), points)
    if not (found := _PERCENTILE.fullmatch(name)):
        raise ValidationError(f"The local stack does not know the statistic {name}.")
    return _percentile(float(found["percent"]) / 100, points)


def _percentile(share: float, points: list[_Point]) -> float | None:
    """The smallest value that at least this share of all values does not exceed."""
    if not all(point.exact for point in points):
        return None
    rank, seen = math.ceil(share * math.fsum(point.count for point in points) - 1e-9), 0.0
    for point in sorted(points, key=lambda point: point.low):
        seen += point.count
        if seen >= rank:
            return point.low
    return None


def _between(of: str, low: float, high: float, points: list[_Point]) -> float | None:
    """Of the values above the one bound and up to the other: their number, their sum, their mean, or their part of all in percent."""
    if not all(point.exact for point in points):
        return None
    inside = [point for point in points if low < point.low <= high]
    count, total = math.fsum(point.count for point in inside), math.fsum(point.total for point in inside)
    match of:
        case "TC":
            return count
        case "TS":
            return total
        case "PR":
            return 100 * count / whole if (whole := math.fsum(point.count for point in points)) else None
    return total / count if count else None
