"""Does the same with plain moto and with moto corrected, so that a test can say what each makes of it.

A test that fails because plain moto has become right says that a correction can go.
"""

import io
import json
import zipfile
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

from turnout.local import corrections

REGION = "us-east-1"


def both_ways(do: Callable[[], Any], **how: Any) -> tuple[Any, Any]:
    """What `do` returned, or the code of the error it met: with plain moto, and corrected."""
    with mock_aws():
        plain = _outcome(do)
    with mock_aws(), corrections.apply(**how):
        corrected = _outcome(do)
    return plain, corrected


def _outcome(do: Callable[[], Any]) -> Any:
    try:
        return do()
    except ClientError as error:
        return error.response["Error"]["Code"]
    except Exception as error:  # noqa: BLE001  # plain moto ends in all kinds of them
        return type(error).__name__


@cache
def client(service: str) -> Any:
    session: Any = boto3
    return session.client(service, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing")


def a_zip(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("app.py"), text)
    return packed.getvalue()


def a_balancer() -> str:
    ec2, elbv2 = client("ec2"), client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    arn: str = elbv2.create_load_balancer(Name="lb", Subnets=[subnet])["LoadBalancers"][0]["LoadBalancerArn"]
    return arn


def a_listener(balancer: str, *groups: str) -> str:
    default = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}]
    actions = [forward(*groups)] if groups else default
    arn: str = client("elbv2").create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=actions)["Listeners"][0]["ListenerArn"]
    return arn


def a_rule(listener: str, *groups: str) -> str:
    conditions = [{"Field": "path-pattern", "Values": ["/*"]}]
    rule = client("elbv2").create_rule(ListenerArn=listener, Priority=1, Conditions=conditions, Actions=[forward(*groups)])
    arn: str = rule["Rules"][0]["RuleArn"]
    return arn


def forward(*groups: str, weight: int = 1) -> dict[str, Any]:
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": group, "Weight": weight} for group in groups]}}


def a_group(name: str = "g", **how: Any) -> str:
    [vpc, *_] = client("ec2").describe_vpcs()["Vpcs"]
    given = {"TargetType": "ip", "Protocol": "HTTP", "Port": 80, "VpcId": vpc["VpcId"]} | how
    arn: str = client("elbv2").create_target_group(Name=name, **given)["TargetGroups"][0]["TargetGroupArn"]
    return arn


def a_function(code: str = "1") -> dict[str, Any]:
    role = client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps({}))["Role"]["Arn"]
    made: dict[str, Any] = client("lambda").create_function(
        FunctionName="f", Role=role, Handler="app.handler", Runtime="python3.11", Code={"ZipFile": a_zip(code)}
    )
    return made


def a_bucket() -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="artifacts")
    s3.put_bucket_versioning(Bucket="artifacts", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(Bucket="artifacts", NotificationConfiguration={"EventBridgeConfiguration": {}})
