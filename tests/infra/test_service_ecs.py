"""A service's stack on ECS: an update leaves alone what Turnout moved, and what a release is made from may change at any time."""

import json
import warnings
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.aws.clients import Clients
from chalicelib.colors import Color, Split
from chalicelib.services.definition import Definition
from chalicelib.services.running import EcsRuntime
from chalicelib.traffic.alb import AlbRouter
from tests.infra.service_stacks import NOT_LOOPBACK, PLACE, a_listener, a_network, outputs, references, template, text, told
from turnout.cli import service_stack

NAME = "service-ecs.yaml"


@pytest.fixture
def aws() -> Iterator[Any]:
    with mock_aws(config=NOT_LOOPBACK):
        yield boto3.client("cloudformation")


@pytest.fixture
def place(aws) -> dict[str, str]:
    return {"ServiceName": "web", "ListenerArn": a_listener(), **PLACE, **a_network()}


def created(cloudformation: Any, parameters: dict[str, str]) -> Definition:
    cloudformation.create_stack(StackName="s", TemplateBody=text(NAME), Parameters=told(parameters), Capabilities=["CAPABILITY_IAM"])
    return Definition.model_validate(service_stack.definition_of("web", "ecs", outputs("s"), health_path="/"))


def updated(cloudformation: Any, parameters: dict[str, str]) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tried to parse AWS::ApplicationAutoScaling")  # moto makes no scalable targets
        cloudformation.update_stack(StackName="s", TemplateBody=text(NAME), Parameters=told(parameters), Capabilities=["CAPABILITY_IAM"])


