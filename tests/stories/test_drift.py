"""Somebody else moved the weights."""

from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from tests.world import World, a_definition

GROUPS = a_definition().traffic.target_groups
RULE = a_definition().traffic.production_rule


def somebody_sets(world: World, blue: int, green: int) -> None:
    world.router.meddle(RULE, {GROUPS.blue: blue, GROUPS.green: green})


class TestDrift:
    def test_stops_the_candidate_from_being_raised(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")

        somebody_sets(world, 30, 70)
        world.wait(40)

        assert world.service().is_drifted
        assert world.share(Color.BLUE) == 30

    def test_does_not_stop_a_rollback(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        somebody_sets(world, 30, 70)
        world.wait(2)

        world.control.deployments.rollback("web", world.asked())

        assert world.share(Color.GREEN) == 100
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)
        assert not world.service().is_drifted

    def test_does_not_stop_the_automatic_way_back(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        somebody_sets(world, 30, 70)
        world.sick.add("1.1.0")

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

    def test_restore_writes_ours_over_theirs(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        somebody_sets(world, 30, 70)
        world.wait(2)

        world.control.deployments.resume("web", world.asked(), drift="restore")
        world.wait(3)

        assert world.share(Color.BLUE) == 10
        assert not world.service().is_drifted
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

    def test_adopt_takes_theirs_and_the_plan_goes_on(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        somebody_sets(world, 30, 70)
        world.wait(2)

        world.control.deployments.resume("web", world.asked(), drift="adopt")

        assert not world.service().is_drifted
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

    def test_is_seen_by_the_one_more_look_after_the_end(self, world: World) -> None:
        world.live("1.0.0")
        somebody_sets(world, 500, 500)

        world.wait(10)

        assert world.service().is_drifted

    def test_of_a_rule_that_forwards_elsewhere_is_seen(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")

        world.router.meddle(RULE, {GROUPS.blue: 100, "arn:somebody-elses": 900})
        world.wait(2)

        drift = world.service().drift
        assert drift is not None
        assert drift.observed is None


class TestAdoptedService:
    def test_is_live_without_a_version_and_can_be_rolled_back_to_while_warm(self) -> None:
        world = World()
        world.targets.stand(GROUPS.blue, "legacy")
        world.register()
        world.wait(5)
        live = world.service().live
        assert live is not None
        assert (live.color, live.build) == (Color.BLUE, None)

        deployment = world.live("1.0.0")
        assert deployment.steps == 3

        world.control.deployments.rollback("web", world.asked())
        assert world.share(Color.BLUE) == 100
