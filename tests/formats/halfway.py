"""Rollouts that are half done, and what finishes them.

Each is played by one version of the code as far as `half` and by its neighbour from there, so this file and `keeping.py`
run in older trees as well: they keep to what the stage has had since it is there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.access.model import Caller, Role
from chalicelib.colors import Color
from chalicelib.deployments.answers import Asked
from chalicelib.deployments.model import Phase
from chalicelib.ledger import keys
from tests.faults.stage import ROLLOUT, Stage
from tests.world import a_definition

Play = Callable[[Stage], object]

GROUPS = a_definition().traffic.target_groups
RULE = a_definition().traffic.production_rule
LONG: dict[str, Any] = {**ROLLOUT, "steps": [{"weight": 10, "hold_seconds": 40}], "watch_seconds": 40}
HOOK = "turnout-hook-ready"


def nothing(_stage: Stage) -> None:
    """Nobody has to do anything."""


@dataclass(frozen=True)
class Halfway:
    """`outside` is how the world around the ledger is from the beginning and stays, `half` leads half way, `finish` is what people do then."""

    name: str
    half: Play
    finish: Play = nothing
    outside: Play = nothing


@dataclass(frozen=True)
class Ending:
    """What it led to. `deployments` are oldest first."""

    live: str | None
    weights: tuple[float, float]
    standing: tuple[str | None, str | None]
    deployments: tuple[tuple[str, str, str], ...]
    quarantined: int
    certified: tuple[str, ...]
    paused: bool
    drifted: bool

    @classmethod
    def of(cls, stage: Stage) -> "Ending":
        service = stage.service()
        deployments = tuple(reversed(stage.deployments()))
        releases = [stage.ledger.find(keys.release("web", version)) for version in sorted({one.build.version for one in deployments})]
        return cls(
            live=service.live.build.version if service.live and service.live.build else None,
            weights=(stage.share(Color.BLUE), stage.share(Color.GREEN)),
            standing=(stage.runtime.standing(service.definition, Color.BLUE).version, stage.runtime.standing(service.definition, Color.GREEN).version),
            deployments=tuple((one.build.version, one.kind.value, one.phase.value) for one in deployments),
            quarantined=len(service.quarantined),
            certified=tuple(release.version for release in releases if release and release.certified),
            paused=service.paused is not None,
            drifted=service.is_drifted,
        )


def live(stage: Stage, rollout: dict[str, Any] | None = None, **parts: Any) -> None:
    """With 1.0.0 live, and what comes next rolled out like this."""
    stage.register(a_definition(rollout=ROLLOUT, **parts))
    stage.wait(5)
    stage.live("1.0.0")
    if rollout:
        stage.redefine(rollout=rollout, **parts)


def pushed(stage: Stage, version: str = "1.1.0", phase: Phase | None = None, **rollout: Any) -> None:
    live(stage, ROLLOUT | rollout)
    stage.push(version)
    if phase is not None:
        stage.until(lambda: stage.phase(version) is phase)


def promoted(stage: Stage, version: str = "1.1.0", **rollout: Any) -> None:
    pushed(stage, version, Phase.STAGED, **rollout)
    stage.ask("promote", version=version)


def shifting(stage: Stage) -> None:
    promoted(stage, **LONG)
    stage.until(lambda: stage.deployment("1.1.0").confirmed_at is not None)


def watching(stage: Stage) -> None:
    promoted(stage, **(LONG | {"steps": ROLLOUT["steps"]}))
    stage.until(lambda: stage.phase("1.1.0") is Phase.WATCHING)


def reverting(stage: Stage) -> None:
    shifting(stage)
    stage.sick.add("1.1.0")
    stage.until(lambda: stage.phase("1.1.0") is Phase.REVERTING)


def needs_human(stage: Stage) -> None:
    """The metrics cannot be read, and the step reaches its deadline."""
    promoted(stage, **(LONG | {"deadline_seconds": 20}))
    stage.until(lambda: stage.deployment("1.1.0").confirmed_at is not None)
    stage.metrics.unreadable = True
    stage.until(lambda: stage.phase("1.1.0") is Phase.NEEDS_HUMAN)
    stage.metrics.unreadable = False


def paused(stage: Stage) -> None:
    shifting(stage)
    stage.ask("pause")
    stage.wait(3)


def drifted(stage: Stage) -> None:
    shifting(stage)
    stage.router.meddle(RULE, {GROUPS.blue: 30, GROUPS.green: 70})
    stage.until(lambda: stage.service().drift)


def waiting(stage: Stage) -> None:
    watching(stage)
    stage.push("1.2.0")
    stage.wait(1)
    assert stage.service().waiting


def promoted_when_staged(stage: Stage) -> None:
    stage.until(lambda: stage.phase("1.2.0") is Phase.STAGED)
    stage.ask("promote", version="1.2.0")


def retiring(stage: Stage) -> None:
    promoted(stage)
    stage.until(lambda: stage.deployment("1.1.0").retiring)


def rolling_back(stage: Stage) -> None:
    live(stage)
    stage.live("1.1.0")
    stage.ask("rollback")
    stage.wait(1)
    assert stage.service().deployment


def approved(stage: Stage) -> None:
    pushed(stage, phase=Phase.STAGED, approvals=1)
    stage.control.deployments.approve("web", Asked(Caller("bob", Role.APPROVER, token="t-bob"), "looks good"), version="1.1.0")


def asking(stage: Stage) -> None:
    """A hook is asked before the shift, and wants to be asked again."""
    live(stage, ROLLOUT, hooks=[{"at": "before_shift", "lambda": HOOK}])
    stage.hooks.answers[HOOK] = lambda _: b'{"status": "in_progress", "call_back_after_seconds": 1}'
    stage.push("1.1.0")
    stage.until(lambda: stage.phase("1.1.0") is Phase.STAGED)
    stage.ask("promote", version="1.1.0")
    stage.until(lambda: stage.deployment("1.1.0").hooks_run)
    del stage.hooks.answers[HOOK]


def read_only(stage: Stage) -> None:
    """The application stops writing for the last step."""
    live(stage, ROLLOUT, cutover={"read_only": "parameter", "parameter": "/turnout/web/read-only"})
    stage.push("1.1.0")
    stage.until(lambda: stage.phase("1.1.0") is Phase.STAGED)
    stage.ask("promote", version="1.1.0")
    stage.until(lambda: stage.service().read_only)


def drilling(stage: Stage) -> None:
    """A rollback is rehearsed with a share of the traffic."""
    live(stage)
    stage.live("1.1.0")
    stage.redefine(rollout=ROLLOUT, drill={"every_hours": 24, "weight": 1, "hold_seconds": 20})
    stage.until(lambda: stage.service().deployment and stage.share(Color.GREEN) == 1)


def promote(stage: Stage) -> None:
    stage.until(lambda: stage.phase("1.1.0") is Phase.STAGED)
    stage.ask("promote", version="1.1.0")


def slow(stage: Stage) -> None:
    stage.runtime.steps = 5


HALFWAY = {
    one.name: one
    for one in (
        Halfway("pending", pushed, promote),
        Halfway("preparing", lambda stage: pushed(stage, phase=Phase.PREPARING), promote, slow),
        Halfway("verifying", lambda stage: pushed(stage, phase=Phase.VERIFYING), promote),
        Halfway("staged", lambda stage: pushed(stage, phase=Phase.STAGED), promote),
        Halfway("shifting", shifting),
        Halfway("watching", watching),
        Halfway("retiring", retiring),
        Halfway("reverting", reverting),
        Halfway("needs-human", needs_human, lambda stage: stage.ask("abort")),
        Halfway("paused", paused, lambda stage: stage.ask("resume")),
        Halfway("drifted", drifted, lambda stage: stage.ask("resume", drift="restore")),
        Halfway("waiting", waiting, promoted_when_staged),
        Halfway("rolling-back", rolling_back),
        Halfway("approved", approved, promote),
        Halfway("asking", asking),
        Halfway("read-only", read_only),
        Halfway("drilling", drilling),
    )
}


def half_of(one: Halfway, stage: Stage) -> Stage:
    one.outside(stage)
    one.half(stage)
    return stage


def finished(one: Halfway, stage: Stage) -> Ending:
    """From half way to its end, by the code of this tree."""
    one.finish(stage)
    stage.until_over()
    return Ending.of(stage)
