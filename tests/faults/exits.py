"""Workflows that need a person: each way out of it."""

from chalicelib.deployments.model import Phase
from tests.faults.acts import GROUPS, LONGER_THAN_CLOCKS_DIFFER, STUCK, Workflow, new, promoted, shifting, two_live, watching, with_rollout
from tests.faults.hooks import AFTER, NO, SWEEP, always
from tests.faults.stage import Stage


def stuck(stage: Stage) -> None:
    """The metrics cannot be read: the step reaches its deadline, with its weights."""
    shifting(stage)
    stage.metrics.unreadable = True
    stage.until_over()
    stage.metrics.unreadable = False


def stuck_and_taken_on(stage: Stage) -> None:
    stuck(stage)
    stage.ask("promote", version="1.1.0", skip_holds=True)


def stuck_and_rolled_back(stage: Stage) -> None:
    stuck(stage)
    stage.ask("rollback")


def contradicted(stage: Stage) -> None:
    """Everything is on the candidate, and the old colour gets requests all the same: it is not given up, until they end."""
    watching(stage)
    stage.metrics.flow(GROUPS.blue, per_second=90)
    stage.metrics.flow(GROUPS.green, per_second=10)
    stage.until_over()
    stage.metrics.flow(GROUPS.green, per_second=0)


def contradicted_and_certified(stage: Stage) -> None:
    contradicted(stage)
    stage.ask("certify")


def contradicted_and_not_certified(stage: Stage) -> None:
    contradicted(stage)
    stage.ask("certify", certified=False)


def contradicted_and_taken_on(stage: Stage) -> None:
    contradicted(stage)
    stage.ask("promote", version="1.1.0", skip_holds=True)


def contradicted_and_rolled_back(stage: Stage) -> None:
    contradicted(stage)
    stage.metrics.flow(GROUPS.blue, per_second=0)
    stage.ask("rollback")


def contradicted_and_aborted(stage: Stage) -> None:
    contradicted(stage)
    stage.metrics.flow(GROUPS.blue, per_second=0)
    stage.ask("abort")


def bad_rollback_certified(stage: Stage) -> None:
    """The rollback itself goes bad; a person knows better."""
    stage.ask("rollback")
    stage.until_phase("1.0.0", Phase.WATCHING)
    stage.sick.add("1.0.0")
    stage.until_over()
    stage.sick.discard("1.0.0")
    stage.ask("certify")


def first_refused_and_taken_on(stage: Stage) -> None:
    """A first release has nowhere to go back to when a hook says no; the hook is asked anew when a person goes on."""
    stage.hooks.answers[SWEEP] = always(NO)
    promoted(stage, "1.0.0")
    stage.until_over()
    del stage.hooks.answers[SWEEP]
    stage.ask("promote", version="1.0.0", skip_holds=True)


def first_bad_and_aborted(stage: Stage) -> None:
    promoted(stage, "1.0.0")
    stage.until_phase("1.0.0", Phase.WATCHING)
    stage.sick.add("1.0.0")
    stage.until_over()
    stage.ask("abort")


def new_with_a_hook(stage: Stage) -> None:
    stage.opened(hooks=[AFTER])


_SOON = {"deadline_seconds": LONGER_THAN_CLOCKS_DIFFER}

WORKFLOWS = (
    Workflow("stuck-and-taken-on", with_rollout(**STUCK), stuck_and_taken_on),
    Workflow("stuck-and-rolled-back", with_rollout(**STUCK), stuck_and_rolled_back),
    Workflow("contradicted-and-certified", with_rollout(**_SOON), contradicted_and_certified),
    Workflow("contradicted-and-not-certified", with_rollout(**_SOON), contradicted_and_not_certified),
    Workflow("contradicted-and-taken-on", with_rollout(**_SOON), contradicted_and_taken_on),
    Workflow("contradicted-and-rolled-back", with_rollout(**_SOON), contradicted_and_rolled_back),
    Workflow("contradicted-and-aborted", with_rollout(**_SOON), contradicted_and_aborted),
    Workflow("bad-rollback-certified", two_live, bad_rollback_certified),
    Workflow("first-refused-and-taken-on", new_with_a_hook, first_refused_and_taken_on),
    Workflow("first-bad-and-aborted", new, first_bad_and_aborted),
)
