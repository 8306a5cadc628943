"""How long a bad release keeps traffic: from the moment it turns bad to the moment the balancer's rule holds 0 for it.

The release passes staging, is promoted to 50 % under steady traffic, and then turns bad at once on a sign:

    probes    it answers 500 to everything; probes come every second, targets are checked every second
    metrics   its probe path stays good; only the error rate of its target group tells

Measured on the local stack's default pace (metric periods of 1 s, no delay). Budget: 5 s at the 95th percentile, for `probes`.
`first bad answer` is the same end counted from the first 5xx that a user got.
"""

import time
from typing import Any

from bench import field
from turnout.demo.stack import Stack
from turnout.demo.traffic import Traffic, lost
from turnout.demo.weights import Weights

PER_SECOND = 60


def main() -> None:
    given = field.arguments(__doc__, runs=20)
    with field.local_stack() as (stack, folder):
        rows = [
            measured(stack, "probes", given.runs, field.Sign(folder / "bad-everywhere", everywhere=True)),
            measured(stack, "metrics", given.runs, field.Sign(folder / "bad-for-users", everywhere=False)),
        ]
    field.report(rows, given.json)


def measured(stack: Stack, how: str, runs: int, sign: field.Sign) -> dict[str, Any]:
    bench = field.Bench(stack, how, steps=[{"weight": 50, "hold_seconds": 60}], watch_seconds=2)
    since_sign, since_answer, bad = [], [], 0
    with Traffic(bench.url, per_second=PER_SECOND, paths=("/", "/a", "/b")) as traffic, Weights(stack, bench.traffic) as weights:
        for run in range(1, runs + 1):
            turned, back, answers = one_run(bench, sign, weights, traffic, f"2.{run}.0")
            since_sign.append(back - turned)
            since_answer.append(back - answers[0])
            bad += len(answers)
            field.say(f"{how} {run}/{runs}: {since_sign[-1]:.1f} s")
    return {"signal": how, "runs": runs, **_figures("turned bad", since_sign), **_figures("first bad answer", since_answer), "bad answers per run": bad / runs}


def one_run(bench: field.Bench, sign: field.Sign, weights: Weights, traffic: Traffic, version: str) -> tuple[float, float, list[float]]:
    """When it turned bad, when the rule was first seen without it, and when users got bad answers."""
    color = bench.stage(version, sign.artifact(version))
    bench.promote(version)
    _until_it_has_traffic(weights, color)
    time.sleep(2)
    turned = sign.show()
    ended = bench.ended(version)
    sign.hide()
    time.sleep(0.2)
    back = weights.stretch(color, 0.0, since=turned)
    if ended != "reverted" or back is None:
        raise SystemExit(f"{version} ended {ended}: {bench.deployment(version).get('outcome')}")
    return turned, back[0], sorted(answer.answered_at for answer in lost(traffic.since(turned)))


def _until_it_has_traffic(weights: Weights, color: str) -> None:
    while weights.latest().get(color) != 50.0:
        time.sleep(0.05)


def _figures(what: str, seconds: list[float]) -> dict[str, float]:
    return {f"{what}: p50 s": field.percentile(seconds, 0.5), "p95 s" if what == "turned bad" else f"{what}: p95 s": field.percentile(seconds, 0.95)}


if __name__ == "__main__":
    main()
