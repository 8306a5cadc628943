"""Each function may do what its code calls, on our own resources, and no more."""

import ast
import json
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest
from botocore import xform_name
from botocore.session import Session

from tests.infra.conftest import ROOT

FUNCTIONS = ("api_handler", "authorize", "on_artifact", "on_change", "on_due", "on_probe_due", "reconcile", "tick")
# Actions that know no resource, or whose resources cannot be named before there are services.
ANY_RESOURCE = {
    "cloudwatch:GetMetricData",
    "dynamodb:ListStreams",
    "elasticloadbalancing:Describe*",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
# The adapters in each file, the IAM prefix of the service they call, and who runs them.
PASSES = ("api_handler", "on_change", "on_due", "on_probe_due")
CALLERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    # file: (botocore service, IAM prefix, functions)
    "chalicelib/traffic/alb.py": ("elbv2", "elasticloadbalancing", PASSES),
    "chalicelib/traffic/surroundings.py": ("elbv2", "elasticloadbalancing", ("api_handler",)),
    "chalicelib/health/target_health.py": ("elbv2", "elasticloadbalancing", PASSES),
    "chalicelib/health/cloudwatch.py": ("cloudwatch", "cloudwatch", PASSES),
    "chalicelib/runtimes/lambda_.py": ("lambda", "lambda", PASSES),
    "chalicelib/deployments/sqs.py": ("sqs", "sqs", ("on_change", "tick")),
}
# Where the operation's name is not the action's.
ACTIONS = {"sqs:SendMessageBatch": "sqs:SendMessage"}


def policy(function: str) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = json.loads(ROOT.joinpath(f".chalice/policies/{function}.json").read_text())["Statement"]
    return statements


def allowed(function: str) -> set[str]:
    return {action for statement in policy(function) if statement["Effect"] == "Allow" for action in statement["Action"]}


@cache
def operations(service: str) -> dict[str, str]:
    """Each operation of the service by the name of its client method."""
    return {xform_name(name): name for name in Session().get_service_model(service).operation_names}


def called(file: str, service: str, prefix: str) -> set[str]:
    """The actions behind every client method that is named in the file, as an attribute or as text (paginators, waiters)."""
    named = {
        node.attr if isinstance(node, ast.Attribute) else str(node.value)
        for node in ast.walk(ast.parse(ROOT.joinpath(file).read_text()))
        if isinstance(node, ast.Attribute | ast.Constant)
    }
    actions = {f"{prefix}:{name}" for method, name in operations(service).items() if method in named}
    return {ACTIONS.get(action, action) for action in actions}


class TestPolicies:
    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_nothing_is_allowed_in_general(self, function: str):
        for statement in policy(function):
            assert all("*" not in action for action in statement["Action"])
            if statement["Effect"] == "Allow" and statement["Resource"] == "*":
                assert all(any(fnmatchcase(action, known) for known in ANY_RESOURCE) for action in statement["Action"])

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_a_statement_says_what_it_is_for(self, function: str):
        names = [statement["Sid"] for statement in policy(function)]

        assert len(names) == len(set(names))

    @pytest.mark.parametrize("file", sorted(CALLERS))
    def test_what_an_adapter_calls_is_allowed_where_it_runs(self, file: str):
        service, prefix, functions = CALLERS[file]
        calls = called(file, service, prefix)

        assert calls
        assert {function: calls - allowed(function) for function in functions} == {function: set() for function in functions}

    def test_nobody_scans_and_nobody_deletes_what_is_kept(self):
        dangerous = {"dynamodb:Scan", "dynamodb:DeleteTable", "s3:DeleteObject", "s3:DeleteObjectVersion", "lambda:DeleteFunction", "lambda:InvokeFunction"}

        assert {function: allowed(function) & dangerous for function in FUNCTIONS} == {function: set() for function in FUNCTIONS}

    def test_the_authorizer_only_reads_the_ledger(self):
        touched = {action for action in allowed("authorize") if not action.startswith(("logs:", "xray:"))}

        assert touched <= {"dynamodb:GetItem", "dynamodb:BatchGetItem"}

    @pytest.mark.parametrize("function", [name for name in FUNCTIONS if any("lambda:Update" in action for action in allowed(name))])
    def test_turnout_never_changes_its_own_functions(self, function: str):
        [denied] = [statement for statement in policy(function) if statement["Effect"] == "Deny"]

        assert denied["Resource"]["Fn::Sub"].endswith("function:${AWS::StackName}-*")
        assert {action for action in allowed(function) if action.startswith(("lambda:Add", "lambda:Create", "lambda:Publish", "lambda:Update"))} == set(denied["Action"])
