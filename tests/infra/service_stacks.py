"""A load balancer in moto to make services' stacks on, and the templates as values."""

import json
from typing import Any

import boto3
import yaml
from moto.ec2.models import ec2_backends

from tests.infra.conftest import ROOT

PLACE = {"Paths": "/*", "Priority": "20", "StagingHost": "staging.shop.test", "StagingPriority": "10"}
NOT_LOOPBACK = {"lambda": {"use_docker": False}, "core": {"passthrough": {"urls": [r"http://127\.0\.0\.1.*"]}}}


def text(name: str) -> str:
    return ROOT.joinpath("infra", name).read_text(encoding="utf-8")


def template(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(text(name))
    return loaded


def policy() -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = json.loads(text("service-stack-policy.json"))["Statement"]
    return statements


def a_listener() -> str:
    """Of a load balancer that was there before."""
    elbv2 = boto3.client("elbv2")
    # Asked of moto itself: the model of EC2 is by far botocore's largest, and slow to read.
    subnets = [subnet.id for subnet in ec2_backends["123456789012"]["eu-west-1"].describe_subnets()][:2]
    balancer = elbv2.create_load_balancer(Name="shared", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    absent = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    return str(elbv2.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=absent)["Listeners"][0]["ListenerArn"])


def told(parameters: dict[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]


def outputs(stack: str) -> dict[str, str]:
    [described] = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
