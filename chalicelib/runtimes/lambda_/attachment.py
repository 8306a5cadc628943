"""How an alias becomes the target of its colour's target group. Every step looks first and may be given again."""

from contextlib import suppress
from typing import Any

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import translated
from chalicelib.colors import Color
from chalicelib.errors import Conflict, Invalid, NotFound
from chalicelib.runtimes.lambda_.function import LATEST, function_of
from chalicelib.services.definition import Definition, Traffic


def require_lambda_groups(elbv2: Any, traffic: Traffic) -> None:
    """Raises `Invalid` naming the target group that takes no functions or does not exist."""
    for color in Color:
        field = f"traffic.target_groups.{color}"
        try:
            with translated(f"reading target group {color}"):
                [group] = elbv2.describe_target_groups(TargetGroupArns=[traffic.target_groups.of(color)])["TargetGroups"]
        except NotFound as absent:
            raise Invalid(f"{field}: there is no such target group; name one that exists", field=field) from absent
        if group["TargetType"] != "lambda":
            raise Invalid(f"{field}: this group takes targets of type {group['TargetType']}; the lambda runtime needs type lambda", field=field)


def attach(clients: Clients, definition: Definition, color: Color, alias: dict[str, Any] | None) -> dict[str, Any]:
    """The colour's alias, made if there is none, and registered. A new one points at nothing of ours until it is moved."""
    if alias is None:
        with translated(f"making alias {color} of {function_of(definition)}"):
            made: dict[str, Any] = clients.lambda_.create_alias(FunctionName=function_of(definition), Name=color.value, FunctionVersion=LATEST)
        alias = made
    register(clients, definition, color, alias["AliasArn"])
    return alias


def register(clients: Clients, definition: Definition, color: Color, alias_arn: str) -> None:
    """Make the alias the one target of its group. Writes nothing when it already is."""
    group = definition.traffic.target_groups.of(color)
    with translated(f"reading the target of target group {color}"):
        described = clients.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    targets = [each["Target"]["Id"] for each in described]
    if targets == [alias_arn]:
        return
    _permit(clients, definition, color, group)
    if others := [{"Id": target} for target in targets if target != alias_arn]:
        # A group takes one function; this colour is idle, so nobody is served by the one that goes.
        with translated(f"taking another target out of target group {color}"):
            clients.elbv2.deregister_targets(TargetGroupArn=group, Targets=others)
    with translated(f"registering {alias_arn}"):
        clients.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": alias_arn}])


def _permit(clients: Clients, definition: Definition, color: Color, group: str) -> None:
    """Let this target group call the alias; ELB refuses to register a function that it may not call."""
    statement = "turnout-" + group.rpartition(":targetgroup/")[2].replace("/", "-")
    # Named after the group, so a statement of that name which is there already says the same.
    with suppress(Conflict), translated(f"permitting target group {color} to call {function_of(definition)}:{color}"):
        clients.lambda_.add_permission(
            FunctionName=function_of(definition), Qualifier=color.value, StatementId=statement,
            Action="lambda:InvokeFunction", Principal="elasticloadbalancing.amazonaws.com", SourceArn=group,
        )  # fmt: skip
