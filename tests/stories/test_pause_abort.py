"""Pause, resume and abort, in every phase they can meet."""

import pytest

from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from chalicelib.errors import Conflict
from tests.world import World, a_definition


class TestPause:
    def test_is_the_same_twice(self, world: World) -> None:
        first = world.control.deployments.pause("web", world.asked("lunch"))
        again = world.control.deployments.pause("web", world.asked("later"))

        assert first.service.paused == again.service.paused

    def test_keeps_a_new_release_pending(self, world: World) -> None:
        world.control.deployments.pause("web", world.asked())

        world.upload("1.0.0")
        world.wait(30)

        assert world.phase("1.0.0") is Phase.PENDING
        world.control.deployments.resume("web", world.asked())
        world.until(lambda: world.phase("1.0.0") is Phase.STAGED)

    def test_refuses_promotion(self, world: World) -> None:
        world.staged("1.0.0")
        world.control.deployments.pause("web", world.asked())

        with pytest.raises(Conflict) as refused:
            world.control.deployments.promote("web", world.asked())
        assert refused.value.slug == "paused"

    def test_stops_the_clock_of_a_hold(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.wait(5)
        world.control.deployments.pause("web", world.asked())

        world.wait(100)
        assert world.share(Color.BLUE) == 10

        world.control.deployments.resume("web", world.asked())
        world.wait(3)
        assert world.share(Color.BLUE) == 10
        world.wait(4)
        assert world.share(Color.BLUE) == 50

    def test_stops_the_clock_of_the_watch(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")
        world.control.deployments.pause("web", world.asked())

        world.wait(100)
        assert world.phase("1.1.0") is Phase.WATCHING

        world.control.deployments.resume("web", world.asked())
        world.wait(20)
        assert world.phase("1.1.0") is Phase.WATCHING
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED, 20)

    def test_does_not_stop_the_automatic_way_back(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.control.deployments.pause("web", world.asked())
        world.sick.add("1.1.0")

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

    def test_does_not_stop_a_rollback_by_hand(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.control.deployments.pause("web", world.asked())

        world.control.deployments.rollback("web", world.asked())

        assert world.share(Color.GREEN) == 100

    def test_waits_for_people_and_runs_into_no_deadline(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.control.deployments.pause("web", world.asked())

        world.wait(1000, step=10)

        assert world.phase("1.1.0") is Phase.SHIFTING

    def test_stops_the_deadline_of_a_step_whose_weight_cannot_be_raised(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        world.targets.script(a_definition().traffic.target_groups.blue, "draining")
        world.control.deployments.promote("web", world.asked())
        world.wait(100)
        world.control.deployments.pause("web", world.asked())

        world.wait(1000, step=10)

        assert world.phase("1.1.0") is Phase.SHIFTING


class TestAbort:
    def test_before_the_shift_never_touches_production(self, world: World) -> None:
        world.live("1.0.0")
        writes = len(world.production_writes())
        world.staged("1.1.0")

        world.control.deployments.abort("web", world.asked("not this one"))
        world.wait(30)

        assert world.phase("1.1.0") is Phase.ABORTED
        assert len(world.production_writes()) == writes

    def test_while_shifting_turns_back_and_does_not_quarantine(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")

        world.control.deployments.abort("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        assert world.serving() == "1.0.0"
        world.control.deployments.deploy("web", world.asked(), version="1.1.0")

    def test_right_after_promotion_turns_back_without_a_write(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        writes = len(world.production_writes())
        world.control.deployments.promote("web", world.asked())

        answered = world.control.deployments.abort("web", world.asked())

        assert answered.deployment is not None
        assert answered.deployment.phase is Phase.REVERTING
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)
        assert len(world.production_writes()) == writes

    def test_with_nothing_in_progress_is_a_conflict_and_changes_nothing(self, world: World) -> None:
        world.live("1.0.0")
        before = world.service()

        with pytest.raises(Conflict) as refused:
            world.control.deployments.abort("web", world.asked())

        assert refused.value.slug == "nothing-in-progress"
        assert world.service() == before

    def test_while_reverting_is_a_conflict(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.control.deployments.abort("web", world.asked())

        with pytest.raises(Conflict):
            world.control.deployments.abort("web", world.asked())

    def test_out_of_needs_human_with_nowhere_to_go_leaves_the_weights(self, world: World) -> None:
        world.watching("1.0.0")
        world.sick.add("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.NEEDS_HUMAN)

        world.control.deployments.abort("web", world.asked())

        assert world.phase("1.0.0") is Phase.ABORTED
        assert world.share(Color.GREEN) == 100

    def test_lets_the_next_one_in(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.upload("1.2.0")

        world.control.deployments.abort("web", world.asked())

        world.until(lambda: world.phase("1.2.0") is Phase.STAGED)


class TestNeedsHuman:
    def test_is_left_by_certify_at_100_percent(self, world: World) -> None:
        world.watching("1.0.0")
        world.sick.add("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.NEEDS_HUMAN)

        world.control.deployments.certify("web", world.asked("the probe is wrong"))

        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)
        assert world.control.releases.get("web", "1.0.0").certified

    def test_is_left_by_promote_skip_holds_and_judged_on(self, world: World) -> None:
        world.watching("1.0.0")
        world.sick.add("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.NEEDS_HUMAN)
        world.sick.clear()

        world.control.deployments.promote("web", world.asked(), skip_holds=True)

        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)
