"""Whether a policy permits a request, by the rules of IAM that the control plane's policies make use of.

An explicit Deny decides; else one Allow has to match by action, resource and every condition. What these rules do not have
(NotAction, principals, policy variables, other operators) is refused and not guessed.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Statement = Mapping[str, Any]
_KNOWN = {"Sid", "Effect", "Action", "Resource", "Condition"}


@dataclass(frozen=True)
class Request:
    """One thing that is asked of IAM. `resource` is `*` where the action knows none; `context` has what conditions ask for."""

    action: str
    resource: str = "*"
    context: Mapping[str, str] = field(default_factory=dict)


def permitting(policy: Iterable[Statement], request: Request) -> list[Statement]:
    """The statements by which it is allowed; none where it is not, or is denied."""
    matching = [statement for statement in policy if _matches(statement, request)]
    denied = any(statement["Effect"] == "Deny" for statement in matching)
    return [] if denied else matching


def is_like(pattern: str, text: str, *, any_case: bool = False) -> bool:
    """`*` is any number of characters, `?` is one; nothing else means anything."""
    parts = ({"*": ".*", "?": "."}.get(each) or re.escape(each) for each in re.split(r"([*?])", pattern))
    return re.fullmatch("".join(parts), text, re.DOTALL | (re.IGNORECASE if any_case else 0)) is not None


def _matches(statement: Statement, request: Request) -> bool:
    if strange := set(statement) - _KNOWN:
        raise ValueError(f"{statement.get('Sid')}: nothing here knows {', '.join(sorted(strange))}")
    acts = any(is_like(pattern, request.action, any_case=True) for pattern in _listed(statement["Action"]))
    return acts and any(is_like(pattern, request.resource) for pattern in _listed(statement["Resource"])) and _holds(statement, request)


def _holds(statement: Statement, request: Request) -> bool:
    """Every operator and every key of it; of several values one."""
    conditions = statement.get("Condition", {})
    return all(
        _OPERATORS[operator](_listed(values), request.context.get(key)) for operator, keys in conditions.items() for key, values in keys.items()
    )


def _is_null(values: list[str], found: str | None) -> bool:
    [wanted] = values
    return (found is None) is (wanted == "true")


def _is_equal(values: list[str], found: str | None) -> bool:
    return found in values


def _is_arn_like(values: list[str], found: str | None) -> bool:
    """Each of the six parts for itself: a `*` does not reach over a colon."""
    return found is not None and any(_parts_alike(value.split(":", 5), found.split(":", 5)) for value in values)


def _parts_alike(patterns: list[str], parts: list[str]) -> bool:
    return len(patterns) == len(parts) and all(is_like(pattern, part) for pattern, part in zip(patterns, parts, strict=True))


_OPERATORS: dict[str, Callable[[list[str], str | None], bool]] = {
    "ArnLike": _is_arn_like,
    "Bool": _is_equal,
    "Null": _is_null,
    "StringEquals": _is_equal,
}


def _listed(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]
