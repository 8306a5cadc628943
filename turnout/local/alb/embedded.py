"""Reads listeners, rules and target groups out of the embedded AWS, in its own process. What it reads changes under it: collections are copied first."""

import logging
import re
from dataclasses import replace
from typing import Any

from turnout.local.alb.model import Action, Condition, FixedResponse, Forward, Group, HealthCheck, Listener, LogPlace, Redirect, Rule, Target

log = logging.getLogger(__name__)

CONFIG_BY_FIELD = {
    "path-pattern": "PathPatternConfig",
    "host-header": "HostHeaderConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "source-ip": "SourceIpConfig",
}


class Embedded:
    """A rule that has not changed is translated once: looking 20 times a second stays cheap."""

    def __init__(self, *, region: str, account: str) -> None:
        self._region = region
        self._account = account
        self._known: dict[str, tuple[object, object, Rule]] = {}

    def listeners(self) -> list[Listener]:
        known: dict[str, tuple[object, object, Rule]] = {}
        found = [
            self._listener(each, known)
            for balancer in list(self._backend().load_balancers.values())
            for each in list(balancer.listeners.values())
            if _is_http(each)
        ]
        self._known = known
        return found

    def groups(self, listeners: list[Listener]) -> dict[str, Group]:
        """By ARN, each with the load balancer whose rules name it."""
        users = {
            arn: listener.load_balancer
            for listener in listeners
            for rule in listener.rules
            if isinstance(rule.action, Forward)
            for arn, _ in rule.action.weights
        }
        return {arn: replace(_group(raw), load_balancer=users.get(arn)) for arn, raw in list(self._backend().target_groups.items())}

    def is_registered(self, group_arn: str, target_id: str, port: int | None) -> bool:
        raw = self._backend().target_groups.get(group_arn)
        return raw is not None and any(target.id == target_id and port in (None, target.port) for target in _targets(raw))

    def log_places(self) -> dict[str, LogPlace]:
        """By load balancer (`app/name/id`): those whose access logs are switched on."""
        attributes = {balancer.arn.rsplit(":loadbalancer/", 1)[-1]: dict(balancer.attrs) for balancer in list(self._backend().load_balancers.values())}
        return {
            name: LogPlace(told["access_logs.s3.bucket"], told.get("access_logs.s3.prefix") or "")
            for name, told in attributes.items()
            if _is_true(told.get("access_logs.s3.enabled")) and told.get("access_logs.s3.bucket")
        }

    def _listener(self, raw: Any, known: dict[str, tuple[object, object, Rule]]) -> Listener:
        rules = [_numbered(self._rule(rule, known), rule) for rule in sorted(raw.rules.values(), key=_order)]
        return Listener(arn=raw.arn, load_balancer=raw.load_balancer_arn.rsplit(":loadbalancer/", 1)[-1], port=int(raw.port), rules=tuple(rules))

    def _rule(self, raw: Any, known: dict[str, tuple[object, object, Rule]]) -> Rule:
        conditions, actions = raw.conditions, raw.actions
        before = self._known.get(raw.arn)
        if before and before[0] is conditions and before[1] is actions:
            known[raw.arn] = before
        else:
            rule = _translated(raw.arn, list(conditions or ()), list(actions or ()))
            known[raw.arn] = (conditions, actions, before[2] if before and before[2] == rule else rule)
        return known[raw.arn][2]

    def _backend(self) -> Any:
        from moto.elbv2.models import elbv2_backends

        return elbv2_backends[self._account][self._region]


def _order(rule: Any) -> float:
    return float("inf") if rule.is_default else int(rule.priority)


def _numbered(rule: Rule, raw: Any) -> Rule:
    """Priorities change without the rule."""
    priority = 0 if raw.is_default else int(raw.priority)
    return rule if rule.priority == priority else replace(rule, priority=priority)


