"""What every source of request metrics does. On moto for sums, and with a Stubber for the states of an answer that moto never gives."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.stub import ANY, Stubber
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from chalicelib.clock import ManualClock
from chalicelib.colors import Color
from chalicelib.errors import Unavailable
from chalicelib.health.cloudwatch import NAMESPACE, AlbMetrics, dimensions
from chalicelib.health.memory import MemoryMetrics
from chalicelib.health.model import Counts
from chalicelib.health.periods import whole_periods
from chalicelib.settings import Pace
from tests.contract.balancers import TRAFFIC
from tests.contract.breaking import new_clients, throttled

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PACE = Pace(metric_period=MINUTE, metric_delay=timedelta(seconds=150))


class InMemory:
    def __init__(self):
        self.clock = ManualClock(START + 60 * MINUTE)
        self.metrics = MemoryMetrics(self.clock, PACE)

    def put(self, color, at, requests, errors):
        self.metrics.record(TRAFFIC.target_groups.of(color), requests, errors, at=at)

    def break_it(self):
        self.metrics.unreadable = True


class OnMoto:
    def __init__(self):
        self.clock = ManualClock(START + 60 * MINUTE)
        self.clients = new_clients()
        self.metrics = AlbMetrics(self.clients, self.clock, PACE)

    def put(self, color, at, requests, errors, name="HTTPCode_Target_5XX_Count"):
        # As the ALB does, which says nothing where there is nothing.
        data = [("RequestCount", requests), (name, errors)]
        points = [{"MetricName": name, "Dimensions": dimensions(TRAFFIC, color), "Timestamp": at, "Value": value} for name, value in data if value]
        boto3.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=points)

    def break_it(self):
        throttled(self.clients.cloudwatch, "GetMetricData", status=503)


@pytest.fixture(params=[InMemory, OnMoto])
def world(request):
    with mock_aws():
        yield request.param()


def counted(world, since=START, until=START + 10 * MINUTE):
    return world.metrics.counts(TRAFFIC, since, until)


class TestFourCases:
    def test_no_traffic_is_zero(self, world):
        assert counted(world) == {Color.BLUE: Counts(0, 0), Color.GREEN: Counts(0, 0)}

    def test_traffic_without_errors(self, world):
        world.put(Color.GREEN, START + MINUTE, 100, 0)

        assert counted(world)[Color.GREEN] == Counts(100, 0)

    def test_traffic_with_errors_and_each_colour_by_itself(self, world):
        world.put(Color.GREEN, START + MINUTE, 100, 7)
        world.put(Color.BLUE, START + MINUTE, 900, 1)

        assert counted(world) == {Color.BLUE: Counts(900, 1), Color.GREEN: Counts(100, 7)}

    def test_unreadable_is_unavailable_and_never_zero(self, world):
        world.break_it()

        with pytest.raises(Unavailable):
            counted(world)


class TestPeriods:
    def test_adds_up_all_of_them(self, world):
        for minute in range(10):
            world.put(Color.GREEN, START + minute * MINUTE, 10, 1)

        assert counted(world)[Color.GREEN] == Counts(100, 10)

    def test_leaves_out_those_that_are_not_wholly_between(self, world):
        for minute in range(4):
            world.put(Color.GREEN, START + minute * MINUTE, 10**minute, 0)

        assert counted(world, START + timedelta(seconds=30), START + timedelta(seconds=200))[Color.GREEN] == Counts(110, 0)

    def test_leaves_out_those_that_may_not_be_reported_yet(self, world):
        now = world.clock.now()
        for minutes in (5, 4, 3, 2, 1):
            world.put(Color.GREEN, now - minutes * MINUTE, 1, 0)

        assert counted(world, now - 10 * MINUTE, now)[Color.GREEN] == Counts(2, 0)

    def test_none_complete_is_unknown_and_not_zero(self, world):
        now = world.clock.now()
        world.put(Color.GREEN, now - MINUTE, 1, 1)

        with pytest.raises(Unavailable):
            counted(world, now - 2 * MINUTE, now)

    @given(st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 2)), st.integers(0, 4000), st.sampled_from([1, 5, 60, 300]))
    def test_are_aligned_whole_and_old_enough(self, since, seconds, period):
        since, long = since.replace(tzinfo=UTC), timedelta(seconds=period)
        until = since + timedelta(seconds=seconds)

        found = whole_periods(since, until, until, period=long, delay=timedelta(seconds=1))

        if found:
            begin, end = found
            assert since <= begin < end <= until - timedelta(seconds=1)
            assert begin - since < long
            assert begin.timestamp() % period == end.timestamp() % period == 0
        else:
            assert seconds < 2 * period + 1


class TestCloudWatch:
    @pytest.mark.parametrize("name", ["HTTPCode_Target_5XX_Count", "TargetConnectionErrorCount", "LambdaUserError", "LambdaInternalError"])
    @mock_aws
    def test_errors_are_the_target_groups_own(self, name):
        world = OnMoto()
        world.put(Color.GREEN, START, 10, 3, name)

        assert counted(world)[Color.GREEN] == Counts(10, 3)

    @mock_aws
    def test_load_balancer_errors_do_not_count(self):
        world = OnMoto()
        world.put(Color.GREEN, START, 10, 3, "HTTPCode_ELB_5XX_Count")

        assert counted(world)[Color.GREEN] == Counts(10, 0)

    def test_asks_once_for_both_groups_with_the_exact_dimensions(self):
        queries = AlbMetrics(new_clients(), ManualClock(), PACE)._queries(TRAFFIC)

        assert len({query["Id"] for query in queries}) == 10
        assert {query["MetricStat"]["Period"] for query in queries} == {60}
        assert queries[0]["MetricStat"]["Metric"]["Dimensions"] == [
            {"Name": "LoadBalancer", "Value": "app/web/1111"}, {"Name": "TargetGroup", "Value": "targetgroup/web-blue/6666"},
        ]  # fmt: skip

    def test_reads_on_while_the_data_are_partial(self):
        world = Answering(self.page("PartialData", 1, token="more"), self.page("Complete", 2))

        assert counted(world)[Color.GREEN] == Counts(3, 12)

    @pytest.mark.parametrize("status", ["InternalError", "Forbidden", "PartialData"])
    def test_anything_but_complete_in_the_end_is_unavailable(self, status):
        with pytest.raises(Unavailable):
            counted(Answering(self.page(status, 1)))

    def test_an_error_on_an_earlier_page_is_not_made_good(self):
        with pytest.raises(Unavailable):
            counted(Answering(self.page("InternalError", 1, token="more"), self.page("Complete", 2)))

    def test_a_result_that_is_missing_is_unavailable(self):
        page = self.page("Complete", 1)
        page["MetricDataResults"].pop()

        with pytest.raises(Unavailable):
            counted(Answering(page))

    def page(self, status, value, token=None):
        queries = AlbMetrics(new_clients(), ManualClock(), PACE)._queries(TRAFFIC)
        results = [{"Id": query["Id"], "Values": [float(value)], "Timestamps": [START], "StatusCode": status} for query in queries]
        return {"MetricDataResults": results} | ({"NextToken": token} if token else {})


class Answering:
    """CloudWatch answering these pages, whatever it is asked."""

    def __init__(self, *pages):
        clients = new_clients()
        stubber = Stubber(clients.cloudwatch)
        token = None
        for page in pages:
            expected = {"MetricDataQueries": ANY, "StartTime": START, "EndTime": START + 10 * MINUTE} | ({"NextToken": token} if token else {})
            stubber.add_response("get_metric_data", page, expected)
            token = page.get("NextToken")
        stubber.activate()
        self.metrics = AlbMetrics(clients, ManualClock(START + 60 * MINUTE), PACE)


class TestMemory:
    def test_a_flow_runs_until_it_changes(self):
        clock = ManualClock(START)
        metrics = MemoryMetrics(clock, Pace(metric_period=timedelta(seconds=1), metric_delay=timedelta(0)))
        metrics.flow(TRAFFIC.target_groups.green, 10.0, 0.5)
        clock.move(timedelta(seconds=10))
        metrics.flow(TRAFFIC.target_groups.green, 0.0)
        clock.move(timedelta(seconds=10))

        assert metrics.counts(TRAFFIC, START, clock.now())[Color.GREEN] == Counts(100, 50)
        assert metrics.counts(TRAFFIC, START + timedelta(seconds=5), clock.now())[Color.GREEN] == Counts(50, 25)
