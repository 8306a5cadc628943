"""Workflows of configs with references to secrets, and of what is confirmed on the data plane."""

from datetime import timedelta

from chalicelib.config.model import Reference, Store
from chalicelib.deployments.model import Phase
from chalicelib.health.signal import Answer
from tests.faults.acts import GROUPS, Workflow, live, promoted, staged, watching, with_rollout
from tests.faults.stage import Stage

DB = Reference(Store.SECRETS_MANAGER, "turnout/web/db")
KEY = Reference(Store.SSM, "/turnout/web/key")


def pin(stage: Stage) -> None:
    """New versions of both secrets, and a config that pins them."""
    for one in (DB, KEY):
        stage.secrets.put(one.store, one.name)
    stage.change_config(DB=DB, KEY=KEY)


def pinned(stage: Stage) -> None:
    stage.opened()
    pin(stage)
    stage.live("1.0.0")


def pinned_twice(stage: Stage) -> None:
    """Two releases were live, each with versions of its own."""
    pinned(stage)
    pin(stage)
    stage.live("1.1.0")


def reference_alone(stage: Stage) -> None:
    """Only a secret changed: the same release, with its new version."""
    pin(stage)
    stage.ask("deploy", version="1.0.0")
    stage.until(lambda: not stage.service().deployment or stage.phase("1.0.0") is Phase.STAGED)
    if stage.service().deployment:
        stage.ask("promote", version="1.0.0")


def reference_lost(stage: Stage) -> None:
    """The pinned version cannot be read any more: the current one takes its place."""
    stage.secrets.put(DB.store, DB.name)
    stage.secrets.lose(DB.store, DB.name, "1")
    promoted(stage)


def reference_unknown_for_a_while(stage: Stage) -> None:
    stage.secrets.unreachable = True
    stage.push("1.1.0")
    stage.wait(6)
    stage.secrets.unreachable = False
    stage.until_phase("1.1.0", Phase.STAGED)
    stage.ask("promote", version="1.1.0")


def rolled_back_to_its_pin(stage: Stage) -> None:
    staged(stage, "1.2.0")
    stage.ask("rollback")


def rolled_back_without_looking(stage: Stage) -> None:
    """Nobody can say whether the pinned versions can be read: a rollback does not wait for that."""
    staged(stage, "1.2.0")
    stage.secrets.unreachable = True
    stage.ask("rollback")


def rolled_back_warm(stage: Stage) -> None:
    stage.secrets.lose(DB.store, DB.name, "1")
    stage.ask("rollback")


def confirmed_by_requests(stage: Stage) -> None:
    """Requests go where the weights say."""
    stage.witness.clients = 500
    stage.metrics.flow(GROUPS.green, per_second=500)
    promoted(stage)


def never_confirmed(stage: Stage) -> None:
    """Nobody names the release and no metric can be read: after its time that is recorded, and passed."""
    watching(stage)
    stage.metrics.unreadable = True
    stage.probe.answers["http://production.test/"] = Answer(200, "0.9.0", "", timedelta(0))


def rolled_back_and_confirmed(stage: Stage) -> None:
    stage.witness.clients = 500
    watching(stage)
    stage.ask("rollback")


def contradicted_for_a_while(stage: Stage) -> None:
    """Requests reach the old colour still: it is not retired before they end."""
    watching(stage)
    stage.metrics.flow(GROUPS.blue, per_second=90)
    stage.metrics.flow(GROUPS.green, per_second=10)
    stage.wait(15)
    stage.metrics.flow(GROUPS.green, per_second=0)


WORKFLOWS = (
    Workflow("reference-alone", pinned, reference_alone),
    Workflow("reference-lost", pinned, reference_lost),
    Workflow("reference-unknown", pinned, reference_unknown_for_a_while),
    Workflow("rollback-to-its-pin", pinned_twice, rolled_back_to_its_pin),
    Workflow("rollback-without-looking", pinned_twice, rolled_back_without_looking),
    Workflow("rollback-warm-pin", pinned_twice, rolled_back_warm),
    Workflow("confirmed-by-requests", live, confirmed_by_requests),
    Workflow("never-confirmed", live, never_confirmed),
    Workflow("rollback-confirmed", with_rollout(watch_seconds=40), rolled_back_and_confirmed),
    Workflow("contradicted", live, contradicted_for_a_while),
)
