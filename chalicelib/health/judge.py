"""Judge a candidate: evidence to a verdict, and nothing else.

Three answers, and the third is a real one: what is not enough data, or cannot
be read, is `inconclusive` and never a pass. Each signal is one `Check`; one
that is unhealthy makes the verdict unhealthy, and only when none is
inconclusive is it healthy.

The error rate is compared with `max_rate`, and counts only while the
baseline's own rate is not above it. The sequential test against the
baseline takes the place of `_errors`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.colors import Color
from chalicelib.health.model import Check, Counts, Outcome, ProbeLog, Targets, Verdict
from chalicelib.health.shares import Observed, Share, is_explained
from chalicelib.services.definition import Checks, Errors, Probe


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about the candidate on `color`. None: it could not be read. `own` are Turnout's requests among `counts`.

    `probes` is None as well while nothing has been probed; `extended` says that the hold has been extended already.
    `share` is what the weights give the candidate; None where that is everything, or not known.
    """

    color: Color
    targets: Targets | None
    probes: ProbeLog | None
    counts: dict[Color, Counts] | None
    own: Counts
    extended: bool
    share: Share | None = None


def judge(evidence: Evidence, checks: Checks, now: datetime) -> Verdict:
    found = (_targets(evidence), _probes(evidence, checks.probe, now), _errors(evidence, checks))
    for outcome in (Outcome.UNHEALTHY, Outcome.INCONCLUSIVE):
        decisive = [check for check in found if check.outcome is outcome]
        if decisive:
            return Verdict(outcome, "; ".join(check.reason for check in decisive), now, found)
    return Verdict(Outcome.HEALTHY, "; ".join(check.reason for check in found), now, found)


def _targets(evidence: Evidence) -> Check:
    seen = evidence.targets
    if seen is None:
        return Check("targets", Outcome.INCONCLUSIVE, "target health cannot be read")
    numbers = {"healthy": float(seen.healthy), "total": float(seen.total)}
    if seen.healthy > 0:
        return Check("targets", Outcome.HEALTHY, f"{seen.healthy} of {seen.total} targets are healthy", numbers)
    unsettled = {"initial", "unavailable", "unused"} & seen.states.keys()
    if unsettled and "unhealthy" not in seen.states:
        return Check("targets", Outcome.INCONCLUSIVE, f"targets are {', '.join(sorted(unsettled))}", numbers)
    return Check("targets", Outcome.UNHEALTHY, f"none of {seen.total} targets is healthy", numbers)


def _probes(evidence: Evidence, probe: Probe, now: datetime) -> Check:
    log = evidence.probes
    if log is None:
        return Check("probe", Outcome.INCONCLUSIVE, "nothing has been probed yet")
    numbers = {"failed_in_a_row": float(log.failed_in_a_row), "passed_in_a_row": float(log.passed_in_a_row)}
    if log.failed_in_a_row >= probe.failures:
        return Check("probe", Outcome.UNHEALTHY, f"{log.last_reason} ({log.failed_in_a_row} times in a row, on {log.target})", numbers)
    if now - log.last_at > 3 * timedelta(seconds=probe.every_seconds + probe.timeout_seconds):
        return Check("probe", Outcome.INCONCLUSIVE, f"the last probe was at {log.last_at:%H:%M:%S}", numbers)
    if log.failed_in_a_row:
        return Check("probe", Outcome.INCONCLUSIVE, f"{log.last_reason} ({log.failed_in_a_row} of {probe.failures} in a row)", numbers)
    return Check("probe", Outcome.HEALTHY, f"{probe.path} answers as expected on {log.target}", numbers)


def _errors(evidence: Evidence, checks: Checks) -> Check:
    if evidence.counts is None:
        return Check("errors", Outcome.INCONCLUSIVE, "the metrics cannot be read, or no period of them is complete yet")
    candidate = _without_our_own(evidence.counts.get(evidence.color, Counts(0, 0)), evidence.own)
    baseline = evidence.counts.get(evidence.color.other, Counts(0, 0))
    numbers = {
        "requests": float(candidate.requests), "errors": float(candidate.errors),
        "baseline_requests": float(baseline.requests), "baseline_errors": float(baseline.errors), "max_rate": checks.errors.max_rate,
    }
    if candidate.requests == 0 and baseline.requests == 0:
        return Check("errors", Outcome.HEALTHY, "there is no traffic, so metrics do not apply; targets and probes decide", numbers)
    if evidence.share and not is_explained(observed := Observed.between(candidate, baseline), evidence.share):
        unexplained = f"{observed.shown(evidence.share)}: the weights do not explain that, so the metrics prove nothing"
        return Check("errors", Outcome.INCONCLUSIVE, unexplained, numbers)
    if candidate.requests < checks.errors.minimum_requests:
        return _too_few(candidate, evidence, checks, numbers)
    return _compared(candidate, baseline, checks.errors, numbers)


def _too_few(candidate: Counts, evidence: Evidence, checks: Checks, numbers: dict[str, float]) -> Check:
    seen = f"{candidate.requests} of {checks.errors.minimum_requests} requests seen"
    if evidence.extended and checks.when_quiet == "probe":
        return Check("errors", Outcome.HEALTHY, f"{seen} after an extension; targets and probes decide", numbers)
    return Check("errors", Outcome.INCONCLUSIVE, seen, numbers)


def _compared(candidate: Counts, baseline: Counts, errors: Errors, numbers: dict[str, float]) -> Check:
    rate = candidate.errors / candidate.requests
    shown = f"{candidate.errors} of {candidate.requests} requests failed ({rate:.1%}, allowed {errors.max_rate:.1%})"
    if rate <= errors.max_rate:
        return Check("errors", Outcome.HEALTHY, shown, numbers)
    baseline_is_red = baseline.requests >= errors.minimum_requests and baseline.errors / baseline.requests > errors.max_rate
    if baseline_is_red:
        return Check("errors", Outcome.INCONCLUSIVE, f"{shown}, but so did {baseline.errors} of {baseline.requests} of the release before", numbers)
    return Check("errors", Outcome.UNHEALTHY, shown, numbers)


def _without_our_own(counts: Counts, own: Counts) -> Counts:
    """Turnout's own probes are traffic to the balancer; they are no evidence of users."""
    requests = max(0, counts.requests - own.requests)
    return Counts(requests, min(requests, max(0, counts.errors - own.errors)))
