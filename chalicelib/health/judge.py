"""Judge a candidate: evidence to a verdict, and nothing else.

Three answers, and the third is a real one: what is not enough data, or cannot be read, is `inconclusive` and never a pass. Each signal is one
check, in a file of its own; one that is unhealthy makes the verdict unhealthy, and only when none is inconclusive is it healthy. Where no
check could apply at all nothing was judged, and that is inconclusive too.
"""

from collections.abc import Callable
from datetime import datetime

from chalicelib.health.checks import alarms, errors, latency, probes, targets
from chalicelib.health.evidence import Evidence
from chalicelib.health.model import Check, Outcome, Verdict
from chalicelib.services.definition import Checks

Asked = Callable[[Evidence, Checks, datetime], Check | None]
"""None: this check does not belong to the question, as alarms where none are named."""

ASKED: tuple[Asked, ...] = (targets.check, probes.check, errors.check, latency.check, alarms.check)
"""A new signal is a function here."""


def judge(evidence: Evidence, checks: Checks, now: datetime, *, asked: tuple[Asked, ...] = ASKED) -> Verdict:
    found = tuple(check for ask in asked if (check := ask(evidence, checks, now)) is not None)
    for outcome in (Outcome.UNHEALTHY, Outcome.INCONCLUSIVE):
        if decisive := [check for check in found if check.outcome is outcome]:
            return Verdict(outcome, "; ".join(check.reason for check in decisive), now, found)
    if not any(check.effective for check in found):
        return Verdict(Outcome.INCONCLUSIVE, "no check could be made, so nothing is known", now, found)
    return Verdict(Outcome.HEALTHY, "; ".join(check.reason for check in found), now, found)
