"""Counts what the balancer does and writes it to CloudWatch as ALB does: one point a period, stamped at its start, only where there is something to say."""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from turnout.local.alb.model import Group

log = logging.getLogger(__name__)

NAMESPACE = "AWS/ApplicationELB"
RESOLUTION = 1.04
"""Response times within 2 % of a step are one value, so that a period has a hundred at most however many requests it had.

CloudWatch itself keeps classes that are 10 % wide, and interpolates: a bound that is asked for here is met more closely than there.
"""


@dataclass(slots=True)
class Times:
    """Response times in seconds."""

    counts: Counter[int] = field(default_factory=Counter)

    def add(self, seconds: float) -> None:
        self.counts[round(math.log(max(seconds, 1e-6), RESOLUTION))] += 1

    def datum(self) -> dict[str, Any]:
        steps = sorted(self.counts)
        return {"Values": [float(f"{RESOLUTION**step:.4g}") for step in steps], "Counts": [self.counts[step] for step in steps], "Unit": "Seconds"}


@dataclass(slots=True)
class Period:
    """What happened since the last write: counts by (load balancer, group or None, metric)."""

    counts: Counter[tuple[str, str | None, str]] = field(default_factory=Counter)
    times: dict[tuple[str, str | None], Times] = field(default_factory=dict)


class Metrics:
    """`groups` gives the target groups in use with their healthy and unhealthy targets."""

    def __init__(self, *, account: str, region: str, period_seconds: float, groups: Callable[[], Iterable[tuple[Group, tuple[int, int]]]]) -> None:
        self._account, self._region = account, region
        self._period_seconds = period_seconds
        self._groups = groups
        self._period = Period()

    def count(self, balancer: str, name: str, group: Group | None = None) -> None:
        self._period.counts[balancer, group.arn if group else None, name] += 1

    def chosen(self, balancer: str, group: Group) -> None:
        """A target was chosen for a request: only such requests are counted."""
        self.count(balancer, "RequestCount")
        self.count(balancer, "RequestCount", group)

    def answered(self, balancer: str, group: Group, status: int, seconds: float) -> None:
        """The target itself answered."""
        name = f"HTTPCode_Target_{status // 100}XX_Count"
        for arn in (None, group.arn):
            self._period.counts[balancer, arn, name] += 1
            self._period.times.setdefault((balancer, arn), Times()).add(seconds)

    def refused(self, balancer: str, status: int) -> None:
        """The balancer answered with an error of its own."""
        self.count(balancer, f"HTTPCode_ELB_{status // 100}XX_Count")
        if status in (500, 502, 503, 504):
            self.count(balancer, f"HTTPCode_ELB_{status}_Count")

    async def write_for_ever(self) -> None:
        while True:
            began = time.time() // self._period_seconds * self._period_seconds
            await asyncio.sleep(began + self._period_seconds - time.time() + 0.002)  # a timer may ring a moment early
            try:
                self._write(began)
            except Exception:  # one period that cannot be written must not end the metrics
                log.exception("metrics.not_written")

    def _write(self, began: float) -> None:
        from moto.cloudwatch.models import cloudwatch_backends

        period, self._period = self._period, Period()
        at = datetime.fromtimestamp(began, UTC).replace(tzinfo=None)  # the embedded AWS keeps UTC without saying so
        data = [{"MetricName": name, "Timestamp": at, "Dimensions": _dimensions(*whose), **value} for name, whose, value in self._data(period)]
        cloudwatch_backends[self._account][self._region].put_metric_data(NAMESPACE, data)

    def _data(self, period: Period) -> Iterator[tuple[str, tuple[str, str | None], dict[str, Any]]]:
        """Name, whose, value."""
        for (balancer, arn, name), count in period.counts.items():
            yield name, (balancer, arn), _count(count)
        for whose, times in period.times.items():
            yield "TargetResponseTime", whose, times.datum()
        for group, (healthy, unhealthy) in self._groups():
            balancer = group.load_balancer or ""
            yield "HealthyHostCount", (balancer, group.arn), _count(healthy)
            yield "UnHealthyHostCount", (balancer, group.arn), _count(unhealthy)
            if (requests := period.counts[balancer, group.arn, "RequestCount"]) and not group.is_lambda:
                yield "RequestCountPerTarget", (balancer, group.arn), _count(requests / max(1, healthy))


def _count(value: float) -> dict[str, Any]:
    return {"Value": float(value), "Unit": "Count"}


def _dimensions(balancer: str, group_arn: str | None) -> list[dict[str, str]]:
    group = [{"Name": "TargetGroup", "Value": group_arn.rsplit(":", 1)[-1]}] if group_arn else []
    return [*group, {"Name": "LoadBalancer", "Value": balancer}]
