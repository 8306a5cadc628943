"""Who starts passes and probers, and what becomes of it when the queues do not answer."""

from typing import Any

from chalicelib.deployments.model import Phase
from chalicelib.errors import Unavailable
from tests.world import World


class NoProbes:
    """Queues of which one does not answer."""

    def __init__(self, queues: Any) -> None:
        self._queues = queues

    def send_due(self, services: Any) -> None:
        self._queues.send_due(services)

    def send_probes(self, services: Any) -> None:
        raise Unavailable("SQS does not answer")


class TestAChangeInTheStream:
    def test_asks_for_passes_and_makes_none(self, world: World) -> None:
        world.upload("1.0.0")

        world.control.passes.changed(["web", "shop"])

        assert world.queues.due == ["web", "shop"]
        assert world.phase("1.0.0") is Phase.PENDING


class TestAProber:
    def test_is_asked_for_by_the_pass_that_lets_the_candidate_in(self, world: World) -> None:
        world.staged("1.0.0")
        world.control.deployments.promote("web", world.asked())
        world.queues.probes.clear()

        world.control.passes.run("web")

        assert world.phase("1.0.0") is Phase.WATCHING
        assert "web" in world.queues.probes

    def test_is_asked_for_after_a_command_that_let_it_in_itself(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.control.deployments.rollback("web", world.asked())
        world.queues.probes.clear()

        world.control.passes.run("web")

        assert "web" in world.queues.probes

    def test_is_not_asked_for_while_the_candidate_is_only_staged(self, world: World) -> None:
        world.staged("1.0.0")

        assert world.queues.probes == []

    def test_that_cannot_be_asked_for_holds_nothing_up(self) -> None:
        world = World(between=lambda name, adapter: NoProbes(adapter) if name == "queues" else adapter)
        world.register()
        world.staged("1.0.0")
        world.control.deployments.promote("web", world.asked())

        world.control.passes.run("web")

        assert world.phase("1.0.0") is Phase.WATCHING
        assert world.share(world.deployment("1.0.0").color) == 100
