"""Makes what a service on the local stack needs, through the same APIs as in AWS, and says how to register it.

Run again for the same name it finds what it made and changes nothing.
"""

import hashlib
import io
import random
import re
import zipfile
from typing import Any

import boto3
from botocore.config import Config

from turnout.local.addresses import is_free
from turnout.local.embedded import ANY_CREDENTIALS, LOAD_BALANCER, ROLE, Clients, clients

__all__ = ["COLORS", "Clients", "clients", "create_lambda_service", "tag_list", "target_group", "traffic", "unchecked"]

PORTS = range(20000, 32000)
"""Below the range from which the system takes ports for outgoing connections."""
FULL = 999
COLORS = ("blue", "green")
_NAME_LIMIT = 26
"""What a target group's name leaves beside the colour."""
_PLACEHOLDER = """
def handler(event, context):
    return {"statusCode": 503, "headers": {"Content-Type": "text/plain"}, "body": "no release yet"}
"""
_UNRELEASED = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503", "ContentType": "text/plain", "MessageBody": "no release yet"}}]


def create_lambda_service(clients: Clients, *, name: str, handler: str, runtime: str = "python3.11", health_path: str = "/") -> dict[str, Any]:
    """Returns the definition to register: name, runtime and traffic.

    A function with a placeholder for code, two target groups without targets,
    and a listener with one rule for production and one for staging. Production
    starts on blue, staging on green.
    """
    _function(clients("lambda"), clients("iam"), name, handler, runtime)
    elbv2 = clients("elbv2")
    balancer = elbv2.describe_load_balancers(Names=[LOAD_BALANCER])["LoadBalancers"][0]["LoadBalancerArn"]
    groups = {color: _group(elbv2, name, color, health_path) for color in COLORS}
    return {"name": name, "runtime": {"kind": "lambda", "function": name}, "traffic": traffic(elbv2, balancer, name, groups)}


def traffic(elbv2: Any, balancer: str, name: str, groups: dict[str, str]) -> dict[str, Any]:
    """The definition's part of this name. Makes the listeners and rules that are not there."""
    rules = {role: _rule(elbv2, balancer, name, role, groups) for role in ("production", "staging")}
    return {"production_rule": rules["production"], "staging_rule": rules["staging"], "target_groups": groups, "load_balancer": balancer}


def _function(lambda_: Any, iam: Any, name: str, handler: str, runtime: str) -> None:
    try:
        lambda_.get_function(FunctionName=name)
    except lambda_.exceptions.ResourceNotFoundException:
        lambda_.create_function(
            FunctionName=name,
            Runtime=runtime,
            Handler=handler,
            Role=iam.get_role(RoleName=ROLE)["Role"]["Arn"],
            Code={"ZipFile": _placeholder(handler)},
            Timeout=30,
            Tags=_tags(name),
        )


def _placeholder(handler: str) -> bytes:
    """Answers under the name that the releases will have."""
    module, _, function = handler.rpartition(".")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"{module.replace('.', '/')}.py"), _PLACEHOLDER.replace("def handler", f"def {function}"))
    return packed.getvalue()


def _group(elbv2: Any, name: str, color: str, health_path: str) -> str:
    check = {"HealthCheckEnabled": True, "HealthCheckPath": health_path, "HealthCheckIntervalSeconds": 1, "HealthCheckTimeoutSeconds": 1}
    return target_group(elbv2, name, color, TargetType="lambda", **check)


def target_group(elbv2: Any, name: str, color: str, **settings: Any) -> str:
    """ARN of the target group of a colour, made if it is not there."""
    group = _group_name(name, color)
    try:
        found = elbv2.describe_target_groups(Names=[group])
    except elbv2.exceptions.TargetGroupNotFoundException:
        counts: dict[str, Any] = {"HealthyThresholdCount": 2, "UnhealthyThresholdCount": 4, "Matcher": {"HttpCode": "200"}}
        found = unchecked(elbv2).create_target_group(Name=group, Tags=tag_list(name, color=color), **counts | settings)
    arn: str = found["TargetGroups"][0]["TargetGroupArn"]
    return arn


def unchecked(elbv2: Any) -> Any:
    """boto3 refuses a health check more often than every 5 seconds, as AWS does; here nobody should wait that long."""
    made: Any = boto3.client(
        "elbv2",
        endpoint_url=elbv2.meta.endpoint_url,
        region_name=elbv2.meta.region_name,
        **ANY_CREDENTIALS,
        config=Config(parameter_validation=False),
    )
    return made


def _group_name(name: str, color: str) -> str:
    """At most 32 characters, no two hyphens in a row, and no two services share one."""
    tidy = re.sub(r"-+", "-", name).strip("-")
    short = name if tidy == name and len(name) <= _NAME_LIMIT else f"{tidy[:17].strip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"{short}-{color}"


def _rule(elbv2: Any, balancer: str, name: str, role: str, groups: dict[str, str]) -> str:
    """The rule of this service's listener for `role`, both made if they are not there."""
    listener = _find_listener(elbv2, balancer, name, role) or _make_listener(elbv2, balancer, name, role)
    for rule in elbv2.describe_rules(ListenerArn=listener)["Rules"]:
        if not rule["IsDefault"]:
            found: str = rule["RuleArn"]
            return found
    made = elbv2.create_rule(
        ListenerArn=listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}],
        Actions=[_forward(groups, full="blue" if role == "production" else "green")],
        Tags=tag_list(name, role=role),
    )
    arn: str = made["Rules"][0]["RuleArn"]
    return arn


def _forward(groups: dict[str, str], *, full: str) -> dict[str, Any]:
    weighted = [{"TargetGroupArn": arn, "Weight": FULL if color == full else 0} for color, arn in groups.items()]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": weighted}}


def _find_listener(elbv2: Any, balancer: str, name: str, role: str) -> str | None:
    listeners = [each["ListenerArn"] for each in elbv2.get_paginator("describe_listeners").paginate(LoadBalancerArn=balancer).search("Listeners[]")]
    wanted = {"turnout:service": name, "turnout:role": role}
    for start in range(0, len(listeners), 20):
        for described in elbv2.describe_tags(ResourceArns=listeners[start : start + 20])["TagDescriptions"]:
            if wanted.items() <= {tag["Key"]: tag["Value"] for tag in described["Tags"]}.items():
                arn: str = described["ResourceArn"]
                return arn
    return None


def _make_listener(elbv2: Any, balancer: str, name: str, role: str) -> str:
    taken = {each["Port"] for each in elbv2.get_paginator("describe_listeners").paginate(LoadBalancerArn=balancer).search("Listeners[]")}
    port = next(port for port in random.sample(PORTS, len(PORTS)) if port not in taken and is_free(port))
    made = elbv2.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=_UNRELEASED, Tags=tag_list(name, role=role))
    arn: str = made["Listeners"][0]["ListenerArn"]
    return arn


def _tags(name: str, **more: str) -> dict[str, str]:
    return {"turnout:service": name} | {f"turnout:{key}": value for key, value in more.items()}


def tag_list(name: str, **more: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in _tags(name, **more).items()]
