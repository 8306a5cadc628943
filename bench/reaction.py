"""How long a bad release keeps traffic: from the moment it turns bad to the moment the balancer's rule holds 0 for it.

The release passes staging, is promoted to 50 % under steady traffic, is good for a few seconds, and then turns bad at once on a
sign; probes come every second, targets are checked every second, at the same path. `turned bad` counts from the sign, `first bad
answer` from the first one that a user got (0 where there was none yet: what hangs answers late, if ever); both end when the rule is
seen with 0 for the release (looked at ten times a second).
A run that is not turned back within --bound is turned back by hand and counts as slower than any other; one that is turned back
while it is still good is a false alarm and has no figures. `decided by` is what the deployment's outcome says.

On the local stack's default pace (metric periods of 1 s, no delay). Budget: 5 s at the 95th percentile, for `errors`.
--only takes one kind, or several with commas between them:

"""

import math
import re
import sys
import time
from argparse import Namespace
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bench import field
from bench.failing import KINDS, PATHS, Kind, Sign
from turnout.demo.stack import Stack, Stopped, until
from turnout.demo.traffic import Traffic
from turnout.demo.weights import Weights

_SIGNALS = (
    ("alarms", re.compile(r"^alarm .* turned red")),
    ("targets", re.compile(r"targets (is|are) healthy")),
    ("probe", re.compile(r"in a row|probes on ")),
    ("latency", re.compile(r"took longer than")),
    ("errors", re.compile(r"requests failed")),
)
"""By the words of the checks, in this order: a probe's own reason may say anything, its ending is always the same."""


@dataclass(frozen=True, slots=True)
class Run:
    """`turned` and `back` are of the monotonic clock, `bad` are when users got bad answers; without `turned` it was a false alarm, without `back` too slow."""

    turned: float | None
    back: float | None
    bad: tuple[float, ...]
    outcome: str

    def since_sign(self) -> float:
        return self.back - self.turned if self.back is not None and self.turned is not None else math.inf

    def since_answer(self) -> float:
        """0 where the weights were back before anybody had a bad answer: what hangs answers late."""
        return max(0.0, self.back - min(self.bad)) if self.back is not None and self.bad else 0.0 if self.back is not None else math.inf


