"""Workflows of rollback drills, which harm nothing and are in nobody's way."""

from chalicelib.deployments.model import Kind, Phase
from tests.faults.acts import Workflow, staged, three_live, two_live
from tests.faults.stage import Stage

_SHORT = {"every_hours": 24, "weight": 1, "hold_seconds": 5}
_LONG = _SHORT | {"hold_seconds": 40}


def drill_phase(stage: Stage) -> Phase | None:
    return next((one.phase for one in stage.deployments() if one.kind is Kind.DRILL), None)


def begun(stage: Stage) -> None:
    """It has its share of the traffic, or is over already."""
    stage.change_definition(drill=_LONG)
    stage.until(lambda: (phase := drill_phase(stage)) and (phase.is_final or stage.share(stage.service().live.color) == 99))  # type: ignore[union-attr]


def drilled(stage: Stage) -> None:
    stage.change_definition(drill=_SHORT)
    stage.until(lambda: (phase := drill_phase(stage)) and phase.is_final)


def bad(stage: Stage) -> None:
    begun(stage)
    stage.sick.add("1.0.0")
    stage.until(lambda: (phase := drill_phase(stage)) and phase.is_final)


def gives_way_to_its_own_release(stage: Stage) -> None:
    begun(stage)
    stage.ask("rollback")


def gives_way_to_a_release(stage: Stage) -> None:
    begun(stage)
    staged(stage, "1.2.0")


def aborted(stage: Stage) -> None:
    begun(stage)
    stage.ask("abort")


def gives_way_to_another_release(stage: Stage) -> None:
    begun(stage)
    stage.ask("rollback", to="1.0.0")


def paused(stage: Stage) -> None:
    begun(stage)
    stage.ask("pause")
    stage.until(lambda: (phase := drill_phase(stage)) and phase.is_final)
    stage.ask("resume")


WORKFLOWS = (
    Workflow("drill", two_live, drilled),
    Workflow("drill-bad", two_live, bad),
    Workflow("drill-and-rollback", two_live, gives_way_to_its_own_release),
    Workflow("drill-and-push", two_live, gives_way_to_a_release),
    Workflow("drill-aborted", two_live, aborted),
    Workflow("drill-and-another-rollback", three_live, gives_way_to_another_release),
    Workflow("drill-and-pause", two_live, paused),
)
