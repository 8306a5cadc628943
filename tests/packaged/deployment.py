"""The package as it would be deployed: the zip in a bucket, the template of `make package` as a CloudFormation stack."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.packaged.emulator import Emulator
from tests.packaged.events import harmless
from tests.packaged.waiting import until

STACK, DEPLOYS = "turnout-prod", "deploys"
# AWS takes minutes where this takes moments, so less is waited for; what is waited for and why stays (chalicelib/settings.py).
PACE = {
    "metric_period": 10, "metric_delay": 1, "settle": 1, "look_again": 2, "idle_look": 10, "drain_floor": 1, "health_margin": 0.5,
    "ask_again": 5, "act_within": 4, "patience": 40, "poll": 0.5, "confirm_within": 30,
}  # fmt: skip


@dataclass(frozen=True)
class Deployment:
    emulator: Emulator
    template: dict[str, Any]
    outputs: dict[str, str]
    names: dict[str, str]
    """The name AWS gave to each resource of the template."""
    invoked: list[str] = field(default_factory=list)
    """The functions that were invoked from here."""

    @cached_property
    def functions(self) -> dict[str, dict[str, Any]]:
        return functions_of(self.template)

    @property
    def url(self) -> str:
        return f"{self.emulator.url}/restapis/{self.outputs['RestAPIId']}/prod/_user_request_"

    def invoke(self, function: str, event: dict[str, Any]) -> tuple[str | None, Any]:
        """The kind of failure, or None, and what was answered."""
        self.invoked.append(function)
        answer = self.emulator.client("lambda").invoke(FunctionName=self.names[function], Payload=json.dumps(event).encode())
        return answer.get("FunctionError"), json.loads(answer["Payload"].read() or b"null")

    def send(self, function: str, event: dict[str, Any]) -> None:
        """Lambda takes it, tries it as often as the function's settings say, and tells of it when it gives up."""
        self.emulator.client("lambda").invoke(FunctionName=self.names[function], InvocationType="Event", Payload=json.dumps(event).encode())

    def tick(self) -> None:
        assert self.invoke("Tick", harmless(self.functions["Tick"]))[0] is None

    def told(self, function: str) -> list[str]:
        """The lines of the function's log."""
        pages = self.emulator.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{self.names[function]}")
        return [line for page in pages for event in page["events"] for line in event["message"].splitlines()]

    def begun(self, function: str) -> int:
        """How often it was started, by whomever."""
        return sum(line.startswith("START ") for line in self.told(function))

    def in_queue(self, queue: str) -> int:
        found = self.emulator.client("sqs").get_queue_attributes(QueueUrl=self.names[queue], AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"])

    @contextmanager
    def without(self, function: str, *actions: str) -> Iterator[None]:
        """The function's role may not do these for a while."""
        iam, role = self.emulator.client("iam"), self._role(function)
        [policy] = iam.list_role_policies(RoleName=role)["PolicyNames"]
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        less = deepcopy(document)
        for statement in less["Statement"]:
            statement["Action"] = [one for one in statement["Action"] if one not in actions]
        less["Statement"] = [statement for statement in less["Statement"] if statement["Action"]]
        assert less != document, f"{function} may do none of {actions} anyway"
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(less))
        try:
            yield
        finally:
            iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))

    def _role(self, function: str) -> str:
        role: str = self.emulator.client("lambda").get_function_configuration(FunctionName=self.names[function])["Role"]
        return role.rpartition("/")[2]


def deployed(emulator: Emulator, package: Path) -> Deployment:
    """What `aws cloudformation package` and `deploy` do, in the calls they make."""
    s3, cloudformation = emulator.client("s3"), emulator.client("cloudformation")
    s3.create_bucket(Bucket=DEPLOYS, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    s3.put_object(Bucket=DEPLOYS, Key="deployment.zip", Body=package.joinpath("deployment.zip").read_bytes())
    template = json.loads(package.joinpath("sam.json").read_text())
    s3.put_object(Bucket=DEPLOYS, Key="sam.json", Body=json.dumps(_uploaded(template)).encode())
    cloudformation.create_stack(
        StackName=STACK, TemplateURL=f"{emulator.url}/{DEPLOYS}/sam.json", Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    )
    made = until("the stack is settled", lambda: _settled(cloudformation))
    assert made["StackStatus"] == "CREATE_COMPLETE", _failures(cloudformation)
    resources = cloudformation.list_stack_resources(StackName=STACK)["StackResourceSummaries"]
    names = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources}
    return Deployment(emulator, template, {one["OutputKey"]: one["OutputValue"] for one in made["Outputs"]}, names)


def functions_of(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: one["Properties"] for name, one in template["Resources"].items() if one["Type"] == "AWS::Serverless::Function"}


def _uploaded(template: dict[str, Any]) -> dict[str, Any]:
    """With the place of the zip, and the pace of this place."""
    template = deepcopy(template)
    for function in functions_of(template).values():
        function["CodeUri"] = f"s3://{DEPLOYS}/deployment.zip"
        function["Environment"]["Variables"] |= {f"TURNOUT_PACE_{name.upper()}_SECONDS": str(seconds) for name, seconds in PACE.items()}
    return template


def _settled(cloudformation: Any) -> dict[str, Any] | None:
    [stack] = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack


def _failures(cloudformation: Any) -> list[str]:
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    return [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}" for event in events if event["ResourceStatus"].endswith("_FAILED")]
