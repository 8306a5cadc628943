"""The router that is an Application Load Balancer: two listener rules, each forwarding to two weighted target groups.

ELB replaces the whole list of actions with every write and has no version to
write against, so a write is made from the rule as it was looked at a moment
ago: the other actions, their order and the stickiness go back as they were.
"""

from copy import deepcopy
from typing import Any

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import translated
from chalicelib.colors import Color, Split
from chalicelib.errors import NotFound
from chalicelib.services.definition import Traffic
from chalicelib.traffic import weights
from chalicelib.traffic.router import Rule, Rules, Surroundings
from chalicelib.traffic.surroundings import surveyed


class AlbRouter:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def survey(self, traffic: Traffic) -> Surroundings:
        return surveyed(self._clients.elbv2, traffic, rule_from)

    def look(self, traffic: Traffic) -> Rules:
        arns = [traffic.production_rule, traffic.staging_rule]
        with translated("looking at the listener rules"):
            found = self._clients.look.describe_rules(RuleArns=arns)["Rules"]
        natives = {native["RuleArn"]: native for native in found}
        if missing := [arn for arn in arns if arn not in natives]:
            raise NotFound(f"there is no listener rule {', '.join(missing)}")
        production, staging = (rule_from(natives[arn], traffic) for arn in arns)
        return Rules(production, staging)

    def set_weights(self, traffic: Traffic, split: Split, *, unstick: bool, seen: Rule | None = None) -> None:
        native = _native(seen, traffic.production_rule) or _native(self.look(traffic).production, traffic.production_rule)
        self._write(native, traffic, split, unstick=unstick)

    def point_staging(self, traffic: Traffic, color: Color, *, seen: Rule | None = None) -> None:
        native = _native(seen, traffic.staging_rule) or _native(self.look(traffic).staging, traffic.staging_rule)
        self._write(native, traffic, Split.all_on(color), unstick=False)

    def _write(self, native: dict[str, Any], traffic: Traffic, split: Split, *, unstick: bool) -> None:
        actions = _actions(native, traffic, split, unstick=unstick)
        with translated("writing the weights"):
            self._clients.weights.modify_rule(RuleArn=native["RuleArn"], Actions=actions)


def rule_from(native: dict[str, Any], traffic: Traffic) -> Rule:
    """An ELB rule in our words."""
    action = _last_action(native)
    if action["Type"] != "forward":
        return Rule(None, raw=action["Type"], native=native)
    weight_by_group = _weight_by_group(action)
    sticky = action.get("ForwardConfig", {}).get("TargetGroupStickinessConfig", {})
    colors = {traffic.target_groups.of(color): color for color in Color}
    ours = {colors[group]: weight for group, weight in weight_by_group.items() if group in colors}
    return Rule(
        split=weights.split_of(ours) if len(ours) == len(weight_by_group) else None,
        sticky_seconds=sticky.get("DurationSeconds", 0) if sticky.get("Enabled") else 0,
        raw=", ".join(f"{colors.get(group) or group.rpartition(':')[2]} {weight}" for group, weight in weight_by_group.items()),
        native=native,
    )


def _native(rule: Rule | None, arn: str) -> dict[str, Any]:
    """The rule as ELB gave it, or nothing when it is another router's or another rule."""
    native = rule.native if rule else None
    return native if isinstance(native, dict) and native.get("RuleArn") == arn else {}


def _last_action(native: dict[str, Any]) -> dict[str, Any]:
    """The action that answers; those before it authenticate."""
    action: dict[str, Any] = max(native["Actions"], key=lambda each: each.get("Order", 0))
    return action


def _weight_by_group(forward: dict[str, Any]) -> dict[str, int]:
    groups = forward.get("ForwardConfig", {}).get("TargetGroups") or [{"TargetGroupArn": forward["TargetGroupArn"]}]
    # A lone group need not have a weight; ELB then takes 1.
    return {group["TargetGroupArn"]: group.get("Weight", 1) for group in groups}


def _actions(native: dict[str, Any], traffic: Traffic, split: Split, *, unstick: bool) -> list[dict[str, Any]]:
    """The rule's actions with the last one replaced: nothing else about them changes."""
    last = _last_action(native)
    return [_forward(action, traffic, split, unstick=unstick) if action is last else _kept(action) for action in native["Actions"]]


def _forward(replaced: dict[str, Any], traffic: Traffic, split: Split, *, unstick: bool) -> dict[str, Any]:
    sticky = {} if unstick else replaced.get("ForwardConfig", {}).get("TargetGroupStickinessConfig", {})
    weight_by_color = weights.weights_for(split)
    # `TargetGroupArn` beside a `ForwardConfig` of two groups is refused, so the action is made anew.
    action = {
        "Type": "forward",
        "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": traffic.target_groups.of(color), "Weight": weight_by_color[color]} for color in Color],
            "TargetGroupStickinessConfig": dict(sticky) or {"Enabled": False},
        },
    }
    return action | ({"Order": replaced["Order"]} if "Order" in replaced else {})


def _kept(action: dict[str, Any]) -> dict[str, Any]:
    kept = deepcopy(action)
    oidc = kept.get("AuthenticateOidcConfig")
    if oidc and "ClientSecret" not in oidc:
        oidc["UseExistingClientSecret"] = True  # ELB never tells the secret, and forgets it unless told to keep it
    return kept
