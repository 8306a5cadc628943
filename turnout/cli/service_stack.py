"""What a service needs in AWS, as a CloudFormation stack of its own: made, waited for, and told of when it fails.

Asked for again, the same stack is found and waited for, so a command that was
interrupted is simply given again. A stack with other parameters is a conflict:
what it has made may be serving.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turnout.cli.exits import Exit, Failure

TEMPLATES = {"lambda": "service-lambda.yaml", "ecs": "service-ecs.yaml", "autoscaling": "service-autoscaling.yaml"}
POLICY = "service-stack-policy.json"
SETTLED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})
POLL_SECONDS = 5.0
LONGEST_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Stack:
    """What is not among the `parameters` has the template's default."""

    name: str
    region: str
    runtime: str
    parameters: dict[str, str]

    @property
    def template(self) -> str:
        return TEMPLATES[self.runtime]


@dataclass(frozen=True, slots=True)
class Patience:
    sleep: Callable[[float], None]
    monotonic: Callable[[], float]


def template(name: str) -> str:
    """A file of `infra/`, which an installed package has beside it too."""
    return (Path(__file__).resolve().parents[2] / "infra" / name).read_text(encoding="utf-8")


def made(cloudformation: Any, stack: Stack, patience: Patience) -> dict[str, str]:
    """The stack's outputs, once it is complete."""
    with _told(stack):
        with suppress(cloudformation.exceptions.AlreadyExistsException):  # made by an earlier attempt, or another: its parameters will tell
            cloudformation.create_stack(
                StackName=stack.name,
                TemplateBody=template(stack.template),
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in stack.parameters.items()],
                Capabilities=["CAPABILITY_IAM"],
                StackPolicyBody=template(POLICY),
            )
        seen = _settled(cloudformation, stack, patience)
    _require_same(seen, stack)
    return {output["OutputKey"]: output["OutputValue"] for output in seen["Outputs"]}


def definition_of(service: str, runtime: str, outputs: dict[str, str], *, health_path: str) -> dict[str, Any]:
    """What to register. The prober asks what the load balancer asks."""
    found = {
        "name": service,
        "runtime": {"kind": runtime, **_runtime_of(runtime, outputs)},
        "traffic": {
            "production_rule": outputs["ProductionRule"],
            "staging_rule": outputs["StagingRule"],
            "target_groups": _by_color(outputs, "TargetGroup"),
            "load_balancer": outputs["LoadBalancer"],
        },
        "checks": {"probe": {"path": health_path}},
    }
    return found | ({"source": {"ecr": outputs["Repository"], "tag_pattern": "*"}} if runtime == "ecs" else {})


def _runtime_of(runtime: str, outputs: dict[str, str]) -> dict[str, Any]:
    match runtime:
        case "lambda":
            return {"function": outputs["Function"]}
        case "ecs":
            return {
                "cluster": outputs["Cluster"],
                "services": _by_color(outputs, "Service"),
                "container": outputs["ContainerName"],
                "port": int(outputs["Port"]),
                "task_definition": outputs["TaskDefinitionFamily"],
            }
        case _:
            return {"groups": _by_color(outputs, "Group"), "launch_template": outputs["LaunchTemplateName"], "port": int(outputs["Port"])}


def _by_color(outputs: dict[str, str], what: str) -> dict[str, str]:
    return {"blue": outputs[f"Blue{what}"], "green": outputs[f"Green{what}"]}


def _settled(cloudformation: Any, stack: Stack, patience: Patience) -> dict[str, Any]:
    """The stack as it is when nothing is in progress any more."""
    began = patience.monotonic()
    while True:
        seen: dict[str, Any] = cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]
        status = seen["StackStatus"]
        if status in SETTLED:
            return seen
        if not status.endswith("_IN_PROGRESS"):
            raise Failure(_why(cloudformation, seen), slug="stack-failed")
        if patience.monotonic() - began > LONGEST_SECONDS:
            raise Failure(f"stack {stack.name} is still {status}; the same command goes on waiting", Exit.TIMED_OUT, "stack-slow")
        patience.sleep(POLL_SECONDS)


def _why(cloudformation: Any, seen: dict[str, Any]) -> str:
    """The first resource that failed is the reason; the others were cancelled because of it."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=seen["StackId"])
    failed = [event for page in pages for event in page["StackEvents"] if event["ResourceStatus"].endswith("_FAILED")]
    name = seen["StackName"]
    first = f"{failed[-1]['LogicalResourceId']}: {failed[-1].get('ResourceStatusReason', 'no reason given')}" if failed else seen.get("StackStatusReason", "")
    return f"stack {name} is {seen['StackStatus']} ({first}); mend that, run `aws cloudformation delete-stack --stack-name {name}`, and try again"


def _require_same(seen: dict[str, Any], stack: Stack) -> None:
    there = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in seen.get("Parameters", [])}
    if other := sorted(key for key, value in stack.parameters.items() if there.get(key) != value):
        told = ", ".join(f"{key} is {there.get(key)!r}" for key in other)
        raise Failure(f"stack {stack.name} exists already and is another: {told}; give the same, or another --stack-name", Exit.CONFLICT, "stack-exists")


@contextmanager
def _told(stack: Stack) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        hint = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws sso login`"
        raise Failure(f"there are no AWS credentials ({error}); {hint}", Exit.NOT_ALLOWED, "no-credentials") from error
    except (BotoCoreError, ClientError) as error:
        hint = f"`--dry-run` shows what is asked for; the credentials need leave to make stacks and what {stack.template} names"
        raise Failure(f"stack {stack.name} in {stack.region} could not be made ({error}); {hint}", slug="stack-failed") from error
