"""Requests, errors, response times and unhealthy targets as CloudWatch tells them for an Application Load Balancer's target groups, period by period.

Statistics: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html. CloudWatch keeps
response times in classes and not one by one, so a trimmed count is interpolated within the class its bound falls in and need not be
whole: counts of what is slow are good to about a tenth of the bound. Both groups are counted by the same bound, so that a comparison
of the two does not suffer.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import translated
from chalicelib.clock import Clock
from chalicelib.colors import Color
from chalicelib.errors import Unavailable
from chalicelib.health.model import Period, Tally
from chalicelib.health.periods import each_period, whole_periods
from chalicelib.health.signal import Subject, Timing
from chalicelib.services.definition import Traffic
from chalicelib.settings import Pace

NAMESPACE = "AWS/ApplicationELB"
REQUESTS = "RequestCount"
# Counts of the target group only: what the load balancer answers by itself cannot be told apart by colour.
ERRORS = ("HTTPCode_Target_5XX_Count", "TargetConnectionErrorCount", "LambdaUserError", "LambdaInternalError")
HOSTS_DOWN = "UnHealthyHostCount"
RESPONSE_TIME = "TargetResponseTime"

_Told = dict[str, dict[datetime, float]]
"""By the id of the query and the start of the period: only what CloudWatch has said."""


@dataclass(slots=True)
class _Answer:
    """What the pages of one answer say of one query."""

    status: str = ""
    values: dict[datetime, float] = field(default_factory=dict)

    def add(self, result: dict[str, Any]) -> None:
        """By time, never by place: the newest may come first. A number that is none (of points with a weight of 0) says nothing."""
        self.values.update((at, value) for at, value in zip(result["Timestamps"], result["Values"], strict=True) if math.isfinite(value))
        # `PartialData` is made good by a later page, an error is not.
        self.status = self.status if self.status in {"InternalError", "Forbidden"} else result["StatusCode"]


class AlbMetrics:
    """One GetMetricData for both groups: 12 queries, 16 or 18 with response times, of the 500 that it takes."""

    def __init__(self, clients: Clients, clock: Clock, pace: Pace) -> None:
        self._clients = clients
        self._clock = clock
        self._pace = pace

    def read(self, subject: Subject) -> tuple[Period, ...]:
        if subject.since is None or subject.until is None:
            raise ValueError("metrics are asked for between two moments")
        long = self._pace.metric_period
        between = whole_periods(subject.since, subject.until, self._clock.now(), period=long, delay=self._pace.metric_delay)
        if between is None:
            return ()
        told = self._told(queries(subject.traffic, subject.timing, long), *between)
        return tuple(Period(begin, {color: _tally(told, color, begin) for color in Color}) for begin in each_period(between, long))

    def _told(self, asked: list[dict[str, Any]], begin: datetime, end: datetime) -> _Told:
        """A result is only good when CloudWatch calls it complete."""
        answers = {query["Id"]: _Answer() for query in asked}
        with translated("reading the metrics of the target groups"):
            pages = self._clients.cloudwatch.get_paginator("get_metric_data").paginate(MetricDataQueries=asked, StartTime=begin, EndTime=end)
            for result in (result for page in pages for result in page["MetricDataResults"]):
                answers[result["Id"]].add(result)
        if unread := [f"{name} ({answer.status or 'nothing'})" for name, answer in sorted(answers.items()) if answer.status != "Complete"]:
            raise Unavailable(f"CloudWatch did not tell all of {', '.join(unread)}; try again later")
        return {name: answer.values for name, answer in answers.items()}


def queries(traffic: Traffic, timing: Timing | None, period: timedelta) -> list[dict[str, Any]]:
    return [
        {
            "Id": f"{color}_{name}",
            "MetricStat": {
                "Metric": {"Namespace": NAMESPACE, "MetricName": metric, "Dimensions": dimensions(traffic, color)},
                "Period": int(period.total_seconds()),
                "Stat": statistic,
            },
            "ReturnData": True,
        }
        for color in Color
        for name, metric, statistic in _asked(timing)
    ]


def _asked(timing: Timing | None) -> Iterator[tuple[str, str, str]]:
    """The name we give it, the metric, the statistic."""
    for name in (REQUESTS, *ERRORS):
        yield name, name, "Sum"
    # An average or a maximum would count a target that one node of the balancer found unhealthy for a moment.
    yield HOSTS_DOWN, HOSTS_DOWN, "Minimum"
    if timing is None:
        return
    yield "timed", RESPONSE_TIME, "SampleCount"
    if timing.over is None:
        yield "seconds", RESPONSE_TIME, f"p{plain(timing.percentile)}"
        return
    # Both sides of the bound: where all are on one side, CloudWatch may have nothing to say of the other.
    yield "within", RESPONSE_TIME, f"TC(:{plain(timing.over)})"
    yield "above", RESPONSE_TIME, f"TC({plain(timing.over)}:)"


def plain(number: float) -> str:
    """As a statistic's name takes it: digits and at most ten decimals. Python's own form of a small one has an exponent."""
    return f"{number:.10f}".rstrip("0").rstrip(".")


def dimensions(traffic: Traffic, color: Color) -> list[dict[str, str]]:
    """CloudWatch never aggregates: the exact set of dimensions or nothing."""
    return [
        {"Name": "LoadBalancer", "Value": traffic.load_balancer.partition(":loadbalancer/")[2]},
        {"Name": "TargetGroup", "Value": traffic.target_groups.of(color).rpartition(":")[2]},
    ]


def _tally(told: _Told, color: Color, begin: datetime) -> Tally:
    def value(name: str) -> float | None:
        return told.get(f"{color}_{name}", {}).get(begin)

    timed, slow = _slow(value("timed"), value("within"), value("above")) if f"{color}_within" in told else (round(value("timed") or 0), 0)
    return Tally(
        requests=round(value(REQUESTS) or 0),
        errors=sum(round(value(name) or 0) for name in ERRORS),
        timed=timed,
        slow=slow,
        hosts_down=round(value(HOSTS_DOWN) or 0),
        seconds=value("seconds"),
    )


def _slow(timed: float | None, within: float | None, above: float | None) -> tuple[int, int]:
    """How many have a response time, and how many of them are above the bound.

    The statistics of one period are calculated one by one and may differ by what came in between: never less than none, never more than all.
    Where neither side of the bound is told, no response time is known.
    """
    if within is None and above is None:
        return 0, 0
    whole = round(timed or 0)
    return whole, min(whole, max(0, round((timed or 0) - within if within is not None else above or 0)))
