"""One more request in a comparison. Pure, and bounded whatever is compared."""

from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.colors import Color
from chalicelib.health.model import Counts
from chalicelib.health.periods import period_of
from chalicelib.health.signal import Answer
from chalicelib.mirroring.comparing import Compared, Outcome
from chalicelib.mirroring.model import Comparison, Example, OfPath
from chalicelib.mirroring.sampling import Repeat

PATHS = 20
EXAMPLES = 10
FILES = 50
PERIODS = 200
_SHORT = 80
_BROKEN = 500


def counted(comparison: Comparison, repeat: Repeat, found: Compared, candidate: Answer, now: datetime) -> Comparison:
    """With what one request came to."""
    if found.outcome is Outcome.UNANSWERED:
        return replace(comparison, unanswered=comparison.unanswered + 1, last_at=now)
    differs = found.outcome is Outcome.DIFFERS
    broken = differs and (candidate.status is None or candidate.status >= _BROKEN)
    after = replace(
        comparison,
        compared=comparison.compared + 1,
        differing=comparison.differing + differs,
        noisy=comparison.noisy + (found.outcome is Outcome.NOISE),
        both=comparison.both + (found.outcome is Outcome.BOTH),
        errors=comparison.errors + broken,
        slower=comparison.slower + (differs and "time" in found.places),
        paths=_paths(comparison.paths, repeat.path[:_SHORT], differs=differs),
        last_at=now,
    )
    return replace(after, examples=_examples(comparison.examples, Example(repeat.path[:_SHORT], found.what, now))) if differs else after


def sent(comparison: Comparison, color: Color, answer: Answer, now: datetime, period: timedelta) -> Comparison:
    """With one request of ours that a colour got; the balancer counts it like everybody's."""
    failed = answer.status is not None and answer.status >= _BROKEN
    begin = period_of(now, period)
    here = dict(comparison.sent.get(begin, {}))
    so_far = here.get(color, Counts(0, 0))
    here[color] = Counts(so_far.requests + 1, so_far.errors + failed, max(so_far.slowest, answer.took.total_seconds()))
    others = sorted((moment, colors) for moment, colors in comparison.sent.items() if moment != begin)
    return replace(comparison, sent={**dict(others[-(PERIODS - 1) :]), begin: here})


def begun(comparison: Comparison, file: str, left_out: dict[str, int]) -> Comparison:
    """With one more access log that is looked at."""
    reasons = dict(comparison.left_out)
    for reason, number in left_out.items():
        reasons[reason] = reasons.get(reason, 0) + number
    return replace(comparison, files=(*comparison.files, file)[-FILES:], left_out=reasons)


def _paths(paths: dict[str, OfPath], path: str, *, differs: bool) -> dict[str, OfPath]:
    """The worst, and of the others the ones that came last."""
    so_far = paths.get(path, OfPath(0, 0))
    others = [(name, one) for name, one in paths.items() if name != path]
    all_of_them = [*others, (path, OfPath(so_far.compared + 1, so_far.differing + differs))]
    if len(all_of_them) > PATHS:
        all_of_them.remove(min(all_of_them[:-1], key=lambda named: named[1].differing))
    return dict(all_of_them)


def _examples(examples: tuple[Example, ...], example: Example) -> tuple[Example, ...]:
    """One of each path before a second of any."""
    same = [one for one in examples if one.path == example.path]
    if len(examples) < EXAMPLES:
        return (*examples, example)
    leaving = same[0] if same else examples[0]
    return (*(one for one in examples if one is not leaving), example)
