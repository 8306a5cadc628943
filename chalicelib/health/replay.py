"""Past rollouts under another policy: what it would have said, and when. Pure.

The metrics are played again period by period, each looked at as it would have been; the other signals are known as they were
at each verdict that decided something, and are judged again there. What was not measured cannot be played: requests were counted as slow above the
bound of that time, so another percentile or allowed increase leaves latency out, and says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import ceil

from chalicelib.health.checks import alarms, errors, latency, probes, targets
from chalicelib.health.evidence import Evidence
from chalicelib.health.judge import Asked, judge
from chalicelib.health.judgement import Judgement
from chalicelib.health.model import Outcome, Verdict
from chalicelib.services.definition import Checks

MOST_WORK = 40_000
"""Looks times periods. A rollout of many periods is looked at more seldom: that raises no false alarm, and finds what is bad a few periods later."""
OTHER: tuple[Asked, ...] = (targets.check, probes.check, alarms.check)


@dataclass(frozen=True, slots=True)
class Replayed:
    """`judged` is what was said then, `would` what the policy says: the first unhealthy verdict, or the last one. `left_out` names what could not be played."""

    judged: Verdict
    would: Verdict
    left_out: tuple[str, ...] = ()


def replay(judgements: tuple[Judgement, ...], checks: Checks) -> Replayed:
    """What `checks` would have made of one deployment. `judgements` are all of it, oldest first, one at least."""
    last = judgements[-1]
    plays_latency = checks.latency == last.checks.latency
    metrics: tuple[Asked, ...] = (errors.check, latency.check) if plays_latency else (errors.check,)
    left_out = () if plays_latency else ("latency",)
    verdicts = sorted((*_by_period(judgements, checks, metrics), *_by_judgement(judgements, checks, metrics)), key=lambda verdict: verdict.at)
    would = next((verdict for verdict in verdicts if verdict.outcome is Outcome.UNHEALTHY), verdicts[-1])
    return Replayed(last.verdict, would, left_out)


def _by_judgement(judgements: tuple[Judgement, ...], checks: Checks, metrics: tuple[Asked, ...]) -> Iterator[Verdict]:
    for each in judgements:
        yield judge(each.evidence, checks, each.at, asked=(*OTHER, *metrics))


def _by_period(judgements: tuple[Judgement, ...], checks: Checks, metrics: tuple[Asked, ...]) -> Iterator[Verdict]:
    """As the metrics came in, within what each judgement was about."""
    series = judgements[-1].evidence.series
    points = series.points if series else ()
    every = max(1, ceil(len(points) ** 2 / MOST_WORK))
    for point in points[every - 1 :: every]:
        end = datetime.fromtimestamp(point.at, UTC) + timedelta(seconds=series.period if series else 0)
        about = next((each for each in judgements if each.at >= end), None)
        if about is not None and point.share > 0:
            yield judge(_until(about.evidence, end), checks, end, asked=metrics)


def _until(evidence: Evidence, end: datetime) -> Evidence:
    """What was known when this period was over."""
    if evidence.series is None:
        return evidence
    points = tuple(point for point in evidence.series.points if point.at + evidence.series.period <= end.timestamp())
    return replace(evidence, series=replace(evidence.series, points=points, until=end))
