"""What the functions really call in a stack that runs is allowed by the policy of the function that calls it, and what is allowed is called.

One play: a service of each runtime gets releases, good and bad, and one is rolled back by hand. IAM is not enforced on the local
stack, so each recorded call is held against the policy here: by action, resource and conditions.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.infra.permitting import Request, permitting
from tests.infra.policies import BY_LAMBDA, FUNCTIONS, PASSES, allowed, resolved
from tests.local.a_play import Play, a_recorded_stack
from tests.local.asking_iam import NAMES, SERVICE_TAG, Asking, Call
from tests.local.recorded import STARTING

pytestmark = pytest.mark.local

# What the play does not lead to, or not every time, each with the reason why it is allowed. Beside what Lambda itself does in a
# function's name: its log and traces, its queue or stream, the dead letters of its failures.
NO_VERSION = "an object that has no version: it was put before the bucket kept any"
NOT_THERE = "nobody calls it: without it S3 answers 403 and not 404 for an object, or a version of one, that is not there"
NOT_TOLD_OF = "what came while no event was delivered"
GIVEN_UP = "a rollout that ECS gave up and does not show among the service's deployments any more"
UNPLAYED = {
    ("api_handler", "cloudwatch:GetMetricData"): "a dry run while a release is being judged",
    ("api_handler", "ssm:GetParameter"): "a dry run in the seconds of a read-only cutover",
    ("api_handler", "s3:ListBucket"): NOT_THERE,
    ("api_handler", "s3:ListBucketVersions"): NOT_THERE,
    ("on_access_log", "s3:GetObjectVersion"): "a bucket of logs that keeps versions",
    ("on_access_log", "s3:ListBucket"): NOT_THERE,
    ("on_access_log", "s3:ListBucketVersions"): NOT_THERE,
    ("on_artifact", "s3:GetObject"): NO_VERSION,
    ("on_artifact", "s3:ListBucket"): NOT_THERE,
    ("on_artifact", "s3:ListBucketVersions"): NOT_THERE,
    ("on_due", "ecs:DescribeServiceRevisions"): GIVEN_UP,
    ("on_due", "ecs:ListServiceDeployments"): GIVEN_UP,
    ("on_due", "s3:GetObject"): NO_VERSION,
    ("on_probe_due", "ecs:DescribeServiceRevisions"): GIVEN_UP,
    ("on_probe_due", "ecs:ListServiceDeployments"): GIVEN_UP,
    ("on_probe_due", "s3:GetObject"): NO_VERSION,
    ("reconcile", "ecr:BatchGetImage"): NOT_TOLD_OF,
    ("reconcile", "ecr:GetDownloadUrlForLayer"): NOT_TOLD_OF,
    ("reconcile", "s3:GetObject"): NO_VERSION,
    ("reconcile", "s3:GetObjectVersion"): NOT_TOLD_OF,
    ("reconcile", "s3:ListBucket"): NOT_THERE,
}


@dataclass(frozen=True)
class Played:
    call: Call
    requests: list[Request]

    @property
    def function(self) -> str:
        return str(self.call["function"])


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Played]]:
    folder: Path = tmp_path_factory.mktemp("play")
    calls = folder / "calls"
    with a_recorded_stack(folder, calls) as stack:
        play = Play.on(stack)
        play.act()
        asking = Asking(play.clients)
        yield [Played(call, asking.of(call)) for call in read(calls)]


def read(calls: Path) -> list[dict[str, Any]]:
    """Each once: what is the same asks the same. Those of whoever installs the stack are no function's."""
    lines = dict.fromkeys(calls.read_text().splitlines())
    return [call for line in lines if (call := json.loads(line))["function"] != STARTING]


def used(played: list[Played]) -> dict[str, set[str]]:
    """A prober's pass is a pass, with the same statements (tests/infra/test_policies.py): what one of them uses both need."""
    actions: dict[str, set[str]] = {function: set() for function in FUNCTIONS}
    for one in played:
        for function in PASSES if one.function in PASSES else (one.function,):
            actions[function] |= {request.action for request in one.requests}
    return actions


def test_every_call_is_a_functions(played: list[Played]) -> None:
    assert {one.function for one in played} == set(FUNCTIONS)


def test_every_call_is_allowed_by_the_policy_of_the_function_that_makes_it(played: list[Played]) -> None:
    policies = {function: resolved(function, NAMES) for function in FUNCTIONS}
    refused = [(one.function, request) for one in played for request in one.requests if not permitting(policies[one.function], request)]

    assert refused == []


def test_everything_that_is_allowed_is_used_or_has_a_reason(played: list[Played]) -> None:
    unused = {(function, action) for function, actions in used(played).items() for action in allowed(function) - actions - BY_LAMBDA[function]}

    assert unused - UNPLAYED.keys() == set()


def test_nothing_has_a_reason_that_is_not_allowed() -> None:
    assert [one for one in UNPLAYED if one[1] not in allowed(one[0])] == []


def test_resources_and_conditions_count(played: list[Played]) -> None:
    """The same calls are refused where names differ, where nothing has the service's tag, and where roles lie elsewhere."""
    table = "arn:aws:dynamodb:us-east-1:999999999999:table/other"
    elsewhere = {"AWS::AccountId": "999999999999", "Ledger.Arn": table, "ArtifactBucket.Arn": "arn:aws:s3:::other"}
    policy, others = resolved("on_due", NAMES), resolved("on_due", NAMES | elsewhere)
    asked = {request.action: request for one in played if one.function == "on_due" for request in one.requests}
    tagged = [request for request in asked.values() if SERVICE_TAG in request.context and not request.action.startswith("lambda:Get")]

    assert not [request for request in asked.values() if request.resource != "*" and "sqs" not in request.action and permitting(others, request)]
    assert {"autoscaling:UpdateAutoScalingGroup", "ecs:UpdateService", "lambda:UpdateFunctionCode"} <= {request.action for request in tagged}
    assert not [request for request in tagged if permitting(policy, replace(request, context={}))]
    assert not permitting(policy, replace(asked["iam:PassRole"], resource="arn:aws:iam::123456789012:role/turnout-local-task"))
