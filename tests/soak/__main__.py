"""`make soak`: SEEDS runs of random requests and mishaps, or one seed's again: `make soak SEED=17`. Time inside them is accelerated."""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator

from tests.soak.seeds import RUNS, Batch, played
from tests.soak.tally import Tally

_TOLD_EVERY = 30


def main() -> int:
    asked = _arguments()
    if asked.seed is not None:
        batches = iter([played(asked.seed, shrink=True)])
    else:
        batches = _side_by_side(range(asked.start, asked.start - (-asked.seeds // RUNS)), asked.processes)
    began, told, failed, all_told = time.monotonic(), time.monotonic(), 0, Tally()
    for batch in batches:
        all_told.add(batch.tally)
        if batch.failure:
            failed += 1
            print(f"make soak SEED={batch.seed}\n{batch.failure}", flush=True)
        if time.monotonic() - told > _TOLD_EVERY:
            told = time.monotonic()
            print(f"{_rate(all_told, told - began)}, {failed} seeds failed", flush=True)
        if asked.seconds and time.monotonic() - began > asked.seconds:
            break
    print("\n".join((*all_told.lines(), f"{_rate(all_told, time.monotonic() - began)}, {failed} seeds failed")))
    return 1 if failed else 0


def _side_by_side(numbers: range, processes: int) -> Iterator[Batch]:
    if processes == 1:
        yield from map(played, numbers)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(played, numbers)


def _rate(tally: Tally, seconds: float) -> str:
    return f"{tally.runs} runs in {seconds:.0f} s: {tally.runs / max(seconds, 1):.1f} a second"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.soak", description=__doc__)
    parser.add_argument("--seeds", type=int, default=int(os.environ.get("SEEDS") or 10_000), help="how many runs")
    parser.add_argument("--seed", type=int, default=int(os.environ["SEED"]) if os.environ.get("SEED") else None, help="play one seed's runs again")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--seconds", type=float, default=0, help="stop after so long")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="how many at once")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
