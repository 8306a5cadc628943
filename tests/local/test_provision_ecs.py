"""What `service create --runtime ecs` makes on the local stack."""

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from chalicelib.services.definition import Definition
from tests.local.both_ways import client
from turnout.local import corrections
from turnout.local.embedded import LOAD_BALANCER
from turnout.local.provision_ecs import create_ecs_service


@pytest.fixture(autouse=True)
def _an_aws_with_a_balancer() -> Iterator[None]:
    with mock_aws(), corrections.apply():
        ec2 = client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        zones = {"10.0.0.0/24": "us-east-1a", "10.0.1.0/24": "us-east-1b"}
        subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"] for block, zone in zones.items()]
        client("elbv2").create_load_balancer(Name=LOAD_BALANCER, Subnets=subnets, Type="application")
        yield


def services() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client("ecs").describe_services(cluster="turnout", services=["web-blue", "web-green"])["services"]
    return found


class TestAnEcsService:
    def test_is_one_that_can_be_registered(self) -> None:
        made = create_ecs_service(client, name="web")

        definition = Definition.model_validate(made)
        assert made["runtime"] == {
            "kind": "ecs", "cluster": "turnout", "services": {"blue": "web-blue", "green": "web-green"}, "container": "app", "port": 8080, "task_definition": "web",
        }  # fmt: skip
        assert made["source"] == {"ecr": "web", "tag_pattern": "*"}
        assert definition.name == "web"

    def test_has_two_services_without_tasks_attached_to_their_target_groups(self) -> None:
        made = create_ecs_service(client, name="web", container="main", port=9000, repository="team/web")

        groups = made["traffic"]["target_groups"]
        for service, color in zip(services(), ("blue", "green"), strict=True):
            assert (service["serviceName"], service["desiredCount"], service["status"]) == (f"web-{color}", 0, "ACTIVE")
            assert service["loadBalancers"] == [{"targetGroupArn": groups[color], "containerName": "main", "containerPort": 9000}]
            assert service["deploymentConfiguration"]["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
            assert service["deployments"][0]["rolloutState"] == "COMPLETED"
        [group, _] = client("elbv2").describe_target_groups(TargetGroupArns=list(groups.values()))["TargetGroups"]
        assert (group["TargetType"], group["HealthCheckIntervalSeconds"]) == ("ip", 1)
        base = client("ecs").describe_task_definition(taskDefinition="web")["taskDefinition"]
        assert base["containerDefinitions"][0]["image"].endswith("/team/web:unreleased")
        assert "executionRoleArn" in base

    def test_has_a_production_and_a_staging_rule_with_both_target_groups(self) -> None:
        traffic = create_ecs_service(client, name="web")["traffic"]

        for rule, full in (("production_rule", "blue"), ("staging_rule", "green")):
            [found] = client("elbv2").describe_rules(RuleArns=[traffic[rule]])["Rules"]
            weights = {each["TargetGroupArn"]: each["Weight"] for each in found["Actions"][0]["ForwardConfig"]["TargetGroups"]}
            assert weights == {arn: 999 if color == full else 0 for color, arn in traffic["target_groups"].items()}

    def test_is_made_once(self) -> None:
        first = create_ecs_service(client, name="web")
        before = services()

        assert create_ecs_service(client, name="web") == first
        assert services() == before
        assert len(client("ecs").list_task_definitions(familyPrefix="web")["taskDefinitionArns"]) == 1
