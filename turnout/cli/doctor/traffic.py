"""A service's two rules, what they say, and its two target groups."""

from collections.abc import Iterator
from typing import Any

from turnout.cli import printing
from turnout.cli.context import Json
from turnout.cli.doctor.clients import found
from turnout.cli.doctor.findings import Finding, ok, problem, warning
from turnout.cli.doctor.reach import hiding
from turnout.client import Client

COLORS = ("blue", "green")
LONG_DRAIN_SECONDS = 300
_TYPES = {"lambda": ("lambda",), "ecs": ("ip", "instance"), "autoscaling": ("instance",)}


def rules(elbv2: Any, service: Json) -> Iterator[Finding]:
    traffic = service["definition"]["traffic"]
    for role in ("production", "staging"):
        arn = traffic[f"{role}_rule"]
        rule = _rule(elbv2, arn)
        if rule is None:
            remedy = f"make it again with both target groups, and register it: `turnout service put {service['name']} FILE`"
            yield problem(f"the {role} rule is gone ({arn})", remedy)
            continue
        yield from _forwards(rule, role, traffic["target_groups"])
        yield from _is_reached(elbv2, rule, role)
    yield ok("both rules are there, forward to both target groups, and are come to")


def _rule(elbv2: Any, arn: str) -> dict[str, Any] | None:
    answer = found(elbv2.describe_rules, "RuleNotFound", "RuleNotFoundException", RuleArns=[arn])
    return next(iter(answer["Rules"]), None) if answer else None


def _forwards(rule: dict[str, Any], role: str, groups: dict[str, str]) -> Iterator[Finding]:
    if rule["IsDefault"]:
        yield problem(f"the {role} rule is its listener's default rule, which is not modified in place", "give the service a rule of its own")
    weights = _weights(rule)
    for color in COLORS:
        if groups[color] not in weights:
            remedy = f"attach it with weight 0 (aws elbv2 modify-rule --rule-arn {rule['RuleArn']} --actions …)"
            yield problem(f"target group {color} is not in the {role} rule: without a rule it is `unused` and nobody checks its targets", remedy)
    if foreign := [arn.rpartition(":")[2] for arn in weights if arn not in groups.values()]:
        yield problem(f"the {role} rule also forwards to {', '.join(foreign)}", "take that out of the rule: Turnout shares traffic between its two groups only")
    seconds = _sticky_seconds(rule)
    if role == "production" and seconds:
        said = f"the production rule is sticky for {seconds} s: clients stay with a colour that long after a shift, and drains take as long"
        yield warning(said, "switch stickiness off in the rule if the application does not need it; a rollback does so by itself")


def _is_reached(elbv2: Any, rule: dict[str, Any], role: str) -> Iterator[Finding]:
    listener = rule["RuleArn"].replace(":listener-rule/", ":listener/", 1).rpartition("/")[0]
    before = hiding(elbv2.get_paginator("describe_rules").paginate(ListenerArn=listener).search("Rules[]"), rule)
    if before is not None:
        said = f"nothing comes to the {role} rule (priority {rule['Priority']}): the rule with priority {before['Priority']} takes all that it would"
        yield problem(said, f"give the {role} rule a smaller priority (aws elbv2 set-rule-priorities) or other conditions; in the way is {before['RuleArn']}")


def weights(elbv2: Any, client: Client, name: str) -> Iterator[Finding]:
    """The rule as it is now, against what Turnout wants. A rollout may move on between the two reads, so they are made again before anything is said."""
    if _unlike(elbv2, client, name) is None:
        yield ok("production has the weights that Turnout wants")
    elif unlike := _unlike(elbv2, client, name):
        yield unlike
    else:
        yield ok("production has the weights that Turnout wants; they were just changed")


def _unlike(elbv2: Any, client: Client, name: str) -> Finding | None:
    service = client.service(name)
    traffic, wanted = service["definition"]["traffic"], service["weights"]["desired"]
    rule = _rule(elbv2, traffic["production_rule"])
    shown = _shares(rule, traffic["target_groups"]) if rule else {}
    if all(abs(shown.get(color, -1) - wanted[color]) < 0.06 for color in COLORS):
        return None  # a drift of what stands there is told by `waits`
    said = f"production is {printing.shares(shown) if shown else 'gone'} and Turnout wants {printing.shares(wanted)}"
    ways = f'"turnout resume {name} --drift restore" writes back what Turnout wants, "--drift adopt" takes what is there for wanted'
    if service["drifted"]:
        return problem(f"drift: {said}, so nothing goes forward", ways)
    if service["deployment"]:
        return warning(f"{said}; {service['deployment']['id']} is {service['deployment']['phase']}", "look again in a minute")
    return problem(f"{said}: somebody else has set it", f"Turnout sees it within twenty minutes as drift; then {ways}")


