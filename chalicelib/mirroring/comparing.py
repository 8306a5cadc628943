"""Compare answers to one request: the candidate's with one of the live side's, and the live side's with each other. Pure.

The live side is asked twice, and the places where its two answers differ are what this application always says differently (a time, a
nonce, an order). The candidate and the second live answer are compared with the first one by the same rules, so while the candidate is as
good as the live side, "only the candidate differs" is as likely as "only the second live answer differs": what `verdict.py` counts on.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chalicelib.health.signal import Answer

SLOWER_BY_SECONDS = 0.05
"""An answer is not slower for less, whatever the proportion."""
_MOST_PLACES = 200
_DEEPEST = 40
_SHORT = 80
_MOST_SAID = 3
_LINES = 5000

_MASKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("uuid", re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)),
    ("time", re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?Z\b| ?[+-]\d\d:?\d\d\b)?")),
    ("time", re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*, \d\d?[ -][A-Z][a-z]{2}[ -]\d{2,4} \d\d:\d\d:\d\d(?: GMT| [+-]\d{4})?")),
    ("time", re.compile(r"\b1[4-9]\d{8}(?:\d{3}|\d{6}|\d{9})?(?:\.\d{1,9})?\b")),
    ("trace", re.compile(r"\bRoot=1-[0-9a-f]{8}-[0-9a-f]{24}\b")),
    ("token", re.compile(r"\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{16,}\b", re.IGNORECASE)),
    ("token", re.compile(r"(?<![\w+/=-])(?=[\w+/-]*[0-9])(?=[\w+/-]*[A-Z])(?=[\w+/-]*[a-z])[\w+-][\w+/-]{23,}={0,2}(?![\w+/=-])")),
)
"""What applications make anew for every answer. Moments of the years 2014 to 2033 count as times when they are written as epoch seconds (or finer)."""


class Outcome(StrEnum):
    SAME = "same"
    DIFFERS = "differs"
    NOISE = "noise"
    BOTH = "both"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Rules:
    """`ignore` is taken out of bodies; `hosts` are the service's own addresses, which are the same place; `max_increase` as of `checks.latency`."""

    ignore: tuple[re.Pattern[str], ...] = ()
    hosts: tuple[str, ...] = ()
    max_increase: float = 0.5


@dataclass(frozen=True, slots=True)
class Compared:
    """`what` says in short where the candidate differs, empty unless it alone does; `places` are where."""

    outcome: Outcome
    what: str = ""
    places: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Shown:
    """An answer as it is compared. `body` is parsed JSON, or lines of text."""

    status: int | None
    kind: str
    location: str
    body: Any
    is_json: bool


def compare(candidate: Answer, live: Answer, again: Answer, rules: Rules) -> Compared:
    """The candidate's answer beside the two of the live side."""
    if live.status is None:
        return Compared(Outcome.UNANSWERED)
    first, second, new = (_shown(answer, rules) for answer in (live, again, candidate))
    noise, found = _differences(first, second), _differences(first, new)
    if is_slower(candidate, (live, again), rules):
        found["time"] = f"took {candidate.took.total_seconds():.3f} s, live {live.took.total_seconds():.3f} and {again.took.total_seconds():.3f} s"
    if is_slower(again, (live, candidate), rules):
        noise["time"] = ""
    only, only_noise = _without(found, noise), _without(noise, found)
    if only:
        return Compared(Outcome.BOTH if only_noise else Outcome.DIFFERS, _said(list(only.values())), frozenset(only))
    return Compared(Outcome.NOISE if only_noise else Outcome.SAME)


def masked(text: str, rules: Rules) -> str:
    """The text without what is new in every answer."""
    for pattern in rules.ignore:
        text = pattern.sub("", text)
    for host in rules.hosts:
        text = text.replace(host, "<host>")
    for name, pattern in _MASKS:
        text = pattern.sub(f"<{name}>", text)
    return text


def _said(differences: list[str]) -> str:
    more = len(differences) - _MOST_SAID
    return "; ".join(differences[:_MOST_SAID]) + (f"; and {more} more" if more > 0 else "")


def _without(places: dict[str, str], others: Iterable[str]) -> dict[str, str]:
    """The places that the others say nothing of."""
    known = tuple(others)
    return {place: what for place, what in places.items() if not any(_covers(wider, place) for wider in known)}


def _covers(wider: str, place: str) -> bool:
    """Whether a difference at `wider` hides what would be said of `place`: another status hides the body, a list of another length its entries."""
    if wider == "status":
        return place != "time"
    if wider == "body":
        return place == "body" or place.startswith(("$", "line "))
    return place == wider or place.startswith((f"{wider}.", f"{wider}["))


