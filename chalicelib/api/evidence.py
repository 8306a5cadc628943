"""How judgements and replays look from outside: what was known, what was said of it, and what another policy says."""

from datetime import UTC, datetime

from chalicelib.api import judged
from chalicelib.api.views import maybe_moment, moment, verdict
from chalicelib.deployments.replaying import Played, Replay, summary
from chalicelib.health.evidence import Evidence
from chalicelib.health.judgement import Judgement
from chalicelib.health.model import Alarm, ProbeLog, Tally, Targets, Verdict
from chalicelib.health.series import Point, Series


def judgement(one: Judgement) -> judged.JudgementShape:
    return {
        "deployment": one.deployment, "version": one.version, "subject": one.subject, "at": moment(one.at),
        "verdict": verdict(one.verdict), "checks": one.checks.model_dump(mode="json"), "evidence": evidence(one.evidence),
    }  # fmt: skip


def evidence(one: Evidence) -> judged.EvidenceShape:
    return {
        "color": one.color.value,
        "since": moment(one.since),
        "weighted_since": maybe_moment(one.weighted_since),
        "extended": one.extended,
        "watching": one.watching,
        "share": one.share.configured / 10 if one.share else None,
        "targets": _targets(one.targets) if one.targets else None,
        "probes": _probes(one.probes) if one.probes else None,
        "alarms": None if one.alarms is None else [_alarm(each) for each in one.alarms],
        "series": _series(one.series) if one.series else None,
    }


def replay(found: Replay) -> judged.ReplayShape:
    return {"items": [_played(one) for one in found.played], "summary": judged.PlayedSummaryShape(**summary(found))}  # type: ignore[typeddict-item]


def _played(one: Played) -> judged.PlayedShape:
    deployment, found = one.deployment, one.replayed
    return {
        "deployment": deployment.id, "version": deployment.build.version, "ended_at": maybe_moment(deployment.ended_at),
        "ended": deployment.phase.value, "outcome": deployment.outcome,
        "judged": _said(found.judged) if found else None, "would": _said(found.would) if found else None,
        "effect": one.effect.value if one.effect else None, "left_out": list(found.left_out) if found else [],
    }  # fmt: skip


def _said(one: Verdict) -> judged.SaidShape:
    return {"outcome": one.outcome.value, "reason": one.reason, "at": moment(one.at)}


def _targets(one: Targets) -> judged.TargetStatesShape:
    return {"healthy": one.healthy, "total": one.total, "states": one.states}


def _probes(one: ProbeLog) -> judged.ProbesShape:
    return {
        "target": one.target, "failed_in_a_row": one.failed_in_a_row, "passed_in_a_row": one.passed_in_a_row,
        "last_at": moment(one.last_at), "last_reason": one.last_reason, "recent": one.recent,
    }  # fmt: skip


def _alarm(one: Alarm) -> judged.AlarmShape:
    return {"arn": one.arn, "state": one.state.value, "since": maybe_moment(one.since), "reason": one.reason}


def _series(one: Series) -> judged.SeriesShape:
    points = [_point(point) for point in one.points]
    return {"period_seconds": one.period, "slow_over_seconds": one.slow_over, "until": moment(one.until), "points": points}


def _point(one: Point) -> judged.PointShape:
    return {"at": moment(datetime.fromtimestamp(one.at, UTC)), "share": one.share / 10, "candidate": _tally(one.mine), "previous": _tally(one.other)}


def _tally(one: Tally) -> judged.TallyShape:
    return {"requests": one.requests, "errors": one.errors, "timed": one.timed, "slow": one.slow, "hosts_down": one.hosts_down}
