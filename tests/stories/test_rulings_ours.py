"""Cases the design left open, as they were ruled: docs/rulings.md says why."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.access.model import Caller, Role
from chalicelib.colors import Color
from chalicelib.deployments.answers import Asked
from chalicelib.deployments.confirming import window
from chalicelib.deployments.model import Event, Kind, Phase
from chalicelib.errors import Conflict
from chalicelib.settings import Pace
from tests.world import World, a_definition

PAGER = "turnout-hook-pager"
DAILY = {"every_hours": 24, "weight": 1, "hold_seconds": 5}


class Died(BaseException):
    """The worker is gone."""


class DiesAfter:
    """A ledger whose next commit that `is_meant` is the last thing its worker does."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger
        self.is_meant: Callable[[Any], bool] | None = None

    def commit(self, change: Any) -> None:
        self._ledger.commit(change)
        if self.is_meant and self.is_meant(change):
            self.is_meant = None
            raise Died

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


def tells(change: Any) -> bool:
    return any(getattr(put.document, "kind", None) == "hook-told" for put in change.puts)


class TestAToldHook:
    def test_whose_worker_died_before_the_call_is_never_told_and_nobody_waits_for_it(self) -> None:
        world = World(between=lambda name, adapter: DiesAfter(adapter) if name == "ledger" else adapter, died=Died)
        world.register()
        world.live("1.0.0")
        world.redefine(hooks=[{"at": "before_revert", "lambda": PAGER}])
        world.shifting("1.1.0")
        ledger: Any = world.control.passes.ledger
        ledger.is_meant = tells

        world.control.deployments.abort("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED, 20)

        assert ledger.is_meant is None, "it died"
        assert world.hooks.asked == []
        [run] = world.deployment("1.1.0").hooks_run
        assert run.is_pending


class TestAnApproval:
    def test_of_what_waits_behind_another_is_refused_and_taken_once_it_is_its_turn(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.upload("1.2.0")
        carol = Asked(Caller("carol", Role.APPROVER), "read it")

        with pytest.raises(Conflict) as refused:
            world.control.deployments.approve("web", carol, version="1.2.0")

        assert refused.value.slug == "nothing-to-approve"
        assert refused.value.detail == f"web 1.2.0 waits until {world.deployment('1.1.0').id} is over; approve it then"
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)
        world.until(lambda: world.phase("1.2.0") is Phase.STAGED)
        assert world.control.deployments.approve("web", carol, version="1.2.0").goes_on

    def test_that_expired_is_not_asked_for_again_when_a_person_takes_it_on_from_needs_human(self) -> None:
        """Its shift was approved; a person who goes on has looked at it now."""
        world = World()
        world.register(a_definition(rollout={"approvals": 1, "watch_seconds": 10}))
        world.staged("1.0.0")
        world.control.deployments.approve("web", Asked(Caller("carol", Role.APPROVER)), version="1.0.0")
        world.control.deployments.promote("web", world.asked())
        world.until(lambda: world.phase("1.0.0") is Phase.WATCHING)
        world.sick.add("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.NEEDS_HUMAN)
        world.wait(25 * 3600, step=3600)
        world.sick.clear()

        world.control.deployments.promote("web", world.asked(), skip_holds=True)

        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)


class TestConfirming:
    def test_a_period_counts_when_it_is_complete_and_began_after_the_weights_were_read_back(self, world: World) -> None:
        deployment, pace = world.watching("1.0.0"), Pace()
        began = deployment.confirmed_at or deployment.phase_since
        complete = 2 * pace.metric_period + pace.metric_delay

        assert window(deployment, began + pace.metric_delay + timedelta(seconds=59), pace) is None
        assert window(deployment, began + complete, pace) == began
        much_later = began + timedelta(hours=1)
        assert window(deployment, much_later, pace) == much_later - pace.metric_delay - 3 * pace.metric_period


class TestADrill:
    @pytest.fixture
    def world(self, world: World) -> World:
        """1.1.0 is live, and 1.0.0 stands on the other colour."""
        world.live("1.0.0")
        world.live("1.1.0")
        return world

    def test_of_what_stands_there_still_prepares_nothing_and_verifies_it(self, world: World) -> None:
        assert [event.phase for event in drilled(world) if event.phase in {Phase.PREPARING, Phase.VERIFYING}] == [Phase.VERIFYING]

    def test_runs_no_hooks_and_needs_no_approval(self, world: World) -> None:
        hooks = [{"at": at, "lambda": PAGER} for at in ("before_shift", "after_shift", "before_revert", "after_revert")]
        world.redefine(hooks=hooks, rollout=a_definition().rollout.model_dump(mode="json") | {"approvals": 2})

        assert drilled(world)[-1].phase is Phase.COMPLETED
        assert world.hooks.asked == []

    def test_of_an_adopted_release_there_is_none(self) -> None:
        world = World()
        world.targets.stand(a_definition().traffic.target_groups.blue, "legacy")
        world.register(a_definition(drill=DAILY))
        world.live("1.0.0")
        assert world.control.preflights.of("web").refusal is None

        world.wait(20)

        assert [one.kind for one in world.deployments()] == [Kind.ROLLOUT]

    def test_does_not_begin_while_production_drifted(self, world: World) -> None:
        groups = world.service().definition.traffic.target_groups
        world.router.meddle(world.service().definition.traffic.production_rule, {groups.blue: 500, groups.green: 500})
        world.wait(10)
        assert world.service().is_drifted

        world.redefine(drill=DAILY)
        world.wait(20)

        assert all(one.kind is Kind.ROLLOUT for one in world.deployments())


def drilled(world: World) -> tuple[Event, ...]:
    """What was told of a drill, oldest first."""
    world.redefine(drill=DAILY)
    world.until(lambda: world.deployments()[0].kind is Kind.DRILL and world.deployments()[0].phase.is_final)
    return world.control.deployments.events("web", world.deployments()[0].id, limit=100, cursor=None).items[::-1]


class TestARollbackDuringARollback:
    def test_cannot_be_aborted_and_says_what_can_be_done(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.control.deployments.rollback("web", world.asked())
        before = world.service()

        with pytest.raises(Conflict) as refused:
            world.control.deployments.abort("web", world.asked())

        assert refused.value.slug == "rollback-moved"
        assert refused.value.detail.endswith("roll back to a named version")
        assert (world.service(), world.share(Color.GREEN)) == (before, 100)