def main() -> None:
    doc = (__doc__ or "") + "\n".join(f"    {kind.name:18}{kind.means}" for kind in KINDS.values())
    given = field.arguments(doc, runs=20, only="", percent=50.0, good_seconds=3.0, bound=30.0)
    wanted = given.only.split(",") if given.only else list(KINDS)
    if unknown := set(wanted) - KINDS.keys():
        sys.exit(f"no such kind: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    with field.local_stack() as (stack, folder):
        played = {name: measured(stack, KINDS[name], folder / name, given) for name in wanted}
    deciding = [row for name, runs in played.items() for row in _deciding(name, runs)]
    field.report([_row(name, runs, given.bound) for name, runs in played.items()], given.json, deciding)


def measured(stack: Stack, kind: Kind, sign: Path, given: Namespace) -> list[Run]:
    """All runs of a kind, one after another on one service. The next release comes to staging while the last one's end is being made sure of."""
    hold = math.ceil(2 * given.bound + given.good_seconds)
    steps = [{"weight": given.percent, "hold_seconds": hold}]
    bench = field.Bench(stack, kind.name, steps=steps, watch_seconds=2, deadline_seconds=3 * hold)
    runs = []
    with Traffic(bench.url, per_second=kind.per_second, paths=PATHS, check=field.wrong) as traffic, Weights(stack, bench.traffic) as weights:
        play = Play(bench, kind, Sign(sign), traffic, weights, given)
        play.upload(1)
        for number in range(1, given.runs + 1):
            runs.append(play.run(number))
            field.say(f"{kind.name} {number}/{given.runs}: {_told(runs[-1])}, {len(runs[-1].bad)} bad answers; {runs[-1].outcome}")
    return runs


@dataclass(frozen=True, slots=True)
class Play:
    """One kind on one service, under its traffic."""

    bench: field.Bench
    kind: Kind
    sign: Sign
    traffic: Traffic
    weights: Weights
    given: Namespace

    def upload(self, number: int) -> None:
        version = _version(number)
        self.bench.upload(version, self.sign.artifact(self.kind, version))

    def run(self, number: int) -> Run:
        """One release from staging to its end. It is uploaded already."""
        version = _version(number)
        color = self.bench.staged(version)
        self.bench.promote(version)
        until(f"{version} has traffic", lambda: self.weights.latest().get(color) == self.given.percent or self.bench.phase(version) in field.ENDED, seconds=60)
        time.sleep(self.given.good_seconds)
        turned = self.sign.show() if self.bench.phase(version) == "shifting" else None
        back = self._back(color, turned) if turned is not None else None
        if turned is not None and back is None:
            self._turn_back_by_hand(version)
        time.sleep(0.2)  # what was asked just before the rule changed is still to be answered badly
        self.sign.hide()
        if number < self.given.runs:
            self.upload(number + 1)
        self.bench.ended(version)
        return Run(turned, back, self._bad(version, turned), str(self.bench.deployment(version).get("outcome")))

    def _back(self, color: str, turned: float) -> float | None:
        """When the rule was first seen without it. None: not within the bound."""
        while (now := time.monotonic()) - turned <= self.given.bound:
            if self.weights.latest().get(color) == 0.0 and (seen := self.weights.stretch(color, 0.0, since=turned)):
                return seen[0]
            time.sleep(max(0.0, min(0.05, turned + self.given.bound - now)))
        return None

    def _turn_back_by_hand(self, version: str) -> None:
        """What has ended meanwhile is left as it is."""
        try:
            self.bench.rollback()
        except Stopped as refused:
            field.say(f"{version}: {refused}")

    def _bad(self, version: str, turned: float | None) -> tuple[float, ...]:
        """A request that was on its way when the release turned bad counts as well."""
        answers = self.traffic.since(turned - 10) if turned is not None else []
        return tuple(sorted(one.answered_at for one in answers if turned is not None and one.answered_at >= turned and self.kind.is_bad(one, version)))


def _version(number: int) -> str:
    return f"2.{number}.0"


def _told(run: Run) -> str:
    if run.turned is None:
        return "turned back while it was good"
    return "not turned back" if run.back is None else f"{run.since_sign():.2f} s"


def _row(name: str, runs: list[Run], bound: float) -> dict[str, object]:
    bad = [run for run in runs if run.turned is not None]
    return {
        "kind": name, "runs": len(runs), "not turned back": sum(run.back is None for run in bad), "false alarms": len(runs) - len(bad),
        **_figures("turned bad", [run.since_sign() for run in bad], bound),
        **_figures("first bad answer", [run.since_answer() for run in bad], bound),
        "bad answers per run": sum(len(run.bad) for run in bad) / max(1, len(bad)), "most": max((len(run.bad) for run in bad), default=0),
    }  # fmt: skip


def _figures(what: str, seconds: list[float], bound: float) -> dict[str, object]:
    def shown(value: float) -> float | str:
        return value if math.isfinite(value) else f"> {bound:.0f}"

    if not seconds:
        return {f"{what}: p50 s": "-", f"{what}: p95 s": "-", f"{what}: slowest s": "-"}
    return {
        f"{what}: p50 s": shown(field.percentile(seconds, 0.5)), f"{what}: p95 s": shown(field.percentile(seconds, 0.95)),
        f"{what}: slowest s": shown(max(seconds)),
    }  # fmt: skip


def _deciding(name: str, runs: list[Run]) -> field.Rows:
    """How often which signals decided, together where several did in the same look, and the words of one such run."""
    decided: dict[str, list[str]] = {}
    for run in runs:
        decided.setdefault(signals(run), []).append(run.outcome)
    return [{"kind": name, "decided by": how, "runs": len(said), "for example": said[0]} for how, said in sorted(decided.items(), key=lambda one: -len(one[1]))]


def signals(run: Run) -> str:
    if run.turned is None or run.back is None:
        return _told(run)
    found = Counter(next((name for name, words in _SIGNALS if words.search(part)), "other") for part in run.outcome.split("; "))
    return " + ".join(sorted(found))


if __name__ == "__main__":
    main()
