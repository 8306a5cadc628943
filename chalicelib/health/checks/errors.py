"""Failed requests of the candidate: against the release before over the same periods, and against `max_rate`.

| what is seen                                                                     | answer       |
|----------------------------------------------------------------------------------|--------------|
| no traffic on either group                                                       | does not apply: targets and probes decide |
| traffic without errors, `minimum_requests` of it                                 | healthy      |
| unreadable, or no period complete yet                                            | inconclusive |
| shares that the weights do not explain                                           | inconclusive |
| proved worse than the release before, or above `max_rate` where that one is not  | unhealthy    |
| already red: both above `max_rate`                                               | inconclusive |
| fewer than `minimum_requests`                                                    | inconclusive; extended, `when_quiet` says |
| errors that look more like a tenfold rise than like none                         | inconclusive |

Unhealthy needs no minimum but the proof itself, and a handful of errors: `sequential` says what a proof is, and that it may be looked for at any time.
"""

from datetime import datetime

from chalicelib.colors import WHOLE
from chalicelib.health import sequential
from chalicelib.health.checks import comparing
from chalicelib.health.evidence import Evidence
from chalicelib.health.model import Check, Outcome, Tally
from chalicelib.health.sequential import Beside
from chalicelib.health.series import added, before_and_beside
from chalicelib.health.shares import Observed, is_explained, upper
from chalicelib.services.definition import Checks

TOLERATED = 1.25
"""How many times the rate of the release before, over the same periods, is no worse: what differs by less is nobody's reason to go back."""
TOLERATED_LATER = 3.0
"""The same where the periods are not the same: rates drift with the hour."""
NEGLIGIBLE = 0.1
"""So small a part of `max_rate` is never too much where nothing runs beside it to compare with."""
RARE = 0.01
"""A handful of failures among so many requests that they are this small a part of `max_rate` takes no certificate away."""
FEWEST_ERRORS = 5
"""One client that asks for the same broken thing again is no proof, whatever the odds."""
SOME_ERRORS = 3
"""Few requests of which so many fail, above `max_rate`, are no quiet service: nobody goes on by probes then."""
RISE = 10.0
"""A healthy answer means at least that this many times the errors explains worse what was seen than no rise does."""

Numbers = dict[str, float]


def check(evidence: Evidence, checks: Checks, now: datetime) -> Check:  # noqa: ARG001 - every check's
    if evidence.series is None:
        return Check("errors", Outcome.INCONCLUSIVE, "the metrics cannot be read")
    candidate, baseline = added(point.mine for point in evidence.present), _baseline(evidence)
    numbers = _numbers(evidence, checks, candidate, baseline)
    beside = added(point.other for point in evidence.present)
    if evidence.share and not any(is_explained(one, evidence.share) for one in _observed(candidate, beside)):
        unexplained = f"{_observed(candidate, beside)[0].shown(evidence.share)}: the weights do not explain that, so the metrics prove nothing"
        return Check("errors", Outcome.INCONCLUSIVE, unexplained, numbers)
    if bad := _proved(evidence, checks, numbers):
        return Check("errors", Outcome.UNHEALTHY, bad, numbers)
    if not evidence.present:
        return Check("errors", Outcome.INCONCLUSIVE, "no period of the metrics is complete yet", numbers)
    if not candidate.requests and not beside.requests and not candidate.errors:
        return Check("errors", Outcome.HEALTHY, "there is no traffic, so metrics do not apply; targets and probes decide", numbers, effective=False)
    return _unproved(evidence, checks, candidate, baseline, numbers)


def _observed(candidate: Tally, beside: Tally) -> tuple[Observed, ...]:
    """How the requests may have fallen: a connection that could not be made is an error, and is or is not a request as well."""
    most = tuple(dict.fromkeys((candidate.requests, max(candidate.requests, candidate.errors), candidate.requests + candidate.errors)))
    return tuple(Observed(mine, mine + beside.requests) for mine in most)


