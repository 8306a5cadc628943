"""The runs of one seed, in whatever process."""

import io
import logging
import traceback
from contextlib import redirect_stdout
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.soak.machine import Rollouts
from tests.soak.tally import TALLY, Tally

RUNS = 25
"""Runs that Hypothesis makes of one seed."""
_STEPS = 40


@dataclass(frozen=True)
class Batch:
    """What became of one seed's runs."""

    seed: int
    tally: Tally
    failure: str


def played(number: int, *, shrink: bool = False) -> Batch:
    """The runs of one seed, up to the first that fails."""
    logging.disable(logging.CRITICAL)
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    chosen = settings(
        max_examples=RUNS, stateful_step_count=_STEPS, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=phases,
        report_multiple_bugs=False,
    )
    try:
        with redirect_stdout(io.StringIO()):  # where metrics are written to
            run_state_machine_as_test(seed(number)(Rollouts), settings=chosen)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever a run leads to is what is told
        return Batch(number, TALLY.taken(), _told(error))
    return Batch(number, TALLY.taken(), "")


def _told(error: BaseException) -> str:
    """The steps, then where it was found out."""
    trace = "".join(traceback.format_tb(error.__traceback__)[-5:])
    steps = [note for note in getattr(error, "__notes__", []) if "shows_what_it_should" not in note]
    return "\n".join((*steps, trace, f"{type(error).__name__}: {error}"))