def _shares(rule: dict[str, Any], groups: dict[str, str]) -> dict[str, float]:
    """Percent, to a tenth."""
    given = _weights(rule)
    whole = sum(given.values())
    return {color: round(100 * given.get(groups[color], 0) / whole, 1) if whole else 0.0 for color in COLORS}


def _last(rule: dict[str, Any]) -> dict[str, Any]:
    """The action that answers; those before it authenticate."""
    last: dict[str, Any] = max(rule["Actions"], key=lambda each: each.get("Order", 0))
    return last


def _weights(rule: dict[str, Any]) -> dict[str, int]:
    action = _last(rule)
    lone = [{"TargetGroupArn": action["TargetGroupArn"]}] if action.get("TargetGroupArn") else []
    groups = action.get("ForwardConfig", {}).get("TargetGroups") or lone
    return {group["TargetGroupArn"]: group.get("Weight", 1) for group in groups}


def _sticky_seconds(rule: dict[str, Any]) -> int:
    sticky = _last(rule).get("ForwardConfig", {}).get("TargetGroupStickinessConfig") or {}
    return int(sticky.get("DurationSeconds", 0)) if sticky.get("Enabled") else 0


def target_groups(elbv2: Any, service: Json) -> Iterator[Finding]:
    definition = service["definition"]
    for color in COLORS:
        arn = definition["traffic"]["target_groups"][color]
        answer = found(elbv2.describe_target_groups, "TargetGroupNotFound", "TargetGroupNotFoundException", TargetGroupArns=[arn])
        if not answer or not answer["TargetGroups"]:
            yield problem(f"target group {color} is gone ({arn})", f"make it again, and register it: `turnout service put {service['name']} FILE`")
            continue
        yield from _checked(answer["TargetGroups"][0], color, definition["runtime"]["kind"])
        attributes = elbv2.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
        yield from _drains(arn, color, definition["runtime"]["kind"], {each["Key"]: each["Value"] for each in attributes})
    yield ok("both target groups take the right targets, check them, and are not sticky")


def _checked(group: dict[str, Any], color: str, kind: str) -> Iterator[Finding]:
    if not group.get("HealthCheckEnabled", True):
        remedy = f"aws elbv2 modify-target-group --target-group-arn {group['TargetGroupArn']} --health-check-enabled"
        yield problem(f"health checks of target group {color} are off, so nothing is ever shifted there", remedy)
    if group["TargetType"] not in _TYPES[kind]:
        said = f"target group {color} takes targets of type {group['TargetType']}, and {kind} needs {' or '.join(_TYPES[kind])}"
        yield problem(said, "make one of that type, and register it")


def _drains(arn: str, color: str, kind: str, attributes: dict[str, str]) -> Iterator[Finding]:
    change = f"aws elbv2 modify-target-group-attributes --target-group-arn {arn} --attributes"
    if attributes.get("stickiness.enabled") == "true":
        said = f"target group {color} is sticky, which keeps clients back from a shift and from a rollback"
        yield problem(said, f"{change} Key=stickiness.enabled,Value=false")
    seconds = int(float(attributes.get("deregistration_delay.timeout_seconds", 0)))
    if kind != "lambda" and not 0 < seconds <= LONG_DRAIN_SECONDS:
        what = "requests under way are cut off" if seconds == 0 else "an old colour is retired no sooner"
        yield warning(f"target group {color} gives a target that goes {seconds} s: {what}", f"{change} Key=deregistration_delay.timeout_seconds,Value=60")


def targets(elbv2: Any, service: Json) -> Iterator[Finding]:
    """Of the colour that production is on."""
    live = service["live"]
    if live is None:
        yield ok("nothing is live yet")
        return
    color = live["color"]
    told = elbv2.describe_target_health(TargetGroupArn=service["definition"]["traffic"]["target_groups"][color])["TargetHealthDescriptions"]
    sick = [each for each in told if each["TargetHealth"]["State"] != "healthy" and each["TargetHealth"]["State"] != "draining"]
    healthy = sum(each["TargetHealth"]["State"] == "healthy" for each in told)
    why = ", ".join(sorted({f"{each['TargetHealth']['State']}: {each['TargetHealth'].get('Description', 'no reason given')}" for each in sick}))
    remedy = f"look at the application's log; `turnout rollback {service['name']} --dry-run` says what a rollback would do"
    if not healthy:
        yield problem(f"no target of {color}, which is live, is healthy ({why or 'there is none'})", remedy)
    elif sick:
        yield warning(f"{len(sick)} of {len(told)} targets of {color}, which is live, are not healthy ({why})", remedy)
    yield ok(f"{healthy} targets of {color}, which is live, are healthy")
