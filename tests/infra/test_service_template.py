"""A service's stack: what Turnout manages is made so that it can be managed, and an update of the stack leaves alone what Turnout moved."""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.aws.clients import Clients
from chalicelib.clock import SystemClock
from chalicelib.colors import Color, Split
from chalicelib.runtimes.lambda_ import LambdaRuntime
from chalicelib.services.definition import Definition
from chalicelib.traffic.alb import AlbRouter
from tests.infra.conftest import ROOT
from tests.infra.service_stacks import NOT_LOOPBACK, PLACE, a_listener, outputs, policy, template, text, told
from turnout.cli import service_stack

SNAPSHOT = Path(__file__).with_name("service-lambda.unchanging.json")
MANAGED = ("BlueTargetGroup", "GreenTargetGroup", "ProductionRule", "StagingRule")
WHY = """
A property of what Turnout manages, or a default or condition that leads to one, is no longer what it was in {file}.
A stack that was made with the older template would, on its next update, send the rules' actions again and put live traffic where the template says.
Make the change by a new resource, or leave it. Only while nobody has a stack of the older template: UNCHANGING=1 pytest {test}
"""


@pytest.fixture
def aws() -> Iterator[Any]:
    with mock_aws(config=NOT_LOOPBACK):
        yield boto3.client("cloudformation")


@pytest.fixture
def place(aws) -> dict[str, str]:
    return {"ServiceName": "web", "ListenerArn": a_listener(), **PLACE}


def created(cloudformation: Any, parameters: dict[str, str]) -> Definition:
    cloudformation.create_stack(StackName="s", TemplateBody=text("service-lambda.yaml"), Parameters=told(parameters), Capabilities=["CAPABILITY_IAM"])
    definition = Definition.model_validate(service_stack.definition_of("web", outputs("s"), health_path="/"))
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
        assert denied("Update:*") == {f"LogicalResourceId/{name}" for name in MANAGED}


class TestTemplate:
    def test_what_turnout_manages_never_changes(self):
        now = unchanging(template("service-lambda.yaml"))
        if os.environ.get("UNCHANGING"):
            SNAPSHOT.write_text(json.dumps(now, indent=2, sort_keys=True) + "\n", encoding="utf-8")

        assert now == json.loads(SNAPSHOT.read_text(encoding="utf-8")), WHY.format(file=SNAPSHOT.name, test="tests/infra/test_service_template.py")

    def test_what_leads_to_a_rule_is_found(self):
        found = unchanging(template("service-lambda.yaml"))

        assert {"ListenerArn", "Hosts", "Paths", "Priority", "StagingListenerArn", "StagingHost", "HealthCheckPath"} < set(found["defaults"])
        assert "MemorySize" not in found["defaults"]
        assert {"HasHosts", "HasStagingHost", "HasStagingListener"} == set(found["conditions"])

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
        assert {"LogicalResourceId/Function"} == denied("Update:Replace") & denied("Update:Delete")

    def test_the_policy_names_resources_that_there_are(self):
        named = {resource.removeprefix("LogicalResourceId/") for action in ("Update:*", "Update:Replace") for resource in denied(action)}

        assert named <= set(template("service-lambda.yaml")["Resources"])

    @pytest.mark.parametrize("name", ["service-lambda.yaml", "ci-role.yaml"])
    def test_cfn_lint_finds_nothing(self, name):
        done = subprocess.run((Path(sys.executable).with_name("cfn-lint"), ROOT / "infra" / name), capture_output=True, text=True, check=False)

        assert (done.returncode, done.stdout) == (0, "")

    def test_the_function_may_only_log_and_read_its_own(self):
        [written] = template("service-lambda.yaml")["Resources"]["Role"]["Properties"]["Policies"]
        plain = [statement for statement in written["PolicyDocument"]["Statement"] if "Action" in statement]

        assert all(statement["Resource"] != "*" and not re.search(r"[*]", "".join(statement["Action"])) for statement in plain)


class TestShipped:
    def test_an_installed_turnout_has_the_template(self, tmp_path):
        subprocess.run((sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path), cwd=ROOT, check=True, capture_output=True)
        [wheel] = tmp_path.glob("*.whl")
        zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
        script = "from turnout.cli import service_stack as s; print(s.template(s.TEMPLATE) + s.template(s.POLICY), end='')"

        done = subprocess.run((sys.executable, "-c", script), cwd=tmp_path / "installed", capture_output=True, text=True, check=True)

        assert done.stdout == text(service_stack.TEMPLATE) + text(service_stack.POLICY)


def denied(action: str) -> set[str]:
    """The resources for which the stack policy denies exactly this action."""
    found: set[str] = set()
    for statement in policy():
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        resources = [statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"]
        if statement["Effect"] == "Deny" and action in actions:
            found |= set(resources)
    return found


def unchanging(whole: dict[str, Any]) -> dict[str, Any]:
    """The resources that Turnout manages, all of them, and what of the template their properties come from."""
    resources = {name: whole["Resources"][name] for name in MANAGED}
    function = whole["Resources"]["Function"]["Properties"]
    conditions = {name: whole["Conditions"][name] for name in sorted(words(resources) & set(whole["Conditions"]))}
    parameters = sorted((words(resources) | words(conditions)) & set(whole["Parameters"]))
    return {
        "resources": resources,
        "function": {name: function.get(name) for name in ("FunctionName", "Code", "PackageType", "Environment")},
        "conditions": conditions,
        "defaults": {name: whole["Parameters"][name].get("Default") for name in parameters},
    }


def words(value: Any) -> set[str]:
    """Every text in it: what a reference or a condition names is among them."""
    match value:
        case dict():
            return {word for each in value.values() for word in words(each)}
        case list():
            return {word for each in value for word in words(each)}
        case str():
            return {value, *re.findall(r"\$\{(\w+)\}", value)}
        case _:
            return set()
