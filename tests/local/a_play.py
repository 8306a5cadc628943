"""A service of each runtime on a local stack, with everything that a service may have, for a test of what all this calls."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any, Self

import urllib3

from tests.local import an_image
from tests.local.stage import free_port, zipped
from turnout.demo.stack import Stack, until
from turnout.local import state
from turnout.local.embedded import ROLE, Clients, clients
from turnout.local.provision import create_lambda_service
from turnout.local.provision_autoscaling import create_autoscaling_service
from turnout.local.provision_ecs import create_ecs_service
from turnout.local.stack import Options

ROOT = Path(__file__).resolve().parents[2]
LAMBDA, TASKS, INSTANCES = "web", "shop", "fleet"
PARAMETER, SECRET = "/turnout/web/greeting", "turnout/web/key"
_ROLES = "/turnout/service/"
_HANDLER = """
def handler(event, context):
    return {"statusCode": 200, "headers": {"content-type": "text/plain"}, "body": "hello"}
"""
_HOOK = """
def handler(event, context):
    return {"status": "succeeded"}
"""
_SERVER = (ROOT / "examples/parcels/server.py").read_text()
_PARCELS = {"server.py": _SERVER, "Procfile": "web: python3 server.py\n"}
_QUICK: dict[str, Any] = {
    "rollout": {"strategy": "all-at-once", "steps": [], "promotion": "automatic", "watch_seconds": 1, "deadline_seconds": 120},
    "checks": {"probe": {"every_seconds": 1, "timeout_seconds": 2, "failures": 5}},
}


@contextmanager
def a_recorded_stack(folder: Path, calls: Path) -> Iterator[Stack]:
    """As `tests.local.recorded` says; it writes into `calls` while it runs."""
    options = Options(port=free_port(), tick=0.5, state_dir=folder / ".turnout")
    options.state_dir.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.local.recorded", options.to_json(), str(calls)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log, start_new_session=True)
    try:
        said = until("the stack runs", lambda: process.poll() is None and state.info(options.state_dir), seconds=60)
        names = ("api_url", "token", "aws_endpoint_url", "region", "artifact_bucket")
        with urllib3.PoolManager(maxsize=4, timeout=30, retries=False) as http:
            yield Stack(folder, **{name: said[name] for name in names}, http=http)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@dataclass
class Play:
    stack: Stack
    clients: Clients

    @classmethod
    def on(cls, stack: Stack) -> Self:
        return cls(stack, clients(stack.aws_endpoint_url))

    def ask(self, name: str, method: str, path: str = "", body: dict[str, Any] | None = None) -> Any:
        return self.stack.call(method, f"/v1/services/{name}{path}", body)

    def reached(self, name: str, version: str, phase: str, kind: str = "rollout") -> None:
        """Asked seldom: three services do this side by side, and a list is what costs the stack most."""
        end = time.monotonic() + 60
        while (version, phase, kind) not in {(one["version"], one["phase"], one["kind"]) for one in self.ask(name, "GET", "/deployments")["items"]}:
            assert time.monotonic() < end, f"{name} {version} did not become {phase}"
            time.sleep(0.4)

    def act(self) -> None:
        """Each service for itself, side by side."""
        with ThreadPoolExecutor(3) as pool:
            for done in [pool.submit(play) for play in (self._functions, self._tasks, self._instances)]:
                done.result()

    def _functions(self) -> None:
        """Two releases that are promoted by hand and a rollback, with a hook, a read-only cutover, references to secrets and mirrored requests."""
        self._prepare_functions()
        for version in ("1.0.0", "1.1.0"):
            self._zip(LAMBDA, version, {"app.py": _HANDLER})
            with self._users():
                self.reached(LAMBDA, version, "staged")
            self.ask(LAMBDA, "POST", "/promote", {"version": version})
            self.reached(LAMBDA, version, "completed")
        self.ask(LAMBDA, "POST", "/releases", {"version": "1.0.0", "artifact": {"key": f"{LAMBDA}/1.0.0/app.zip"}})
        self.ask(LAMBDA, "GET", "/rollback")
        self.ask(LAMBDA, "POST", "/rollback?dry_run=true", {"reason": "to see"})
        self.ask(LAMBDA, "POST", "/rollback", {"reason": "by hand"})
        self.reached(LAMBDA, "1.0.0", "completed", "rollback")

    @contextmanager
    def _users(self) -> Iterator[None]:
        """Somebody asks for pages all the while."""
        url, over = self.ask(LAMBDA, "GET")["production_url"], Event()

        def ask() -> None:
            with urllib3.PoolManager(timeout=5, retries=False) as http:
                for number in count():
                    if over.wait(0.2):
                        return
                    http.request("GET", f"{url}/page/{number}")

        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(ask)
            try:
                yield
            finally:
                over.set()
                asking.result()

    def _tasks(self) -> None:
        """A good image that is pushed, and a bad one that is registered by hand, for the service does not take its tag."""
        self._prepare_tasks()
        self._image("1.0.0", _SERVER)
        self.reached(TASKS, "1.0.0", "completed")
        self.ask(TASKS, "POST", "/pause?dry_run=true", {"reason": "to see"})
        self._image("bad", "raise SystemExit(1)")
        self.ask(TASKS, "POST", "/releases", {"version": "bad", "artifact": {"repository": TASKS, "tag": "bad"}})
        self.reached(TASKS, "bad", "failed")
        self.ask(TASKS, "DELETE")

    def _instances(self) -> None:
        """One that never answers replaces instances of before, and is overtaken."""
        self._prepare_instances()
        for version in ("1.0.0", "1.1.0"):
            self._zip(INSTANCES, version, _PARCELS)
            self.reached(INSTANCES, version, "completed")
        self._zip(INSTANCES, "1.2.0", {"Procfile": "web: sleep 600\n"})
        until("instances are replaced", lambda: self._refreshes("InProgress"), seconds=30)
        self._zip(INSTANCES, "1.3.0", _PARCELS)
        until("that is cancelled", lambda: self._refreshes("Cancelling", "Cancelled"), seconds=30)

    def _refreshes(self, *states: str) -> list[str]:
        """Of either group of the instances."""
        groups = [f"{INSTANCES}-{color}" for color in ("blue", "green")]
        found = [self.clients("autoscaling").describe_instance_refreshes(AutoScalingGroupName=group)["InstanceRefreshes"] for group in groups]
        return [each["InstanceRefreshId"] for refreshes in found for each in refreshes if each["Status"] in states]

    def _prepare_functions(self) -> None:
        """Somebody left another function in the target group of the colour that comes first."""
        role = self.clients("iam").get_role(RoleName=ROLE)["Role"]["Arn"]
        code = {"ZipFile": zipped({"app.py": _HOOK})}
        how = {"Runtime": "python3.11", "Handler": "app.handler", "Role": role, "Timeout": 5}
        hook = self.clients("lambda").create_function(FunctionName="turnout-hook-ask", Code=code, **how)
        self.clients("ssm").put_parameter(Name=PARAMETER, Value="hello", Type="SecureString")
        self.clients("secretsmanager").create_secret(Name=SECRET, SecretString="hidden")
        cutover = {"read_only": "parameter", "parameter": "/turnout/web/read-only", "limit_seconds": 5, "drain_seconds": 0}
        made = create_lambda_service(self.clients, name=LAMBDA, handler="app.handler")
        green = made["traffic"]["target_groups"]["green"]
        permission = {"StatementId": "left", "Action": "lambda:InvokeFunction", "Principal": "elasticloadbalancing.amazonaws.com", "SourceArn": green}
        self.clients("lambda").add_permission(FunctionName=hook["FunctionName"], **permission)
        self.clients("elbv2").register_targets(TargetGroupArn=green, Targets=[{"Id": hook["FunctionArn"]}])
        changes = {"rollout": _QUICK["rollout"] | {"promotion": "manual"}, "runtime": made["runtime"] | {"provisioned": 1}}
        self._define(made, **changes, hooks=[{"at": "before_shift", "lambda": hook["FunctionName"]}], cutover=cutover, checks=_QUICK["checks"] | {"shadow": {"enabled": True, "share": 1}})
        self._configure(LAMBDA, GREETING={"ssm": PARAMETER}, KEY={"secretsmanager": SECRET})

    def _prepare_tasks(self) -> None:
        """With a role as a service's stack makes it, with something that scales it, and with an alarm that is red for a moment."""
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        self.clients("iam").create_role(RoleName="turnout-local-task", Path=_ROLES, AssumeRolePolicyDocument=trust)
        made = create_ecs_service(self.clients, name=TASKS)
        self._define(made, source=made["source"] | {"tag_pattern": "1.*"}, checks=_QUICK["checks"] | {"alarms": [self._alarm()]})
        self.clients("cloudwatch").set_alarm_state(AlarmName=TASKS, StateValue="ALARM", StateReason="a drill")
        self._configure(TASKS, KEY={"secretsmanager": SECRET})
        for color in ("blue", "green"):
            self.clients("application-autoscaling").register_scalable_target(
                ServiceNamespace="ecs", ScalableDimension="ecs:service:DesiredCount",
                ResourceId=f"service/turnout/{TASKS}-{color}", MinCapacity=0, MaxCapacity=4,
            )  # fmt: skip

    def _prepare_instances(self) -> None:
        """With a role, and with tags for what is launched."""
        iam, trust = self.clients("iam"), json.dumps({"Version": "2012-10-17", "Statement": []})
        iam.create_role(RoleName="fleet", Path=_ROLES, AssumeRolePolicyDocument=trust)
        profile = iam.create_instance_profile(InstanceProfileName="fleet", Path=_ROLES)["InstanceProfile"]["Arn"]
        iam.add_role_to_instance_profile(InstanceProfileName="fleet", RoleName="fleet")
        tags = [{"Key": "turnout:service", "Value": INSTANCES}]
        data = {"ImageId": "ami-12c6146b", "InstanceType": "t3.micro", "IamInstanceProfile": {"Arn": profile}}
        self.clients("ec2").create_launch_template(
            LaunchTemplateName=INSTANCES, TagSpecifications=[{"ResourceType": "launch-template", "Tags": tags}],
            LaunchTemplateData=data | {"TagSpecifications": [{"ResourceType": "instance", "Tags": tags}]},
        )  # fmt: skip
        self._define(create_autoscaling_service(self.clients, name=INSTANCES))

    def _alarm(self) -> str:
        """On nothing, which it takes for well."""
        condition = {"EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching"}
        self.clients("cloudwatch").put_metric_alarm(AlarmName=TASKS, Namespace="Shop", MetricName="Failed", Statistic="Sum", Period=1, **condition)
        arn: str = self.clients("cloudwatch").describe_alarms(AlarmNames=[TASKS])["MetricAlarms"][0]["AlarmArn"]
        return arn

    def _define(self, made: dict[str, Any], **changes: Any) -> None:
        self.ask(made["name"], "PUT", "", {**made, **_QUICK, **changes})

    def _configure(self, name: str, **settings: Any) -> None:
        self.ask(name, "POST", "/config", {"set": settings, "unset": []})

    def _image(self, version: str, server: str) -> None:
        files = {"app/server.py": server, "app/version": version}
        an_image.push(self.clients("ecr"), TASKS, version, files, Cmd=["python", "server.py"], WorkingDir="/app")

    def _zip(self, name: str, version: str, files: dict[str, str]) -> None:
        self.stack.upload(f"{name}/{version}/app.zip", zipped({**files, "version": version}))
