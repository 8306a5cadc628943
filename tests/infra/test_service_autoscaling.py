"""A service's stack on EC2 Auto Scaling: an update leaves alone what Turnout moved, also when there is a newer image."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.aws.clients import Clients
from chalicelib.clock import SystemClock
from chalicelib.colors import Color, Split
from chalicelib.runtimes.autoscaling import runtime as autoscaling
from chalicelib.runtimes.runtime import Progress
from chalicelib.services.definition import Definition
from chalicelib.services.running import AutoScalingRuntime
from chalicelib.traffic.alb import AlbRouter
from tests.infra.service_stacks import NOT_LOOPBACK, PLACE, a_listener, a_network, outputs, template, text, told
from turnout.cli import service_stack

NAME = "service-autoscaling.yaml"
IMAGES = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"


@pytest.fixture
def aws() -> Iterator[Any]:
    with mock_aws(config=NOT_LOOPBACK):
        yield boto3.client("cloudformation")


@pytest.fixture
def place(aws) -> dict[str, str]:
    return {"ServiceName": "web", "ListenerArn": a_listener(), **PLACE, **a_network(), "ArtifactBucket": "artifacts"}


def created(cloudformation: Any, parameters: dict[str, str]) -> Definition:
    cloudformation.create_stack(StackName="s", TemplateBody=text(NAME), Parameters=told(parameters), Capabilities=["CAPABILITY_IAM"])
    return Definition.model_validate(service_stack.definition_of("web", "autoscaling", outputs("s"), health_path="/"))


def updated(cloudformation: Any, parameters: dict[str, str]) -> None:
    cloudformation.update_stack(StackName="s", TemplateBody=text(NAME), Parameters=told(parameters), Capabilities=["CAPABILITY_IAM"])


def released(definition: Definition) -> str:
    """As if Turnout had put a release on green and given it all traffic. Its version of the launch template."""
    runtime = runtime_of(definition)
    ec2 = boto3.client("ec2")
    made = ec2.create_launch_template_version(LaunchTemplateName=runtime.launch_template, LaunchTemplateData={"ImageId": "ami-12c6146b"})
    version = str(made["LaunchTemplateVersion"]["VersionNumber"])
    boto3.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=runtime.groups.green, DesiredCapacity=2, NewInstancesProtectedFromScaleIn=True,
        LaunchTemplate={"LaunchTemplateName": runtime.launch_template, "Version": version},
    )  # fmt: skip
    AlbRouter(Clients()).set_weights(definition.traffic, Split.all_on(Color.GREEN), unstick=False)
    return version


def standing(definition: Definition) -> tuple[str, int, bool]:
    [group] = boto3.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[runtime_of(definition).groups.green])["AutoScalingGroups"]
    return group["LaunchTemplate"]["Version"], group["DesiredCapacity"], group["NewInstancesProtectedFromScaleIn"]


def runtime_of(definition: Definition) -> AutoScalingRuntime:
    assert isinstance(definition.runtime, AutoScalingRuntime)
    return definition.runtime


class TestMade:
    def test_what_it_made_can_be_registered(self, aws, place):
        definition = created(aws, place)

        around = AlbRouter(Clients()).survey(definition.traffic)
        runtime = runtime_of(definition)
        assert (around.rules.production.split, around.rules.staging.split) == (Split.all_on(Color.BLUE), Split.all_on(Color.GREEN))
        assert (runtime.groups.blue, runtime.groups.green, runtime.launch_template, runtime.port) == ("web-blue", "web-green", "turnout-web", 8080)
        assert definition.source.s3

    def test_turnout_can_manage_it_and_finds_it_empty(self, aws, place):
        definition = created(aws, place)
        runtime = autoscaling.AutoScalingRuntime(Clients(), SystemClock())

        runtime.survey(definition)

        assert {runtime.standing(definition, color).progress for color in Color} == {Progress.EMPTY}
        assert {(size.wanted, size.least, size.held) for size in runtime.sizes(definition).values()} == {(0, 0, False)}

    def test_each_group_is_in_its_target_group_and_empty(self, aws, place):
        definition = created(aws, place | {"MaxSize": "7"})

        groups = boto3.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]

        assert {group["AutoScalingGroupName"]: group["TargetGroupARNs"] for group in groups} == {
            "web-blue": [definition.traffic.target_groups.blue], "web-green": [definition.traffic.target_groups.green],
        }  # fmt: skip
        assert {(group["MinSize"], group["MaxSize"], group["DesiredCapacity"], group["HealthCheckType"]) for group in groups} == {(0, 7, 0, "ELB")}

    def test_instances_are_made_from_the_image_of_that_day(self, aws, place):
        created(aws, place)

        [version] = boto3.client("ec2").describe_launch_template_versions(LaunchTemplateName="turnout-web")["LaunchTemplateVersions"]

        assert version["LaunchTemplateData"]["ImageId"] == boto3.client("ssm").get_parameter(Name=IMAGES)["Parameter"]["Value"]


class TestUpdated:
    """moto passes over resources that are what they were and sends a changed one whole, as CloudFormation does; it knows no stack policies."""

    @pytest.mark.parametrize("changed", [
        {"InstanceType": "m7i.large"}, {"VolumeGigabytes": "20"}, {"ManagedPolicyArns": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
        {"ImageId": IMAGES.replace("x86_64", "arm64")},
    ], ids=lambda changed: next(iter(changed)))  # fmt: skip
    def test_a_stack_that_is_updated_keeps_weights_sizes_and_releases(self, aws, place, changed):
        definition = created(aws, place)
        version = released(definition)

        updated(aws, place | changed)

        assert AlbRouter(Clients()).look(definition.traffic).production.split == Split.all_on(Color.GREEN)
        assert standing(definition) == (version, 2, True)

    def test_any_change_of_a_group_would_take_the_release_off_and_so_the_policy_refuses_all(self, aws, place):
        """Not only of its launch template: this is why the groups are denied as a whole, and refer to nothing that may change."""
        definition = created(aws, place)
        released(definition)

        updated(aws, place | {"MaxSize": "9"})

        assert standing(definition)[0] == "1"


class TestTemplate:
    @pytest.mark.parametrize("color", ["Blue", "Green"])
    def test_the_groups_name_the_launch_template_and_do_not_refer_to_it(self, color):
        group = template(NAME)["Resources"][f"{color}Group"]

        assert group["Properties"]["LaunchTemplate"] == {"LaunchTemplateName": {"Fn::Sub": "turnout-${ServiceName}"}, "Version": "1"}
        assert group["DependsOn"] == "LaunchTemplate"
        assert template(NAME)["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateName"] == {"Fn::Sub": "turnout-${ServiceName}"}

    def test_the_image_is_looked_up_by_cloudformation_and_not_at_every_launch(self):
        """A `resolve:ssm:` in the launch template would start another image under a release that was checked."""
        whole = template(NAME)

        assert whole["Parameters"]["ImageId"]["Type"] == "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"
        assert whole["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]["ImageId"] == {"Ref": "ImageId"}

    def test_an_instance_may_read_named_versions_of_its_own_releases_and_its_own_parameters(self):
        [written] = template(NAME)["Resources"]["Role"]["Properties"]["Policies"]
        allowed = {action: statement["Resource"]["Fn::Sub"] for statement in written["PolicyDocument"]["Statement"] for action in statement["Action"]}

        assert set(allowed) == {"s3:GetObjectVersion", "ssm:GetParameter", "secretsmanager:GetSecretValue"}
        assert allowed["s3:GetObjectVersion"].endswith(":::${ArtifactBucket}/${ServiceName}/*")
        assert allowed["ssm:GetParameter"].endswith(":parameter/turnout/${ServiceName}/*")
        assert allowed["secretsmanager:GetSecretValue"].endswith(":secret:turnout/${ServiceName}/*")

    def test_instances_keep_their_credentials_and_disks_to_themselves(self):
        data = template(NAME)["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]

        assert data["MetadataOptions"] == {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 1}
        assert [mapping["Ebs"]["Encrypted"] for mapping in data["BlockDeviceMappings"]] == [True]
        assert "UserData" not in data

    def test_only_the_load_balancer_reaches_an_instance(self):
        [rule] = template(NAME)["Resources"]["SecurityGroup"]["Properties"]["SecurityGroupIngress"]

        assert (rule["SourceSecurityGroupId"], rule["FromPort"], rule["ToPort"]) == ({"Ref": "LoadBalancerSecurityGroupId"}, {"Ref": "Port"}, {"Ref": "Port"})
        assert "CidrIp" not in rule
