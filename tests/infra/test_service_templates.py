"""The templates of services, all alike: what Turnout moves never changes in them, and the stack policy refuses what would move it back."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.conftest import ROOT
from tests.infra.service_stacks import MANAGED, TEMPLATES, closure, managed, policy, refused, template, text, unchanging
from turnout.cli import service_stack

WHY = """
A property of what Turnout manages, or of what that refers to, or a default or condition that leads to one, is no longer what it was in {file}.
A stack that was made with the older template would, on its next update, send the whole resource and put live traffic, tasks or instances where the template says.
Make the change by a new resource, or leave it. Only while nobody has a stack of the older template: UNCHANGING=1 pytest {test}
"""
LINTED = (*TEMPLATES, "ci-role.yaml")
PLACE = {"ListenerArn", "Hosts", "Paths", "Priority", "StagingListenerArn", "StagingHost", "StagingPriority", "HealthCheckPath"}
FREE = {
    "service-lambda.yaml": {"Runtime", "Handler", "MemorySize", "Timeout", "ManagedPolicyArns", "PermissionsBoundary", "SubnetIds", "SecurityGroupIds"},
    "service-ecs.yaml": {
        "RepositoryName", "Cpu", "Memory", "CpuArchitecture", "MinSize", "MaxSize", "CpuTarget", "LoadBalancerSecurityGroupId", "ManagedPolicyArns",
        "PermissionsBoundary",
    },
    "service-autoscaling.yaml": {
        "ArtifactBucket", "InstanceType", "ImageId", "VolumeGigabytes", "LoadBalancerSecurityGroupId", "SecurityGroupIds", "ManagedPolicyArns",
        "PermissionsBoundary",
    },
}  # fmt: skip
"""The parameters that may be changed by an update, whatever is live."""


@pytest.fixture(params=TEMPLATES)
def name(request) -> str:
    return str(request.param)


@pytest.fixture
def whole(name) -> dict[str, Any]:
    return template(name)


class TestUnchanging:
    def test_what_turnout_manages_never_changes(self, name, whole):
        snapshot = Path(__file__).with_name(name.replace(".yaml", ".unchanging.json"))
        now = unchanging(whole)
        if os.environ.get("UNCHANGING"):
            snapshot.write_text(json.dumps(now, indent=2, sort_keys=True) + "\n", encoding="utf-8")

        assert now == json.loads(snapshot.read_text(encoding="utf-8")), WHY.format(file=snapshot.name, test="tests/infra/test_service_templates.py")

    def test_what_leads_to_it_is_found_and_nothing_else(self, name, whole):
        fixed = set(unchanging(whole)["defaults"])

        assert fixed >= PLACE
        assert set(whole["Parameters"]) - fixed == FREE[name]

    def test_what_an_update_cannot_change_is_said_where_it_is_asked_for(self, name, whole):
        groups = whole["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        shown = {parameter: group["Label"]["default"] for group in groups for parameter in group["Parameters"]}

        assert set(shown) == set(whole["Parameters"])
        assert {parameter for parameter, label in shown.items() if "an update cannot change it" in label} == set(unchanging(whole)["defaults"]) - {"ServiceName"}

    def test_only_the_first_day_is_written_down(self, whole):
        """Whatever the weights, sizes and versions become, the template says what they were at first, and says no more."""
        properties = [one["Properties"] for one in whole["Resources"].values() if one["Type"] in MANAGED]
        weights = [[one["Weight"] for one in each["Actions"][0]["ForwardConfig"]["TargetGroups"]] for each in properties if "Actions" in each]

        assert weights == [[100, 0], [0, 100]]
        assert {each["DesiredCount"] for each in properties if "DesiredCount" in each} <= {0}
        assert not [each for each in properties if "DesiredCapacity" in each or "NewInstancesProtectedFromScaleIn" in each or "Targets" in each]
        assert not [one for one in whole["Resources"].values() if "UpdatePolicy" in one or "SuspendedState" in one["Properties"]]


class TestPolicy:
    def test_refuses_every_update_of_what_turnout_moves(self, whole):
        assert managed(whole)
        assert all(refused(whole, f"Update:{kind}") >= managed(whole) for kind in ("Modify", "Replace", "Delete"))

    def test_lets_the_rest_be_changed(self, whole):
        assert refused(whole, "Update:Modify") == managed(whole)

    def test_refuses_by_type_what_the_templates_have(self):
        there = {one["Type"] for each in TEMPLATES for one in template(each)["Resources"].values()}
        denied = {kind for one in policy() if one["Effect"] == "Deny" for kind in one["Condition"]["StringEquals"]["ResourceType"]}

        assert denied <= there

    def test_what_may_be_changed_is_not_referred_to_by_what_may_not(self, whole):
        """An update of the former would count as one of the latter, and be refused with it."""
        kinds = {whole["Resources"][one]["Type"] for one in closure(whole, managed(whole)) - managed(whole)}

        assert kinds <= {"AWS::ECS::Cluster", "AWS::ECS::TaskDefinition", "AWS::EC2::SecurityGroup"}
        assert not {"Base", "LaunchTemplate", "Role", "TaskRole", "ExecutionRole"} & closure(whole, managed(whole))


class TestColours:
    def test_are_alike_but_for_their_names(self, whole):
        def plain(name: str, color: str) -> str:
            return json.dumps(whole["Resources"][name]).lower().replace(color, "…")

        blues = [one for one in whole["Resources"] if one.startswith("Blue")]

        assert blues
        assert [plain(blue, "blue") for blue in blues] == [plain(blue.replace("Blue", "Green"), "green") for blue in blues]

    def test_have_health_checks_and_tags(self, whole):
        groups = [one["Properties"] for one in whole["Resources"].values() if one["Type"].endswith("::TargetGroup")]

        assert [group["HealthCheckEnabled"] for group in groups] == [True, True]
        assert all({"Key": "turnout:service", "Value": {"Ref": "ServiceName"}} in group["Tags"] for group in groups)

    def test_are_both_in_both_rules(self, whole):
        for rule in ("ProductionRule", "StagingRule"):
            [action] = whole["Resources"][rule]["Properties"]["Actions"]
            assert [one["TargetGroupArn"] for one in action["ForwardConfig"]["TargetGroups"]] == [{"Ref": "BlueTargetGroup"}, {"Ref": "GreenTargetGroup"}]


class TestRoles:
    def test_no_action_is_given_in_general_and_no_resource_that_has_a_name(self, whole):
        written = [policy["PolicyDocument"]["Statement"] for one in whole["Resources"].values() for policy in one["Properties"].get("Policies", [])]
        plain = [statement for statements in written for statement in statements if "Action" in statement]

        assert plain
        assert not [action for statement in plain for action in statement["Action"] if "*" in action]
        assert {action for statement in plain if statement["Resource"] == "*" for action in statement["Action"]} <= {"ecr:GetAuthorizationToken"}

    def test_what_the_control_plane_passes_on_is_known_by_its_path(self, name, whole):
        """Its policy may name no role that does not exist yet: `role/turnout/service/*` is all that it may pass on. A function's role it never does."""
        roles = [one["Properties"] for one in whole["Resources"].values() if one["Type"] in {"AWS::IAM::Role", "AWS::IAM::InstanceProfile"}]

        assert {one.get("Path") for one in roles} == ({None} if name == "service-lambda.yaml" else {"/turnout/service/"})
        assert not [one for one in roles if "RoleName" in one]  # a name of ours would need CAPABILITY_NAMED_IAM


