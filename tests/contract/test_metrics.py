"""What every source of request metrics does. On the embedded CloudWatch for what it calculates, and with a Stubber for the answers that one never gives."""

import re
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
from chalicelib.health.cloudwatch import ERRORS, NAMESPACE, AlbMetrics, dimensions, plain, queries
from chalicelib.health.memory import MemoryMetrics
from chalicelib.health.model import Counts, Tally, total
from chalicelib.health.periods import each_period, whole_periods
from chalicelib.health.signal import Subject, Timing
from chalicelib.settings import Pace
from tests.contract.balancers import TRAFFIC
from tests.contract.breaking import new_clients, throttled
from turnout.local import corrections

MINUTE = timedelta(minutes=1)
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
"""The embedded CloudWatch forgets what is older than three hours by the clock on the wall."""
PACE = Pace(metric_period=MINUTE, metric_delay=timedelta(seconds=150))
ABOVE_HALF = Timing(99, over=0.5)
P90 = Timing(90)


class InMemory:
    def __init__(self):
        self.clock = ManualClock(START + 60 * MINUTE)
        self.metrics = MemoryMetrics(self.clock, PACE)

    def put(self, color, at, requests, errors, *, slow=0, seconds=0.1, slow_seconds=2.0):
        self.metrics.record(TRAFFIC.target_groups.of(color), requests, errors, at=at, slow=slow, seconds=seconds, slow_seconds=slow_seconds)

    def put_down(self, color, at, number):
        now = self.clock.now()
        self.clock.move(at - now)
        self.metrics.hosts_down(TRAFFIC.target_groups.of(color), number)
        self.clock.move(now - at)

    def break_it(self):
        self.metrics.unreadable = True


class InCloudWatch:
    def __init__(self):
        self.clock = ManualClock(START + 60 * MINUTE)
        self.clients = new_clients()
        self.metrics = AlbMetrics(self.clients, self.clock, PACE)

    def put(self, color, at, requests, errors, *, name="HTTPCode_Target_5XX_Count", slow=0, seconds=0.1, slow_seconds=2.0):
        # As the ALB does, which says nothing where there is nothing.
        points = [{"MetricName": name, "Value": value} for name, value in (("RequestCount", requests), (name, errors)) if value]
        times = [(value, count) for value, count in ((seconds, requests - slow), (slow_seconds, slow)) if count]
        if times:
            values, counts = zip(*times, strict=True)
            points.append({"MetricName": "TargetResponseTime", "Values": values, "Counts": counts})
        self._put(color, at, *points)

    def put_down(self, color, at, number):
        # One of its nodes saw more of them.
        self._put(color, at, {"MetricName": "UnHealthyHostCount", "Values": [number, number + 1]})

    def _put(self, color, at, *points):
        data = [{"Dimensions": dimensions(TRAFFIC, color), "Timestamp": at} | point for point in points]
        boto3.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=data)

    def break_it(self):
        throttled(self.clients.cloudwatch, "GetMetricData", status=503)


@pytest.fixture(params=[InMemory, InCloudWatch])
def world(request):
    with mock_aws(), corrections.apply():
        yield request.param()


@pytest.fixture
def embedded():
    with mock_aws(), corrections.apply():
        yield InCloudWatch()


def read(world, since=START, until=START + 10 * MINUTE, timing=None):
    return world.metrics.read(Subject(TRAFFIC, since=since, until=until, timing=timing))


def counted(world, since=START, until=START + 10 * MINUTE):
    return total(read(world, since, until))


def of(periods, color=Color.GREEN):
    return [period.groups[color] for period in periods]


class TestFourCases:
    def test_no_traffic_is_zero(self, world):
        found = read(world, timing=ABOVE_HALF)

        assert {tally for color in Color for tally in of(found, color)} == {Tally()}
        assert counted(world) == {Color.BLUE: Counts(0, 0), Color.GREEN: Counts(0, 0)}

    def test_traffic_without_errors(self, world):
        world.put(Color.GREEN, START + MINUTE, 100, 0)

        assert of(read(world))[:3] == [Tally(), Tally(100, 0), Tally()]

    def test_traffic_with_errors_and_each_colour_by_itself(self, world):
        world.put(Color.GREEN, START + MINUTE, 100, 7)
        world.put(Color.BLUE, START + MINUTE, 900, 1)

        assert counted(world) == {Color.BLUE: Counts(900, 1), Color.GREEN: Counts(100, 7)}

    def test_unreadable_is_unavailable_and_never_zero(self, world):
        world.break_it()

        with pytest.raises(Unavailable):
            read(world)


