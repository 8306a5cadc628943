"""Rulings of the design on traffic and what is thought of it: weights, drift, the order of a rollback, health, the verdict."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.colors import Color
from chalicelib.deployments.model import Event, Phase
from chalicelib.traffic.memory import Balancer
from tests.world import QUICK, World, a_definition

DEFINITION = a_definition()
GROUPS, RULE = DEFINITION.traffic.target_groups, DEFINITION.traffic.production_rule


def told(world: World, version: str, kind: str) -> list[Event]:
    """Oldest first."""
    events = world.control.deployments.events("web", world.deployment(version).id, limit=100, cursor=None).items
    return [event for event in reversed(events) if event.kind == kind]


def a_world(*, drain_seconds: float = 0, **pace: float) -> World:
    """With these paces in seconds, and target groups that take so long to drain."""
    world = World(pace=replace(QUICK, **{name: timedelta(seconds=seconds) for name, seconds in pace.items()}))
    world.register()
    world.router.attach(DEFINITION.traffic, Balancer(health_delay_seconds=2, drain_seconds=drain_seconds))
    world.redefine()
    world.wait(5)
    return world


def since(world: World, event: Event) -> float:
    return (world.clock.now() - event.at).total_seconds()


class TestTraffic:
    def test_shares_are_compared_and_not_integers(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")

        world.router.meddle(RULE, {GROUPS.blue: 1, GROUPS.green: 9})
        world.wait(3)

        assert not world.service().is_drifted
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

    def test_completed_needs_a_read_back_10_s_after_the_last_record(self) -> None:
        world = a_world(settle=10, drain_floor=0)
        world.watching("1.0.0")
        world.until(lambda: world.deployment("1.0.0").confirmation)
        world.control.deployments.certify("web", world.asked(), certified=True)
        world.tick()

        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)

        assert 10 <= since(world, told(world, "1.0.0", "retiring")[0]) <= 12

    def test_reverted_needs_a_read_back_10_s_after_the_last_record(self) -> None:
        world = a_world(settle=10)
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.metrics.flow(GROUPS.green, per_second=100)
        world.control.deployments.abort("web", world.asked())

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        assert 10 <= since(world, told(world, "1.1.0", "weights-asked")[-1]) <= 13

    @pytest.mark.parametrize(("drain_seconds", "sticky_seconds", "floor"), [(20, 0, 2), (2, 20, 2), (2, 0, 20)])
    def test_drained_is_0_for_the_longest_of_deregistration_stickiness_and_60_s(self, drain_seconds: float, sticky_seconds: int, floor: float) -> None:
        world = a_world(drain_seconds=drain_seconds, drain_floor=floor)
        world.live("1.0.0")
        world.router.meddle(RULE, {GROUPS.blue: 0, GROUPS.green: 999}, sticky_seconds=sticky_seconds)
        world.watching("1.1.0")
        began = world.clock.now()
        world.control.deployments.certify("web", world.asked(), certified=True)

        world.wait(18)
        assert world.phase("1.1.0") is Phase.WATCHING

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)
        assert (world.clock.now() - began).total_seconds() >= 19

    def test_a_colour_is_not_used_again_before_it_is_drained(self) -> None:
        world = a_world(drain_seconds=60)
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.control.deployments.abort("web", world.asked())
        emptied = world.clock.now()
        world.upload("1.2.0")

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)
        world.wait(20)
        assert world.phase("1.2.0") is Phase.PENDING

        world.until(lambda: world.phase("1.2.0") is not Phase.PENDING)
        assert (world.clock.now() - emptied).total_seconds() >= 60


class TestDrift:
    def test_does_not_stop_an_abort_which_writes_the_whole_wanted_end(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.router.meddle(RULE, {GROUPS.blue: 30, GROUPS.green: 70})
        world.wait(2)
        assert world.service().is_drifted

        world.control.deployments.abort("web", world.asked())

        assert world.production_writes()[-1].after.weight_by_group == {GROUPS.blue: 0, GROUPS.green: 999}
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

    def test_pages_somebody_once(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.router.meddle(RULE, {GROUPS.blue: 30, GROUPS.green: 70})

        world.wait(20)

        assert capsys.readouterr().out.count('"ServicesDrifted": 1') == 1


class TestRollbacksOrder:
    def test_goes_when_health_cannot_be_read_and_it_is_more_than_60_s_since_none_was_healthy(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0", percent=50)
        world.targets.script(GROUPS.green, "unhealthy")
        world.wait(1)
        world.targets.unreadable.add(GROUPS.green)
        world.wait(61)
        assert world.share(Color.GREEN) == 50

        world.control.deployments.rollback("web", world.asked())

        assert world.share(Color.GREEN) == 100

    def test_a_revert_without_a_healthy_target_pages_somebody(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        """Traffic stays on what is bad until `previous` has one: nobody should hear of that only at the deadline."""
        world.live("1.0.0")
        world.shifting("1.1.0", percent=50)
        world.targets.script(GROUPS.green, "unhealthy")

        world.control.deployments.rollback("web", world.asked())
        world.wait(20)

        assert (world.phase("1.1.0"), world.share(Color.GREEN)) == (Phase.REVERTING, 50)
        assert capsys.readouterr().out.count('"DeploymentsNeedingHuman": 1') == 1

    def test_a_revert_that_goes_pages_nobody(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0", percent=50)

        world.control.deployments.rollback("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        assert "DeploymentsNeedingHuman" not in capsys.readouterr().out

    @pytest.mark.parametrize("at", ["watching", "live"])
    def test_is_never_held_for_size(self, world: World, at: str) -> None:
        world.live("1.0.0")
        getattr(world, at)("1.1.0")
        world.targets.script(GROUPS.blue, "healthy", "healthy", "healthy")
        world.targets.script(GROUPS.green, "healthy")

        world.control.deployments.rollback("web", world.asked())

        assert world.share(Color.GREEN) == 100


def quiet(world: World, **checks: object) -> None:
    """At 10 %, with some requests, which are fewer than the minimum."""
    world.redefine(checks={"probe": {"every_seconds": 1}} | checks, rollout=DEFINITION.rollout.model_dump(mode="json") | {"deadline_seconds": 60})
    world.shifting("1.1.0")
    world.metrics.flow(GROUPS.green, per_second=2)


class TestVerdict:
    def test_a_step_is_extended_by_its_own_hold_and_then_targets_and_probes_decide(self, world: World) -> None:
        world.live("1.0.0")
        quiet(world)

        world.until(lambda: world.share(Color.BLUE) == 50)

        assert len(told(world, "1.1.0", "extended")) == 1
        first, second = told(world, "1.1.0", "weights-asked")
        assert 20 <= (second.at - first.at).total_seconds() <= 24
        assert "after an extension; targets and probes decide" in told(world, "1.1.0", "step")[0].message

    def test_when_quiet_hold_extends_to_the_deadline_and_then_needs_a_human(self, world: World) -> None:
        world.live("1.0.0")
        quiet(world, when_quiet="hold")

        world.until(lambda: world.phase("1.1.0") is Phase.NEEDS_HUMAN)

        assert world.share(Color.BLUE) == 10
        assert len(told(world, "1.1.0", "extended")) >= 4
        assert 58 <= since(world, told(world, "1.1.0", "weights-asked")[0]) <= 63

    def test_the_candidate_is_probed_on_staging_while_that_serves_it_and_through_production_at_100_percent(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        world.probe.asked.clear()
        world.control.deployments.promote("web", world.asked())
        world.until(lambda: world.share(Color.BLUE) == 50)
        assert {url for _, url in world.probe.asked} == {"http://staging.test/"}

        world.until(lambda: world.phase("1.1.0") is Phase.WATCHING)
        world.probe.asked.clear()
        world.wait(10)

        assert {url for _, url in world.probe.asked} == {"http://production.test/"}
