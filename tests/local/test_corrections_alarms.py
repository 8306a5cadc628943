"""What plain moto makes of CloudWatch alarms, and what they are corrected."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from tests.local import both_ways as ways
from tests.local.both_ways import REGION, client
from turnout.local.alarms.evaluator import evaluate

ACCOUNT = "123456789012"
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
TARGET = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:on_alarm"


def both_ways(do: Callable[[], Any], **how: Any) -> tuple[Any, Any]:
    """Alarms look at their metrics when they are told to, and not by themselves."""
    return ways.both_ways(do, alarms_every=timedelta(hours=1), **how)


def put_alarm(name: str = "errors", **how: Any) -> None:
    watched = {"Namespace": "Shop", "MetricName": "Failed", "Dimensions": [{"Name": "Service", "Value": "web"}], "Statistic": "Sum", "Period": 60}
    condition = {"EvaluationPeriods": 1, "Threshold": 2, "ComparisonOperator": "GreaterThanThreshold"}
    client("cloudwatch").put_metric_alarm(**({"AlarmName": name} | watched | condition | how))


def put_metric(value: float, at: datetime = NOW - timedelta(minutes=1)) -> None:
    point = {"MetricName": "Failed", "Dimensions": [{"Name": "Service", "Value": "web"}], "Timestamp": at, "Value": value}
    client("cloudwatch").put_metric_data(Namespace="Shop", MetricData=[point])


def the_alarm(name: str = "errors", kind: str = "MetricAlarm") -> dict[str, Any]:
    [found] = client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=[kind])[f"{kind}s"]
    return dict(found)


def state(name: str = "errors", kind: str = "MetricAlarm") -> str:
    return str(the_alarm(name, kind)["StateValue"])


def look(now: datetime = NOW) -> None:
    """As the evaluator does, at a moment of ours."""
    evaluate(cloudwatch_backends[ACCOUNT][REGION], now)


def set_state(name: str, value: str) -> None:
    client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=value, StateReason="by hand")


def delivered(do: Callable[[], Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What a rule for changes of alarms took to its target: with plain moto, and corrected."""
    taken: list[dict[str, Any]] = []

    def listening() -> list[dict[str, Any]]:
        taken.clear()
        pattern = {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"]}
        client("events").put_rule(Name="alarms", EventPattern=json.dumps(pattern))
        client("events").put_targets(Rule="alarms", Targets=[{"Id": "one", "Arn": TARGET}])
        do()
        return list(taken)

    return both_ways(listening, deliver=lambda _arn, event: taken.append(event))


class TestAnAlarm:
    def test_begins_with_insufficient_data(self) -> None:
        def do() -> str:
            put_alarm(Namespace="Nothing")
            return state()

        assert both_ways(do) == ("OK", "INSUFFICIENT_DATA")

    def test_knows_since_when_it_is_as_it_is(self) -> None:
        def do() -> list[bool]:
            put_alarm()
            set_state("errors", "ALARM")
            first = the_alarm()
            set_state("errors", "ALARM")
            again = the_alarm()
            return [again.get("StateTransitionedTimestamp") == first["StateUpdatedTimestamp"], again["StateUpdatedTimestamp"] > first["StateUpdatedTimestamp"]]

        assert both_ways(do) == ([False, True], [True, True])

    def test_that_is_put_again_keeps_its_state(self) -> None:
        def do() -> str:
            put_alarm(Period=3600)
            set_state("errors", "ALARM")
            put_alarm(Period=3600, Threshold=100)
            return f"{state()} {the_alarm()['Threshold']:g}"

        assert both_ways(do) == ("OK 100", "ALARM 100")

    def test_looks_at_its_metric(self) -> None:
        def do() -> list[str]:
            put_alarm()
            put_metric(3)
            look()
            red = state()
            look(NOW + timedelta(minutes=10))
            return [red, state()]

        assert both_ways(do)[1] == ["ALARM", "INSUFFICIENT_DATA"]

    def test_looks_at_a_percentile_and_at_one_metric_in_the_other_notation(self) -> None:
        metric = {"Namespace": "Shop", "MetricName": "Failed", "Dimensions": [{"Name": "Service", "Value": "web"}]}

        def do() -> list[str]:
            client("cloudwatch").put_metric_alarm(
                AlarmName="p99", **metric, ExtendedStatistic="p99", Period=60, EvaluationPeriods=1, Threshold=2, ComparisonOperator="GreaterThanThreshold",
            )  # fmt: skip
            client("cloudwatch").put_metric_alarm(
                AlarmName="one", EvaluationPeriods=1, Threshold=2, ComparisonOperator="GreaterThanThreshold",
                Metrics=[{"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}, "ReturnData": True}],
            )  # fmt: skip
            put_metric(3)
            look()
            return [state("p99"), state("one")]

        assert both_ways(do)[1] == ["ALARM", "ALARM"]

    def test_of_an_expression_stays_as_it_is_set(self) -> None:
        def do() -> str:
            client("cloudwatch").put_metric_alarm(
                AlarmName="errors", EvaluationPeriods=1, Threshold=2, ComparisonOperator="GreaterThanThreshold",
                Metrics=[{"Id": "e", "Expression": "1+1", "ReturnData": True}],
            )  # fmt: skip
            set_state("errors", "ALARM")
            look()
            return state()

        assert both_ways(do)[1] == "ALARM"

    def test_set_by_hand_is_looked_at_again_in_the_next_period(self) -> None:
        def do() -> list[str]:
            put_alarm(TreatMissingData="notBreaching")
            look()
            set_state("errors", "ALARM")
            look()
            first = state()
            look(NOW + timedelta(minutes=1))
            return [first, state()]

        assert both_ways(do)[1] == ["ALARM", "OK"]


class TestAChange:
    def test_is_told_to_eventbridge_once(self) -> None:
        def do() -> None:
            put_alarm(Period=3600)
            set_state("errors", "ALARM")
            set_state("errors", "ALARM")

        plain, corrected = delivered(do)

        assert plain == []
        [event] = corrected
        assert (event["source"], event["resources"]) == ("aws.cloudwatch", [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:errors"])
        assert (event["detail"]["alarmName"], event["detail"]["state"]["reason"]) == ("errors", "by hand")
        assert event["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"] == {"namespace": "Shop", "name": "Failed", "dimensions": {"Service": "web"}}

    def test_by_the_metric_is_told_too(self) -> None:
        def do() -> None:
            put_alarm()
            put_metric(3)
            look()

        [event] = delivered(do)[1]

        assert [event["detail"][which]["value"] for which in ("previousState", "state")] == ["INSUFFICIENT_DATA", "ALARM"]


class TestACompositeAlarm:
    def test_can_be_made_and_follows_the_alarms_it_names(self) -> None:
        def do() -> list[str]:
            put_alarm(Namespace="Nothing", TreatMissingData="ignore")
            client("cloudwatch").put_composite_alarm(AlarmName="all", AlarmRule='ALARM("errors") OR FALSE')
            before = state("all", "CompositeAlarm")
            set_state("errors", "ALARM")
            return [before, state("all", "CompositeAlarm")]

        plain, corrected = both_ways(do)

        assert isinstance(plain, str)
        assert corrected == ["OK", "ALARM"]

    def test_is_told_to_eventbridge_with_its_rule(self) -> None:
        def do() -> None:
            put_alarm(Namespace="Nothing", TreatMissingData="ignore")
            client("cloudwatch").put_composite_alarm(AlarmName="all", AlarmRule="ALARM(errors)")
            set_state("errors", "ALARM")

        names = [(each["detail"]["alarmName"], each["detail"]["configuration"].get("alarmRule")) for each in delivered(do)[1]]

        assert names[-2:] == [("errors", None), ("all", "ALARM(errors)")]

    def test_that_names_itself_by_way_of_another_ends(self) -> None:
        def do() -> str:
            for name, other in (("one", "two"), ("two", "one")):
                client("cloudwatch").put_composite_alarm(AlarmName=name, AlarmRule=f"NOT ALARM({other})")
            return "ended"

        assert both_ways(do)[1] == "ended"

    def test_with_a_rule_that_cannot_be_read_is_refused(self) -> None:
        assert both_ways(lambda: client("cloudwatch").put_composite_alarm(AlarmName="all", AlarmRule="RED(errors)"))[1] == "ValidationError"

    def test_is_shown_to_those_who_ask_for_its_type(self) -> None:
        def do() -> int:
            client("cloudwatch").put_composite_alarm(AlarmName="all", AlarmRule="TRUE")
            return len(client("cloudwatch").describe_alarms()["CompositeAlarms"])

        assert both_ways(do)[1] == 0
