"""Workers that lose their race, stall or die: what they may still do, and what they may not."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest

from chalicelib.access.model import Once
from chalicelib.deployments.answers import Asked, OnceKey
from chalicelib.deployments.model import Phase
from chalicelib.errors import Stale
from chalicelib.ledger.port import Change
from chalicelib.runtimes.runtime import Standing
from chalicelib.services.model import Service
from tests.world import ALICE, QUICK, World


class Died(BaseException):
    """Kills a worker where it is."""


class Meddled:
    """A ledger where `instead` is done to the next commit of a service, once."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger
        self.instead: Callable[[Change], None] | None = None

    def commit(self, change: Change) -> None:
        instead, is_meant = self.instead, any(isinstance(put.document, Service) for put in change.puts)
        if instead is None or not is_meant:
            self._ledger.commit(change)
            return
        self.instead = None
        instead(change)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


class Sleepy:
    """A runtime whose next `prepare` sleeps first, while others do something."""

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime
        self.asleep: Callable[[], object] | None = None

    def prepare(self, *arguments: Any, **named: Any) -> Standing:
        asleep, self.asleep = self.asleep, None
        if asleep:
            asleep()
        return cast(Standing, self._runtime.prepare(*arguments, **named))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)


BETWEEN = {"ledger": Meddled, "runtime": Sleepy}


@pytest.fixture
def world() -> World:
    world = World(between=lambda name, adapter: BETWEEN.get(name, lambda same: same)(adapter), died=Died)
    world.register()
    world.wait(5)
    return world


def ledger_of(world: World) -> Any:
    return world.control.passes.ledger


class TestAWorkerThatLostItsRace:
    def test_writes_no_weights(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        world.control.deployments.promote("web", world.asked())
        before = len(world.production_writes())

        ledger_of(world).instead = _loses
        world.control.passes.run("web")

        assert len(world.production_writes()) == before

    def test_leaves_it_to_the_next_pass(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        world.control.deployments.promote("web", world.asked())

        ledger_of(world).instead = _loses
        world.control.passes.run("web")

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)


class TestAWorkerThatStalledAfterItsRecord:
    def test_writes_no_weights(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        world.control.deployments.promote("web", world.asked())
        before = len(world.production_writes())

        ledger_of(world).instead = lambda change: _stalls(world, change)
        world.control.passes._round("web")

        assert world.deployment("1.1.0").asked_at is not None
        assert len(world.production_writes()) == before

    def test_has_its_weights_asked_for_again(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        world.control.deployments.promote("web", world.asked())

        ledger_of(world).instead = lambda change: _stalls(world, change)
        world.control.passes.run("web")

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)


class TestAWorkerThatSleptWhilePreparing:
    def test_does_not_put_its_build_over_the_next_ones(self, world: World) -> None:
        world.live("1.0.0")
        world.runtime.steps = 1
        runtime: Any = world.control.passes.performer.runtime

        runtime.asleep = lambda: world.staged("1.2.0")
        world.upload("1.1.0")
        world.until(lambda: runtime.asleep is None)

        service = world.service()
        assert service.deployment
        assert service.deployment.color
        assert world.runtime.standing(service.definition, service.deployment.color).version == "1.2.0"
        assert world.phase("1.1.0") is Phase.SUPERSEDED


class TestEveryDeployment:
    def test_takes_charge_in_an_epoch_of_its_own(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")
        world.upload("1.2.0")
        waiting_in = world.service().epoch

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)
        world.until(lambda: world.phase("1.2.0") is Phase.STAGED)

        assert world.service().epoch == waiting_in + 1


class TestACommandThatIsSentAgain:
    @pytest.mark.parametrize("verb", ["rollback", "abort", "promote"])
    def test_is_not_obeyed_again_whoever_died_after_its_commit(self, world: World, verb: str) -> None:
        world.live("1.0.0")
        world.staged("1.1.0") if verb == "promote" else world.shifting("1.1.0")
        asked = Asked(ALICE, once=OnceKey("key", "body", lambda _: (202, {"answer": "the first"})))

        ledger_of(world).instead = lambda change: _dies_after(world, change)
        with pytest.raises(Died):
            getattr(world.control.deployments, verb)("web", asked)
        revision = world.service().revision
        again = getattr(world.control.deployments, verb)("web", asked)

        assert isinstance(again.replayed, Once)
        assert again.replayed.answer == {"answer": "the first"}
        assert world.service().revision == revision


def _loses(_: Change) -> None:
    raise Stale


def _stalls(world: World, change: Change) -> None:
    """The record is written, and the worker hears of it when it is too late to act."""
    world.ledger.commit(change)
    world.clock.move(QUICK.act_within + timedelta(seconds=1))


def _dies_after(world: World, change: Change) -> None:
    world.ledger.commit(change)
    raise Died
