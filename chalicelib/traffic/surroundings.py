"""What registration reads of a service's load balancer, and what it refuses, each by the name of its field."""

from collections.abc import Callable
from typing import Any

from chalicelib.aws.faults import translated
from chalicelib.colors import Color
from chalicelib.errors import Invalid, NotFound
from chalicelib.services.definition import Traffic
from chalicelib.traffic.addresses import Address, Unaddressable, address_of
from chalicelib.traffic.router import Rule, Rules, Surroundings

_RULES = ("production_rule", "staging_rule")


def surveyed(elbv2: Any, traffic: Traffic, rule_from: Callable[[dict[str, Any], Traffic], Rule]) -> Surroundings:
    """Read rules, groups and balancer. Raises `Invalid` for the first thing that cannot be managed."""
    balancer = _balancer(elbv2, traffic)
    groups = {color: _group(elbv2, traffic, color) for color in Color}
    natives = [_rule(elbv2, traffic, name) for name in _RULES]
    rules = [_readable(rule_from(native, traffic), name) for native, name in zip(natives, _RULES, strict=True)]
    if groups[Color.BLUE]["TargetType"] != groups[Color.GREEN]["TargetType"]:
        raise _invalid("target_groups.green", "blue and green must have the same target type; make both alike")
    production, staging = (_address(elbv2, native, balancer, name) for native, name in zip(natives, _RULES, strict=True))
    if production.url == staging.url:
        raise _invalid("staging_rule", f"both rules answer at {staging.url}, where nobody can tell them apart; give staging a host or a listener of its own")
    return Surroundings(
        production=production,
        staging=staging,
        health_delay_seconds=float(max(group["HealthCheckIntervalSeconds"] * group["UnhealthyThresholdCount"] for group in groups.values())),
        drain_seconds=max(_drain_seconds(elbv2, traffic, color, groups[color]["TargetType"]) for color in Color),
        rules=Rules(*rules),
    )


def _balancer(elbv2: Any, traffic: Traffic) -> dict[str, Any]:
    found = _one(elbv2.describe_load_balancers, "LoadBalancers", "load_balancer", LoadBalancerArns=[traffic.load_balancer])
    if found.get("Type", "application") != "application":
        raise _invalid("load_balancer", "this is no Application Load Balancer; weights need one")
    return found


def _rule(elbv2: Any, traffic: Traffic, name: str) -> dict[str, Any]:
    arn = getattr(traffic, name)
    if _owner(arn) != traffic.load_balancer:
        raise _invalid(name, f"this rule belongs to another load balancer than {traffic.load_balancer}; name a rule of one of its listeners")
    found = _one(elbv2.describe_rules, "Rules", name, RuleArns=[arn])
    if found["IsDefault"]:
        raise _invalid(name, "this is a listener's default rule, which cannot be modified in place; give the service a rule of its own")
    return found


def _readable(rule: Rule, name: str) -> Rule:
    """Both groups must be attached even without weight: an unattached group is never health-checked."""
    if rule.split is None:
        raise _invalid(name, f"this rule must forward to the two target groups and to nothing else; it says: {rule.raw}")
    if missing := [color.value for color in Color if f"{color} " not in rule.raw]:
        raise _invalid(name, f"target group {missing[0]} is not attached to this rule; attach it with weight 0")
    return rule


def _group(elbv2: Any, traffic: Traffic, color: Color) -> dict[str, Any]:
    field = f"target_groups.{color}"
    found = _one(elbv2.describe_target_groups, "TargetGroups", field, TargetGroupArns=[traffic.target_groups.of(color)])
    if elsewhere := set(found.get("LoadBalancerArns", [])) - {traffic.load_balancer}:
        raise _invalid(field, f"this target group is attached to {', '.join(elsewhere)}; a group serves one load balancer")
    if not found.get("HealthCheckEnabled", True):
        raise _invalid(field, "health checks of this target group are off; switch them on, nothing is shifted to targets nobody checks")
    return found


def _drain_seconds(elbv2: Any, traffic: Traffic, color: Color, target_type: str) -> float:
    """A Lambda function has no connections to drain, whatever the attribute says."""
    with translated(f"reading the attributes of target group {color}"):
        found = elbv2.describe_target_group_attributes(TargetGroupArn=traffic.target_groups.of(color))["Attributes"]
    attributes = {attribute["Key"]: attribute["Value"] for attribute in found}
    if attributes.get("stickiness.enabled") == "true":
        raise _invalid(f"target_groups.{color}", "stickiness of this target group holds clients back from a shift and from a rollback; switch it off")
    return 0.0 if target_type == "lambda" else float(attributes.get("deregistration_delay.timeout_seconds", 0))


def _address(elbv2: Any, native: dict[str, Any], balancer: dict[str, Any], name: str) -> Address:
    with translated("reading the listener of a rule"):
        [listener] = elbv2.describe_listeners(ListenerArns=[_listener(native["RuleArn"])])["Listeners"]
    try:
        return address_of(native.get("Conditions", []), listener["Protocol"], listener["Port"], balancer["DNSName"])
    except Unaddressable as why:
        raise _invalid(name, str(why)) from why


def _listener(rule_arn: str) -> str:
    """`…:listener-rule/app/NAME/LB/LISTENER/RULE` → `…:listener/app/NAME/LB/LISTENER`."""
    return rule_arn.replace(":listener-rule/", ":listener/", 1).rpartition("/")[0]


def _owner(rule_arn: str) -> str:
    """`…:listener-rule/app/NAME/LB/LISTENER/RULE` → `…:loadbalancer/app/NAME/LB`."""
    return rule_arn.replace(":listener-rule/", ":loadbalancer/", 1).rsplit("/", 2)[0]


def _one(describe: Callable[..., dict[str, Any]], key: str, name: str, **of: list[str]) -> dict[str, Any]:
    [arn] = next(iter(of.values()))
    try:
        with translated(f"reading {arn}"):
            found = describe(**of)[key]
    except NotFound:
        found = []
    if len(found) != 1:
        raise _invalid(name, f"there is no {arn}; name one that exists")
    one: dict[str, Any] = found[0]
    return one


def _invalid(name: str, message: str) -> Invalid:
    return Invalid(f"traffic.{name}: {message}", field=f"traffic.{name}")
