"""A Lambda service's stack: what Turnout manages is made so that it can be managed, and an update of the stack leaves alone what Turnout moved."""

import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.aws.clients import Clients
from chalicelib.clock import SystemClock
from chalicelib.colors import Color, Split
from chalicelib.runtimes.lambda_.runtime import LambdaRuntime
from chalicelib.services.definition import Definition
from chalicelib.traffic.alb import AlbRouter
from tests.infra.service_stacks import NOT_LOOPBACK, PLACE, a_listener, managed, outputs, refused, template, text, told
from turnout.cli import service_stack

MANAGED = {"BlueTargetGroup", "GreenTargetGroup", "ProductionRule", "StagingRule"}


@pytest.fixture
def aws() -> Iterator[Any]:
    with mock_aws(config=NOT_LOOPBACK):
        yield boto3.client("cloudformation")


@pytest.fixture
def place(aws) -> dict[str, str]:
    return {"ServiceName": "web", "ListenerArn": a_listener(), **PLACE}


def created(cloudformation: Any, parameters: dict[str, str]) -> Definition:
    cloudformation.create_stack(StackName="s", TemplateBody=text("service-lambda.yaml"), Parameters=told(parameters), Capabilities=["CAPABILITY_IAM"])
    definition = Definition.model_validate(service_stack.definition_of("web", "lambda", outputs("s"), health_path="/"))
    for color in Color:  # moto's CloudFormation forgets it (that the template says so: TestTemplate)
        boto3.client("elbv2").modify_target_group(TargetGroupArn=definition.traffic.target_groups.of(color), HealthCheckEnabled=True)
    return definition


def updated(cloudformation: Any, parameters: dict[str, str], changed: str | None = None) -> None:
    body = changed or text("service-lambda.yaml")
    cloudformation.update_stack(StackName="s", TemplateBody=body, Parameters=told(parameters), Capabilities=["CAPABILITY_IAM"])


class TestMade:
    def test_what_it_made_can_be_registered(self, aws, place):
        definition = created(aws, place)

        LambdaRuntime(Clients(), SystemClock()).survey(definition)
        around = AlbRouter(Clients()).survey(definition.traffic)

        assert (around.rules.production.split, around.rules.staging.split) == (Split.all_on(Color.BLUE), Split.all_on(Color.GREEN))
        assert around.staging.url == "http://staging.shop.test"
        assert around.production.url.startswith("http://shared-")

    def test_with_hosts_both_rules_are_told_apart_by_them(self, aws, place):
        definition = created(aws, place | {"Hosts": "shop.test,www.shop.test"})

        around = AlbRouter(Clients()).survey(definition.traffic)

        assert (around.production.url, around.staging.url) == ("http://shop.test", "http://staging.shop.test")

    def test_staging_may_have_a_listener_of_its_own(self, aws, place):
        elbv2 = boto3.client("elbv2")
        balancer = elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
        refuse = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
        other = elbv2.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=8080, DefaultActions=refuse)["Listeners"][0]["ListenerArn"]

        definition = created(aws, place | {"StagingListenerArn": other, "StagingHost": ""})

        assert AlbRouter(Clients()).survey(definition.traffic).staging.url.endswith(":8080")


class TestUpdated:
    """moto passes over resources that are what they were and sends a changed one whole, as CloudFormation does; it knows no stack policies."""

    def test_a_stack_that_is_updated_keeps_live_weights(self, aws, place):
        definition = created(aws, place)
        AlbRouter(Clients()).set_weights(definition.traffic, Split.giving(Color.GREEN, 900), unstick=False)

        updated(aws, place | {"MemorySize": "1024", "Timeout": "10", "ManagedPolicyArns": "arn:aws:iam::aws:policy/ReadOnlyAccess"})

        assert boto3.client("lambda").get_function(FunctionName="web")["Configuration"]["MemorySize"] == 1024
        assert AlbRouter(Clients()).look(definition.traffic).production.split == Split.giving(Color.GREEN, 900)

    def test_neither_does_a_new_version_of_the_template_touch_them(self, aws, place):
        definition = created(aws, place)
        AlbRouter(Clients()).set_weights(definition.traffic, Split.all_on(Color.GREEN), unstick=False)

        updated(aws, place, text("service-lambda.yaml").replace("RetentionInDays: 90", "RetentionInDays: 30"))

        assert AlbRouter(Clients()).look(definition.traffic).production.split == Split.all_on(Color.GREEN)

    def test_any_change_of_a_rule_would_reset_them_and_so_the_policy_refuses_all(self, aws, place):
        """Not only of its actions: this is why the rules are denied as a whole."""
        definition = created(aws, place)
        AlbRouter(Clients()).set_weights(definition.traffic, Split.all_on(Color.GREEN), unstick=False)

        updated(aws, place | {"Hosts": "shop.test"})

        assert AlbRouter(Clients()).look(definition.traffic).production.split == Split.all_on(Color.BLUE)
        assert refused(template("service-lambda.yaml"), "Update:Modify") == managed(template("service-lambda.yaml")) == MANAGED


class TestTemplate:
    def test_what_turnout_makes_itself_is_not_in_it(self):
        resources = template("service-lambda.yaml")["Resources"]

        assert not {one["Type"] for one in resources.values()} & {"AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::Lambda::Permission"}
        assert "Environment" not in resources["Function"]["Properties"]
        assert not [name for name in ("BlueTargetGroup", "GreenTargetGroup") if "Targets" in resources[name]["Properties"]]

    def test_turnout_may_change_the_function(self):
        tags = template("service-lambda.yaml")["Resources"]["Function"]["Properties"]["Tags"]

        assert {"Key": "turnout:service", "Value": {"Ref": "ServiceName"}} in tags

    def test_health_checks_are_on_and_the_colours_alike(self):
        blue, green = (template("service-lambda.yaml")["Resources"][name]["Properties"] for name in ("BlueTargetGroup", "GreenTargetGroup"))

        assert blue["HealthCheckEnabled"] is True
        assert {**blue, "Tags": []} == {**green, "Tags": []}

    def test_the_function_is_neither_replaced_nor_removed(self):
        whole = template("service-lambda.yaml")

        assert {"Function"} == refused(whole, "Update:Replace") - MANAGED == refused(whole, "Update:Delete") - MANAGED

    def test_the_function_may_only_log_and_read_its_own(self):
        [written] = template("service-lambda.yaml")["Resources"]["Role"]["Properties"]["Policies"]
        plain = [statement for statement in written["PolicyDocument"]["Statement"] if "Action" in statement]

        assert all(statement["Resource"] != "*" and not re.search(r"[*]", "".join(statement["Action"])) for statement in plain)
