"""`make faults`: every plan, or one: `make faults PLAN='canary/17/dies-after'`."""

import argparse
import io
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout

from tests.faults import on_moto
from tests.faults.many import outcomes_of
from tests.faults.plans import Plan
from tests.faults.playing import Outcome, clean, played
from tests.faults.workflows import WORKFLOWS

_TOLD_EVERY = 1000


def main() -> int:
    asked = _arguments()
    logging.disable(logging.CRITICAL)
    if asked.plan:
        return _one(Plan.parse(asked.plan), moto=asked.moto)
    names = [name for name in WORKFLOWS if asked.only in name]
    if asked.moto:
        return _all(outcomes_of(names, asked.every, moto=True), "on an embedded DynamoDB")
    return _all(outcomes_of(names, asked.every, every_call=asked.every_call), "in memory")


def _all(outcomes: Iterator[Outcome], where: str) -> int:
    began, seen = time.monotonic(), []
    for outcome in outcomes:
        seen.append(outcome)
        if outcome.failure:
            print(f"make faults PLAN='{outcome.plan}'  at {outcome.call}: {outcome.failure}", flush=True)
        if len(seen) % _TOLD_EVERY == 0:
            print(f"{len(seen)} plans {where}, {time.monotonic() - began:.0f} s", flush=True)
    _tell(seen, where, time.monotonic() - began)
    return 1 if any(outcome.failure for outcome in seen) else 0


def _one(plan: Plan, *, moto: bool) -> int:
    if moto:
        on_moto.begun()
    with redirect_stdout(io.StringIO()):
        ending, calls = clean(WORKFLOWS[plan.workflow])
        outcome = played(plan, ending, on_moto.a_ledger if moto else None)
    print(f"{plan}: at {calls[plan.at].name}: {outcome.failure or ('as the clean run' if outcome.as_clean else 'safely otherwise')}")
    return 1 if outcome.failure else 0


def _tell(outcomes: list[Outcome], where: str, seconds: float) -> None:
    failed = [outcome for outcome in outcomes if outcome.failure]
    by_fault = Counter(outcome.plan.fault for outcome in outcomes)
    print(", ".join(f"{fault} {count}" for fault, count in sorted(by_fault.items())))
    ended = sum(outcome.as_clean for outcome in outcomes)
    print(
        f"{len(outcomes)} plans {where} of {len({outcome.plan.workflow for outcome in outcomes})} workflows in {seconds:.0f} s: "
        f"{ended} ended as the clean run, {len(outcomes) - ended - len(failed)} safely otherwise, {len(failed)} failed"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.faults", description=__doc__)
    parser.add_argument("--plan", default=os.environ.get("PLAN", ""), help="play one plan from its start")
    parser.add_argument("--every", type=int, default=int(os.environ.get("EVERY") or 1), help="play every nth plan")
    parser.add_argument("--every-call", action="store_true", help="also the calls of a wait that are like those before them")
    parser.add_argument("--moto", action="store_true", default=bool(os.environ.get("MOTO")), help="keep the ledger in an embedded DynamoDB")
    parser.add_argument("--only", default="", help="only workflows with this in their name")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
