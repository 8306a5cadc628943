"""Fixed thresholds on minute figures, as Argo Rollouts and Flagger are usually configured.

Each rival is a score that only rises during a rollout, and a limit: above it the release goes back. So one playing tells what any limit would have done,
and limits can be tuned afterwards.

* `Argo`: an AnalysisTemplate that measures the success rate once a minute, `successCondition: result[0] >= 0.95`, and fails when more than
  `failureLimit` measurements did (0 is the default, 3 what the documentation's examples have). A minute without requests is no measurement
  here; there it would be an error, and the fifth in a row (consecutiveErrorLimit 4) would stop the rollout: left out, in its favour.
* `Flagger`: the built-in metrics, request-success-rate at least 99 % and the 99th percentile of request-duration at most 500 ms, each minute; back
  at the fifth failed check (`threshold: 5`). Checks add up and good ones take nothing away; a minute in which the candidate had no requests is a
  failed check ("no values found").

Both watch as long as ours does, in their favour: by themselves they stop looking when the traffic is all there.
"""

from heapq import heappush, heapreplace

from bench.judges.rollout import Now, Row

MOST_SECONDS = 0.5


class NthWorst:
    """The score: the error rate of the `count`-th worst minute since the first weight."""

    def __init__(self, count: int) -> None:
        self._worst: list[float] = []
        self._count, self._read = count, -1

    def score(self, now: Now) -> float:
        for row in _unread(now, self._read):
            self._read = row.number
            if row.mine.requests:
                self._keep(row.mine.errors / row.mine.requests)
        return self._worst[0] if len(self._worst) == self._count else 0.0

    def _keep(self, rate: float) -> None:
        if len(self._worst) < self._count:
            heappush(self._worst, rate)
        elif rate > self._worst[0]:
            heapreplace(self._worst, rate)


class Flagger:
    """The score: how many checks have failed."""

    def __init__(self) -> None:
        self._failed, self._read = 0, -1

    def score(self, now: Now) -> float:
        for row in _unread(now, self._read):
            self._read = row.number
            self._failed += _fails(row, now)
        return float(self._failed)


def _fails(row: Row, now: Now) -> bool:
    if not row.mine.requests:
        return True
    seconds = now.stream.percentile(row.number, row.mine.requests, candidate=True)
    return row.mine.errors > 0.01 * row.mine.requests or (seconds is not None and seconds > MOST_SECONDS)


def _unread(now: Now, read: int) -> list[Row]:
    """Whole periods with the candidate under traffic. Period 0 is not whole: the first weight came in it."""
    return [row for row in now.rows if row.number > max(read, 0)]
