"""A load balancer with two rules and two target groups in moto, and the `Traffic` that names them."""

from dataclasses import dataclass
from typing import Any

import boto3
from moto.ec2.models import ec2_backends

from chalicelib.services.definition import Definition, TargetGroups, Traffic

PREFIX = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:"
TRAFFIC = Traffic(
    production_rule=PREFIX + "listener-rule/app/web/1111/2222/3333",
    staging_rule=PREFIX + "listener-rule/app/web/1111/4444/5555",
    target_groups=TargetGroups(blue=PREFIX + "targetgroup/web-blue/6666", green=PREFIX + "targetgroup/web-green/7777"),
    load_balancer=PREFIX + "loadbalancer/app/web/1111",
)
STICKY = {"Enabled": True, "DurationSeconds": 600}
OIDC = {
    "Type": "authenticate-oidc", "Order": 1,
    "AuthenticateOidcConfig": {
        "Issuer": "https://id.test", "AuthorizationEndpoint": "https://id.test/a", "TokenEndpoint": "https://id.test/t",
        "UserInfoEndpoint": "https://id.test/u", "ClientId": "web", "ClientSecret": "hidden",
    },
}  # fmt: skip


def a_definition(traffic: Traffic = TRAFFIC, **rest: Any) -> Definition:
    return Definition.model_validate({"name": "web", "runtime": {"kind": "lambda", "function": "web"}, "traffic": traffic.model_dump()} | rest)


def forward(weights: dict[str, int], **sticky: Any) -> dict[str, Any]:
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
    return {"Type": "forward", "Order": 2, "ForwardConfig": {"TargetGroups": groups, "TargetGroupStickinessConfig": sticky or {"Enabled": False}}}


@dataclass
class AlbInMoto:
    elbv2: Any
    traffic: Traffic
    listeners: list[str]

    @classmethod
    def make(cls, name: str = "web", **group: Any) -> "AlbInMoto":
        elbv2 = boto3.client("elbv2")
        # Asked of moto itself: the model of EC2 is by far botocore's largest, and slow to read.
        subnets = [subnet.id for subnet in ec2_backends["123456789012"]["eu-west-1"].describe_subnets()][:2]
        balancer = elbv2.create_load_balancer(Name=name, Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        blue, green = (cls.group(elbv2, f"{name}-{color}", **group) for color in ("blue", "green"))
        listeners = [cls.listener(elbv2, balancer, port) for port in (80, 8080)]
        rules = [cls.rule(elbv2, listener, {blue: 999, green: 0}) for listener in listeners]
        groups = TargetGroups(blue=blue, green=green)
        return cls(elbv2, Traffic(production_rule=rules[0], staging_rule=rules[1], target_groups=groups, load_balancer=balancer), listeners)

    @staticmethod
    def vpc() -> str:
        return str(ec2_backends["123456789012"]["eu-west-1"].describe_vpcs()[0].id)

    @staticmethod
    def group(elbv2: Any, name: str, **settings: Any) -> str:
        wanted = {"TargetType": "lambda", "HealthCheckEnabled": True, "HealthCheckIntervalSeconds": 35, "UnhealthyThresholdCount": 2} | settings
        return elbv2.create_target_group(Name=name, **wanted)["TargetGroups"][0]["TargetGroupArn"]

    @staticmethod
    def listener(elbv2: Any, balancer: str, port: int) -> str:
        fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}]
        return elbv2.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=fixed)["Listeners"][0]["ListenerArn"]

    @staticmethod
    def rule(elbv2: Any, listener: str, weights: dict[str, int], **rest: Any) -> str:
        wanted = {"Priority": 1, "Conditions": [{"Field": "path-pattern", "Values": ["/*"]}], "Actions": [forward(weights)]} | rest
        return elbv2.create_rule(ListenerArn=listener, **wanted)["Rules"][0]["RuleArn"]

    def actions(self, rule: str) -> list[dict[str, Any]]:
        return self.elbv2.describe_rules(RuleArns=[rule])["Rules"][0]["Actions"]
