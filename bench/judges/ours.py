"""The product's judge, given what the product would give it: series built by the product's code, metrics at their delay, probes.

Probes come every five seconds and are good unless the release fails them; a prober reports as it goes, so the third bad one in a row takes
the weights back without waiting for a pass. Targets are always healthy.
"""

from datetime import UTC, datetime, timedelta

from bench.judges.rollout import WHOLE, Now, Row
from bench.judges.streams import Answered, Stream
from chalicelib.colors import Color
from chalicelib.health import series
from chalicelib.health.evidence import Evidence
from chalicelib.health.judge import judge
from chalicelib.health.model import Outcome, Period, ProbeLog, Tally, Targets, Verdict
from chalicelib.health.shares import Share
from chalicelib.services.definition import Checks

_ZERO = datetime(2026, 1, 1, tzinfo=UTC)
_FINE = Targets(2, 2, {"healthy": 2})


def moment(at: float) -> datetime:
    return _ZERO + timedelta(seconds=at)


class Ours:
    def __init__(self, checks: Checks | None = None, *, period: float = 60.0) -> None:
        self.checks = checks or Checks()
        self.period = period
        self.series: series.Series | None = None
        self.first_at: float | None = None
        self.verdict: Verdict | None = None

    def raised(self, share: int, at: float) -> None:
        if self.series is None:
            self.series = series.begun("d-000001", Color.GREEN, moment(0), timedelta(seconds=self.period))
        elif share:
            self.first_at = at if self.first_at is None else self.first_at
        self.series = series.seen(self.series, share, moment(at))

    def look(self, now: Now) -> Outcome:
        assert self.series is not None
        self.series = series.seen(self.series, now.share, moment(now.at))
        self._take(now)
        share = Share.of(now.share) if now.share < WHOLE else None
        evidence = Evidence(
            Color.GREEN, _FINE, self._probes(now), self.series, moment(now.since), extended=now.extensions > 0 and not now.watching,
            watching=now.watching, share=share,
        )
        self.verdict = judge(evidence, self.checks, moment(now.at))
        return self.verdict.outcome

    def alarmed(self, stream: Stream, begin: float, end: float) -> float | None:
        """The third bad probe in a row."""
        if not stream.regression.probes_fail or self.first_at is None:
            return None
        third = max(stream.onset, self.first_at) + self.checks.probe.failures * self.checks.probe.every_seconds
        return max(third, begin) if third < end else None

    def _take(self, now: Now) -> None:
        assert self.series is not None
        over, fresh = self.series.slow_over, [row for row in now.rows if moment(row.number * self.period) >= self.series.until]
        periods = [self._period(row, over, now) for row in fresh]
        self.series = series.taken(self.series, periods, {}, self.checks.latency)

    def _period(self, row: Row, over: float | None, now: Now) -> Period:
        mine, other = (self._tally(row.number, answered, over, now, candidate=answered is row.mine) for answered in (row.mine, row.other))
        return Period(moment(row.number * self.period), {Color.GREEN: mine, Color.BLUE: other})

    def _tally(self, number: int, answered: Answered, over: float | None, now: Now, *, candidate: bool) -> Tally:
        """Response times as they are asked for: the percentile until it is known what is slow, then how many were."""
        told = Tally(answered.requests, answered.errors, answered.requests)
        if over is None:
            return told._replace(seconds=now.stream.percentile(number, answered.requests, candidate=candidate))
        return told._replace(slow=now.stream.slow(number, answered.requests, over, candidate=candidate))

    def _probes(self, now: Now) -> ProbeLog:
        every, fails = self.checks.probe.every_seconds, now.stream.regression.probes_fail
        bad = int(max(0.0, now.at - now.stream.onset) / every) if fails else 0
        good = int((now.at - (self.first_at or 0.0)) / every) + 12
        recent = ("+" * 12 + "-" * bad)[-12:]
        target = "production" if now.watching else "staging"
        return ProbeLog("web", "d-000001", target, {}, bad, 0 if bad else good, moment(now.at - 1), "500" if bad else "200", recent=recent)