class TestResponseTimes:
    def test_are_told_only_where_they_are_asked_for(self, world):
        world.put(Color.GREEN, START, 100, 0, slow=7)

        assert of(read(world))[0] == Tally(100, 0)

    def test_above_the_bound_are_slow_and_those_at_it_are_not(self, world):
        world.put(Color.GREEN, START, 100, 0, slow=7, seconds=0.5)

        assert of(read(world, timing=ABOVE_HALF))[0] == Tally(100, 0, timed=100, slow=7)

    @pytest.mark.parametrize(("slow", "seconds"), [(100, 0.1), (0, 0.6)])
    def test_may_all_be_slow(self, world, slow, seconds):
        world.put(Color.GREEN, START, 100, 0, slow=slow, seconds=seconds)

        assert of(read(world, timing=ABOVE_HALF))[0] == Tally(100, 0, timed=100, slow=100)

    def test_of_each_colour_and_each_period_by_itself(self, world):
        world.put(Color.GREEN, START, 100, 0, slow=7)
        world.put(Color.GREEN, START + MINUTE, 100, 0)
        world.put(Color.BLUE, START, 50, 0, slow=1)

        found = read(world, timing=ABOVE_HALF)

        assert [tally.slow for tally in of(found)[:2]] == [7, 0]
        assert of(found, Color.BLUE)[0] == Tally(50, 0, timed=50, slow=1)

    def test_without_a_bound_their_percentile_is_told(self, world):
        world.put(Color.GREEN, START, 100, 0, slow=10)
        world.put(Color.GREEN, START + MINUTE, 100, 0, slow=11)

        assert of(read(world, timing=P90))[:3] == [
            Tally(100, 0, timed=100, seconds=0.1), Tally(100, 0, timed=100, seconds=2.0), Tally(),
        ]  # fmt: skip


class TestHostsDown:
    def test_are_the_fewest_of_the_period(self, world):
        world.put_down(Color.GREEN, START, 2)
        world.put_down(Color.GREEN, START + timedelta(seconds=30), 1)

        assert of(read(world, until=START + MINUTE)) == [Tally(hosts_down=1)]

    def test_of_the_other_colour_are_none(self, world):
        world.put_down(Color.GREEN, START, 2)

        assert of(read(world, until=START + MINUTE), Color.BLUE) == [Tally()]