class TestLint:
    @pytest.mark.parametrize("name", LINTED)
    def test_cfn_lint_finds_nothing(self, name):
        done = subprocess.run((Path(sys.executable).with_name("cfn-lint"), ROOT / "infra" / name), capture_output=True, text=True, check=False)

        assert (done.returncode, done.stdout) == (0, "")

    @pytest.mark.parametrize("name", [*LINTED, "control-plane.yaml"])
    def test_every_suppression_has_its_reason(self, name):
        resources = yaml.safe_load(text(name))["Resources"].values()
        skipped = [skip for one in resources for skip in one.get("Metadata", {}).get("checkov", {}).get("skip", [])]

        assert not [skip for skip in skipped if set(skip) != {"id", "comment"} or len(skip["comment"].split()) < 5]

    @pytest.mark.parametrize("target", ["package", "lint-infra"])
    def test_every_template_is_linted(self, target):
        made = subprocess.run(("make", "-n", "-o", ".venv/.installed", target), cwd=ROOT, capture_output=True, text=True, check=True).stdout

        assert [name for name in LINTED if f"infra/{name}" not in made] == []

    def test_a_template_that_checkov_cannot_read_is_a_failure(self):
        made = subprocess.run(("make", "-n", "-o", ".venv/.installed", "lint-infra"), cwd=ROOT, capture_output=True, text=True, check=True).stdout

        assert [line.split()[0] for line in made.splitlines() if "/checkov --" in line] == ["CKV_PARSE_ERROR_FAIL=true"]


class TestShipped:
    def test_an_installed_turnout_has_the_templates(self, tmp_path):
        subprocess.run((sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path), cwd=ROOT, check=True, capture_output=True)
        [wheel] = tmp_path.glob("*.whl")
        zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
        script = "from turnout.cli import service_stack as s; print(*map(s.template, (*s.TEMPLATES.values(), s.POLICY)), sep='', end='')"

        done = subprocess.run((sys.executable, "-c", script), cwd=tmp_path / "installed", capture_output=True, text=True, check=True)

        assert set(service_stack.TEMPLATES.values()) == set(TEMPLATES)
        assert done.stdout == "".join(text(name) for name in (*TEMPLATES, service_stack.POLICY))
