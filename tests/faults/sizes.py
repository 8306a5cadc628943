"""Workflows of a service whose colours have sizes: three instances serve, one is kept of the idle colour."""

from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from tests.faults.acts import Workflow, promoted, shifting, staged
from tests.faults.drills import drilled
from tests.faults.stage import Stage

GROUPS = {
    "kind": "autoscaling", "groups": {"blue": "web-blue", "green": "web-green"}, "launch_template": "web", "size": 3, "idle_size": 1,
}  # fmt: skip


def two_live(stage: Stage) -> None:
    stage.opened(runtime=GROUPS).live("1.0.0")
    stage.live("1.1.0")


def rolled_out(stage: Stage) -> None:
    promoted(stage, "1.2.0")


def autoscaled(stage: Stage) -> None:
    """What scales the groups wants both small, and then the old one larger than ever."""
    shifting(stage, "1.2.0")
    definition, live = stage.service().definition, stage.service().live
    for color in Color:
        stage.runtime.scale(definition, color, 1)
    if live:
        stage.runtime.scale(definition, live.color, 5)


def bad(stage: Stage) -> None:
    shifting(stage, "1.2.0")
    stage.sick.add("1.2.0")


def never_healthy(stage: Stage) -> None:
    stage.sick.add("1.2.0")
    stage.push("1.2.0")


def rolled_back(stage: Stage) -> None:
    stage.ask("rollback")


def aborted(stage: Stage) -> None:
    staged(stage, "1.2.0")
    stage.ask("abort")


def superseded(stage: Stage) -> None:
    staged(stage, "1.2.0")
    stage.push("1.3.0")
    stage.until_phase("1.3.0", Phase.STAGED)
    stage.ask("promote", version="1.3.0")


WORKFLOWS = (
    Workflow("sized", two_live, rolled_out),
    Workflow("sized-autoscaled", two_live, autoscaled),
    Workflow("sized-bad", two_live, bad),
    Workflow("sized-never-healthy", two_live, never_healthy),
    Workflow("sized-rollback", two_live, rolled_back),
    Workflow("sized-aborted", two_live, aborted),
    Workflow("sized-superseded", two_live, superseded),
    Workflow("sized-drill", two_live, drilled),
)
