"""Elastic Load Balancing: targets, their health, and what an action may say.

Plain moto keys targets by id alone, calls every registered target healthy,
and takes any weight, any number of groups and any change to a default rule.
"""

import time
from collections.abc import Iterable
from typing import Any

from moto.elbv2.exceptions import ELBClientError, ValidationError
from moto.elbv2.models import ELBv2Backend, FakeAction, FakeHealthStatus, FakeTargetGroup

from turnout.local.corrections import elb_logs
from turnout.local.corrections.patches import Patches
from turnout.local.corrections.plane import DataPlane

MOST_GROUPS = 5
MOST_WEIGHT = 999

_UNUSED = ("unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer")
_UNREGISTERED = ("unused", "Target.NotRegistered", "Target is not registered to the target group")
_DRAINING = ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
_UNCHECKED = ("unavailable", "Target.HealthCheckDisabled", "Health checks are not enabled for this target")


def correct(patches: Patches, *, plane: DataPlane | None) -> None:
    """Without a data plane, a target that is in use and checked stays `initial`: nobody has asked it yet."""
    patches.replace(FakeTargetGroup, "register", lambda _: _register)
    patches.replace(FakeTargetGroup, "deregister", lambda _: _deregister)
    patches.replace(FakeTargetGroup, "deregister_terminated_instances", lambda _: _deregister_terminated)
    patches.replace(FakeTargetGroup, "health_for", lambda _: _health_for(plane))
    patches.replace(ELBv2Backend, "describe_target_health", _listing_what_drains)
    patches.replace(ELBv2Backend, "describe_target_groups", _with_their_balancers)
    patches.replace(ELBv2Backend, "create_target_group", _with_lambda_defaults)
    patches.replace(ELBv2Backend, "create_load_balancer", _on_this_machine)
    patches.replace(ELBv2Backend, "_validate_actions", _checked)
    patches.replace(ELBv2Backend, "modify_listener", _checking_actions)
    patches.replace(ELBv2Backend, "modify_rule", _refusing_default_rules)
    elb_logs.correct(patches)


def _key(group: Any, target: dict[str, Any]) -> str:
    """By id alone, two ports of one address overwrite each other."""
    return f"{target['Id']}:{target.get('Port') or group.port}"


def _register(self: Any, targets: list[dict[str, Any]]) -> None:
    for target in targets:
        key = _key(self, target)
        self.targets[key] = {"Id": target["Id"], "Port": target.get("Port") or self.port}
        self.deregistered_targets.pop(key, None)


def _deregister(self: Any, targets: list[dict[str, Any]]) -> None:
    """A target that is not there, or no longer, is no error in AWS."""
    for target in targets:
        for key in _registered(self, target):
            self.deregistered_targets[key] = self.targets.pop(key) | {"since": time.monotonic()}


def _registered(group: Any, target: dict[str, Any]) -> list[str]:
    """Without a port, every port of this id is meant."""
    if target.get("Port"):
        return [key for key in (_key(group, target),) if key in group.targets]
    return [key for key, known in list(group.targets.items()) if known["Id"] == target["Id"]]


def _deregister_terminated(self: Any, instance_ids: list[str]) -> None:
    for key, target in list(self.targets.items()):
        if target["Id"] in instance_ids:
            self.terminated_targets[key] = self.targets.pop(key)


def _health_for(plane: DataPlane | None) -> Any:
    """A target has the state that the data plane sees, not `healthy` from the moment it is registered."""

    def health_for(self: Any, target: dict[str, Any], _: Any) -> FakeHealthStatus:
        key = _key(self, target)
        known = self.targets.get(key)
        gone = _DRAINING if key in _draining(self) else _UNREGISTERED
        state = _state(self, known, plane) if known else gone
        return FakeHealthStatus(target["Id"], target.get("Port") or self.port, self.health_check_port, *state)

    return health_for


def _state(group: Any, target: dict[str, Any], plane: DataPlane | None) -> tuple[str, str | None, str | None]:
    if not group.health_check_enabled:
        return _UNCHECKED
    if group.arn not in attached_groups(_backend_of(group)):
        return _UNUSED
    if plane is None:
        return "initial", "Elb.RegistrationInProgress", "Target registration is in progress"
    return plane.health(group.arn, target["Id"], int(target["Port"]) if target["Port"] else None)


def _draining(group: Any) -> dict[str, Any]:
    if group.target_type == "lambda":
        return {}  # there is nothing to drain
    delay = float(group.attributes["deregistration_delay.timeout_seconds"])
    return {key: target for key, target in group.deregistered_targets.items() if time.monotonic() - target["since"] < delay}


def _listing_what_drains(original: Any) -> Any:
    """AWS lists a target as draining until its delay is over; moto forgets it at once."""

    def describe_target_health(self: Any, target_group_arn: str, targets: list[dict[str, Any]]) -> Any:
        group = self.target_groups.get(target_group_arn)
        if group is not None and not targets:
            targets = [{"Id": target["Id"], "Port": target["Port"]} for target in (*group.targets.values(), *_draining(group).values())]
            return [group.health_for(target, None) for target in targets]
        return original(self, target_group_arn, targets)

    return describe_target_health


