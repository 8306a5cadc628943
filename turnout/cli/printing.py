"""Values as text: tables, ages, one-line summaries. Nothing here prints."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import click

Json = dict[str, Any]

_COLORS = {
    "completed": "green",
    "healthy": "green",
    "passed": "green",
    "staged": "cyan",
    "shifting": "cyan",
    "watching": "cyan",
    "reverting": "yellow",
    "inconclusive": "yellow",
    "pending": "yellow",
    "reverted": "red",
    "failed": "red",
    "unhealthy": "red",
    "needs-human": "red",
}

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def as_json(value: Any) -> str:
    """One line of ASCII, so that JSON Lines hold and no terminal is confused."""
    return json.dumps(value, separators=(", ", ": "))


def safe(text: str) -> str:
    """Without control characters: what a server tells must not steer somebody's terminal."""
    return _UNPRINTABLE.sub("�", text)


def colorless(text: str) -> str:
    return click.unstyle(text)


def cell(value: object) -> str:
    """Any JSON value, short: a dash for nothing, yes and no for truth, no decimals where there are none."""
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer():
            return str(int(value))
        case dict() | list():
            return safe(as_json(value)) if value else "-"
        case _:
            return safe(str(value)).replace("\n", " ")


def word(value: object) -> str:
    """A state, in its colour where colours are on."""
    text = cell(value)
    return click.style(text, fg=_COLORS[text]) if text in _COLORS else text


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(click.unstyle(line[column])) for line in lines) for column in range(len(head))]
    for line in lines:
        yield "  ".join(text + " " * (width - len(click.unstyle(text))) for text, width in zip(line, widths, strict=True)).rstrip()


def facts(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    listed = list(pairs)
    width = max((len(name) for name, _ in listed), default=0)
    for name, value in listed:
        yield f"{name.ljust(width)}  {value}".rstrip()


def moment(value: object, now: datetime) -> str:
    """Absolute in UTC, and how long ago."""
    at = parsed(value)
    return cell(value) if at is None else f"{clock(value)} ({age((now - at).total_seconds())})"


def clock(value: object) -> str:
    at = parsed(value)
    return cell(value) if at is None else at.strftime("%Y-%m-%d %H:%M:%SZ")


def age(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if abs(seconds) >= size:
            return f"{seconds / size:.0f} {unit} ago" if seconds > 0 else f"in {-seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s ago"


def parsed(value: object) -> datetime | None:
    """A time as the API writes it; None where it is none."""
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo else None


def placed(placement: Json | None) -> str:
    """A release on a colour: `1.4.1 on blue, config 3`."""
    if not placement:
        return "-"
    config = placement.get("config_version")
    return f"{cell(placement.get('version') or 'unknown')} on {cell(placement.get('color'))}" + (f", config {cell(config)}" if config else "")


def what(deployment: Json) -> str:
    """`1.0.0`, `rollback to 1.0.0`, `drill of 1.0.0`."""
    prefix = {"rollback": "rollback to ", "drill": "drill of "}.get(str(deployment.get("kind")), "")
    return f"{prefix}{cell(deployment.get('version'))}"


def progress(deployment: Json) -> str:
    """The phase, and the step where there is one: `shifting, step 1 of 3`."""
    step = f", step {deployment['step']} of {deployment.get('steps')}" if deployment.get("step") else ""
    return word(deployment.get("phase")) + step


def approved(deployment: Json) -> str:
    """`approved by bob (1 of 2)`; nothing where none is needed."""
    approvals = deployment.get("approvals") or {}
    counting = [cell(one.get("by")) for one in approvals.get("given") or () if one.get("counts")]
    if not approvals.get("needed"):
        return ""
    return f"approved by {', '.join(counting) or 'nobody yet'} ({len(counting)} of {cell(approvals['needed'])})"


def shares(weights: Json | None) -> str:
    """`blue 90 %, green 10 %`."""
    return ", ".join(f"{cell(color)} {cell(weight)} %" for color, weight in (weights or {}).items()) or "-"
