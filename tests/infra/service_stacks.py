"""A load balancer in moto to make services' stacks on, and the templates as values: what in them never changes, and what the stack policy says."""

import json
import re
from typing import Any

import boto3
import yaml
from moto.ec2.models import ec2_backends

from tests.infra.conftest import ROOT

PLACE = {"Paths": "/*", "Priority": "20", "StagingHost": "staging.shop.test", "StagingPriority": "10"}
TEMPLATES = ("service-lambda.yaml", "service-ecs.yaml", "service-autoscaling.yaml")
MANAGED = {
    "AWS::AutoScaling::AutoScalingGroup", "AWS::ECS::Service", "AWS::ElasticLoadBalancingV2::ListenerRule", "AWS::ElasticLoadBalancingV2::TargetGroup",
}  # fmt: skip
"""Of which Turnout moves something that CloudFormation would send along whatever else changed."""
HELD = {
    "AWS::Lambda::Function": ("FunctionName", "Code", "PackageType", "Environment"),
    "AWS::EC2::LaunchTemplate": ("LaunchTemplateName",),
}
"""Of others only this may never change."""
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


def a_network() -> dict[str, str]:
    """The load balancer's, as parameters."""
    ec2 = ec2_backends["123456789012"]["eu-west-1"]
    subnets = list(ec2.describe_subnets())[:2]
    group = next(group.id for group in ec2.describe_security_groups() if group.vpc_id == subnets[0].vpc_id)
    return {"VpcId": subnets[0].vpc_id, "SubnetIds": ",".join(subnet.id for subnet in subnets), "LoadBalancerSecurityGroupId": group}


def told(parameters: dict[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]


def outputs(stack: str) -> dict[str, str]:
    [described] = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def managed(whole: dict[str, Any]) -> set[str]:
    return {name for name, one in whole["Resources"].items() if one["Type"] in MANAGED}


def closure(whole: dict[str, Any], names: set[str]) -> set[str]:
    """These resources, and all that they refer to. CloudFormation counts what refers to an updated resource as updated; an order (`DependsOn`) is none."""
    found = set(names)
    while ahead := {other for name in found for other in references(whole["Resources"][name]["Properties"])} & set(whole["Resources"]) - found:
        found |= ahead
    return found


def unchanging(whole: dict[str, Any]) -> dict[str, Any]:
    """What Turnout manages, with all that it refers to, and what of the template their properties come from."""
    resources = {name: whole["Resources"][name] for name in closure(whole, managed(whole))}
    used = references(list(resources.values()))
    conditions = {name: whole["Conditions"][name] for name in sorted(used & set(whole["Conditions"]))}
    parameters = sorted((used | references(conditions)) & set(whole["Parameters"]))
    held = {
        name: {each: one["Properties"].get(each) for each in HELD[one["Type"]]} for name, one in whole["Resources"].items() if one["Type"] in HELD
    }
    return {"resources": resources, "held": held, "conditions": conditions, "defaults": {name: whole["Parameters"][name].get("Default") for name in parameters}}


def references(value: Any) -> set[str]:
    """Every parameter, resource and condition that is referred to in it."""
    found: set[str] = set()
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            found = {name}
        case {"Fn::If": [str(condition), *branches]}:
            found = {condition} | references(branches)
        case {"Fn::Sub": str(written)}:
            found = named_in(written)
        case {"Fn::Sub": [str(written), dict(given)]}:
            found = (named_in(written) - set(given)) | references(given)
        case dict():
            conditional = {value["Condition"]} if isinstance(value.get("Condition"), str) else set()
            found = conditional | references(list(value.values()))
        case list():
            found = {name for each in value for name in references(each)}
    return found


def named_in(written: str) -> set[str]:
    return {name.partition(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", written)}


def refused(whole: dict[str, Any], action: str) -> set[str]:
    """The resources of a template of which the stack policy refuses this kind of update."""
    return {name for name, one in whole["Resources"].items() if any(_denies(statement, one["Type"], action) for statement in policy())}


def _denies(statement: dict[str, Any], kind: str, action: str) -> bool:
    assert statement["Resource"] == "*"
    kinds = statement.get("Condition", {"StringEquals": {"ResourceType": [kind]}})["StringEquals"]["ResourceType"]
    actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
    return statement["Effect"] == "Deny" and kind in kinds and ("Update:*" in actions or action in actions)