def attached_groups(backend: Any) -> dict[str, set[str]]:
    """ARNs of the load balancers that name a target group in a rule, weight 0 included, by the group's ARN."""
    attached: dict[str, set[str]] = {}
    for balancer in list(backend.load_balancers.values()):
        for listener in list(balancer.listeners.values()):
            for rule in list(listener.rules.values()):
                for arn in _groups_in(rule.actions):
                    attached.setdefault(arn, set()).add(balancer.arn)
    return attached


def _groups_in(actions: Iterable[Any]) -> list[str]:
    return [group["TargetGroupArn"] for action in actions for group in _forwarded(action.data)]


def _forwarded(data: dict[str, Any]) -> list[dict[str, Any]]:
    groups = (data.get("ForwardConfig") or {}).get("TargetGroups") or []
    return list(groups) or ([{"TargetGroupArn": data["TargetGroupArn"]}] if data.get("TargetGroupArn") else [])


def _backend_of(group: Any) -> Any:
    from moto.elbv2.models import elbv2_backends

    return elbv2_backends[group.account_id][group.region_name]


def _with_their_balancers(original: Any) -> Any:
    """`LoadBalancerArns` follows the rules as they are now; moto only ever adds when a rule is created."""

    def describe_target_groups(self: Any, *args: Any, **kwargs: Any) -> Any:
        attached = attached_groups(self)
        for group in list(self.target_groups.values()):
            group.load_balancer_arns = sorted(attached.get(group.arn, ()))
        return original(self, *args, **kwargs)

    return describe_target_groups


def _with_lambda_defaults(original: Any) -> Any:
    """Health checks of a Lambda group are off, 35 and 30 seconds, unless asked for; moto switches them on."""

    def create_target_group(self: Any, name: str, **kwargs: Any) -> Any:
        if kwargs.get("target_type") == "lambda":
            asked = kwargs.get("healthcheck_enabled")
            kwargs["healthcheck_enabled"] = "true" if str(asked).lower() == "true" else "false"
            kwargs["healthcheck_interval_seconds"] = kwargs.get("healthcheck_interval_seconds") or 35
            kwargs["healthcheck_timeout_seconds"] = kwargs.get("healthcheck_timeout_seconds") or 30
        return original(self, name, **kwargs)

    return create_target_group


def _on_this_machine(original: Any) -> Any:
    """A load balancer's name leads to where its listeners really are."""

    def create_load_balancer(self: Any, *args: Any, **kwargs: Any) -> Any:
        balancer = original(self, *args, **kwargs)
        balancer.dns_name = "127.0.0.1"
        return balancer

    return create_load_balancer


def _checked(original: Any) -> Any:
    """Refuse what AWS refuses: weights out of range, too many groups, two ways to name a group, stickiness without a duration."""

    def validate(self: Any, actions: list[Any]) -> None:
        for action in actions:
            if action.type == "forward":
                _check_forward(action.data)
        original(self, actions)

    return validate


def _check_forward(data: dict[str, Any]) -> None:
    config = data.get("ForwardConfig") or {}
    groups = config.get("TargetGroups") or []
    if len(groups) > MOST_GROUPS:
        raise _error("TooManyTargetGroups", f"A forward action can name at most {MOST_GROUPS} target groups")
    if any(not 0 <= int(group.get("Weight") or 0) <= MOST_WEIGHT for group in groups):
        raise ValidationError(f"Target group weights must be between 0 and {MOST_WEIGHT}")
    if data.get("TargetGroupArn") and groups and [group["TargetGroupArn"] for group in groups] != [data["TargetGroupArn"]]:
        raise _error("InvalidLoadBalancerAction", "You cannot specify both a target group ARN and a forward config with other target groups")
    stickiness = config.get("TargetGroupStickinessConfig") or {}
    if str(stickiness.get("Enabled")).lower() == "true" and not stickiness.get("DurationSeconds"):
        raise ValidationError("Target group stickiness needs a duration")


def _checking_actions(original: Any) -> Any:
    """Moto checks the actions of a rule but not those of a listener, so that an unknown group is taken."""

    def modify_listener(self: Any, arn: str, *args: Any, **kwargs: Any) -> Any:
        self._validate_actions([FakeAction(action) for action in kwargs.get("actions") or (args[4] if len(args) > 4 else [])])
        return original(self, arn, *args, **kwargs)

    return modify_listener


def _refusing_default_rules(original: Any) -> Any:
    """A default rule is changed through its listener; moto lets the two disagree."""

    def modify_rule(self: Any, rule_arn: str, conditions: Any, actions: Any) -> Any:
        for rule in self.describe_rules(listener_arn=None, rule_arns=[rule_arn]):
            if rule.is_default:
                raise _error("OperationNotPermitted", f"Default rule '{rule_arn}' cannot be modified; modify its listener")
        return original(self, rule_arn, conditions, actions)

    return modify_rule


def _error(code: str, message: str) -> ELBClientError:
    return ELBClientError(code, message)
