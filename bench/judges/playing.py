"""Play ours and the rivals on one stream, and many streams in some processes.

A rival's score only rises and never changes what it is shown, so it is played once without a limit; `Trace` then tells what any limit would have led to.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from bench.judges.mann_whitney import CONFIDENCE_98, MannWhitney
from bench.judges.ours import Ours
from bench.judges.rollout import End, Now, Plan, Played, Rollout
from bench.judges.sites import hour_of_points, plan_of
from bench.judges.streams import Regression, Site, Stream
from bench.judges.thresholds import Flagger, NthWorst
from chalicelib.health.model import Outcome


class Scoring(Protocol):
    def score(self, now: Now) -> float:
        """Never less than before."""


@dataclass(frozen=True)
class Rival:
    """`limit`: as usually configured, back above it; None for one that is only played with a tuned limit."""

    name: str
    made: Callable[[float], Scoring]  # from the period in seconds
    limit: float | None
    plan: Callable[[Site], Plan] = plan_of

    @property
    def is_tuned(self) -> bool:
        return self.limit is None


RIVALS = (
    Rival("Argo 95 %, failureLimit 0", lambda _: NthWorst(1), 0.05),
    Rival("Argo 95 %, failureLimit 3", lambda _: NthWorst(4), 0.05),
    Rival("Argo 99 %, failureLimit 3", lambda _: NthWorst(4), 0.01),
    Rival("Flagger 99 %, threshold 5", lambda _: Flagger(), 4.5),
    Rival("Mann-Whitney each minute", lambda period: MannWhitney(every=period), CONFIDENCE_98),
    Rival("Mann-Whitney each 5 minutes", lambda period: MannWhitney(every=5 * period), CONFIDENCE_98),
    Rival("Mann-Whitney 50 points", lambda period: MannWhitney(every=10 * period, at_least=50), CONFIDENCE_98, hour_of_points),
    Rival("worst minute, tuned", lambda _: NthWorst(1), None),
    Rival("4th worst minute, tuned", lambda _: NthWorst(4), None),
    Rival("Mann-Whitney each minute, tuned", lambda period: MannWhitney(every=period, collapses=False), None),
    Rival("Mann-Whitney each 5 minutes, tuned", lambda period: MannWhitney(every=5 * period, collapses=False), None),
)  # fmt: skip
OURS = "Turnout"


@dataclass(frozen=True)
class Trace:
    """`highs`: each new highest score, with the seconds since the first weight and the bad requests until then; `let_through`: without any limit."""

    highs: tuple[tuple[float, float, float], ...]
    let_through: Played
    turned: float

    def at(self, limit: float) -> Played:
        for score, seconds, bad in self.highs:
            if score > limit:
                return Played(End.REVERTED, seconds, bad, max(0.0, seconds - self.turned))
        return self.let_through

    @property
    def highest(self) -> float:
        return self.highs[-1][0] if self.highs else 0.0


class _Traced:
    """A rival as a judge that lets everything through and takes notes."""

    def __init__(self, rival: Scoring) -> None:
        self._rival: Scoring = rival
        self.rollout: Rollout | None = None
        self.highs: list[tuple[float, float, float]] = []

    def raised(self, share: int, at: float) -> None:
        pass

    def look(self, now: Now) -> Outcome:
        assert self.rollout is not None
        score = self._rival.score(now)
        if score > (self.highs[-1][0] if self.highs else 0.0):
            self.highs.append((score, now.at - now.stream.offset, self.rollout.bad))
        return Outcome.HEALTHY

    def alarmed(self, stream: Stream, begin: float, end: float) -> None:  # noqa: ARG002 - a judge's
        return None


@dataclass(frozen=True)
class Task:
    site: Site
    regression: Regression
    seed: int
    local: bool = False
    field: bool = True
    """Whether the rivals play as well."""


@dataclass(frozen=True)
class Result:
    task: Task
    ours: Played
    why: str
    traces: dict[str, Trace]


def played(task: Task) -> Result:
    plan = plan_of(task.site, local=task.local)
    stream = Stream(task.site, task.regression, task.seed, period=plan.period, latest_onset=0.6 * plan.horizon)
    judge = Ours(period=plan.period)
    ended = Rollout(stream, plan, judge).play()
    why = judge.verdict.reason if judge.verdict else ""
    traces = {rival.name: _traced(rival, stream, plan if rival.plan is plan_of else rival.plan(task.site)) for rival in RIVALS} if task.field else {}
    return Result(task, ended, why, traces)


def _traced(rival: Rival, stream: Stream, plan: Plan) -> Trace:
    judge = _Traced(rival.made(plan.period))
    judge.rollout = Rollout(stream, plan, judge)
    let_through = judge.rollout.play()
    return Trace(tuple(judge.highs), let_through, stream.onset - stream.offset)


def play(tasks: Iterable[Task], *, processes: int = min(2, os.cpu_count() or 1)) -> list[Result]:
    if processes == 1:
        return [played(task) for task in tasks]
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(played, tasks, chunksize=8))
