"""Many plans, on every core of the machine."""

import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.faults import on_moto
from tests.faults.plans import Plan
from tests.faults.playing import Ending, Outcome, clean, plans_of, played
from tests.faults.workflows import WORKFLOWS

_LONGEST, _LONGEST_ON_MOTO = 60, 300
"""Seconds of real time for one plan."""


class Endless(BaseException):
    """It was given up."""


def rehearsed(work: tuple[str, bool]) -> tuple[Ending, list[Plan]]:
    """How a workflow ends when nothing goes wrong, and what can."""
    workflow = WORKFLOWS[work[0]]
    ending, calls = clean(workflow)
    return ending, list(plans_of(workflow, calls, every_call=work[1]))


def outcome_of(work: tuple[Plan, Ending, bool]) -> Outcome:
    """One plan; the last says whether the ledger is an embedded DynamoDB."""
    plan, ending, moto = work
    longest = _LONGEST_ON_MOTO if moto else _LONGEST
    signal.alarm(longest)
    try:
        return played(plan, ending, on_moto.a_ledger if moto else None)
    except Endless:
        return Outcome(plan, "", f"does not end: {longest} s and it is still being played", as_clean=False)
    finally:
        signal.alarm(0)


def outcomes_of(names: list[str], every: int, *, every_call: bool = False, moto: bool = False) -> Iterator[Outcome]:
    with multiprocessing.get_context("spawn").Pool(os.cpu_count(), initializer=_begun, initargs=(moto,)) as pool:
        work = [(plan, ending, moto) for ending, plans in pool.imap(rehearsed, [(name, every_call) for name in names]) for plan in plans]
        yield from pool.imap_unordered(outcome_of, work[::every], chunksize=1 if moto else 20)


def _begun(moto: bool) -> None:
    """Much happens: no log, and no metrics on standard output."""
    sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - for as long as the process lives
    signal.signal(signal.SIGALRM, _give_up)
    logging.disable(logging.CRITICAL)
    if moto:
        on_moto.begun()


def _give_up(_number: int, _frame: object) -> None:
    raise Endless
