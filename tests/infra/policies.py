"""The policies of the functions, as they are written and as they are once a stack is made."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.infra.conftest import ROOT

FUNCTIONS = ("api_handler", "authorize", "on_access_log", "on_alarm", "on_artifact", "on_change", "on_due", "on_ecs_deployment", "on_image", "on_probe_due", "reconcile", "tick")
LARGEST = 10_240
"""Characters of a role's inline policies together, without white space."""
PASSES = ("on_due", "on_probe_due")
"""Those that prepare releases; every other function only looks, or moves weights."""
CHANGES = ("Add", "Cancel", "Create", "Delete", "Deregister", "Modify", "Publish", "Put", "Register", "Run", "Set", "Start", "Tag", "Update")
"""How the names of operations begin that change something."""
# What Lambda needs to run a function at all: its log and traces, the queue or stream that starts it, the queue that is told when it fails.
LOGGING = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments"}
FROM_QUEUE = {"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
FROM_STREAM = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}
TELLING = {"sqs:SendMessage"}
STARTED: dict[str, set[str]] = {
    "api_handler": set(), "authorize": set(), "on_access_log": TELLING, "on_alarm": TELLING, "on_artifact": TELLING, "on_change": FROM_STREAM | TELLING, "on_due": FROM_QUEUE, "on_ecs_deployment": TELLING,
    "on_image": TELLING, "on_probe_due": FROM_QUEUE, "reconcile": TELLING, "tick": TELLING,
}  # fmt: skip
BY_LAMBDA = {function: STARTED[function] | LOGGING for function in FUNCTIONS}
# Long ones: a region, and a stack's name that Lambda still has room for beside a function's.
NAMES = {
    "AWS::Partition": "aws-us-gov", "AWS::Region": "ap-southeast-1", "AWS::AccountId": "123456789012", "AWS::StackName": "turnout-" + "n" * 28,
    "Ledger.StreamArn": "a" * 150, "AccessLogBucket": "b" * 63,
    **{f"{name}.Arn": "a" * 120 for name in ("Ledger", "ArtifactBucket", "DueQueue", "ProbeQueue", "EventsDeadLetters", "StreamDeadLetters")},
}  # fmt: skip

Statement = dict[str, Any]


def policy(function: str) -> list[Statement]:
    statements: list[Statement] = json.loads(ROOT.joinpath(f".chalice/policies/{function}.json").read_text())["Statement"]
    return statements


def allowed(function: str) -> set[str]:
    return {action for statement in policy(function) if statement["Effect"] == "Allow" for action in statement["Action"]}


def allowing(function: str, action: str) -> list[Statement]:
    return [one for one in policy(function) if one["Effect"] == "Allow" and action in one["Action"]]


def resolved(function: str, names: Mapping[str, str]) -> list[Statement]:
    """As CloudFormation makes it; `names` has what stands for `AWS::Region` and the others, and for `Ledger.Arn`. Raises `KeyError` for what it lacks."""
    statements: list[Statement] = _resolved(policy(function), names)
    return statements


def size(function: str, names: Mapping[str, str]) -> int:
    document = {"Version": "2012-10-17", "Statement": resolved(function, names)}
    return len(re.sub(r"\s", "", json.dumps(document)))


def _resolved(value: Any, names: Mapping[str, str]) -> Any:
    match value:
        case {"Fn::Sub": str(text), **rest} if not rest:
            return re.sub(r"\$\{([^}]+)\}", lambda found: names[found[1]], text)
        case {"Ref": str(name), **rest} if not rest:
            return names[name]
        case {"Fn::GetAtt": [name, attribute], **rest} if not rest:
            return names[f"{name}.{attribute}"]
        case dict():
            return {key: _resolved(each, names) for key, each in value.items()}
        case list():
            return [_resolved(each, names) for each in value]
    return value
