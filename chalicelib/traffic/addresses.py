"""Under which address a listener rule answers, and which rules have none that a probe could use. Pure.

A probe has a URL and nothing else: a rule that asks for a header, a query or a
source address would pass it on to the next rule, which may well be production.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_DEFAULT_PORTS = {"HTTP": 80, "HTTPS": 443}
_CONFIGS = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig"}


@dataclass(frozen=True, slots=True)
class Address:
    """`url` has no path and no trailing slash; `paths` are the patterns of which a request's path must match one, none: any does."""

    url: str
    paths: tuple[str, ...] = ()

    def takes(self, path: str) -> bool:
        """Whether a request for this path, its query left aside, comes to the rule."""
        return not self.paths or any(_matches(pattern, path.partition("?")[0]) for pattern in self.paths)


class Unaddressable(Exception):
    """No URL leads to this rule. The message is for the person who made it."""


def address_of(conditions: Iterable[Mapping[str, Any]], protocol: str, port: int, balancer_host: str) -> Address:
    """Where a rule with these conditions, on such a listener, can be asked. Raises `Unaddressable`."""
    values = {condition["Field"]: _values(condition) for condition in conditions}
    if unmet := sorted(values.keys() - _CONFIGS.keys()):
        raise Unaddressable(f"this rule has a condition on {', '.join(unmet)}, which a probe of its URL does not meet; tell it apart by host, path or listener")
    host = _host(values.get("host-header", ()), balancer_host)
    return Address(f"{protocol.lower()}://{host}" + ("" if _DEFAULT_PORTS.get(protocol) == port else f":{port}"), values.get("path-pattern", ()))


def _values(condition: Mapping[str, Any]) -> tuple[str, ...]:
    config = condition.get(_CONFIGS.get(condition["Field"], ""), {})
    if config.get("RegexValues"):
        raise Unaddressable(f"this rule has a regular expression on {condition['Field']}; use plain values or * and ?")
    return tuple(config.get("Values") or condition.get("Values") or ())


def _host(hosts: tuple[str, ...], balancer_host: str) -> str:
    """A host that is named in full, else the balancer's own where the rule takes that."""
    if named := [host for host in hosts if not set(host) & set("*?")]:
        return named[0]
    if hosts and not any(_matches(host.lower(), balancer_host.lower()) for host in hosts):
        raise Unaddressable(f"this rule answers only to hosts like {', '.join(hosts)}; add one that is written out in full, which probes can use")
    return balancer_host


def _matches(pattern: str, text: str) -> bool:
    """As ELB reads patterns: `*` is any text, `?` any one character, everything else itself."""
    parts = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None
