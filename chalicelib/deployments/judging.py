"""What the judge is asked, and when: from a deployment and what was looked at to the evidence of a verdict. Pure."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.colors import WHOLE, Color
from chalicelib.deployments.model import Deployment, Kind, Phase
from chalicelib.health import series
from chalicelib.health.evidence import Evidence
from chalicelib.health.judgement import Judgement
from chalicelib.health.model import Alarm, Counts, Period, ProbeLog, Targets, Verdict
from chalicelib.health.series import Series
from chalicelib.health.shares import Share
from chalicelib.health.signal import Subject, Timing
from chalicelib.mirroring.model import Comparison
from chalicelib.services.model import Look, Service
from chalicelib.settings import Pace
from chalicelib.traffic.router import Rules

_MEASURED = frozenset({Phase.SHIFTING, Phase.WATCHING})


@dataclass(frozen=True, slots=True)
class Found:
    """What the signals told at one look. None: it could not be read, or was not asked for."""

    rules: Rules | None
    targets: Targets | None
    probes: ProbeLog | None
    periods: tuple[Period, ...] | None
    alarms: tuple[Alarm, ...] | None
    comparison: Comparison | None = None


def is_judged(deployment: Deployment) -> bool:
    """From the first weight that was seen to have arrived until the old colour is retired."""
    if deployment.phase is Phase.SHIFTING:
        return deployment.confirmed_at is not None or (deployment.moved and deployment.kind is not Kind.ROLLBACK)
    return deployment.phase is Phase.WATCHING and not deployment.retiring


def series_of(deployment: Deployment, last: Look | None, now: datetime, pace: Pace) -> Series | None:
    """What was noted so far, or a beginning: from when a shift begins on, its first weight still to come. None where nothing is measured.

    Where it had weight already nobody knows what was before. A rollback whose weights are not seen yet is not kept waiting for metrics.
    """
    if deployment.color is None or deployment.phase not in _MEASURED or deployment.retiring:
        return None
    if deployment.kind is Kind.ROLLBACK and deployment.confirmed_at is None:
        return None
    if last and last.series and last.series.deployment == deployment.id:
        return last.series
    if deployment.moved:
        return Series(deployment.id, deployment.color, pace.metric_period.total_seconds(), now)
    return series.begun(deployment.id, deployment.color, now, pace.metric_period)


def asked_of_metrics(service: Service, deployment: Deployment, so_far: Series, now: datetime) -> Subject:
    """The periods that are still to be taken; how fast the release before is, and once that is known, what is slower than may be."""
    timing = Timing(deployment.checks.latency.percentile, so_far.slow_over)
    return Subject(service.definition.traffic, deployment.color, so_far.until, now, timing)


def grown(so_far: Series, deployment: Deployment, found: Found, now: datetime) -> Series:
    """With what this look adds to it."""
    split = found.rules.production.split if found.rules else None
    looked = series.seen(so_far, split.share(so_far.color) if split else None, now)
    return series.taken(looked, found.periods or (), _own(so_far, deployment, found), deployment.checks.latency)


def _own(so_far: Series, deployment: Deployment, found: Found) -> series.Own:
    """Probes go to the candidate, mirrored requests to both."""
    sent: dict[Color, dict[datetime, Counts]] = {color: {} for color in Color}
    if found.probes and found.probes.deployment == deployment.id:
        sent[so_far.color] |= found.probes.sent
    if found.comparison and found.comparison.deployment == deployment.id:
        for begin, by_color in found.comparison.sent.items():
            for color, counts in by_color.items():
                probed = sent[color].get(begin, Counts(0, 0))
                slowest = max(probed.slowest, counts.slowest)
                sent[color][begin] = Counts(probed.requests + counts.requests, probed.errors + counts.errors, slowest)
    return sent


def evidence(deployment: Deployment, color: Color, found: Found, measured: Series | None) -> Evidence:
    return Evidence(
        color=color,
        targets=found.targets,
        probes=found.probes if found.probes and is_current(found.probes, deployment) else None,
        series=measured if found.periods is not None else None,
        first_weight=measured.weighted_since if measured else None,
        since=_began(deployment),
        judged_since=deployment.judged_since,
        extended=deployment.extensions > 0 and deployment.phase is Phase.SHIFTING,
        watching=deployment.phase is Phase.WATCHING,
        share=_share(deployment, found.rules),
        alarms=found.alarms,
    )


def is_current(log: ProbeLog, deployment: Deployment) -> bool:
    """Whether its latest answer says anything: it is of this deployment, and of after a person took that on."""
    return log.deployment == deployment.id and (deployment.judged_since is None or log.last_at >= deployment.judged_since)


def _began(deployment: Deployment) -> datetime:
    """Where the evidence of this step, or of the watch, begins."""
    return deployment.phase_since if deployment.phase is Phase.WATCHING else deployment.confirmed_at or deployment.phase_since


def _share(deployment: Deployment, rules: Rules | None) -> Share | None:
    """What a canary step's weights give the candidate. With cookies on, clients of the other colour may still be held there."""
    if deployment.phase is not Phase.SHIFTING or deployment.confirmed_at is None or deployment.current_step.permille == WHOLE:
        return None
    before = deployment.plan.steps[deployment.step - 2].permille if deployment.step > 1 else 0
    sticky = rules is not None and rules.production.sticky_seconds > 0
    return Share(deployment.current_step.permille, at_least=before if sticky else deployment.current_step.permille)


def judgement(before: Service, after: Service, evidence: Evidence | None, verdict: Verdict | None) -> Judgement | None:
    """The verdict with which a step or the watch ended; None where this pass ended none."""
    judged = before.deployment
    if judged is None or evidence is None or verdict is None:
        return None
    now = after.deployment if after.deployment and after.deployment.id == judged.id else None
    if now and (now.subject, now.retiring) == (judged.subject, judged.retiring):
        return None
    return Judgement(before.name, judged.id, judged.build.version, judged.subject, verdict.at, judged.checks, evidence, verdict)
