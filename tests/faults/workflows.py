"""The workflows that are played with everything going wrong. A workflow is a few lines: where it starts, what happens, what is put up with at its end."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from tests.faults.stage import ROLLOUT, Stage
from tests.world import a_definition

Play = Callable[[Stage], None]

GROUPS = a_definition().traffic.target_groups
RULE = a_definition().traffic.production_rule
LONG = {**ROLLOUT, "steps": [{"weight": 10, "hold_seconds": 40}], "watch_seconds": 40}


@dataclass(frozen=True)
class Workflow:
    """`start` is before anything goes wrong, `play` while one thing does. Afterwards everything comes to its end."""

    name: str
    start: Play
    play: Play


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


def first_bad(stage: Stage) -> None:
    promoted(stage, "1.0.0")
    stage.until_phase("1.0.0", Phase.WATCHING)
    stage.sick.add("1.0.0")
    stage.until_over()
    stage.push("1.0.1")
    stage.until_phase("1.0.1", Phase.STAGED)
    stage.ask("promote", version="1.0.1")


def bad_by_probe(stage: Stage) -> None:
    shifting(stage)
    stage.sick.add("1.1.0")


def bad_by_metrics(stage: Stage) -> None:
    shifting(stage)
    stage.metrics.flow(GROUPS.blue, per_second=500, error_rate=0.3)
    stage.metrics.flow(GROUPS.green, per_second=500)


def bad_while_watching(stage: Stage) -> None:
    watching(stage)
    stage.sick.add("1.1.0")


def never_verifies(stage: Stage) -> None:
    stage.sick.add("1.1.0")
    stage.push("1.1.0")
    stage.until_phase("1.1.0", Phase.COMPLETED)


def cannot_stand(stage: Stage) -> None:
    stage.runtime.broken["1.1.0"] = "the zip has no handler"
    stage.push("1.1.0")
    stage.until_phase("1.1.0", Phase.COMPLETED)


def stuck_step(stage: Stage) -> None:
    """The metrics cannot be read: the step reaches its deadline, and a person aborts."""
    shifting(stage)
    stage.metrics.unreadable = True
    stage.until_over()
    stage.metrics.unreadable = False
    stage.ask("abort")


def skipping(stage: Stage) -> None:
    shifting(stage)
    stage.ask("promote", version="1.1.0", skip_holds=True)


def rollback_shifting(stage: Stage) -> None:
    shifting(stage)
    stage.ask("rollback")


def rollback_watching(stage: Stage) -> None:
    watching(stage)
    stage.ask("rollback")


def rollback_blind(stage: Stage) -> None:
    """Nothing but the rule can be read: it goes back all the same."""
    shifting(stage)
    stage.metrics.unreadable = True
    stage.targets.unreadable.update({GROUPS.blue, GROUPS.green})
    stage.wait(1)
    stage.ask("rollback")
    assert stage.saboteur.happened or stage.share(Color.GREEN) == 100
    stage.wait(2)


def rollback_warm(stage: Stage) -> None:
    stage.ask("rollback")


def rollback_cold(stage: Stage) -> None:
    staged(stage, "1.2.0")
    stage.ask("rollback")


def rollback_named_while_shifting(stage: Stage) -> None:
    shifting(stage, "1.2.0")
    stage.ask("rollback", to="1.0.0")


def rollback_named(stage: Stage) -> None:
    stage.ask("rollback", to="1.0.0")


def rollback_gone_bad(stage: Stage) -> None:
    stage.ask("rollback")
    stage.until_phase("1.0.0", Phase.WATCHING)
    stage.sick.add("1.0.0")
    stage.until_over()
    stage.ask("rollback", to="1.1.0")


def abort_pending(stage: Stage) -> None:
    stage.ask("pause")
    stage.push("1.1.0")
    stage.wait(1)
    stage.ask("abort")
    stage.ask("resume")


def abort_preparing(stage: Stage) -> None:
    stage.runtime.steps = 6
    stage.push("1.1.0")
    stage.until_phase("1.1.0", Phase.PREPARING)
    stage.ask("abort")


def abort_verifying(stage: Stage) -> None:
    stage.push("1.1.0")
    stage.until_phase("1.1.0", Phase.VERIFYING)
    stage.ask("abort")


def abort_staged(stage: Stage) -> None:
    staged(stage)
    stage.ask("abort")


def abort_shifting(stage: Stage) -> None:
    shifting(stage)
    stage.ask("abort")


def abort_watching(stage: Stage) -> None:
    watching(stage)
    stage.ask("abort")


def pausing(stage: Stage) -> None:
    shifting(stage)
    stage.ask("pause")
    stage.wait(5)
    stage.ask("resume")


def certifying(stage: Stage) -> None:
    watching(stage)
    stage.ask("certify")


def config_alone(stage: Stage) -> None:
    stage.change_config(GREETING="hello")
    stage.ask("deploy", version="1.0.0")
    stage.until(lambda: not stage.service().deployment or stage.service().deployment.phase is Phase.STAGED)
    if stage.service().deployment:
        stage.ask("promote", version="1.0.0")


def superseding(stage: Stage) -> None:
    staged(stage)
    promoted(stage, "1.2.0")


def queueing(stage: Stage) -> None:
    watching(stage)
    stage.push("1.2.0")
    stage.until_phase("1.2.0", Phase.STAGED)
    stage.ask("promote", version="1.2.0")


def drifting(stage: Stage) -> None:
    shifting(stage)
    stage.router.meddle(RULE, {GROUPS.blue: 30, GROUPS.green: 70})
    stage.until(lambda: stage.service().drift or not stage.service().deployment)


def drift_restored(stage: Stage) -> None:
    drifting(stage)
    stage.ask("resume", drift="restore")


def drift_adopted(stage: Stage) -> None:
    drifting(stage)
    stage.ask("resume", drift="adopt")


def drift_rolled_back(stage: Stage) -> None:
    drifting(stage)
    stage.ask("rollback")


WORKFLOWS = {
    workflow.name: workflow
    for workflow in (
        Workflow("intake", live, staged),
        Workflow("first-good", new, lambda stage: promoted(stage, "1.0.0")),
        Workflow("first-bad", new, first_bad),
        Workflow("adopted", adopted, lambda stage: promoted(stage, "1.0.0")),
        Workflow("canary", live, promoted),
        Workflow("linear", with_rollout(strategy="linear", steps=[{"weight": 30, "hold_seconds": 1}]), promoted),
        Workflow("all-at-once", with_rollout(strategy="all-at-once"), promoted),
        Workflow("automatic", going_on_by_itself, lambda stage: stage.push("1.1.0")),
        Workflow("skip-holds", with_rollout(**LONG), skipping),
        Workflow("bad-by-probe", with_rollout(**LONG), bad_by_probe),
        Workflow("bad-by-metrics", with_rollout(**LONG), bad_by_metrics),
        Workflow("bad-while-watching", with_rollout(watch_seconds=40), bad_while_watching),
        Workflow("never-verifies", live, never_verifies),
        Workflow("cannot-stand", live, cannot_stand),
        Workflow("stuck-step", with_rollout(deadline_seconds=20), stuck_step),
        Workflow("rollback-shifting", with_rollout(**LONG), rollback_shifting),
        Workflow("rollback-watching", with_rollout(watch_seconds=40), rollback_watching),
        Workflow("rollback-blind", with_rollout(**LONG), rollback_blind),
        Workflow("rollback-warm", two_live, rollback_warm),
        Workflow("rollback-cold", two_live, rollback_cold),
        Workflow("rollback-named", three_live, rollback_named),
        Workflow("rollback-named-while-shifting", two_live, rollback_named_while_shifting),
        Workflow("rollback-gone-bad", two_live, rollback_gone_bad),
        Workflow("abort-pending", live, abort_pending),
        Workflow("abort-preparing", live, abort_preparing),
        Workflow("abort-verifying", live, abort_verifying),
        Workflow("abort-staged", live, abort_staged),
        Workflow("abort-shifting", with_rollout(**LONG), abort_shifting),
        Workflow("abort-watching", with_rollout(watch_seconds=40), abort_watching),
        Workflow("pause-resume", live, pausing),
        Workflow("certify", with_rollout(watch_seconds=40), certifying),
        Workflow("config-alone", live, config_alone),
        Workflow("supersede", live, superseding),
        Workflow("queue-behind-watch", live, queueing),
        Workflow("drift-restored", with_rollout(**LONG), drift_restored),
        Workflow("drift-adopted", live, drift_adopted),
        Workflow("drift-rolled-back", with_rollout(**LONG), drift_rolled_back),
    )
}
