"""Workflows of services that ask for approvals."""

from chalicelib.access.model import Caller, Role
from chalicelib.deployments.model import Phase
from tests.faults.acts import Play, Workflow, staged
from tests.faults.stage import ROLLOUT, Stage

BOB, CAROL = (Caller(name, Role.APPROVER, token=f"token of {name}") for name in ("bob", "carol"))
DAY = 24 * 3600
_CLOCKS_MAY_DIFFER = 900


def asking_for(approvals: int, **rollout: object) -> Play:
    """1.0.0 is live, and was approved too."""

    def start(stage: Stage) -> None:
        stage.opened(rollout=ROLLOUT | {"approvals": approvals} | rollout)
        approved(stage, "1.0.0")
        stage.until_over()

    return start


def approved(stage: Stage, version: str = "1.1.0") -> None:
    staged(stage, version)
    for approver in (BOB, CAROL):
        stage.ask("approve", by=approver, version=version)
    stage.ask("promote", version=version)


def approved_late(stage: Stage) -> None:
    staged(stage)
    stage.refused("promote", "approval-needed", version="1.1.0")
    stage.ask("approve", by=BOB, version="1.1.0")
    stage.ask("promote", version="1.1.0")


def approved_early_and_by_two(stage: Stage) -> None:
    """One before it is staged, the same person twice, and whoever promotes does not count."""
    stage.push("1.1.0")
    stage.ask("approve", by=BOB, version="1.1.0")
    stage.until_phase("1.1.0", Phase.STAGED)
    stage.ask("approve", by=BOB, version="1.1.0")
    stage.refused("promote", "approval-needed", version="1.1.0")
    stage.ask("approve", by=CAROL, version="1.1.0")
    stage.refused("promote", "approval-needed", by=CAROL, version="1.1.0")
    stage.ask("promote", version="1.1.0")


def expired(stage: Stage) -> None:
    staged(stage)
    stage.ask("approve", by=BOB, version="1.1.0")
    stage.wait(DAY + _CLOCKS_MAY_DIFFER, DAY / 4)
    stage.refused("promote", "approval-needed", version="1.1.0")
    stage.ask("approve", by=BOB, version="1.1.0")
    stage.ask("promote", version="1.1.0")


def bound_to_its_plan(stage: Stage) -> None:
    """With another strategy, and with another config, it is not what was approved."""
    staged(stage)
    stage.ask("approve", by=BOB, version="1.1.0")
    stage.refused("promote", "approval-needed", version="1.1.0", strategy="all-at-once")
    stage.change_config(GREETING="hello")
    stage.ask("deploy", version="1.1.0")
    stage.until(lambda: (stage.deployment("1.1.0").build.config_version == 1 and stage.phase("1.1.0") is Phase.STAGED) or not stage.service().deployment)
    stage.refused("promote", "approval-needed", version="1.1.0")
    stage.ask("abort")


def by_itself(stage: Stage) -> None:
    """Promoted by nobody: it goes on when enough have approved."""
    staged(stage)
    stage.wait(5)
    stage.ask("approve", by=BOB, version="1.1.0")


def rolled_back_without(stage: Stage) -> None:
    approved(stage)
    stage.until_phase("1.1.0", Phase.WATCHING)
    stage.ask("rollback")


def rolled_back_cold_without(stage: Stage) -> None:
    staged(stage, "1.2.0")
    stage.ask("rollback")


def two_approved(stage: Stage) -> None:
    asking_for(2)(stage)
    approved(stage)
    stage.until_over()


WORKFLOWS = (
    Workflow("approve", asking_for(1), approved_late),
    Workflow("approve-two", asking_for(2), approved_early_and_by_two),
    Workflow("approve-expired", asking_for(1), expired),
    Workflow("approve-bound", asking_for(1), bound_to_its_plan),
    Workflow("approve-automatic", asking_for(1, promotion="automatic"), by_itself),
    Workflow("rollback-without-approval", asking_for(2, watch_seconds=40), rolled_back_without),
    Workflow("rollback-cold-without-approval", two_approved, rolled_back_cold_without),
)
