"""`make soak`: SEEDS rollouts of random commands and mishaps, or one: `make soak SEED=17`. Time inside them is accelerated."""

import argparse
import io
import logging
import os
import sys
import time
from contextlib import redirect_stdout

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.soak.machine import Rollouts

_TOLD_EVERY = 30
_BATCH = 25
"""Runs that Hypothesis makes of one seed."""


def main() -> int:
    asked = _arguments()
    logging.disable(logging.CRITICAL)
    began, told, done = time.monotonic(), time.monotonic(), 0
    first = asked.seed if asked.seed is not None else asked.start
    for number in range(first, first + (1 if asked.seed is not None else -(-asked.seeds // _BATCH))):
        _played(number)
        done += _BATCH
        if time.monotonic() - told > _TOLD_EVERY:
            told = time.monotonic()
            print(_rate(done, told - began), flush=True)
        if asked.seconds and time.monotonic() - began > asked.seconds:
            break
    print(_rate(done, time.monotonic() - began))
    return 0


def _played(number: int) -> None:
    try:
        chosen = settings(
            max_examples=_BATCH, stateful_step_count=30, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
        )
        with redirect_stdout(io.StringIO()):
            run_state_machine_as_test(seed(number)(Rollouts), settings=chosen)
    except BaseException:
        print(f"make soak SEED={number}", flush=True)
        raise


def _rate(done: int, seconds: float) -> str:
    return f"{done} runs in {seconds:.0f} s: {done / seconds:.1f} a second"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.soak", description=__doc__)
    parser.add_argument("--seeds", type=int, default=int(os.environ.get("SEEDS") or 10_000), help="how many runs")
    parser.add_argument("--seed", type=int, default=int(os.environ["SEED"]) if os.environ.get("SEED") else None, help="play one seed's runs again")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--seconds", type=float, default=0, help="stop after so long")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