def _translated(arn: str, conditions: list[dict[str, Any]], actions: list[Any]) -> Rule:
    """The embedded AWS checks less than ELB does: a rule that makes no sense is served as an error and must not stop the others."""
    try:
        return Rule(arn, tuple(_condition(each) for each in conditions), _action(actions))
    except (KeyError, TypeError, ValueError):
        log.exception("rule.not_understood rule=%s", arn)
        return Rule(arn, (), None) if not conditions else Rule(arn, (Condition("http-request-method"),), None)


def _is_http(listener: Any) -> bool:
    return listener.protocol == "HTTP" and listener.port is not None


def _condition(raw: dict[str, Any]) -> Condition:
    field = raw["Field"]
    if field == "query-string":
        return Condition(field, pairs=tuple((pair.get("Key"), pair["Value"]) for pair in raw["QueryStringConfig"]["Values"]))
    config = raw.get(CONFIG_BY_FIELD[field]) or {"Values": raw.get("Values", [])}
    return Condition(field, values=tuple(config["Values"]), name=config.get("HttpHeaderName", ""))


def _action(raw: list[Any]) -> Action | None:
    """The one that ends the request; authentication before it is not played here."""
    for action in sorted(raw, key=lambda each: int(each.data.get("Order") or 1)):
        match action.type:
            case "forward":
                return _forward(action.data)
            case "fixed-response":
                config = action.data["FixedResponseConfig"]
                return FixedResponse(int(config["StatusCode"]), config.get("ContentType") or "text/plain", config.get("MessageBody") or "")
            case "redirect":
                return _redirect(action.data["RedirectConfig"])
    return None


def _forward(data: dict[str, Any]) -> Forward:
    config = data.get("ForwardConfig") or {}
    groups = config.get("TargetGroups") or [{"TargetGroupArn": data["TargetGroupArn"], "Weight": 1}]
    sticky = config.get("TargetGroupStickinessConfig") or {}
    seconds = int(sticky.get("DurationSeconds") or 3600) if _is_true(sticky.get("Enabled")) else None
    return Forward(tuple((group["TargetGroupArn"], max(0, int(group.get("Weight", 1)))) for group in groups), seconds)


def _redirect(config: dict[str, Any]) -> Redirect:
    return Redirect(
        status=int(str(config["StatusCode"]).removeprefix("HTTP_")),
        protocol=config.get("Protocol") or "#{protocol}",
        host=config.get("Host") or "#{host}",
        port=str(config.get("Port") or "#{port}"),
        path=config.get("Path") or "/#{path}",
        query="#{query}" if config.get("Query") is None else str(config["Query"]),
    )


def _group(raw: Any) -> Group:
    attributes = dict(raw.attributes)
    return Group(
        arn=raw.arn,
        is_lambda=raw.target_type == "lambda",
        targets=_targets(raw),
        check=_check(raw),
        multi_value_headers=_is_true(attributes.get("lambda.multi_value_headers.enabled")),
        deregistration_delay_seconds=float(attributes.get("deregistration_delay.timeout_seconds") or 0),
    )


def _targets(raw: Any) -> tuple[Target, ...]:
    return tuple(Target(target["Id"], int(target.get("Port") or raw.port or 0)) for target in list(raw.targets.values()))


def _check(raw: Any) -> HealthCheck:
    port = str(raw.health_check_port or "traffic-port")
    matcher = getattr(raw, "matcher", None) or {}
    return HealthCheck(
        enabled=_is_true(raw.health_check_enabled),
        path=raw.health_check_path or "/",
        port=int(port) if re.fullmatch(r"\d+", port) else None,
        interval_seconds=float(raw.health_check_interval_seconds),
        timeout_seconds=float(raw.health_check_timeout_seconds),
        healthy_threshold=int(raw.healthy_threshold_count),
        unhealthy_threshold=int(raw.unhealthy_threshold_count),
        matcher=str(matcher.get("HttpCode") or "200"),
    )


def _is_true(value: object) -> bool:
    return str(value).lower() == "true"
