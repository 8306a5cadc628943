"""Turnout's own requests, every few seconds, to the candidate.

| what is seen                                             | answer       |
|----------------------------------------------------------|--------------|
| `failures` bad answers in a row                          | unhealthy    |
| four times `failures` among the latest eight times as many | unhealthy: it flaps |
| a bad answer, and fewer than `failures` good ones since  | inconclusive: it cools down |
| good answers                                             | healthy      |
| nothing probed yet, or not lately (unreadable)           | inconclusive |

Probes need no traffic, so "no traffic" is like any other moment; an answer that was bad before the first weight ("already red") does not get one.
"""

from datetime import datetime, timedelta

from chalicelib.health.evidence import Evidence
from chalicelib.health.model import Check, Outcome, ProbeLog
from chalicelib.services.definition import Checks, Probe

FLAPS, OF = 4, 8
"""In multiples of `failures`."""
KEPT = 800
"""As many answers as the largest `failures` there may be looks at."""


def check(evidence: Evidence, checks: Checks, now: datetime) -> Check:
    log, probe = evidence.probes, checks.probe
    if log is None:
        return Check("probe", Outcome.INCONCLUSIVE, "nothing has been probed yet")
    latest = log.recent[-OF * probe.failures :]
    bad = latest.count("-")
    rows = {"failed_in_a_row": float(log.failed_in_a_row), "passed_in_a_row": float(log.passed_in_a_row)}
    numbers = rows | {"recent": float(len(latest)), "failed_recently": float(bad)}
    if log.failed_in_a_row >= probe.failures:
        return Check("probe", Outcome.UNHEALTHY, f"{log.last_reason} ({log.failed_in_a_row} times in a row, on {log.target})", numbers)
    if bad >= FLAPS * probe.failures:
        return Check("probe", Outcome.UNHEALTHY, f"it flaps: {bad} of the last {len(latest)} probes on {log.target} failed", numbers)
    if now - log.last_at > 3 * timedelta(seconds=probe.every_seconds + probe.timeout_seconds):
        return Check("probe", Outcome.INCONCLUSIVE, f"the last probe was at {log.last_at:%H:%M:%S}", numbers)
    return _lately(log, probe, bad, numbers)


def _lately(log: ProbeLog, probe: Probe, bad: int, numbers: dict[str, float]) -> Check:
    if log.failed_in_a_row:
        return Check("probe", Outcome.INCONCLUSIVE, f"{log.last_reason} ({log.failed_in_a_row} of {probe.failures} in a row)", numbers)
    if bad and log.passed_in_a_row < probe.failures:
        cools = f"{log.passed_in_a_row} of {probe.failures} good answers in a row since one on {log.target} was bad"
        return Check("probe", Outcome.INCONCLUSIVE, cools, numbers)
    return Check("probe", Outcome.HEALTHY, f"{probe.path} answers as expected on {log.target}", numbers)
