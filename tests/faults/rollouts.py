"""Workflows of rollouts, rollbacks and what people do about them."""

from chalicelib.deployments.model import Phase
from chalicelib.runtimes.runtime import Progress, Standing
from tests.faults.acts import (
    GROUPS,
    LONG,
    RULE,
    STUCK,
    Workflow,
    adopted,
    going_on_by_itself,
    live,
    new,
    promoted,
    shifting,
    staged,
    two_live,
    watching,
    with_rollout,
)
from tests.faults.stage import Stage
from tests.world import BUCKET, a_zip


def unheard_of(stage: Stage) -> None:
    """An upload whose event never comes."""
    stage.objects.put(BUCKET, "web/1.1.0/app.zip", a_zip("1.1.0"))
    for _ in range(3):
        stage.wait(2)
        stage.reconcile()
    stage.until_phase("1.1.0", Phase.STAGED)


def refused(stage: Stage) -> None:
    """The same version with another content, and something that is no zip."""
    stage.push("1.1.0")
    stage.push("1.1.0", a_zip("something else"))
    stage.push("1.2.0", b"no zip")
    stage.until_phase("1.1.0", Phase.STAGED)


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
    stage.metrics.flow(GROUPS.blue, per_second=51, error_rate=0.3)
    stage.metrics.flow(GROUPS.green, per_second=450)


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


def skipping_from_the_start(stage: Stage) -> None:
    promoted(stage, skip_holds=True)


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


def redefining(stage: Stage) -> None:
    """The definition changes in the middle of a shift, with a hook that was not there before."""
    shifting(stage)
    stage.change_definition(hooks=[{"at": "before_shift", "lambda": "turnout-hook-late"}])


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


def live_replaced(stage: Stage) -> None:
    """Somebody takes what is live away from its colour, while nobody is deploying."""
    live = stage.service().live
    assert live is not None
    stage.runtime.meddle("web", live.color, Standing(Progress.EMPTY, reason="there is no such alias"))
    stage.wait(1200, 60)
    assert stage.service().drift or stage.saboteur.happened


def live_put_back(stage: Stage) -> None:
    live_replaced(stage)
    stage.ask("resume", drift="restore")
    stage.until(lambda: not stage.service().drift)


def live_replaced_rolled_back(stage: Stage) -> None:
    live_replaced(stage)
    stage.ask("rollback")


def drift_rolled_back(stage: Stage) -> None:
    drifting(stage)
    stage.ask("rollback")


WORKFLOWS = (
    Workflow("intake", live, staged),
    Workflow("intake-reconciled", live, unheard_of),
    Workflow("intake-refused", live, refused),
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
    Workflow("stuck-step", with_rollout(**STUCK), stuck_step),
    Workflow("skip-linear", with_rollout(strategy="linear", steps=[{"weight": 30, "hold_seconds": 40}]), skipping),
    Workflow("skip-all-at-once", with_rollout(strategy="all-at-once"), skipping_from_the_start),
    Workflow("pause-resume", live, pausing),
    Workflow("certify", with_rollout(watch_seconds=40), certifying),
    Workflow("config-alone", live, config_alone),
    Workflow("redefine", with_rollout(**LONG), redefining),
    Workflow("supersede", live, superseding),
    Workflow("queue-behind-watch", live, queueing),
    Workflow("drift-restored", with_rollout(**LONG), drift_restored),
    Workflow("drift-adopted", with_rollout(**LONG), drift_adopted),
    Workflow("drift-rolled-back", with_rollout(**LONG), drift_rolled_back),
    Workflow("live-replaced-put-back", two_live, live_put_back),
    Workflow("live-replaced-rolled-back", two_live, live_replaced_rolled_back),
)