def released(definition: Definition) -> str:
    """As if Turnout had put a release on green and given it all traffic. Its task definition's ARN."""
    ecs = boto3.client("ecs")
    runtime = runtime_of(definition)
    container = {"name": runtime.container, "image": "repository@sha256:1", "memory": 512}
    made = ecs.register_task_definition(family="web-green", containerDefinitions=[container])["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=runtime.cluster, service=runtime.services.green, taskDefinition=made, desiredCount=3)
    AlbRouter(Clients()).set_weights(definition.traffic, Split.all_on(Color.GREEN), unstick=False)
    return str(made)


def running(definition: Definition) -> tuple[str, int]:
    runtime = runtime_of(definition)
    [service] = boto3.client("ecs").describe_services(cluster=runtime.cluster, services=[runtime.services.green])["services"]
    return service["taskDefinition"], service["desiredCount"]


def runtime_of(definition: Definition) -> EcsRuntime:
    assert isinstance(definition.runtime, EcsRuntime)
    return definition.runtime


class TestMade:
    def test_what_it_made_can_be_registered(self, aws, place):
        definition = created(aws, place | {"ContainerName": "main", "Port": "9000"})

        around = AlbRouter(Clients()).survey(definition.traffic)
        runtime = runtime_of(definition)
        assert (around.rules.production.split, around.rules.staging.split) == (Split.all_on(Color.BLUE), Split.all_on(Color.GREEN))
        assert (runtime.services.blue, runtime.services.green, runtime.container, runtime.port) == ("web-blue", "web-green", "main", 9000)
        assert (definition.source.ecr, definition.source.tag_pattern) == ("web", "*")

    def test_both_colours_are_empty_and_hold_the_place(self, aws, place):
        definition = created(aws, place)

        described = boto3.client("ecs").describe_services(cluster=runtime_of(definition).cluster, services=["web-blue", "web-green"])["services"]

        assert [(one["desiredCount"], one["taskDefinition"].rpartition("/")[2]) for one in described] == [(0, "web-placeholder:1")] * 2

    def test_target_groups_are_of_addresses(self, aws, place):
        definition = created(aws, place | {"DeregistrationDelay": "15"})
        elbv2 = boto3.client("elbv2")

        groups = elbv2.describe_target_groups(TargetGroupArns=[definition.traffic.target_groups.blue, definition.traffic.target_groups.green])["TargetGroups"]

        assert [(group["TargetType"], group["HealthCheckIntervalSeconds"]) for group in groups] == [("ip", 10)] * 2
        delays = [{"Key": "deregistration_delay.timeout_seconds", "Value": {"Ref": "DeregistrationDelay"}}]
        assert template(NAME)["Resources"]["BlueTargetGroup"]["Properties"]["TargetGroupAttributes"] == delays

    def test_a_cluster_and_a_repository_may_be_there_already(self, aws, place):
        boto3.client("ecs").create_cluster(clusterName="shared")

        definition = created(aws, place | {"ClusterName": "shared", "RepositoryName": "shop/web"})

        assert (runtime_of(definition).cluster, definition.source.ecr) == ("shared", "shop/web")
        assert boto3.client("ecr").describe_repositories()["repositories"] == []
        assert [arn.rpartition("/")[2] for arn in boto3.client("ecs").list_clusters()["clusterArns"]] == ["shared"]


class TestUpdated:
    """moto passes over resources that are what they were and sends a changed one whole, as CloudFormation does; it knows no stack policies."""

    @pytest.mark.parametrize("changed", [
        {"Cpu": "1024", "Memory": "2048"}, {"CpuArchitecture": "ARM64"}, {"MaxSize": "8", "MinSize": "1"}, {"RepositoryName": "shop/web"},
        {"ManagedPolicyArns": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
    ], ids=lambda changed: next(iter(changed)))  # fmt: skip
    def test_a_stack_that_is_updated_keeps_weights_sizes_and_releases(self, aws, place, changed):
        definition = created(aws, place)
        release = released(definition)

        updated(aws, place | changed)

        assert AlbRouter(Clients()).look(definition.traffic).production.split == Split.all_on(Color.GREEN)
        assert running(definition) == (release, 3)

    def test_the_next_release_is_made_from_what_was_updated(self, aws, place):
        definition = created(aws, place)
        updated(aws, place | {"Cpu": "1024", "Memory": "2048"})

        active = boto3.client("ecs").list_task_definitions(familyPrefix=runtime_of(definition).task_definition, status="ACTIVE")["taskDefinitionArns"]

        assert [arn.rpartition("/")[2] for arn in active] == ["web-base:2"]

    def test_any_change_of_an_ecs_service_would_stop_the_release_and_so_the_policy_refuses_all(self, aws, place):
        """Not only of its task definition: this is why the ECS services are denied as a whole, and refer to nothing that may change."""
        definition = created(aws, place)
        released(definition)

        updated(aws, place | {"GraceSeconds": "90"})

        task_definition, wanted = running(definition)
        assert task_definition.rpartition("/")[2].startswith("web-placeholder")
        assert wanted == 0


class TestTemplate:
    def test_the_placeholder_and_the_base_are_two(self):
        resources = template(NAME)["Resources"]
        families = {name: one["Properties"]["Family"] for name, one in resources.items() if one["Type"] == "AWS::ECS::TaskDefinition"}

        assert families == {"Base": {"Fn::Sub": "${ServiceName}-base"}, "Placeholder": {"Fn::Sub": "${ServiceName}-placeholder"}}
        assert references(resources["Placeholder"]["Properties"]) == {"ServiceName", "ContainerName", "Port"}
        assert [name for name, one in resources.items() if "Base" in references(one["Properties"])] == []

    @pytest.mark.parametrize("color", ["Blue", "Green"])
    def test_ecs_rolls_and_rolls_back_by_itself_and_nobody_else_moves_the_rule(self, color):
        service = template(NAME)["Resources"][f"{color}Service"]["Properties"]

        assert service["DeploymentController"] == {"Type": "ECS"}
        assert service["DeploymentConfiguration"] == {
            "MinimumHealthyPercent": 100, "MaximumPercent": 200, "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
        }  # fmt: skip
        assert [set(balancer) for balancer in service["LoadBalancers"]] == [{"ContainerName", "ContainerPort", "TargetGroupArn"}]
        assert {"Key": "turnout:service", "Value": {"Ref": "ServiceName"}} in service["Tags"]

    def test_no_image_that_the_ledger_may_name_is_expired_or_replaced(self):
        repository = template(NAME)["Resources"]["Repository"]

        assert "LifecyclePolicy" not in repository["Properties"]
        assert repository["Properties"]["ImageTagMutability"] == "IMMUTABLE"
        assert repository["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}
        assert (repository["DeletionPolicy"], repository["UpdateReplacePolicy"]) == ("Retain", "Retain")

    def test_scaling_starts_nothing_before_there_is_a_release(self):
        """Registering a scalable target with a minimum starts as many tasks at once, and all there is to start is the placeholder."""
        whole = template(NAME)

        assert whole["Parameters"]["MinSize"]["Default"] == 0
        assert {one.get("Condition") for one in whole["Resources"].values() if "ApplicationAutoScaling" in one["Type"]} == {"IsScaled"}

    def test_only_the_load_balancer_reaches_a_task(self):
        resources = template(NAME)["Resources"]

        assert resources["FromLoadBalancer"]["Properties"]["SourceSecurityGroupId"] == {"Ref": "LoadBalancerSecurityGroupId"}
        assert "SecurityGroupIngress" not in resources["SecurityGroup"]["Properties"]
        assert [name for name, one in resources.items() if one["Type"] == "AWS::EC2::SecurityGroupIngress"] == ["FromLoadBalancer"]

    def test_ecs_resolves_only_the_services_own_secrets(self):
        [written] = template(NAME)["Resources"]["ExecutionRole"]["Properties"]["Policies"]
        by_sid = {statement["Sid"]: statement for statement in written["PolicyDocument"]["Statement"]}

        assert by_sid["OwnParameters"]["Action"] == ["ssm:GetParameters"]
        assert by_sid["OwnParameters"]["Resource"]["Fn::Sub"].endswith(":parameter/turnout/${ServiceName}/*")
        assert by_sid["OwnSecrets"]["Resource"]["Fn::Sub"].endswith(":secret:turnout/${ServiceName}/*")
        assert "secretsmanager" not in json.dumps(template(NAME)["Resources"]["TaskRole"])
