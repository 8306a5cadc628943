"""A balancer that shows a write only some seconds later: nothing counts before it was seen, and nothing is written twice meanwhile."""

from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.deployments.model import Phase
from chalicelib.ledger import keys
from tests.world import QUICK, World

LAG = timedelta(seconds=8)


def promoted(world: World) -> None:
    """1.1.0 follows 1.0.0, and its first weights are on their way."""
    world.live("1.0.0")
    world.staged("1.1.0")
    world.router.lag = LAG
    world.control.deployments.promote("web", world.asked())


def told(world: World, kind: str) -> datetime:
    """When the timeline of 1.1.0 last told this."""
    events = world.ledger.list(keys.events("web", world.deployment("1.1.0").id), limit=100).items
    return max(event.at for event in events if event.kind == kind)


class TestAStep:
    def test_is_held_only_from_when_the_balancer_shows_it(self, world: World) -> None:
        promoted(world)
        world.wait(5)
        asked = world.deployment("1.1.0")
        assert (asked.asked_at is not None, asked.confirmed_at) == (True, None)

        world.until(lambda: world.deployment("1.1.0").confirmed_at)

        assert world.share(asked.color) == 10

    def test_is_not_written_again_before_it_could_be_seen(self, world: World) -> None:
        promoted(world)
        before = len(world.production_writes())

        world.wait(6, step=0.5)

        assert len(world.production_writes()) - before <= 6 / QUICK.ask_again.total_seconds()


class TestARevert:
    def test_is_over_only_when_the_balancer_shows_it(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.router.lag = timedelta(seconds=20)

        world.control.deployments.rollback("web", world.asked())
        world.wait(18)
        assert world.phase("1.1.0") is Phase.REVERTING
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        assert world.serving() == "1.0.0"


class TestARollout:
    def test_is_completed_only_when_its_weights_were_read_back_long_after_its_last_record(self) -> None:
        world = World(pace=replace(QUICK, settle=timedelta(seconds=30)))
        world.register()
        world.wait(5)
        world.live("1.0.0")

        world.live("1.1.0")

        assert told(world, "completed") - told(world, "retiring") >= timedelta(seconds=30)
