"""What a comparison says of the candidate, as one check. Pure.

A request speaks for one side or the other when exactly one of the candidate and the second live answer differs from the first live answer.
While the candidate is as good as the live side these two are exchangeable, so given that a request speaks at all, it is the candidate's with
a chance of one half: evidence that it is more often the candidate's is an e-process (`health/sequential.py`) and may be looked at after every
request. What an application says differently every time cancels out, however much of it there is.
"""

from datetime import timedelta

from chalicelib.health import sequential
from chalicelib.health.checks import comparing
from chalicelib.health.model import Check, Outcome
from chalicelib.health.sequential import Beside
from chalicelib.mirroring.model import Comparison
from chalicelib.services.definition import Checks

ENOUGH = 20
"""Requests compared before the comparison can be passed as healthy."""
FEWEST_HITS = 3
"""One odd answer is never enough, however strict the false-alarm rate."""


def check(comparison: Comparison | None, checks: Checks, *, waited: timedelta, within: timedelta) -> Check:
    """`comparison` is of this deployment; None where nothing was compared yet. After `within` it no longer keeps a candidate waiting.

    Healthy needs enough requests and no evidence that leans to the candidate's being worse: a first difference is waited for to be
    repeated or outweighed, since requests are cheap here and users have not seen the candidate yet.
    """
    needed = comparing.needed(checks)
    compared = comparison.compared if comparison else 0
    evidence = _evidence(comparison)
    numbers = _numbers(comparison) | {"evidence": evidence, "needed": needed}
    if comparison and comparison.differing >= FEWEST_HITS and evidence >= needed:
        return Check("shadow", Outcome.UNHEALTHY, _unlike(comparison), numbers)
    if comparison and compared >= ENOUGH and evidence <= 0:
        return Check("shadow", Outcome.HEALTHY, f"{_shown(comparison)} as live does", numbers)
    if waited >= within:
        said = f"{_too_little(comparison)} in {int(within.total_seconds())} s; targets and probes decide"
        return Check("shadow", Outcome.HEALTHY, said, numbers, effective=False)
    if comparison and compared >= ENOUGH:
        return Check("shadow", Outcome.INCONCLUSIVE, f"{_differing(comparison)}; comparing more of them{_example(comparison)}", numbers)
    return Check("shadow", Outcome.INCONCLUSIVE, f"{compared} of {ENOUGH} requests of production compared with live", numbers)


def _evidence(comparison: Comparison | None) -> float:
    """Natural logarithm of the e-process; 0 while nothing speaks for either side. All requests are one period, so half of the stake is on them."""
    if comparison is None or not comparison.differing + comparison.noisy:
        return 0.0
    return sequential.worse([Beside(exposure=0.5, mine=comparison.differing, other=comparison.noisy)], 1.0)


def _numbers(comparison: Comparison | None) -> dict[str, float]:
    names = ("compared", "differing", "noisy", "both", "unanswered", "errors", "slower")
    return {name: float(getattr(comparison, name)) if comparison else 0.0 for name in names}


def _shown(comparison: Comparison) -> str:
    same = comparison.compared - comparison.differing
    return f"{same} of {comparison.compared} requests of production are answered on staging"


def _differing(comparison: Comparison) -> str:
    return f"{comparison.differing} of {comparison.compared} requests of production are answered otherwise than live answers them"


def _unlike(comparison: Comparison) -> str:
    itself = f" (live differs from itself in {comparison.noisy})" if comparison.noisy else ""
    return f"{_differing(comparison)}{itself}{_example(comparison)}"


def _example(comparison: Comparison) -> str:
    if not comparison.examples:
        return ""
    one = comparison.examples[-1]
    return f", for example {one.path}: {one.what}"


def _too_little(comparison: Comparison | None) -> str:
    if comparison is None or not comparison.compared + comparison.unanswered:
        return "no mirrored requests came in"
    if comparison.compared >= ENOUGH:
        return f"{_differing(comparison)}, which is no proof{_example(comparison)}: nothing clearer came"
    unanswered = f", {comparison.unanswered} could not be compared" if comparison.unanswered else ""
    return f"only {comparison.compared} of {ENOUGH} requests were compared{unanswered}"
