"""What plain moto's CloudWatch does, and what it does corrected."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.local.both_ways import both_ways, client

AT = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
"""The beginning of a minute."""
TWO = [{"Name": "TargetGroup", "Value": "a"}, {"Name": "LoadBalancer", "Value": "b"}]


def put(*values: float, at: datetime = AT, namespace: str = "AWS/ApplicationELB", dimensions: list[Any] = TWO, **how: Any) -> None:
    point = {"MetricName": "m", "Dimensions": dimensions, "Timestamp": at, "Values": list(values)} | how
    client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[point])


def get(stat: str = "Sum", *, start: datetime = AT, dimensions: list[Any] = TWO, period: int = 60, count: int = 1) -> list[Any]:
    metric = {"Namespace": "AWS/ApplicationELB", "MetricName": "m", "Dimensions": dimensions}
    queries = [{"Id": f"q{number}", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}} for number in range(count)]
    answer = client("cloudwatch").get_metric_data(MetricDataQueries=queries, StartTime=start, EndTime=start + timedelta(minutes=5))
    [found, *_] = answer["MetricDataResults"]
    return [((at.astimezone(UTC) - AT).total_seconds(), value) for at, value in zip(found["Timestamps"], found["Values"], strict=True)]


class TestMetricData:
    def test_does_not_depend_on_the_order_of_dimensions(self) -> None:
        swapped = [{"Name": "A", "Value": "z"}, {"Name": "B", "Value": "y"}]

        def do() -> list[Any]:
            put(1, dimensions=swapped)
            return get(dimensions=swapped[::-1])

        plain, corrected = both_ways(do)

        assert corrected == [(0, 1.0)]
        assert plain in ([], [(0, 1.0)])  # moto sorts by name and value in a way that may or may not agree

    def test_of_another_namespace_is_another_metric(self) -> None:
        def do() -> list[Any]:
            put(1)
            put(5, namespace="Other")
            return get()

        assert both_ways(do) == ([(0, 6.0)], [(0, 1.0)])

    def test_comes_in_periods_that_start_at_multiples_of_their_length(self) -> None:
        def do() -> list[Any]:
            put(1, at=AT + timedelta(seconds=50))
            put(2, at=AT + timedelta(seconds=70))
            return get(start=AT + timedelta(seconds=45))

        assert both_ways(do) == ([(45, 3.0)], [(60, 2.0), (0, 1.0)])

    def test_has_percentiles(self) -> None:
        def do() -> list[Any]:
            put(1, 2, 3, Counts=[98, 1, 1])
            return [get(stat)[0][1] for stat in ("p50", "p99", "p99.9", "SampleCount", "Average")]

        plain, corrected = both_ways(do)

        assert isinstance(plain, str), "moto ends in an error"
        assert corrected == [1.0, 2.0, 3.0, 100.0, 1.03]

    @pytest.mark.parametrize(
        ("stat", "expected"),
        [
            ("TC(:2)", 99.0), ("TC(2:)", 1.0), ("TC(1:2)", 1.0), ("TC(1:3)", 2.0), ("TC(3:)", 0.0), ("TC(:2e0)", 99.0),
            ("TS(:2)", 100.0), ("TM(1:3)", 2.5), ("PR(:1)", 98.0), ("PR(1:3)", 2.0),
        ],
    )  # fmt: skip
    def test_counts_what_is_above_one_bound_and_up_to_the_other(self, stat: str, expected: float) -> None:
        def do() -> list[Any]:
            put(1, 2, 3, Counts=[98, 1, 1])
            return get(stat)

        plain, corrected = both_ways(do)

        assert isinstance(plain, str), "moto ends in an error"
        assert corrected == [(0, expected)]

    def test_has_no_mean_of_nothing(self) -> None:
        def do() -> list[Any]:
            put(1)
            return get("TM(3:)")

        assert both_ways(do)[1] == []

    def test_has_a_percentile_and_a_count_for_each_period(self) -> None:
        def do() -> list[Any]:
            put(1, 5, Counts=[9, 1])
            put(7, at=AT + timedelta(seconds=60))
            return [get(stat) for stat in ("p90", "TC(:5)")]

        assert both_ways(do)[1] == [[(60, 7.0), (0, 1.0)], [(60, 0.0), (0, 10.0)]]

    def test_has_the_minimum_of_a_period(self) -> None:
        def do() -> list[Any]:
            put(2)
            put(1, at=AT + timedelta(seconds=30))
            return get("Minimum")

        assert both_ways(do) == ([(0, 1.0)], [(0, 1.0)])  # plain moto is right here; corrected it must stay so

    @pytest.mark.parametrize("stat", ["TC(:)", "TC(1)", "TC(:1.00000000001)", "p101", "pp", "tc90", "TC(5%:95%)", "WM(1:2)"])
    def test_refuses_what_aws_does_not_know_and_what_it_does_not_know_itself(self, stat: str) -> None:
        def do() -> list[Any]:
            put(1)
            return get(stat)

        assert both_ways(do)[1] == "ValidationError"

    def test_has_no_percentile_of_what_was_summed_up_before(self) -> None:
        def do() -> list[Any]:
            put(Values=[], StatisticValues={"SampleCount": 2, "Sum": 3, "Minimum": 1, "Maximum": 2})
            return [get("p50"), get("TC(:1)"), get("Maximum")]

        assert both_ways(do)[1] == [[], [], [(0, 2.0)]]

    def test_is_refused_beyond_500_queries(self) -> None:
        def do() -> list[Any]:
            return get(count=501)

        assert both_ways(do) == ([], "ValidationError")

    def test_is_forgotten_after_three_hours(self) -> None:
        def do() -> list[Any]:
            old = AT - timedelta(hours=4)
            put(1, at=old)
            put(1)
            return get(start=old)

        assert both_ways(do) == ([(-14400, 1.0)], [])
