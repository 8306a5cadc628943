"""Requests and errors as CloudWatch counts them for an Application Load Balancer's target groups."""

from datetime import datetime
from typing import Any

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import translated
from chalicelib.clock import Clock
from chalicelib.colors import Color
from chalicelib.errors import Unavailable
from chalicelib.health.model import Counts
from chalicelib.health.periods import whole_periods
from chalicelib.services.definition import Traffic
from chalicelib.settings import Pace

NAMESPACE = "AWS/ApplicationELB"
REQUESTS = "RequestCount"
# Counts of the target group only: what the load balancer answers by itself cannot be told apart by colour.
ERRORS = ("HTTPCode_Target_5XX_Count", "TargetConnectionErrorCount", "LambdaUserError", "LambdaInternalError")


class AlbMetrics:
    def __init__(self, clients: Clients, clock: Clock, pace: Pace) -> None:
        self._clients = clients
        self._clock = clock
        self._pace = pace

    def counts(self, traffic: Traffic, since: datetime, until: datetime) -> dict[Color, Counts]:
        periods = whole_periods(since, until, self._clock.now(), period=self._pace.metric_period, delay=self._pace.metric_delay)
        if periods is None:
            raise Unavailable("no metric period is complete yet; ask again in a while")
        sums = self._sums(self._queries(traffic), *periods)
        return {
            color: Counts(requests=sums[_id(color, REQUESTS)], errors=sum(sums[_id(color, name)] for name in ERRORS))
            for color in Color
        }  # fmt: skip

    def _queries(self, traffic: Traffic) -> list[dict[str, Any]]:
        return [
            {
                "Id": _id(color, name),
                "MetricStat": {
                    "Metric": {"Namespace": NAMESPACE, "MetricName": name, "Dimensions": dimensions(traffic, color)},
                    "Period": int(self._pace.metric_period.total_seconds()),
                    "Stat": "Sum",
                },
                "ReturnData": True,
            }
            for color in Color
            for name in (REQUESTS, *ERRORS)
        ]

    def _sums(self, queries: list[dict[str, Any]], begin: datetime, end: datetime) -> dict[str, int]:
        """The sum of each query over all pages. A result is only good when CloudWatch calls it complete."""
        sums: dict[str, float] = {query["Id"]: 0.0 for query in queries}
        status: dict[str, str] = {}
        with translated("reading the metrics of the target groups"):
            pages = self._clients.cloudwatch.get_paginator("get_metric_data").paginate(MetricDataQueries=queries, StartTime=begin, EndTime=end)
            for result in (result for page in pages for result in page["MetricDataResults"]):
                sums[result["Id"]] += sum(result["Values"])
                status[result["Id"]] = _worse(status.get(result["Id"], ""), result["StatusCode"])
        if unread := sorted(query for query in sums if status.get(query) != "Complete"):
            raise Unavailable(f"CloudWatch did not tell all of {', '.join(f'{query} ({status.get(query)})' for query in unread)}; try again later")
        return {query: round(value) for query, value in sums.items()}


def dimensions(traffic: Traffic, color: Color) -> list[dict[str, str]]:
    """CloudWatch never aggregates: the exact set of dimensions or nothing."""
    return [
        {"Name": "LoadBalancer", "Value": traffic.load_balancer.partition(":loadbalancer/")[2]},
        {"Name": "TargetGroup", "Value": traffic.target_groups.of(color).rpartition(":")[2]},
    ]


def _id(color: Color, name: str) -> str:
    return f"{color}_{name}"


def _worse(before: str, after: str) -> str:
    """`PartialData` is made good by a later page, an error is not."""
    return before if before in {"InternalError", "Forbidden"} else after
