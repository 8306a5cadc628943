"""What workflows are made of: where they start, and what they have in common."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.deployments.model import Phase
from tests.faults.stage import ROLLOUT, Stage
from tests.world import a_definition

Play = Callable[[Stage], None]

GROUPS = a_definition().traffic.target_groups
RULE = a_definition().traffic.production_rule
LONGER_THAN_CLOCKS_DIFFER = 400
"""Seconds: else a worker whose clock is ahead would find a deadline over that has just begun."""
STUCK = {"deadline_seconds": LONGER_THAN_CLOCKS_DIFFER, "steps": [{"weight": 10, "hold_seconds": 180}]}
LONG = {**ROLLOUT, "steps": [{"weight": 10, "hold_seconds": 40}], "watch_seconds": 40}


@dataclass(frozen=True)
class Workflow:
    """`start` is before anything goes wrong, `play` while one thing does. Afterwards everything comes to its end.

    `may_need_a_person` says that time which runs out while something goes wrong is for a person to decide about: he aborts, and it ends.
    """

    name: str
    start: Play
    play: Play
    may_need_a_person: bool = False


def new(stage: Stage) -> None:
    stage.opened()


def live(stage: Stage) -> None:
    stage.opened().live("1.0.0")


def two_live(stage: Stage) -> None:
    live(stage)
    stage.live("1.1.0")


def three_live(stage: Stage) -> None:
    two_live(stage)
    stage.live("1.2.0")


def adopted(stage: Stage) -> None:
    stage.targets.stand(GROUPS.blue, "legacy")
    stage.opened()


def with_rollout(**rollout: object) -> Play:
    def start(stage: Stage) -> None:
        stage.opened(rollout=ROLLOUT | rollout)
        stage.live("1.0.0")

    return start


def going_on_by_itself(stage: Stage) -> None:
    stage.opened(rollout=ROLLOUT | {"promotion": "automatic"})
    stage.push("1.0.0")
    stage.until_over()


def staged(stage: Stage, version: str = "1.1.0") -> None:
    stage.push(version)
    stage.until_phase(version, Phase.STAGED)


def promoted(stage: Stage, version: str = "1.1.0", **how: object) -> None:
    staged(stage, version)
    stage.ask("promote", version=version, **how)


def shifting(stage: Stage, version: str = "1.1.0") -> None:
    promoted(stage, version)
    stage.until(lambda: stage.deployment(version).confirmed_at or stage.phase(version) not in {Phase.STAGED, Phase.SHIFTING})


def watching(stage: Stage, version: str = "1.1.0") -> None:
    promoted(stage, version)
    stage.until_phase(version, Phase.WATCHING)