def is_slower(answer: Answer, others: tuple[Answer, ...], rules: Rules) -> bool:
    """Than the slowest of the others, by more than chance would have it. An answer that never came is not slow."""
    if answer.status is None or any(other.status is None for other in others):
        return False
    slowest = max(other.took.total_seconds() for other in others)
    took = answer.took.total_seconds()
    return took > slowest * (1 + rules.max_increase) and took - slowest > SLOWER_BY_SECONDS


def _shown(answer: Answer, rules: Rules) -> _Shown:
    kind = answer.kind.split(";")[0].strip().lower()
    text = answer.body
    for pattern in rules.ignore:
        text = pattern.sub("", text)
    parsed = _parsed(text) if text.lstrip()[:1] in {"{", "["} else None
    body = masked(text, rules).splitlines()[:_LINES] if parsed is None else parsed
    if parsed is not None:
        body = _masked_values(parsed, rules, 0)
    return _Shown(answer.status, kind, masked(answer.location, rules), body, parsed is not None)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _masked_values(value: Any, rules: Rules, depth: int) -> Any:
    """Texts masked, and numbers that are moments; too deep, it is one text."""
    match value:
        case _ if depth > _DEEPEST:
            return masked(json.dumps(value, default=str)[:_SHORT], rules)
        case dict():
            return {masked(name, rules): _masked_values(each, rules, depth + 1) for name, each in value.items()}
        case list():
            return [_masked_values(each, rules, depth + 1) for each in value]
        case str():
            return masked(value, rules)
        case int() | float() if not isinstance(value, bool) and (shown := masked(str(value), rules)).startswith("<"):
            return shown
        case _:
            return value


def _differences(first: _Shown, other: _Shown) -> dict[str, str]:
    """Where the other answer is not as the first, and what it is there. A wrong status says all; without an answer there is nothing else."""
    if other.status != first.status:
        said = "did not answer" if other.status is None else f"answered {other.status}"
        return {"status": f"{said}, live {first.status}"}
    found: dict[str, str] = {}
    if other.kind != first.kind:
        found["content type"] = f"content type is {_short(other.kind) or 'none'}, live {_short(first.kind) or 'none'}"
    if other.location != first.location:
        found["location"] = "redirects elsewhere than live"
    if first.is_json and other.is_json:
        _unlike(first.body, other.body, "$", found)
    elif first.is_json != other.is_json:
        found["body"] = "only live answers with JSON" if first.is_json else "only the candidate answers with JSON"
    else:
        _unlike_lines(first.body, other.body, found)
    return found


def _unlike(first: Any, other: Any, place: str, found: dict[str, str]) -> None:
    if len(found) >= _MOST_PLACES:
        return
    if isinstance(first, dict) and isinstance(other, dict):
        _unlike_objects(first, other, place, found)
    elif isinstance(first, list) and isinstance(other, list):
        if len(first) != len(other):
            found[place] = f"{place} has {len(other)} entries, live {len(first)}"
            return
        for number, (one, its) in enumerate(zip(first, other, strict=True)):
            _unlike(one, its, f"{place}[{number}]", found)
    elif type(first) is not type(other) or first != other:  # to Python, true is 1
        found[place] = f"{place} is {_short(json.dumps(other, default=str))}, live {_short(json.dumps(first, default=str))}"


def _unlike_objects(first: dict[str, Any], other: dict[str, Any], place: str, found: dict[str, str]) -> None:
    for name in dict.fromkeys((*first, *other)):
        here = f"{place}.{_short(name)}"
        if name in first and name in other:
            _unlike(first[name], other[name], here, found)
        else:
            found[here] = f"{here} is missing" if name in first else f"{here} is new"


def _unlike_lines(first: list[str], other: list[str], found: dict[str, str]) -> None:
    """Texts of as many lines are compared line by line, so that one line with something new in it does not hide the others."""
    if len(first) != len(other):
        found["body"] = f"the body has {len(other)} lines, live {len(first)}"
        return
    for number, (one, its) in enumerate(zip(first, other, strict=True), start=1):
        if one != its and len(found) < _MOST_PLACES:
            found[f"line {number}"] = f"line {number} is {_short(json.dumps(its))}, live {_short(json.dumps(one))}"


def _short(text: str) -> str:
    """Short, and free of what is no text: JSON may hold half of a surrogate pair, and nothing that is kept may."""
    shown = text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"
    return shown.encode(errors="backslashreplace").decode()
