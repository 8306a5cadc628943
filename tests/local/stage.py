"""An embedded AWS with a data plane behind it, and the words the tests set it up with."""

import contextlib
import http.client
import io
import itertools
import json
import socket
import textwrap
import time
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer

from turnout.local.dataplane import DataPlane

REGIONS = ("eu-central-1", "eu-west-1", "eu-west-2", "eu-north-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2")
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"
HELLO = """
def handler(event, context):
    return {"statusCode": 200, "headers": {"content-type": "text/plain"}, "body": "hello"}
"""

_numbers = itertools.count(1)
_regions = itertools.cycle(REGIONS)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    reason: str = ""

    def all(self, name: str) -> list[str]:
        return [value for each, value in self.headers if each.lower() == name.lower()]

    def one(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Stage:
    """Everything made here has a name of its own, so that tests share one stage; the embedded AWS is one per process, so each stage has its region."""

    server: ThreadedMotoServer
    plane: DataPlane
    work_dir: Path
    endpoint: str
    region: str
    _clients: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def opened(cls, work_dir: Path, *, alb_lag: float = 0.0, metric_period: float = 1.0, log_period: float = 5.0) -> "Stage":
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        region = next(_regions)
        paces = {"alb_lag": alb_lag, "metric_period": metric_period, "log_period": log_period}
        plane = DataPlane(region=region, account=ACCOUNT, **paces, work_dir=work_dir, endpoint_url=f"http://{host}:{port}")
        plane.start()
        return cls(server, plane, work_dir, f"http://{host}:{port}", region)

    def close(self) -> None:
        self.plane.stop()
        self.server.stop()

    def client(self, service: str) -> Any:
        if service not in self._clients:
            # Unvalidated: an interval of one second keeps the tests short, and botocore knows ELB's minimum of five.
            settings = {"region_name": self.region, "endpoint_url": self.endpoint, "config": Config(parameter_validation=False)}
            keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
            self._clients[service] = boto3.client(service, **settings, **keys)  # type: ignore[call-overload]
        return self._clients[service]

    # -- functions

    def function(
        self, source: str = HELLO, *, timeout: int = 3, handler: str = "app.handler", files: dict[str, str | bytes] | None = None, **variables: str
    ) -> str:
        """A function with one version and the alias `live` on it; returns its name."""
        name = f"fn{next(_numbers)}"
        self.role()
        code = zipped(files or {"app.py": source})
        self.client("lambda").create_function(
            FunctionName=name, Runtime="python3.11", Role=ROLE, Handler=handler, Code={"ZipFile": code}, Timeout=timeout, Environment={"Variables": variables}
        )
        version = self.client("lambda").publish_version(FunctionName=name)["Version"]
        self.client("lambda").create_alias(FunctionName=name, Name="live", FunctionVersion=version)
        return name

    def publish(self, name: str, source: str) -> str:
        """A new version, without moving the alias."""
        self.client("lambda").update_function_code(FunctionName=name, ZipFile=zipped({"app.py": source}))
        version: str = self.client("lambda").publish_version(FunctionName=name)["Version"]
        return version

    def point_alias(self, name: str, version: str) -> None:
        self.client("lambda").update_alias(FunctionName=name, Name="live", FunctionVersion=version)

    def role(self) -> None:
        with contextlib.suppress(self.client("iam").exceptions.EntityAlreadyExistsException):
            self.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")

    # -- load balancer

    def balancer(self) -> str:
        if "balancer" not in self._clients:
            ec2 = self.client("ec2")
            subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"][:2]]
            made = self.client("elbv2").create_load_balancer(Name=f"lb{uuid.uuid4().hex[:8]}", Subnets=subnets)
            self._clients["balancer"] = made["LoadBalancers"][0]["LoadBalancerArn"]
        arn: str = self._clients["balancer"]
        return arn

    def lambda_group(self, function: str | None, *, qualifier: str = "live", attributes: dict[str, str] | None = None, **check: Any) -> str:
        settings = {"HealthCheckEnabled": True, "HealthCheckIntervalSeconds": 2, "HealthCheckTimeoutSeconds": 1, **check}
        arn = self._group(TargetType="lambda", **settings)
        if attributes:
            self._attributes(arn, attributes)
        if function:
            target = f"arn:aws:lambda:{self.region}:{ACCOUNT}:function:{function}:{qualifier}"
            self.client("elbv2").register_targets(TargetGroupArn=arn, Targets=[{"Id": target}])
        return arn

    def ip_group(self, *ports: int, delay: int = 0, **check: Any) -> str:
        settings = {"HealthCheckIntervalSeconds": 2, "HealthCheckTimeoutSeconds": 1, "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 2, **check}
        vpc = self.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
        arn = self._group(TargetType="ip", Protocol="HTTP", Port=80, VpcId=vpc, HealthCheckPath="/health", **settings)
        self._attributes(arn, {"deregistration_delay.timeout_seconds": str(delay)})
        for port in ports:
            self.client("elbv2").register_targets(TargetGroupArn=arn, Targets=[{"Id": "127.0.0.1", "Port": port}])
        return arn

    def _group(self, **settings: Any) -> str:
        made = self.client("elbv2").create_target_group(Name=f"tg{next(_numbers)}", **settings)
        arn: str = made["TargetGroups"][0]["TargetGroupArn"]
        return arn

    def _attributes(self, arn: str, attributes: dict[str, str]) -> None:
        listed = [{"Key": key, "Value": value} for key, value in attributes.items()]
        self.client("elbv2").modify_target_group_attributes(TargetGroupArn=arn, Attributes=listed)

    def listener(self, *actions: dict[str, Any], port: int | None = None) -> "Listening":
        port = port or free_port()
        default = list(actions) or [fixed(404, "nothing here")]
        made = self.client("elbv2").create_listener(LoadBalancerArn=self.balancer(), Protocol="HTTP", Port=port, DefaultActions=default)
        return Listening(self, made["Listeners"][0]["ListenerArn"], port)

    def serving(self, function: str, **settings: Any) -> "Listening":
        """A listener all of whose requests go to one function, which has answered its first health check."""
        group = self.lambda_group(function, **settings)
        listening = self.listener(forward(group))
        eventually(lambda: self.plane.health(group, self.target(group), None)[0] in {"healthy", "unhealthy", "unavailable"})
        return listening

    def target(self, group: str) -> str:
        described = self.client("elbv2").describe_target_health(TargetGroupArn=group)
        target: str = described["TargetHealthDescriptions"][0]["Target"]["Id"]
        return target

    def metric(self, name: str, statistic: str, group: str | None) -> float | None:
        """Over the last minutes; None when there is no point at all."""
        dimensions = [{"Name": "LoadBalancer", "Value": self.balancer().rsplit(":loadbalancer/", 1)[-1]}]
        if group:
            dimensions.insert(0, {"Name": "TargetGroup", "Value": group.rsplit(":", 1)[-1]})
        metric = {"Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": dimensions}
        query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": 1200, "Stat": statistic}}
        now = time.time()
        found = self.client("cloudwatch").get_metric_data(MetricDataQueries=[query], StartTime=now - 600, EndTime=now + 60)
        values: list[float] = found["MetricDataResults"][0]["Values"]
        return values[0] if values else None


@dataclass(frozen=True)
class Listening:
    stage: Stage
    arn: str
    port: int

    def ask(self, path: str = "/", method: str = "GET", body: Any = None, headers: dict[str, str] | None = None, *, timeout: float = 10) -> Answer:
        """One request on a connection of its own, tried again while the port is not open yet."""
        eventually(self.is_open)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read(), response.reason)
        finally:
            connection.close()

    def is_open(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def rule(self, priority: int, action: dict[str, Any], *conditions: dict[str, Any]) -> str:
        made = self.stage.client("elbv2").create_rule(ListenerArn=self.arn, Priority=priority, Conditions=list(conditions), Actions=[action])
        arn: str = made["Rules"][0]["RuleArn"]
        return arn


def forward(*groups: str | tuple[str, int], sticky: int | None = None) -> dict[str, Any]:
    weighted = [(group, 1) if isinstance(group, str) else group for group in groups]
    config: dict[str, Any] = {"TargetGroups": [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weighted]}
    if sticky:
        config["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": sticky}
    return {"Type": "forward", "ForwardConfig": config}


def fixed(status: int, body: str) -> dict[str, Any]:
    return {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": str(status), "ContentType": "text/plain", "MessageBody": body}}


def path_pattern(*values: str) -> dict[str, Any]:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}


def zipped(files: dict[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, textwrap.dedent(content) if isinstance(content, str) else content)
    return packed.getvalue()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(holds: Callable[[], Any], *, within: float = 8.0) -> Any:
    """What `holds` returned once it was true."""
    deadline = time.monotonic() + within
    while not (value := holds()):
        assert time.monotonic() < deadline, "it did not come to hold in time"
        time.sleep(0.02)
    return value
