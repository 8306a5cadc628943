"""What a rollback would do, as a short list for somebody who has to decide."""

from collections.abc import Iterator

from turnout.cli import printing
from turnout.cli.context import Json


def lines(preflight: Json) -> Iterator[str]:
    """Only what is known: a field that the server left empty says nothing."""
    return printing.facts((name, value) for name, value in _facts(preflight) if value)


def _facts(preflight: Json) -> Iterator[tuple[str, str]]:
    yield "target", _target(preflight)
    yield "stands", _stands(preflight)
    yield "looked", _looked(preflight)
    yield "artifact", _artifact(preflight)
    yield "takes", f"about {printing.cell(preflight['eta_seconds'])} s" if preflight.get("eta_seconds") is not None else ""
    yield "drill", _drill(preflight.get("last_drill") or {})
    yield "config", "; ".join(_change(one) for one in preflight.get("config_changes") or [])
    for warning in preflight.get("warnings") or []:
        yield "warning", printing.cell(warning)
    yield "refused", printing.cell(preflight["refusal"]) if preflight.get("refusal") else ""


def _target(preflight: Json) -> str:
    if not (preflight.get("version") or preflight.get("why")):
        return ""
    config = f", config {preflight['config_version']}" if preflight.get("config_version") else ""
    certified = ", certified" if preflight.get("certified") else ""
    why = f": {preflight['why']}" if preflight.get("why") else ""
    return printing.safe(f"{preflight.get('version') or 'what stood there before'}{config}{certified}{why}")


def _stands(preflight: Json) -> str:
    if preflight.get("warm"):
        health = _either(preflight.get("target_healthy"), ", healthy", ", not healthy")
        return printing.safe(f"warm on {preflight.get('color')}{health}: the traffic moves at once")
    return "nowhere: it has to be put on a colour first" if preflight.get("warm") is False and preflight.get("version") else ""


def _looked(preflight: Json) -> str:
    age = preflight.get("look_age_seconds")
    return printing.age(age) if isinstance(age, int | float) else ""


def _artifact(preflight: Json) -> str:
    known = _either(preflight.get("digest_exists"), "is there", "is gone")
    return printing.safe(f"{preflight.get('digest')} {known}") if known else ""


def _drill(last: Json) -> str:
    if not last:
        return ""
    return printing.safe(f"{last.get('version')} on {last.get('at')}, {last.get('phase')}: {last.get('outcome') or 'not over yet'}")


def _either(answer: object, yes: str, no: str) -> str:
    """Neither where it is not known."""
    return yes if answer is True else no if answer is False else ""


def _change(change: Json) -> str:
    references = [printing.cell(change[side]) for side in ("before", "after") if change.get(side)]
    shown = f" {' -> '.join(references)}" if references else ""
    return f"{printing.cell(change.get('name'))} {printing.cell(change.get('kind'))}{shown}"
