"""Target-group stickiness: read with every look, planned for going forward, switched off going back."""

import pytest

from chalicelib.api import views
from chalicelib.colors import Color
from chalicelib.deployments.model import Event, Phase
from tests.world import World, a_definition

GROUPS = a_definition().traffic.target_groups
RULE = a_definition().traffic.production_rule


@pytest.fixture
def sticky(world: World) -> World:
    """1.0.0 is live on green; cookies of the production rule hold clients for 100 s."""
    world.live("1.0.0")
    stick(world, 100)
    return world


def stick(world: World, seconds: int) -> None:
    world.router.meddle(RULE, dict(world.router.served(RULE).weight_by_group), sticky_seconds=seconds)


def told(world: World, version: str, kind: str) -> list[Event]:
    events = world.control.deployments.events("web", world.deployment(version).id, limit=100, cursor=None).items
    return [event for event in events if event.kind == kind]


def shown(world: World) -> int:
    picture = world.control.services.picture("web")
    return views.service(picture.service, picture.look, world.clock.now())["sticky_seconds"]


class TestAShift:
    def test_says_how_long_the_old_colour_will_drain(self, sticky: World) -> None:
        sticky.shifting("1.1.0")

        [event] = told(sticky, "1.1.0", "sticky")
        assert "drained for 100 s" in event.message
        assert shown(sticky) == 100

    def test_keeps_it_as_it_is(self, sticky: World) -> None:
        sticky.live("1.1.0")

        assert sticky.router.served(RULE).sticky_seconds == 100

    def test_retires_the_old_colour_only_when_no_cookie_can_lead_there_any_more(self, sticky: World) -> None:
        sticky.watching("1.1.0")
        began = sticky.clock.now()

        sticky.until(lambda: sticky.phase("1.1.0") is Phase.COMPLETED, 200)

        assert (sticky.clock.now() - began).total_seconds() >= 100

    def test_may_drain_for_longer_than_the_deadline(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")
        stick(world, 900)

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED, 1000)

    def test_is_not_held_by_clients_that_cookies_keep_on_the_old_colour(self, sticky: World) -> None:
        sticky.watching("1.1.0")
        sticky.metrics.flow(GROUPS.blue, per_second=90)
        sticky.metrics.flow(GROUPS.green, per_second=10)
        sticky.wait(99)
        assert sticky.phase("1.1.0") is Phase.WATCHING
        sticky.metrics.flow(GROUPS.green, per_second=0)

        sticky.until(lambda: sticky.phase("1.1.0") is Phase.COMPLETED, 20)

    def test_is_held_by_requests_there_once_no_cookie_explains_them(self, sticky: World) -> None:
        sticky.watching("1.1.0")
        sticky.metrics.flow(GROUPS.blue, per_second=90)
        sticky.metrics.flow(GROUPS.green, per_second=10)

        sticky.wait(150)

        assert sticky.phase("1.1.0") is Phase.WATCHING
        assert "went to green" in sticky.control.services.picture("web").look.waits_for  # type: ignore[union-attr]

    def test_hears_of_it_when_somebody_switches_it_on_meanwhile(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        stick(world, 60)
        world.wait(1)
        stick(world, 0)
        world.wait(1)

        assert told(world, "1.1.0", "sticky")
        assert told(world, "1.1.0", "not-sticky")


class TestARollback:
    def test_switches_it_off_in_the_same_write_and_says_so(self, sticky: World) -> None:
        sticky.shifting("1.1.0")
        before = len(sticky.production_writes())

        sticky.control.deployments.rollback("web", sticky.asked())

        [write] = sticky.production_writes()[before:]
        assert (write.after.sticky_seconds, write.after.weight_by_group[GROUPS.blue]) == (0, 0)
        assert "without stickiness" in told(sticky, "1.1.0", "weights-asked")[0].message

    def test_switches_it_off_where_nobody_could_see_whether_it_is_on(self, sticky: World) -> None:
        sticky.shifting("1.1.0")
        looks, sticky.control.deployments.observer.router.look = sticky.router.look, _unreadable  # type: ignore[method-assign]

        sticky.control.deployments.rollback("web", sticky.asked())

        sticky.router.look = looks  # type: ignore[method-assign]
        assert sticky.router.served(RULE).sticky_seconds == 0
        assert sticky.share(Color.BLUE) == 0

    def test_leaves_it_off_afterwards(self, sticky: World) -> None:
        """A cookie that is still valid would take its client to the release that was rolled back."""
        sticky.shifting("1.1.0")
        sticky.control.deployments.rollback("web", sticky.asked())
        sticky.until(lambda: sticky.phase("1.1.0") is Phase.REVERTED)
        sticky.live("1.2.0")

        assert sticky.router.served(RULE).sticky_seconds == 0
        assert shown(sticky) == 0

    def test_by_a_deployment_of_its_own_switches_it_off_too(self, sticky: World) -> None:
        sticky.live("1.1.0")

        sticky.control.deployments.rollback("web", sticky.asked())
        sticky.wait(3)

        assert sticky.router.served(RULE).sticky_seconds == 0
        assert sticky.serving() == "1.0.0"


def _unreadable(_traffic: object) -> object:
    from chalicelib.errors import Unavailable

    raise Unavailable("throttled")
