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
    "ssm:DescribeParameters",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
# Which methods of which adapters each function reaches; what those call in their turn is read from the files.
ROUTER, METRICS, RUNTIME = "chalicelib/traffic/alb.py", "chalicelib/health/cloudwatch.py", "chalicelib/runtimes/lambda_.py"
LOOKS = ((ROUTER, "look"), (ROUTER, "set_weights"), ("chalicelib/health/target_health.py", "targets"), (METRICS, "counts"), (RUNTIME, "standing"))
SECRETS = (("chalicelib/config/ssm.py", "versions"), ("chalicelib/config/secretsmanager.py", "versions"))
SWITCH, HOOK = "chalicelib/cutover/ssm.py", "chalicelib/hooks/lambda_.py"
BESIDE = (*SECRETS, (SWITCH, "set"), (SWITCH, "read"), (HOOK, "call"))
PASS = (*LOOKS, (ROUTER, "point_staging"), (RUNTIME, "prepare"), (RUNTIME, "retire"), *BESIDE)
FETCH, LIST = ("chalicelib/releases/s3.py", "fetch"), ("chalicelib/releases/s3.py", "versions")
DUE, PROBES = ("chalicelib/deployments/sqs.py", "send_due"), ("chalicelib/deployments/sqs.py", "send_probes")
REACHED: dict[str, tuple[tuple[str, str], ...]] = {
    "api_handler": (*LOOKS, *SECRETS, (ROUTER, "survey"), (RUNTIME, "survey"), (HOOK, "survey"), FETCH, ("chalicelib/releases/s3.py", "exists")),
    "authorize": (),
    "on_artifact": (FETCH,),
    "on_change": (DUE,),
    "on_due": (*PASS, PROBES),
    "on_probe_due": (*PASS, PROBES),
    "reconcile": (FETCH, LIST),
    "tick": (DUE, PROBES),
}
# What each function does with the ledger: the port's methods, and what they need of the table. A change with deletions needs more.
LEDGER = {
    "find": "GetItem", "find_many": "BatchGetItem", "list": "Query", "due": "Query",
    "commit": "PutItem", "note": "PutItem", "claim": "PutItem", "deletions": "DeleteItem", "release": "DeleteItem",
}  # fmt: skip
KEEPS: dict[str, tuple[str, ...]] = {
    "api_handler": ("find", "find_many", "list", "commit", "note", "deletions"),
    "authorize": ("find",),
    "on_artifact": ("find", "find_many", "commit"),
    "on_change": (),
    "on_due": ("find", "find_many", "commit", "note"),
    "on_probe_due": ("find", "find_many", "commit", "note", "claim", "release"),
    "reconcile": ("find", "find_many", "commit", "note"),
    "tick": ("due",),
}
# What Lambda needs to run a function at all: its log and traces, the queue or stream that starts it, the queue that is told when it fails.
LOGGING = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments"}
FROM_QUEUE = {"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
FROM_STREAM = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}
STARTED: dict[str, set[str]] = {
    "api_handler": set(), "authorize": set(), "on_artifact": {"sqs:SendMessage"}, "on_change": FROM_STREAM | {"sqs:SendMessage"},
    "on_due": FROM_QUEUE, "on_probe_due": FROM_QUEUE, "reconcile": {"sqs:SendMessage"}, "tick": {"sqs:SendMessage"},
}  # fmt: skip
# Where two services have an operation of one name, the later one is meant.
PREFIXES = {"sqs": "sqs", "s3": "s3", "cloudwatch": "cloudwatch", "elbv2": "elasticloadbalancing", "lambda": "lambda", "ssm": "ssm", "secretsmanager": "secretsmanager"}
# What an operation needs where that is not the action of its name.
ACTIONS: dict[str, set[str]] = {
    "sqs:SendMessageBatch": {"sqs:SendMessage"},
    "lambda:Invoke": {"lambda:InvokeFunction"},
    "s3:HeadObject": {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"},
    "s3:ListObjectVersions": {"s3:ListBucketVersions"},
    # A version of the object may be named; and without leave to list, S3 answers 403 for an object that is not there.
    "s3:GetObject": {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"},
    # Lambda fetches the code in the name of who asks.
    "lambda:UpdateFunctionCode": {"lambda:UpdateFunctionCode", "s3:GetObject", "s3:GetObjectVersion"},
}


def policy(function: str) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = json.loads(ROOT.joinpath(f".chalice/policies/{function}.json").read_text())["Statement"]
    return statements


def allowed(function: str) -> set[str]:
    return {action for statement in policy(function) if statement["Effect"] == "Allow" for action in statement["Action"]}


@cache
def actions_by_method() -> dict[str, str]:
    """The IAM action behind each client method of the services that adapters call."""
    models = {prefix: Session().get_service_model(service).operation_names for service, prefix in PREFIXES.items()}
    return {xform_name(name): f"{prefix}:{name}" for prefix, names in models.items() for name in names}


@cache
def functions_in(file: str) -> dict[str, tuple[ast.AST, str]]:
    """The functions and methods a file can call by name, each with the file it is in: its own, and what it imports."""
    tree = ast.parse(ROOT.joinpath(file).read_text())
    found: dict[str, tuple[ast.AST, str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("chalicelib."):
            source = str(node.module).replace(".", "/") + ".py"
            if not ROOT.joinpath(source).exists():
                continue  # a whole module of a package; none of them calls AWS
            found |= {name: theirs for name, theirs in functions_in(source).items() if name in {alias.name for alias in node.names}}
    own: dict[str, tuple[ast.AST, str]] = {node.name: (node, file) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return found | own


def called(file: str, start: str) -> set[str]:
    """The actions behind every client method that is named, as an attribute or as text, on the way from this function."""
    seen, ahead, actions = set(), [(file, start)], set()
    while ahead:
        place, name = ahead.pop()
        if (place, name) in seen:
            continue
        seen.add((place, name))
        node, home = functions_in(place)[name]
        named = names_in(node)
        ahead += [(home, other) for other in named & functions_in(home).keys()]
        for action in (actions_by_method()[method] for method in named & actions_by_method().keys()):
            actions |= ACTIONS.get(action, {action})
    return actions


def names_in(function: ast.AST) -> set[str]:
    """`self._clients.look` is a client and not the method of that name."""
    clients = {id(node) for node in ast.walk(function) if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("clients")}
    words = {str(node.value) for node in ast.walk(function) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    bare = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return words | bare | {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute) and id(node) not in clients}


def needed(function: str) -> set[str]:
    reached = {action for file, method in REACHED[function] for action in called(file, method)}
    return reached | {f"dynamodb:{LEDGER[method]}" for method in KEEPS[function]} | STARTED[function] | LOGGING


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

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_what_a_function_needs_is_allowed_and_nothing_else(self, function: str):
        assert allowed(function) == needed(function)

    def test_calls_are_found_through_the_files(self):
        assert called(ROUTER, "look") == {"elasticloadbalancing:DescribeRules"}
        assert called(RUNTIME, "standing") == {"lambda:GetFunctionConfiguration"}
        assert "elasticloadbalancing:RegisterTargets" in called(RUNTIME, "prepare")
        assert "elasticloadbalancing:DescribeTargetGroupAttributes" in called(ROUTER, "survey")

    def test_functions_are_changed_only_where_they_carry_the_tag(self):
        for function in ("on_due", "on_probe_due"):
            conditions = {action: one.get("Condition") for one in policy(function) if one["Effect"] == "Allow" for action in one["Action"]}
            changes = {action for action in conditions if action.startswith(("lambda:Create", "lambda:Publish", "lambda:Update"))}

            assert {str(conditions[action]) for action in changes} == {str({"Null": {"aws:ResourceTag/turnout:service": "false"}})}
            assert conditions["lambda:AddPermission"] == {"StringEquals": {"lambda:Principal": "elasticloadbalancing.amazonaws.com"}}

    def test_nobody_scans_and_nobody_deletes_what_is_kept(self):
        dangerous = {"dynamodb:Scan", "dynamodb:DeleteTable", "s3:DeleteObject", "s3:DeleteObjectVersion", "lambda:DeleteFunction"}

        assert {function: allowed(function) & dangerous for function in FUNCTIONS} == {function: set() for function in FUNCTIONS}

    def test_only_passes_invoke_functions_and_only_hooks(self):
        invoking = {function: statement for function in FUNCTIONS for statement in policy(function) if "lambda:InvokeFunction" in statement["Action"]}

        assert set(invoking) == {"on_due", "on_probe_due"}
        assert all(statement["Resource"]["Fn::Sub"].endswith(":function:turnout-hook-*") for statement in invoking.values())

    def test_the_authorizer_only_reads_the_ledger(self):
        touched = {action for action in allowed("authorize") if not action.startswith(("logs:", "xray:"))}

        assert touched <= {"dynamodb:GetItem", "dynamodb:BatchGetItem"}

    @pytest.mark.parametrize("function", [name for name in FUNCTIONS if any("lambda:Update" in action for action in allowed(name))])
    def test_turnout_never_changes_its_own_functions(self, function: str):
        [denied] = [statement for statement in policy(function) if statement["Effect"] == "Deny"]

        assert denied["Resource"]["Fn::Sub"].endswith("function:${AWS::StackName}-*")
        assert {action for action in allowed(function) if action.startswith(("lambda:Add", "lambda:Create", "lambda:Publish", "lambda:Update"))} == set(denied["Action"])
