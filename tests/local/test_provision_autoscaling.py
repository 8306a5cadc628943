"""A service of Auto Scaling groups on the local stack: everything it needs is made once."""

from typing import Any

from moto import mock_aws

from chalicelib.services.definition import Definition
from tests.local.both_ways import client
from turnout.local import corrections
from turnout.local.embedded import LOAD_BALANCER
from turnout.local.provision_autoscaling import create_autoscaling_service


def created(*names: str) -> list[dict[str, Any]]:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zones = {"a": "10.0.0.0/24", "b": "10.0.1.0/24"}
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=f"us-east-1{zone}")["Subnet"]["SubnetId"] for zone, block in zones.items()]
    client("elbv2").create_load_balancer(Name=LOAD_BALANCER, Subnets=subnets)
    return [create_autoscaling_service(client, name=name, health_path="/health") for name in names]


class TestAService:
    def test_is_what_can_be_registered(self) -> None:
        with mock_aws(), corrections.apply():
            [definition] = created("web")

            runtime = Definition.model_validate(definition).runtime
        assert (runtime.kind, runtime.launch_template, runtime.port) == ("autoscaling", "web", 8080)  # type: ignore[union-attr]

    def test_is_made_once(self) -> None:
        with mock_aws(), corrections.apply():
            first, again = created("web", "web")

            assert first == again
            assert len(client("ec2").describe_launch_templates()["LaunchTemplates"]) == 1

    def test_begins_with_groups_without_instances_each_at_its_target_group(self) -> None:
        with mock_aws(), corrections.apply():
            [definition] = created("web")

            groups = client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
            targets = definition["traffic"]["target_groups"]
            assert {each["AutoScalingGroupName"]: each["TargetGroupARNs"] for each in groups} == {"web-blue": [targets["blue"]], "web-green": [targets["green"]]}
            assert {(each["MinSize"], each["MaxSize"], each["DesiredCapacity"], each["HealthCheckType"]) for each in groups} == {(0, 10, 0, "ELB")}
            found = client("elbv2").describe_target_groups(TargetGroupArns=[*targets.values()])["TargetGroups"]
            assert {(each["TargetType"], each["Port"], each["HealthCheckPath"]) for each in found} == {("instance", 8080, "/health")}

    def test_may_have_a_name_too_short_for_a_launch_template(self) -> None:
        with mock_aws(), corrections.apply():
            [definition] = created("w")

            assert definition["runtime"]["launch_template"] == "w-template"
