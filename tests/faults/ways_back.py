"""Workflows of rollbacks of each kind, and of aborts in each phase."""

from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from tests.faults.acts import GROUPS, LONG, Workflow, live, shifting, staged, three_live, two_live, watching, with_rollout
from tests.faults.stage import Stage


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


WORKFLOWS = (
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
)
