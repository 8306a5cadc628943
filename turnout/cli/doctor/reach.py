"""Whether a rule of a load balancer is ever come to: one before it may take every request that it would. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

Rule = Mapping[str, Any]

_BY_FIELD = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}
_PATTERNS = frozenset({"host-header", "path-pattern", "http-header"})


def hiding(rules: Iterable[Rule], ours: Rule) -> Rule | None:
    """The first rule of the same listener that takes whatever ours would. The plain cases: several rules that only together do are not looked for."""
    before = [rule for rule in rules if _priority(rule) < _priority(ours)]
    return next((rule for rule in sorted(before, key=_priority) if _covers(rule, ours)), None)


def _priority(rule: Rule) -> int:
    return int(rule["Priority"]) if str(rule["Priority"]).isdigit() else 1 << 20  # the default rule is the last


def _covers(wide: Rule, narrow: Rule) -> bool:
    """Every condition of the wide one is also made, at least as narrowly, by the other one. A rule without conditions takes everything."""
    return all(any(_is_within(each, condition) for each in narrow.get("Conditions", [])) for condition in wide.get("Conditions", []))


def _is_within(narrow: Mapping[str, Any], wide: Mapping[str, Any]) -> bool:
    kind = wide["Field"]
    if narrow["Field"] != kind or _header(narrow) != _header(wide) or _regular(narrow) or _regular(wide):
        return narrow == wide
    allowed = _values(wide)
    return all(any(_matches(pattern, value, kind) for pattern in allowed) for value in _values(narrow))


def _values(condition: Mapping[str, Any]) -> list[Any]:
    config = condition.get(_BY_FIELD.get(condition["Field"], ""), {})
    found: list[Any] = config.get("Values") or condition.get("Values") or []
    return found


def _header(condition: Mapping[str, Any]) -> str:
    return str(condition.get("HttpHeaderConfig", {}).get("HttpHeaderName", "")).lower()


def _regular(condition: Mapping[str, Any]) -> bool:
    """By regular expressions, of which nobody can say which is the narrower."""
    return bool(condition.get("RegexValues") or condition.get(_BY_FIELD.get(condition["Field"], ""), {}).get("RegexValues"))


def _matches(pattern: Any, value: Any, kind: str) -> bool:
    """Whether everything that `value` stands for fits `pattern`. A `?` of the pattern cannot stand for a `*` of the value."""
    if pattern == value or kind not in _PATTERNS:
        return bool(pattern == value)
    if kind != "path-pattern":
        pattern, value = pattern.lower(), value.lower()
    parts = {"*": ".*", "?": "[^*]"}
    return re.fullmatch("".join(parts.get(each) or re.escape(each) for each in pattern), value, re.DOTALL) is not None
