"""What a service stands on changes behind its back, and belongs to it alone."""

import pytest

from chalicelib.deployments.model import Phase
from chalicelib.errors import Conflict
from chalicelib.traffic.memory import Balancer
from tests.world import ALICE, World, a_definition


class TestFunction:
    def test_of_one_service_cannot_become_another_ones(self, world: World):
        shop = a_definition("shop", runtime={"kind": "lambda", "function": "web"})

        with pytest.raises(Conflict) as refused:
            world.register(shop)

        assert refused.value.slug == "resource-taken"

    def test_can_be_taken_over_when_its_service_is_gone(self, world: World):
        world.control.services.remove("web", by=ALICE)

        assert world.register(a_definition("shop", runtime={"kind": "lambda", "function": "web"})).name == "shop"


class TestSite:
    def test_is_read_again_in_the_middle_of_a_shift_which_goes_on(self, world: World):
        world.upload("1.0.0")
        world.wait(20)
        world.control.deployments.promote("web", world.asked())
        world.wait(60)
        world.upload("2.0.0")
        world.wait(20)
        world.control.deployments.promote("web", world.asked())
        world.wait(3)
        before = world.service()
        assert before.deployment
        assert before.deployment.phase is Phase.SHIFTING
        weights = world.router.served(before.definition.traffic.production_rule)

        world.router._balancers[before.definition.traffic.load_balancer] = Balancer(health_delay_seconds=2, drain_seconds=7)
        after = world.redefine()

        assert after.site.drain_seconds == 7
        assert (after.live, after.expected, after.deployment) == (before.live, before.expected, before.deployment)
        assert world.router.served(before.definition.traffic.production_rule) == weights
        world.wait(120)
        live = world.service().live
        assert live
        assert live.build
        assert live.build.version == "2.0.0"
