"""Somebody else moved the weights, or what is live."""

from datetime import timedelta

import pytest

from chalicelib.colors import Color
from chalicelib.config.model import Reference, Store
from chalicelib.deployments.model import Phase
from chalicelib.errors import Conflict
from chalicelib.runtimes.runtime import Progress, Standing
from tests.world import ALICE, World, a_definition

GROUPS = a_definition().traffic.target_groups
RULE = a_definition().traffic.production_rule


def somebody_sets(world: World, blue: int, green: int) -> None:
    world.router.meddle(RULE, {GROUPS.blue: blue, GROUPS.green: green})


def somebody_puts(world: World, version: str, color: Color = Color.GREEN) -> None:
    """Another build on a colour, and time for a look at it."""
    world.runtime.meddle("web", color, Standing(Progress.READY, version, "sha256:9", 0))
    world.clock.move(timedelta(minutes=20))
    world.wait(2)


class TestDrift:
    def test_stops_the_candidate_from_being_raised(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")

        somebody_sets(world, 30, 70)
        world.wait(40)

        assert world.service().is_drifted
        assert world.share(Color.BLUE) == 30

    def test_is_not_what_a_balancer_that_lags_still_shows(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        world.router.lag = timedelta(seconds=4)

        world.control.deployments.promote("web", world.asked())
        drifted = []
        for _ in range(10):
            world.wait(1)
            drifted.append(world.service().is_drifted)

        assert not any(drifted)
        assert world.share(Color.BLUE) == 10

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

    def test_a_restore_that_is_under_way_is_overtaken_by_a_rollback(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        somebody_sets(world, 500, 500)
        world.wait(10)
        world.targets.unreadable.add(GROUPS.blue)  # so the restore waits
        world.control.deployments.resume("web", world.asked(), drift="restore")

        world.control.deployments.rollback("web", world.asked("bad"))

        drift = world.service().drift
        assert drift is None or not drift.restoring
        world.until(lambda: world.share(Color.GREEN) == 100, 10)

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


class TestNobodyIsDeploying:
    def test_what_somebody_does_to_the_weights_is_seen(self, world: World) -> None:
        world.live("1.0.0")
        world.wait(10)
        somebody_sets(world, 500, 500)

        world.clock.move(timedelta(minutes=20))
        world.wait(2)

        assert world.service().is_drifted

    def test_looking_leaves_the_record_as_it_is(self, world: World) -> None:
        world.live("1.0.0")
        world.wait(10)
        before = world.service()

        for _ in range(5):
            world.clock.move(timedelta(minutes=20))
            world.wait(2)

        assert world.service() == before

    def test_a_service_that_was_removed_is_not_looked_at(self, world: World) -> None:
        world.live("1.0.0")
        world.wait(10)
        world.control.services.remove("web", by=ALICE)

        world.clock.move(timedelta(minutes=20))
        world.wait(2)

        assert world.ledger.due(world.clock.now() + timedelta(hours=1)) == ()


class TestSomethingElseStandsOnTheLiveColour:
    def test_is_drift_that_says_what_stands_there(self, world: World) -> None:
        world.live("1.0.0")
        somebody_puts(world, "9.9.9")

        drift = world.service().drift
        assert drift is not None
        assert drift.raw == "green runs 9.9.9 with config 0, not 1.0.0 with config 0"

    def test_also_where_it_is_nothing_of_ours(self, world: World) -> None:
        world.live("1.0.0")
        world.runtime.meddle("web", Color.GREEN, Standing(Progress.EMPTY, reason="there is no alias green"))
        world.clock.move(timedelta(minutes=20))
        world.wait(2)

        drift = world.service().drift
        assert drift is not None
        assert drift.raw == "green does not run 1.0.0 with config 0: there is no alias green"

    def test_no_candidate_is_raised(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        somebody_puts(world, "9.9.9")

        world.control.deployments.promote("web", world.asked())
        world.wait(20)

        assert world.share(Color.BLUE) == 0

    def test_restore_puts_the_live_build_back(self, world: World) -> None:
        world.live("1.0.0")
        somebody_puts(world, "9.9.9")

        world.control.deployments.resume("web", world.asked(), drift="restore")
        world.wait(5)

        assert world.serving() == "1.0.0"
        assert not world.service().is_drifted
        assert world.share(Color.GREEN) == 100

    def test_restore_does_not_use_the_runtime_beside_a_deployment(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        somebody_puts(world, "9.9.9")
        world.sick.add("1.2.0")
        world.upload("1.2.0")
        world.until(lambda: world.phase("1.2.0") is Phase.VERIFYING)

        with pytest.raises(Conflict) as refused:
            world.control.deployments.resume("web", world.asked(), drift="restore")

        assert refused.value.slug == "not-restorable"

    def test_adopt_takes_it_as_it_is_and_the_next_release_goes_on(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        somebody_puts(world, "9.9.9")

        world.control.deployments.resume("web", world.asked(), drift="adopt")
        world.control.deployments.promote("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

        assert world.serving() == "1.1.0"

    def test_a_rollback_is_not_stopped_by_it(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        somebody_puts(world, "9.9.9", Color.BLUE)

        world.control.deployments.rollback("web", world.asked())

        assert world.share(Color.GREEN) == 100
        assert world.serving() == "1.0.0"
        world.until(lambda: world.service().deployment is None)
        assert not world.service().is_drifted

    def test_restore_steps_back_for_a_rollback(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        somebody_puts(world, "9.9.9", Color.BLUE)
        world.runtime.broken["1.1.0"] = "the object is not there any more"
        world.control.deployments.resume("web", world.asked(), drift="restore")
        world.wait(2)

        world.control.deployments.rollback("web", world.asked())

        assert world.share(Color.GREEN) == 100
        world.until(lambda: world.service().deployment is None)
        assert world.serving() == "1.0.0"

    def test_restore_keeps_a_secret_that_was_replaced(self, world: World) -> None:
        db = Reference(Store.SECRETS_MANAGER, "turnout/web/db")
        world.secrets.put(db.store, db.name)
        world.control.configs.change("web", set={"DB": db}, unset=[], by=ALICE)
        world.secrets.put(db.store, db.name)
        world.secrets.lose(db.store, db.name, "1")
        world.live("1.0.0")
        before = dict(world.runtime.settings["web", Color.GREEN])
        somebody_puts(world, "9.9.9")

        world.control.deployments.resume("web", world.asked(), drift="restore")
        world.wait(5)

        assert world.serving() == "1.0.0"
        assert world.runtime.settings["web", Color.GREEN] == before

    def test_ends_by_itself_when_it_is_right_again(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        right = world.runtime.standing(world.service().definition, Color.GREEN)
        somebody_puts(world, "9.9.9")
        assert world.service().is_drifted

        world.runtime.meddle("web", Color.GREEN, right)
        world.clock.move(timedelta(minutes=20))
        world.wait(2)

        assert not world.service().is_drifted

    def test_under_the_watch_of_a_rollback_has_a_way_out(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.control.deployments.rollback("web", world.asked("bad"))
        world.until(lambda: world.service().deployment.phase is Phase.WATCHING)
        somebody_puts(world, "9.9.9")

        world.control.deployments.resume("web", world.asked(), drift="restore")
        world.until(lambda: not world.service().is_drifted)

        assert world.serving() == "1.0.0"

    def test_what_replaced_the_candidate_is_never_called_its_success(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")
        world.runtime.meddle("web", Color.BLUE, Standing(Progress.READY, "9.9.9", "sha256:9", 0))
        world.wait(120)

        assert world.phase("1.1.0") is not Phase.COMPLETED
        assert world.service().is_drifted
