"""Situations that once had no way out, or a wrong one."""

from datetime import timedelta

import pytest

from chalicelib.colors import Color
from chalicelib.deployments.answers import Asked
from chalicelib.deployments.model import Phase
from chalicelib.errors import Conflict, Unavailable
from chalicelib.runtimes.runtime import Progress, Standing
from chalicelib.settings import Pace
from tests.world import ALICE, World, a_definition

GROUPS = a_definition().traffic.target_groups
RULE = a_definition().traffic.production_rule


def somebody_sets(world: World, blue: int, green: int) -> None:
    world.router.meddle(RULE, {GROUPS.blue: blue, GROUPS.green: green})


class TestRestore:
    def test_while_nothing_is_in_progress_puts_the_weights_back(self, world: World) -> None:
        world.live("1.0.0")
        somebody_sets(world, 500, 500)
        world.wait(8)

        world.control.deployments.resume("web", world.asked(), drift="restore")
        world.wait(4)

        assert world.share(Color.GREEN) == 100
        assert not world.service().is_drifted
        world.staged("1.1.0")

    def test_during_the_watch_puts_the_weights_back(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")
        somebody_sets(world, 500, 500)
        world.wait(2)

        world.control.deployments.resume("web", world.asked(), drift="restore")

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)
        assert world.serving() == "1.1.0"

    def test_puts_no_weight_onto_what_is_not_healthy(self, world: World) -> None:
        world.live("1.0.0")
        somebody_sets(world, 500, 500)
        world.wait(8)
        world.targets.script(GROUPS.green, "unhealthy")

        world.control.deployments.resume("web", world.asked(), drift="restore")
        world.wait(10)

        assert world.share(Color.GREEN) == 50


class TestAdopt:
    def test_of_everything_on_the_other_colour_makes_live_what_stands_there(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        somebody_sets(world, 0, 999)
        world.wait(8)

        world.control.deployments.resume("web", world.asked(), drift="adopt")

        live = world.service().live
        assert live is not None
        assert live.build is not None
        assert (live.color, live.build.version) == (Color.GREEN, "1.0.0")
        world.staged("1.2.0")

    def test_of_a_split_that_nothing_would_converge_is_refused(self, world: World) -> None:
        world.live("1.0.0")
        somebody_sets(world, 500, 500)
        world.wait(8)

        with pytest.raises(Conflict) as refused:
            world.control.deployments.resume("web", world.asked(), drift="adopt")
        assert refused.value.slug == "not-adoptable"


class TestAWriteThatNeverArrives:
    def test_of_a_first_release_does_not_keep_the_next_one_out(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        world.staged("1.0.0")

        def refused(*_args: object, **_kwargs: object) -> None:
            raise Unavailable("not allowed to modify the rule")

        with monkeypatch.context() as broken:
            broken.setattr(world.router, "set_weights", refused)
            world.control.deployments.promote("web", world.asked())
            world.wait(5)
            world.control.deployments.abort("web", world.asked())
            world.control.deployments.abort("web", world.asked())

        world.live("1.0.1")

        assert world.serving() == "1.0.1"


class TestHealthOnTheWayBack:
    def test_two_unreadable_looks_do_not_make_a_dead_colour_alive(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0", percent=50)
        world.targets.script(GROUPS.green, "unhealthy")
        world.control.deployments.rollback("web", world.asked())
        world.wait(2)

        world.targets.unreadable.add(GROUPS.green)
        world.wait(20)

        assert world.share(Color.GREEN) == 50

    def test_a_forward_step_to_everything_waits_while_the_live_colours_health_cannot_be_read(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0", percent=50)
        world.targets.unreadable.add(GROUPS.green)

        world.wait(40)

        assert world.share(Color.BLUE) == 50


class TestDeadlines:
    def test_bound_a_hold_that_is_longer(self) -> None:
        world = World()
        world.register(a_definition(rollout={"steps": [{"weight": 10, "hold_seconds": 600}], "watch_seconds": 30, "deadline_seconds": 60}))
        world.wait(5)
        world.live("1.0.0")
        world.shifting("1.1.0")

        world.until(lambda: world.phase("1.1.0") is Phase.NEEDS_HUMAN, 80)

    def test_say_what_was_wrong_when_they_are_over(self) -> None:
        world = World()
        world.register(a_definition(rollout={"deadline_seconds": 6}, checks={"probe": {"every_seconds": 60}}))
        world.wait(5)
        world.sick.add("1.0.0")
        world.upload("1.0.0")

        world.until(lambda: world.phase("1.0.0") is Phase.FAILED)

        assert "answered 500" in world.deployment("1.0.0").outcome or "still verifying" in world.deployment("1.0.0").outcome


class TestVerifying:
    def test_does_not_write_again_and_again_while_the_colour_holds_something_else(self, world: World) -> None:
        world.upload("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.VERIFYING)
        world.runtime.steps = 1000
        world.runtime.meddle("web", Color.GREEN, Standing(Progress.READY, "6.6.6", "sha256:bad", 0))
        before = world.service().revision

        world.wait(20)

        assert world.service().revision - before <= 2

    def test_counts_failures_in_a_row_and_not_those_with_successes_between(self, world: World) -> None:
        world.targets.script(GROUPS.green, "initial")
        world.upload("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.VERIFYING)
        world.wait(4)
        for _ in range(4):
            world.sick.add("1.0.0")
            world.wait(1)
            world.sick.discard("1.0.0")
            world.wait(3)

        assert world.phase("1.0.0") is Phase.VERIFYING

    def test_sends_smoke_checks_only_to_healthy_targets_and_never_for_a_dry_run(self, world: World) -> None:
        world.redefine(checks={"probe": {"every_seconds": 1}, "smoke": [{"method": "POST", "path": "/orders"}]})
        world.targets.script(GROUPS.green, "initial")
        world.upload("1.0.0")
        world.wait(20)
        world.control.deployments.pause("web", Asked(ALICE, dry_run=True))
        assert ("POST", "http://staging.test/orders") not in world.probe.asked

        world.targets.unscript(GROUPS.green)
        world.until(lambda: world.phase("1.0.0") is Phase.STAGED)

        assert world.probe.asked.count(("POST", "http://staging.test/orders")) == 1


class TestRollbackOfARollback:
    def test_to_another_version_never_goes_through_what_was_rolled_away_from(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.live("1.2.0")
        world.control.deployments.rollback("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.WATCHING)
        bad = world.deployment("1.2.0").color

        world.control.deployments.rollback("web", world.asked(), to="1.0.0")
        for _ in range(20):
            world.wait(1)
            assert world.serving() in {"1.1.0", "1.0.0"}

        assert bad is not None
        world.until(lambda: world.serving() == "1.0.0")

    def test_is_refused_by_the_preflight_as_by_the_command(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.control.deployments.rollback("web", world.asked())
        world.until(lambda: world.phase("1.0.0") is Phase.WATCHING)

        assert world.control.preflights.of("web").refusal


class TestAtTheCloudsPace:
    def test_a_release_whose_metrics_cannot_be_known_yet_is_not_certified(self) -> None:
        world = World(pace=Pace(patience=timedelta(0), probe_run=timedelta(0)))
        world.register(a_definition(rollout={"steps": [{"weight": 10, "hold_seconds": 60}], "watch_seconds": 120, "deadline_seconds": 7200}))
        world.wait(120, step=20)
        world.live("1.0.0")
        world.metrics.flow(GROUPS.green, per_second=45)
        world.shifting("1.1.0")
        world.metrics.flow(GROUPS.blue, per_second=6, error_rate=0.75)  # one a second is our own probe

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED, 1200)
