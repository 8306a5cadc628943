"""Which rule a request matches, and where a redirect leads. Pure."""

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from turnout.local.alb.model import Condition, Redirect, Rule


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a request the rules look at. `target` is the request target as it came, undecoded."""

    method: str
    path: str
    query: str
    host: str
    """As the client sent it, port included."""
    headers: Sequence[tuple[str, str]]
    source_ip: str


def first_match(rules: Iterable[Rule], asked: Asked) -> Rule | None:
    return next((rule for rule in rules if all(_holds(condition, asked) for condition in rule.conditions)), None)


def location(redirect: Redirect, asked: Asked, port: int) -> str:
    """The placeholders that ELB knows, filled in; a default port is not named."""
    values = {"protocol": "HTTP", "host": _host(asked), "port": str(port), "path": asked.path.removeprefix("/"), "query": asked.query}

    def filled(template: str) -> str:
        return re.sub(r"#\{(\w+)\}", lambda found: values.get(found[1], found[0]), template)

    protocol, at = filled(redirect.protocol).lower(), filled(redirect.port)
    shown = "" if at == {"http": "80", "https": "443"}.get(protocol) else f":{at}"
    query = filled(redirect.query)
    return f"{protocol}://{filled(redirect.host)}{shown}{filled(redirect.path)}{'?' + query if query else ''}"


def _holds(condition: Condition, asked: Asked) -> bool:
    return _BY_FIELD[condition.field](condition, asked)


def _path(condition: Condition, asked: Asked) -> bool:
    return any(_pattern(value, False).fullmatch(asked.path) for value in condition.values)


def _host_header(condition: Condition, asked: Asked) -> bool:
    return any(_pattern(value, True).fullmatch(_host(asked)) for value in condition.values)


def _header(condition: Condition, asked: Asked) -> bool:
    wanted = condition.name.lower()
    sent = [value for name, value in asked.headers if name.lower() == wanted]
    return any(_pattern(value, True).fullmatch(each) for value in condition.values for each in sent)


def _method(condition: Condition, asked: Asked) -> bool:
    return asked.method in condition.values


def _query(condition: Condition, asked: Asked) -> bool:
    pairs = query_pairs(asked.query)
    return any(
        (key is None or _pattern(key, True).fullmatch(name)) and _pattern(wanted, True).fullmatch(value)
        for key, wanted in condition.pairs
        for name, value in pairs
    )


def _source_ip(condition: Condition, asked: Asked) -> bool:
    source = ipaddress.ip_address(asked.source_ip)
    return any(source in ipaddress.ip_network(value, strict=False) for value in condition.values)


_BY_FIELD: dict[str, Callable[[Condition, Asked], bool]] = {
    "path-pattern": _path,
    "host-header": _host_header,
    "http-header": _header,
    "http-request-method": _method,
    "query-string": _query,
    "source-ip": _source_ip,
}


def query_pairs(query: str) -> list[tuple[str, str]]:
    """In the order they came, undecoded."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(name, value) for name, _, value in pairs]


def _host(asked: Asked) -> str:
    return re.sub(r":\d+$", "", asked.host)


@lru_cache(maxsize=4096)
def _pattern(text: str, ignore_case: bool) -> re.Pattern[str]:
    """`*` is any text, `?` one character; a backslash takes their meaning away."""
    parts = re.findall(r"\\[*?\\]|.", text, flags=re.DOTALL)
    return re.compile("".join(_translated(part) for part in parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _translated(part: str) -> str:
    if len(part) == 2:
        return re.escape(part[1])
    return {"*": ".*", "?": "."}.get(part, re.escape(part))
