"""The prober: one a service, for about a minute, by a claim; it reads the service anew each round and never starts itself again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.deployments.model import Phase
from chalicelib.deployments.prober import counted
from chalicelib.health.model import Check, Outcome
from chalicelib.runtimes.runtime import Progress, Standing
from tests.world import QUICK, World

RUN = timedelta(seconds=10)


@pytest.fixture
def world(world: World) -> World:
    """1.1.0 is at its first step and is probed every second."""
    world.live("1.0.0")
    world.shifting("1.1.0")
    world.queues.probes.clear()
    world.probe.asked.clear()
    return world


def probe(world: World) -> None:
    """One run, as long as in production a minute."""
    passes = world.control.passes
    replace(passes, prober=replace(passes.prober, pace=replace(QUICK, probe_run=RUN))).probe("web")


def test_a_warm_rollback_is_not_judged_by_what_answers_on_staging_in_its_place() -> None:
    """The staging rule still points to what is rolled back, which is bad; the weights are slow to come."""
    world = World()
    world.register()
    world.live("1.0.0")
    world.live("1.1.0")
    world.runtime.meddle("web", world.service().live.color, Standing(Progress.EMPTY))  # answers 503, and names no release
    world.router.lag = timedelta(seconds=8)
    world.control.deployments.rollback("web", world.asked("it is gone"))
    world.wait(60)
    assert (world.serving(), world.phase("1.0.0")) == ("1.0.0", Phase.COMPLETED)


class TestAProber:
    def test_asks_every_so_many_seconds_and_stops_before_its_limit(self, world: World) -> None:
        began = world.clock.monotonic()

        probe(world)

        assert world.clock.monotonic() - began < RUN.total_seconds()
        assert len(world.probe.asked) == 10

    def test_is_one_by_a_claim(self, world: World) -> None:
        assert world.ledger.claim("probe#web", now=world.clock.now(), lasting=RUN)

        probe(world)

        assert world.probe.asked == []

    def test_never_asks_for_another_run_of_itself(self, world: World) -> None:
        probe(world)

        assert world.queues.probes == []

    def test_reads_the_service_again_each_round(self, world: World) -> None:
        """Turned back while it asks, it goes over to what has the traffic now."""
        answer = world.probe.otherwise

        def aborted(method: str, url: str) -> object:
            if len(world.probe.asked) == 3:
                world.control.deployments.abort("web", world.asked())
            return answer(method, url)

        world.probe.otherwise = aborted  # type: ignore[assignment]

        probe(world)

        assert [url for _, url in world.probe.asked[:5]] == ["http://staging.test/"] * 3 + ["http://production.test/"] * 2

    def test_ends_when_nothing_is_to_be_probed(self, world: World) -> None:
        world.control.deployments.abort("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)
        world.probe.asked.clear()

        probe(world)

        assert world.probe.asked == []


class TestWhileGoingBack:
    @pytest.fixture
    def world(self, world: World) -> World:
        world.control.deployments.rollback("web", world.asked())
        world.probe.asked.clear()
        return world

    def test_production_is_asked_every_poll_for_nobody_judges_the_answers(self, world: World) -> None:
        began = world.clock.monotonic()

        probe(world)

        assert {url for _, url in world.probe.asked} == {"http://production.test/"}
        assert len(world.probe.asked) >= 10
        assert (world.clock.monotonic() - began) / len(world.probe.asked) == pytest.approx(QUICK.poll.total_seconds(), rel=0.3)

    def test_failures_of_the_previous_release_are_not_counted_for_the_candidate_nor_the_other_way_round(self, world: World) -> None:
        back = world.deployment("1.1.0")
        candidate = replace(back, phase=Phase.SHIFTING)
        failed, now, period = Check("trial", Outcome.UNHEALTHY, "answered 500"), world.clock.now(), QUICK.metric_period

        log = counted(counted(None, candidate, failed, now, period), candidate, failed, now, period)
        assert log.failed_in_a_row == 2
        log = counted(log, back, failed, now, period)
        assert log.failed_in_a_row == 1

        assert counted(log, candidate, failed, now, period).failed_in_a_row == 1
