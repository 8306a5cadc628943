"""What a pass may change, launch and pass on is bounded: by the tag of services, by launch templates, and by the path of roles."""

from typing import Any

import pytest

from tests.infra.permitting import Request, permitting
from tests.infra.policies import CHANGES, FUNCTIONS, NAMES, PASSES, allowed, allowing, resolved
from tests.infra.service_stacks import template

TAGGED = {"Null": {"aws:ResourceTag/turnout:service": "false"}}


def arn(service: str, rest: str, *, region: str = NAMES["AWS::Region"], account: str = NAMES["AWS::AccountId"]) -> str:
    return f"arn:{NAMES['AWS::Partition']}:{service}:{region}:{account}:{rest}"


class TestChanges:
    """What a service runs on is changed only where it has the service's tag."""

    @pytest.mark.parametrize("function", PASSES)
    def test_need_the_tag(self, function: str):
        plain = {"ecs:RegisterTaskDefinition", "ecs:TagResource", "application-autoscaling:RegisterScalableTarget", "lambda:AddPermission", "ec2:CreateTags"}
        changing = {
            action for action in allowed(function)
            if action.startswith(("autoscaling:", "ec2:", "ecs:", "lambda:", "application-autoscaling:")) and action.partition(":")[2].startswith(CHANGES)
        }  # fmt: skip

        for action in changing - plain - {"ec2:RunInstances"}:
            assert [one.get("Condition") for one in allowing(function, action)] == [TAGGED], action
        assert TAGGED in [one.get("Condition") for one in allowing(function, "ec2:RunInstances")]

    @pytest.mark.parametrize("function", PASSES)
    def test_without_a_tag_are_bounded_otherwise(self, function: str):
        bounds = {
            "application-autoscaling:RegisterScalableTarget": {
                "application-autoscaling:service-namespace": "ecs", "application-autoscaling:scalable-dimension": "ecs:service:DesiredCount",
            },
            "ec2:CreateTags": {"ec2:CreateAction": "RunInstances"},
            "ecs:TagResource": {"ecs:CreateAction": "RegisterTaskDefinition"},
            "lambda:AddPermission": {"lambda:Principal": "elasticloadbalancing.amazonaws.com"},
        }  # fmt: skip

        assert {action: [one["Condition"] for one in allowing(function, action)] for action in bounds} == {
            action: [{"StringEquals": condition}] for action, condition in bounds.items()
        }

    @pytest.mark.parametrize("function", PASSES)
    def test_launch_instances_by_a_tagged_template_alone(self, function: str):
        templated = {"ec2:LaunchTemplate": arn("ec2", "launch-template/lt-1"), "ec2:IsLaunchTemplateResource": "true"}
        policy_of_it = resolved(function, NAMES)

        def launches(resource: str, **context: str) -> bool:
            return bool(permitting(policy_of_it, Request("ec2:RunInstances", resource, context)))

        assert launches(arn("ec2", "launch-template/lt-1"), **{"aws:ResourceTag/turnout:service": "web"})
        assert not launches(arn("ec2", "launch-template/lt-1"))
        for resource in (arn("ec2", "instance/*"), arn("ec2", "volume/*"), arn("ec2", "image/ami-1", account="")):
            assert launches(resource, **templated)
            assert not launches(resource, **templated | {"ec2:IsLaunchTemplateResource": "false"}), "something else than the template says"
            assert not launches(resource), "without a template"
        assert launches(arn("ec2", "subnet/subnet-1"), **templated | {"ec2:IsLaunchTemplateResource": "false"}), "subnets are the group's"
        assert not launches(arn("ec2", "subnet/subnet-1"))

    @pytest.mark.parametrize(
        ("name", "kinds"),
        [
            ("service-autoscaling.yaml", {"AWS::AutoScaling::AutoScalingGroup", "AWS::EC2::LaunchTemplate"}),
            ("service-ecs.yaml", {"AWS::ECS::Service"}),
            ("service-lambda.yaml", {"AWS::Lambda::Function"}),
        ],
    )
    def test_find_the_tag_on_what_a_services_stack_makes(self, name: str, kinds: set[str]):
        made = [one for one in template(name)["Resources"].values() if one["Type"] in kinds]

        assert {one["Type"] for one in made} == kinds
        for one in made:
            specified = one["Properties"].get("TagSpecifications", [])
            tags = one["Properties"].get("Tags") or [tag for each in specified if each["ResourceType"] == "launch-template" for tag in each["Tags"]]
            assert "turnout:service" in {tag["Key"] for tag in tags}


class TestPassingRolesOn:
    SERVICES = ("ec2.amazonaws.com", "ecs-tasks.amazonaws.com")

    def test_is_for_passes_alone(self):
        assert {function for function in FUNCTIONS if allowing(function, "iam:PassRole")} == set(PASSES)

    @pytest.mark.parametrize("function", PASSES)
    def test_is_bounded_by_path_and_service(self, function: str):
        statements = allowing(function, "iam:PassRole")

        assert [one["Action"] for one in statements] == [["iam:PassRole"]] * 2
        assert {one["Resource"]["Fn::Sub"] for one in statements} == {"arn:${AWS::Partition}:iam::${AWS::AccountId}:role/turnout/service/*"}
        assert sorted(str(one["Condition"]) for one in statements) == [str({"StringEquals": {"iam:PassedToService": service}}) for service in self.SERVICES]

    @pytest.mark.parametrize("function", PASSES)
    def test_holds_for_the_roles_that_a_services_stack_makes(self, function: str):
        """Role and policy are written in two places and have to agree: by the path, and by whom the role trusts."""
        for name in ("service-ecs.yaml", "service-autoscaling.yaml"):
            roles = [one["Properties"] for one in template(name)["Resources"].values() if one["Type"] == "AWS::IAM::Role"]
            assert roles
            for role in roles:
                [trusted] = role["AssumeRolePolicyDocument"]["Statement"]
                made = arn("iam", f"role{role['Path']}turnout-service-web-TaskRole-1", region="")
                passes = {service: self.passes(function, made, service) for service in (*self.SERVICES, "lambda.amazonaws.com")}
                assert passes == {**dict.fromkeys(self.SERVICES, True), "lambda.amazonaws.com": False}
                assert trusted["Principal"]["Service"] in self.SERVICES

    @pytest.mark.parametrize("function", PASSES)
    @pytest.mark.parametrize("role", ["role/admin", "role/turnout/other/x", "role/x/turnout/service/y", "role/turnout-prod-OnDueRole-1"])
    def test_holds_for_no_other_role(self, function: str, role: str):
        assert not any(self.passes(function, arn("iam", role, region=""), service) for service in self.SERVICES)

    def test_never_reaches_a_role_of_turnouts_own(self):
        """CloudFormation gives them no path, so none of them lies below that of the services."""
        own: dict[str, Any] = template("control-plane.yaml")["Resources"]

        assert not [name for name, one in own.items() if one.get("Properties", {}).get("Path")]

    @staticmethod
    def passes(function: str, role: str, service: str) -> bool:
        return bool(permitting(resolved(function, NAMES), Request("iam:PassRole", role, {"iam:PassedToService": service})))