class TestPeriods:
    def test_are_all_there_oldest_first(self, world):
        world.put(Color.GREEN, START + 7 * MINUTE, 1, 0)

        assert [period.begin for period in read(world)] == [START + minute * MINUTE for minute in range(10)]

    def test_adds_up_all_of_them(self, world):
        for minute in range(10):
            world.put(Color.GREEN, START + minute * MINUTE, 10, 1)

        assert counted(world)[Color.GREEN] == Counts(100, 10)

    def test_leaves_out_those_that_are_not_wholly_between(self, world):
        for minute in range(4):
            world.put(Color.GREEN, START + minute * MINUTE, 10**minute, 0)

        assert of(read(world, START + timedelta(seconds=30), START + timedelta(seconds=200))) == [Tally(10, 0), Tally(100, 0)]

    def test_leaves_out_those_that_may_not_be_reported_yet(self, world):
        now = world.clock.now()
        for minutes in (5, 4, 3, 2, 1):
            world.put(Color.GREEN, now - minutes * MINUTE, 1, 0)

        found = read(world, now - 10 * MINUTE, now)

        assert found[-1].begin == now - 4 * MINUTE
        assert total(found)[Color.GREEN] == Counts(2, 0)

    def test_none_complete_is_none_and_not_zero(self, world):
        now = world.clock.now()
        world.put(Color.GREEN, now - MINUTE, 1, 1)

        assert read(world, now - 2 * MINUTE, now) == ()

    def test_each_of_them_follows_the_one_before(self):
        assert [*each_period((START, START + 3 * MINUTE), MINUTE)] == [START, START + MINUTE, START + 2 * MINUTE]
        assert [*each_period(None, MINUTE)] == []

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
    @pytest.mark.parametrize("name", ERRORS)
    def test_errors_are_the_target_groups_own(self, embedded, name):
        embedded.put(Color.GREEN, START, 10, 3, name=name)

        assert counted(embedded)[Color.GREEN] == Counts(10, 3)

    def test_load_balancer_errors_do_not_count(self, embedded):
        embedded.put(Color.GREEN, START, 10, 3, name="HTTPCode_ELB_5XX_Count")

        assert counted(embedded)[Color.GREEN] == Counts(10, 0)

    def test_asks_once_for_both_groups_with_the_exact_dimensions(self):
        asked = queries(TRAFFIC, None, MINUTE)

        assert len({query["Id"] for query in asked}) == 12
        assert {query["MetricStat"]["Period"] for query in asked} == {60}
        assert asked[0]["MetricStat"]["Metric"]["Dimensions"] == [
            {"Name": "LoadBalancer", "Value": "app/web/1111"}, {"Name": "TargetGroup", "Value": "targetgroup/web-blue/6666"},
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("timing", "statistics"),
        [
            (None, {"Sum", "Minimum"}),
            (P90, {"Sum", "Minimum", "SampleCount", "p90"}),
            (ABOVE_HALF, {"Sum", "Minimum", "SampleCount", "TC(:0.5)", "TC(0.5:)"}),
        ],
    )
    def test_asks_for_response_times_by_the_statistics_that_tell_them(self, timing, statistics):
        assert {query["MetricStat"]["Stat"] for query in queries(TRAFFIC, timing, MINUTE)} == statistics

    @given(st.floats(1e-9, 1e6))
    def test_numbers_in_statistics_are_digits_and_at_most_ten_decimals(self, number):
        assert re.fullmatch(r"\d+(\.\d{0,10})?", plain(number))
        assert float(plain(number)) == pytest.approx(number, abs=1e-10)

    @given(st.floats(0.001, 99.999))
    def test_percentiles_are_as_the_service_takes_them(self, percentile):
        assert re.fullmatch(r"\d{1,2}(\.\d{0,10})?", plain(percentile))


class TestAnswers:
    """What AWS may answer and the embedded CloudWatch does not."""

    def test_reads_on_while_the_data_are_partial(self):
        world = Answering(page(status="PartialData", token="more", at=START), page(2, at=START + MINUTE))

        assert of(read(world))[:3] == [Tally(1, 4, hosts_down=1), Tally(2, 8, hosts_down=2), Tally()]

    @pytest.mark.parametrize("status", ["InternalError", "Forbidden", "PartialData"])
    def test_anything_but_complete_in_the_end_is_unavailable(self, status):
        with pytest.raises(Unavailable):
            read(Answering(page(status=status)))

    @pytest.mark.parametrize("status", ["InternalError", "Forbidden"])
    def test_an_error_on_an_earlier_page_is_not_made_good(self, status):
        with pytest.raises(Unavailable):
            read(Answering(page(status=status, token="more"), page(2)))

    def test_an_error_of_one_query_is_unavailable(self):
        answer = page()
        answer["MetricDataResults"][-1]["StatusCode"] = "InternalError"

        with pytest.raises(Unavailable, match=r"green_UnHealthyHostCount \(InternalError\)"):
            read(Answering(answer))

    def test_a_result_that_is_missing_is_unavailable(self):
        answer = page()
        answer["MetricDataResults"].pop()

        with pytest.raises(Unavailable):
            read(Answering(answer))

    def test_values_go_by_their_time_and_not_by_their_place(self):
        answer = page()
        for result in answer["MetricDataResults"]:
            result |= {"Values": [2.0, 1.0], "Timestamps": [START + 3 * MINUTE, START]}

        assert [tally.requests for tally in of(read(Answering(answer)))[:4]] == [1, 0, 0, 2]

    def test_a_time_that_was_not_asked_for_is_left_out(self):
        found = read(Answering(page(at=START + 10 * MINUTE)))

        assert len(found) == 10
        assert set(of(found)) == {Tally()}

    def test_a_number_that_is_none_says_nothing(self):
        assert of(read(Answering(page(float("nan")))))[0] == Tally()

    @pytest.mark.parametrize(
        ("told", "expected"),
        [
            ({"timed": 10, "within": 7, "above": 3}, (10, 3)),
            ({"timed": 10, "within": 6.6, "above": 3.4}, (10, 3)),
            ({"timed": 10, "within": 12}, (10, 0)),
            ({"timed": 10, "within": 10}, (10, 0)),
            ({"timed": 10, "above": 10}, (10, 10)),
            ({"timed": 10, "above": 11}, (10, 10)),
            ({"timed": 10}, (0, 0)),
            ({}, (0, 0)),
        ],
        ids=["both sides", "interpolated", "more came in between", "none above", "none within", "more above", "neither side is told", "nothing is told"],
    )
    def test_slow_is_what_is_above_the_bound_and_never_less_than_none_or_more_than_all(self, told, expected):
        answer = page(timing=ABOVE_HALF)
        for result in answer["MetricDataResults"]:
            name = result["Id"].partition("_")[2]
            if name in {"timed", "within", "above"}:
                result |= {"Values": [float(told[name])], "Timestamps": [START]} if name in told else {"Values": [], "Timestamps": []}

        tally = of(read(Answering(answer), timing=ABOVE_HALF))[0]

        assert (tally.timed, tally.slow) == expected


