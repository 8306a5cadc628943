"""How long a bad release that only metrics can tell keeps traffic at AWS's own pace: simulated time, memory adapters.

The release has 50 % of 60 requests a second and turns bad at any moment of a minute: every user's request to it fails, its
probe path stays good. The tick comes each minute, metric periods are of a minute and can be read 150 s after they ended.
"""

import logging
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import timedelta
from io import StringIO

from bench.field import arguments, percentile, report
from chalicelib.settings import Pace
from tests.world import World, a_definition

MINUTE = 60
PER_SECOND = 30.0
_ROLLOUT = {"strategy": "canary", "steps": [{"weight": 50, "hold_seconds": 7200}], "watch_seconds": 60, "deadline_seconds": 24 * 3600}


def main() -> None:
    given = arguments(__doc__, runs=20)
    logging.disable(logging.CRITICAL)
    with redirect_stdout(StringIO()):  # metrics in embedded form are printed
        seconds = [reaction(after_tick=MINUTE * (run + 0.5) / given.runs) for run in range(given.runs)]
    figures = {"p50 s": percentile(seconds, 0.5), "p95 s": percentile(seconds, 0.95), "slowest s": max(seconds)}
    report([{"signal": "metrics at AWS's pace", "runs": len(seconds), **figures}], given.json)


def reaction(*, after_tick: float) -> float:
    """Simulated seconds from turning bad, so long after a tick, to the weights back."""
    world = World(pace=replace(Pace(), patience=timedelta(0), probe_run=timedelta(0)))
    world.register(a_definition(rollout=_ROLLOUT))
    world.live("1.0.0")
    color = world.shifting("2.0.0", percent=50).color
    assert color is not None
    groups = world.service().definition.traffic.target_groups
    for group in (groups.blue, groups.green):
        world.metrics.flow(group, PER_SECOND)
    world.wait(10 * MINUTE, step=MINUTE)
    world.clock.move(timedelta(seconds=after_tick))
    world.metrics.flow(groups.of(color), PER_SECOND, error_rate=1.0)
    turned = world.clock.now()
    world.wait(MINUTE - after_tick, step=MINUTE - after_tick)
    while world.share(color) > 0:
        world.wait(MINUTE, step=MINUTE)
    return (world.clock.now() - turned).total_seconds()


if __name__ == "__main__":
    main()
