"""What stands behind a service of the runtime lambda: its function, the alias of each colour, and who may call it."""

import json
from collections.abc import Iterator
from typing import Any

from turnout.cli.context import Json
from turnout.cli.doctor.clients import found
from turnout.cli.doctor.findings import Finding, ok, problem, warning
from turnout.cli.doctor.traffic import COLORS

ABSENT = "ResourceNotFoundException"
_CALLER = "elasticloadbalancing.amazonaws.com"


def function(lambda_: Any, service: Json) -> Iterator[Finding]:
    name = service["definition"]["runtime"]["function"]
    told = found(lambda_.get_function, ABSENT, FunctionName=name)
    if told is None:
        yield problem(f"there is no function {name}", f"make it again, or register the service with another: `turnout service put {service['name']} FILE`")
        return
    configuration = told["Configuration"]
    if "turnout:service" not in told.get("Tags", {}):
        remedy = f"aws lambda tag-resource --resource {configuration['FunctionArn']} --tags turnout:service={service['name']}"
        yield problem(f"function {name} has no tag turnout:service, without which the control plane may not change it", remedy)
    if configuration.get("PackageType", "Zip") != "Zip":
        yield problem(f"function {name} is a container image, and releases are zips", "name a function of zips")
    if configuration.get("State") == "Failed" or configuration.get("LastUpdateStatus") == "Failed":
        why = configuration.get("LastUpdateStatusReason") or configuration.get("StateReason") or "no reason given"
        yield warning(f"the last update of function {name} failed ({why})", "mend that and deploy again; what the aliases point at still serves")
    yield ok(f"function {name} is there and has the tag turnout:service")


def aliases(lambda_: Any, elbv2: Any, service: Json) -> Iterator[Finding]:
    """Without a release a colour has none. The live one has to be there, to be its group's target, and to be callable."""
    definition, live = service["definition"], (service["live"] or {}).get("color")
    name, there = definition["runtime"]["function"], []
    for color in COLORS:
        group = definition["traffic"]["target_groups"][color]
        alias = found(lambda_.get_alias, ABSENT, FunctionName=name, Name=color)
        if alias is None:
            if color == live and service["live"].get("version"):
                yield problem(f"there is no alias {color} of {name}, and {color} is live", f"`turnout rollback {service['name']}`, or make the alias again")
            continue
        there.append(f"{color} → {alias['FunctionVersion']}")
        yield from _attached(elbv2, alias, color, group, is_live=color == live)
        if not _may_be_called(lambda_, name, color, group):
            given = f"--statement-id elb-{color} --action lambda:InvokeFunction --principal {_CALLER} --source-arn {group}"
            remedy = f"aws lambda add-permission --function-name {name} --qualifier {color} {given}"
            yield (problem if color == live else warning)(f"the load balancer may not call alias {color} of {name}", remedy)
    told = f"the aliases are their groups' targets and may be called ({', '.join(there)})"
    yield ok(told if there else "no alias yet: a colour gets one with its first release")


def _attached(elbv2: Any, alias: dict[str, Any], color: str, group: str, *, is_live: bool) -> Iterator[Finding]:
    told = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    targets = [each["Target"]["Id"] for each in told]
    if targets != [alias["AliasArn"]]:
        said = f"the target of group {color} is {', '.join(targets) or 'none'} and not alias {color}"
        remedy = f"aws elbv2 register-targets --target-group-arn {group} --targets Id={alias['AliasArn']}"
        yield (problem if is_live else warning)(said, remedy if is_live else "the next deployment to this colour puts it right")
    if alias.get("RoutingConfig", {}).get("AdditionalVersionWeights"):
        yield problem(f"alias {color} shares its requests between versions", "take the additional version weights off: Turnout shares traffic in the rule only")


def _may_be_called(lambda_: Any, name: str, color: str, group: str) -> bool:
    told = found(lambda_.get_policy, ABSENT, FunctionName=name, Qualifier=color)
    statements: list[dict[str, Any]] = json.loads(told["Policy"])["Statement"] if told else []
    return any(_allows(statement, group) for statement in statements)


def _allows(statement: dict[str, Any], group: str) -> bool:
    principal = statement.get("Principal", {})
    callers = principal.get("Service", []) if isinstance(principal, dict) else principal
    source = next((arn for test in statement.get("Condition", {}).values() for key, arn in test.items() if key.lower() == "aws:sourcearn"), group)
    return statement.get("Effect") == "Allow" and _CALLER in callers and group in source
