"""A CloudWatch alarm on a target group, on a local stack as anybody starts it: red during a shift, it sends the release back."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.local.stage import zipped
from turnout.demo.stack import Stack, running, until

ROOT = Path(__file__).resolve().parents[2]
GOOD = """
def handler(event, context):
    return {"statusCode": 200, "headers": {"Content-Type": "text/plain"}, "body": "hello"}
"""
ON_ONE_PATH = """
def handler(event, context):
    return {"statusCode": 503 if event["path"] == "/orders" else 200, "headers": {"Content-Type": "text/plain"}, "body": "hello"}
"""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with running(tmp_path, nullcontext) as made:
        yield made


def an_alarm(stack: Stack, made: dict[str, Any], color: str) -> str:
    """On failed requests of a colour's target group: more than one in a second."""
    traffic = made["definition"]["traffic"]
    parts = {"LoadBalancer": traffic["load_balancer"].partition(":loadbalancer/")[2], "TargetGroup": traffic["target_groups"][color].rpartition(":")[2]}
    cloudwatch = stack.aws("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=f"web: {color} fails", Namespace="AWS/ApplicationELB", MetricName="HTTPCode_Target_5XX_Count", Statistic="Sum",
        Dimensions=[{"Name": name, "Value": value} for name, value in parts.items()], Period=1, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold", TreatMissingData="notBreaching",
    )  # fmt: skip
    arn: str = cloudwatch.describe_alarms(AlarmNames=[f"web: {color} fails"])["MetricAlarms"][0]["AlarmArn"]
    return arn


def define(stack: Stack, made: dict[str, Any], *alarms: str) -> None:
    rollout = {"steps": [{"weight": 50, "hold_seconds": 60}], "watch_seconds": 1, "deadline_seconds": 300}
    checks = {"probe": {"every_seconds": 1}, "errors": {"max_rate": 1.0}, "alarms": list(alarms)}
    stack.call("PUT", "/v1/services/web", made["definition"] | {"rollout": rollout, "checks": checks})


def shift(stack: Stack, version: str, source: str) -> None:
    stack.upload(f"web/{version}/app.zip", zipped({"app.py": source}))
    until(f"{version} is staged", lambda: (stack.call("GET", "/v1/services/web")["deployment"] or {}).get("phase") == "staged", seconds=60)
    stack.call("POST", "/v1/services/web/promote", {"version": version})


def deployment(stack: Stack, version: str) -> dict[str, Any]:
    return next(one for one in stack.call("GET", "/v1/services/web/deployments")["items"] if one["version"] == version)


def test_turns_red_by_real_requests_and_sends_the_release_back(stack: Stack) -> None:
    made = stack.create_service("web", "app.handler")
    define(stack, made)
    shift(stack, "1.0.0", GOOD)
    until("1.0.0 has completed", lambda: deployment(stack, "1.0.0")["phase"] == "completed", seconds=60)
    live = stack.call("GET", "/v1/services/web")["live"]["color"]
    idle = "green" if live == "blue" else "blue"
    alarm = an_alarm(stack, made, idle)
    define(stack, made, alarm)
    shift(stack, "2.0.0", ON_ONE_PATH)
    until("2.0.0 has half of it", lambda: stack.call("GET", "/v1/services/web")["weights"]["observed"][idle] == 50, seconds=30)
    until("it is judged, and well", lambda: "alarms are OK" in str(stack.call("GET", "/v1/services/web/health")["checks"]), seconds=30)

    failed = 0
    while failed < 4:  # fewer than a proof by counts needs
        failed += stack.http.request("GET", f"{made['production_url'].rstrip('/')}/orders").status == 503

    until("2.0.0 is reverted", lambda: deployment(stack, "2.0.0")["phase"] == "reverted", seconds=30)
    outcome = str(deployment(stack, "2.0.0"))
    assert f"alarm web: {idle} fails turned red" in outcome
    assert stack.call("GET", "/v1/services/web")["weights"]["observed"][live] == 100