def _unproved(evidence: Evidence, checks: Checks, candidate: Tally, baseline: Tally, numbers: Numbers) -> Check:
    """Nothing is proved against it; that is not yet a reason to call it healthy."""
    limit, shown = checks.errors.max_rate, _shown(candidate, checks)
    if candidate.errors >= SOME_ERRORS and _rate(candidate) > limit and candidate.requests < checks.errors.minimum_requests:
        return Check("errors", Outcome.INCONCLUSIVE, f"{shown}, of {checks.errors.minimum_requests} that tell more", numbers)
    if candidate.requests < checks.errors.minimum_requests:
        return _too_few(f"{candidate.requests} of {checks.errors.minimum_requests} requests seen", evidence, checks, numbers)
    if _rate(candidate) > limit:
        red = baseline.requests >= checks.errors.minimum_requests and _rate(baseline) > limit
        but = f"so did {baseline.errors} of {baseline.requests} of the release before" if red else "that may still be chance"
        return Check("errors", Outcome.INCONCLUSIVE, f"{shown}, but {but}", numbers)
    if numbers["leaning"] > 0 and _rate(candidate) > RARE * limit:
        told = f"{shown}, beside {baseline.errors} of {baseline.requests} of the release before: too few to tell that from a tenfold rise"
        return _too_few(told, evidence, checks, numbers)
    return Check("errors", Outcome.HEALTHY, shown, numbers)


def _too_few(seen: str, evidence: Evidence, checks: Checks, numbers: Numbers) -> Check:
    if evidence.extended and checks.when_quiet == "probe":
        return Check("errors", Outcome.HEALTHY, f"{seen} after an extension; targets and probes decide", numbers, effective=False)
    return Check("errors", Outcome.INCONCLUSIVE, seen, numbers)


def _proved(evidence: Evidence, checks: Checks, numbers: Numbers) -> str:
    """What is proved against the candidate, in a sentence; empty for nothing."""
    held = added(point.mine for point in evidence.held_against_it)
    beside = added(point.other for point in evidence.held_against_it)
    if held.errors < FEWEST_ERRORS:
        return ""
    shown = _shown(held, checks)
    if numbers["beside"] >= numbers["needed"]:
        return f"{shown}, beside {beside.errors} of {beside.requests} of the release before in the same periods: worse, and not by chance"
    if numbers["above"] >= numbers["needed"]:
        return f"{shown}: more than is allowed, and not by chance"
    if numbers["later"] >= numbers["needed"]:
        whole = added(point.mine for point in evidence.held_against_it if point.share == WHOLE)
        return f"{_shown(whole, checks)}, where {_limit(evidence, checks):.1%} is the most that the release before and the definition allow: lastingly worse"
    return ""


def _numbers(evidence: Evidence, checks: Checks, candidate: Tally, baseline: Tally) -> Numbers:
    """What was counted, and the evidence of each test as a natural logarithm; `needed` is a proof."""
    held, limit = evidence.held_against_it, checks.errors.max_rate
    later = _limit(evidence, checks)
    if evidence.watching:
        everything = candidate.requests + baseline.requests
        pairs = [Beside(candidate.requests / everything, candidate.errors, baseline.errors)] if everything else []
    else:
        pairs = comparing.beside(held, _part)
    return {
        "requests": float(candidate.requests), "errors": float(candidate.errors),
        "baseline_requests": float(baseline.requests), "baseline_errors": float(baseline.errors), "max_rate": limit,
        "beside": comparing.worse(held, _part, TOLERATED),
        "above": comparing.stepping(held, _part, limit),
        "later": comparing.whole(held, _part, later),
        "needed": comparing.needed(checks), "leaning": sequential.leaning(pairs, RISE),
    }  # fmt: skip


def _baseline(evidence: Evidence) -> Tally:
    """The release before: over the same periods; at the whole traffic, as it was last seen."""
    if evidence.watching and evidence.series:
        return before_and_beside(evidence.series)
    return added(point.other for point in evidence.present)


def _limit(evidence: Evidence, checks: Checks) -> float:
    """What is allowed at the whole traffic: `max_rate`, or what the release before tells where that is less, or is more already."""
    before, limit = before_and_beside(evidence.series) if evidence.series else Tally(), checks.errors.max_rate
    if before.requests < checks.errors.minimum_requests:
        return limit
    bound = upper(min(before.errors, before.requests), before.requests, checks.errors.false_alarm_rate / comparing.TESTS)
    told = max(NEGLIGIBLE * limit, TOLERATED_LATER * bound)
    return told if _rate(before) > limit else min(limit, told)


def _part(tally: Tally) -> tuple[int, int]:
    """A connection that could not be made may be counted as an error and not as a request."""
    return max(tally.requests, tally.errors), tally.errors


def _rate(tally: Tally) -> float:
    requests, errors = _part(tally)
    return errors / requests if requests else 0.0


def _shown(tally: Tally, checks: Checks) -> str:
    requests, errors = _part(tally)
    return f"{errors} of {requests} requests failed ({_rate(tally):.1%}, allowed {checks.errors.max_rate:.1%})"