def page(value=1.0, status="Complete", token=None, at=START, timing=None):
    """Every query is answered with this one value."""
    asked = queries(TRAFFIC, timing, MINUTE)
    results = [{"Id": query["Id"], "Values": [float(value)], "Timestamps": [at], "StatusCode": status} for query in asked]
    return {"MetricDataResults": results} | ({"NextToken": token} if token else {})


class Answering:
    """CloudWatch answering these pages, whatever it is asked."""

    def __init__(self, *pages):
        clients = new_clients()
        stubber = Stubber(clients.cloudwatch)
        token = None
        for each in pages:
            expected = {"MetricDataQueries": ANY, "StartTime": START, "EndTime": START + 10 * MINUTE} | ({"NextToken": token} if token else {})
            stubber.add_response("get_metric_data", each, expected)
            token = each.get("NextToken")
        stubber.activate()
        self.metrics = AlbMetrics(clients, ManualClock(START + 60 * MINUTE), PACE)


class TestMemory:
    def flowing(self, *flows, period=1.0):
        """Each flow runs for ten seconds, and then nothing does."""
        clock = ManualClock(START)
        metrics = MemoryMetrics(clock, Pace(metric_period=timedelta(seconds=period), metric_delay=timedelta(0)))
        for flow in (*flows, {"per_second": 0.0}):
            metrics.flow(TRAFFIC.target_groups.green, **flow)
            clock.move(timedelta(seconds=10))
        return metrics

    def read(self, metrics, since=START, timing=None):
        return of(metrics.read(Subject(TRAFFIC, since=since, until=START + timedelta(seconds=60), timing=timing)))

    def test_a_flow_runs_until_it_changes(self):
        found = self.read(self.flowing({"per_second": 10.0, "error_rate": 0.5}))

        assert found == [Tally(10, 5)] * 10 + [Tally()] * 10

    @pytest.mark.parametrize("per_second", [0.3, 0.5, 7.0, 33.3])
    @pytest.mark.parametrize("rate", [0.01, 0.29, 1.0])
    def test_no_request_of_a_flow_is_lost_between_two_periods(self, per_second, rate):
        found = self.read(self.flowing({"per_second": per_second, "error_rate": rate}))
        requests = sum(tally.requests for tally in found)

        assert requests == int(per_second * 10 + 1e-6)
        assert sum(tally.errors for tally in found) == int(requests * rate + 1e-6)
        assert all(tally.errors <= tally.requests for tally in found)

    def test_a_share_of_a_flow_is_slow(self):
        metrics = self.flowing({"per_second": 100.0, "slow_share": 0.02, "seconds": 0.2, "slow_seconds": 3.0})

        assert self.read(metrics, timing=ABOVE_HALF)[0] == Tally(100, 0, timed=100, slow=2)
        assert self.read(metrics, timing=Timing(98))[0].seconds == 0.2
        assert self.read(metrics, timing=Timing(99))[0].seconds == 3.0
