"""Rulings of the design on the way forward: staging, pause and abort, the clocks, order of publication, adopted services."""

from datetime import timedelta

import pytest

from chalicelib.colors import Color
from chalicelib.deployments.model import Kind, Phase
from chalicelib.errors import Conflict
from chalicelib.health.signal import Answer
from chalicelib.releases.service import ByHand, ObjectByHand
from tests.stories.test_rulings import QUICK_STEPS, reached
from tests.world import BUCKET, World, a_definition, a_zip

TRAFFIC = a_definition().traffic
AUTOMATIC = {"promotion": "automatic", "steps": QUICK_STEPS, "watch_seconds": 5}


def staging_serves(world: World) -> Color | None:
    split = world.router.look(TRAFFIC).staging.split
    return split.whole_on if split else None


class TestPreparing:
    def test_ends_when_the_staging_rule_is_read_back_on_the_candidates_colour(self, world: World) -> None:
        world.router.lag = timedelta(seconds=10)

        world.upload("1.0.0")
        world.until(lambda: world.runtime.standing(world.service().definition, Color.GREEN).version == "1.0.0")
        world.wait(3)
        assert (world.phase("1.0.0"), staging_serves(world)) == (Phase.PREPARING, Color.BLUE)

        world.until(lambda: world.phase("1.0.0") is Phase.VERIFYING)
        assert staging_serves(world) is Color.GREEN

    def test_of_the_next_release_is_what_takes_the_staging_url_away(self, world: World) -> None:
        world.live("1.0.0")
        assert staging_serves(world) is Color.GREEN

        world.upload("1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.PREPARING)

        assert staging_serves(world) is Color.BLUE


class TestVerifying:
    @pytest.mark.parametrize("status", [200, 500])
    def test_an_answer_of_another_release_is_neither_a_pass_nor_a_failure(self, world: World, status: int) -> None:
        world.probe.answers["http://staging.test/"] = Answer(status, "0.9.0", "", timedelta(0))

        world.upload("1.0.0")
        world.wait(60)
        assert world.phase("1.0.0") is Phase.VERIFYING

        del world.probe.answers["http://staging.test/"]
        world.until(lambda: world.phase("1.0.0") is Phase.STAGED)


def in_phase(world: World, phase: Phase | None) -> None:
    """1.1.0 in this phase; None: nothing is in progress."""
    if phase in {None, Phase.PREPARING, Phase.VERIFYING}:
        if phase:
            reached(world, "1.1.0", phase)
        return
    if phase is Phase.NEEDS_HUMAN:
        a_rollback_that_is_bad_itself(world)
        return
    {Phase.STAGED: world.staged, Phase.WATCHING: world.watching}.get(phase, world.shifting)("1.1.0")
    if phase is Phase.REVERTING:
        world.control.deployments.abort("web", world.asked())


def a_rollback_that_is_bad_itself(world: World) -> None:
    world.live("1.1.0")
    world.live("1.2.0")
    world.control.deployments.rollback("web", world.asked())
    world.sick.add("1.1.0")
    world.until(lambda: world.phase("1.1.0") is Phase.NEEDS_HUMAN)


class TestPause:
    @pytest.mark.parametrize(
        "phase", [None, Phase.PREPARING, Phase.VERIFYING, Phase.STAGED, Phase.SHIFTING, Phase.WATCHING, Phase.REVERTING, Phase.NEEDS_HUMAN]
    )
    def test_is_a_switch_on_the_service_in_any_phase(self, world: World, phase: Phase | None) -> None:
        world.live("1.0.0")
        in_phase(world, phase)
        assert phase is None or world.phase("1.1.0") is phase

        first = world.control.deployments.pause("web", world.asked("lunch"))
        again = world.control.deployments.pause("web", world.asked("later"))

        assert (first.goes_on, again.goes_on) == (True, False)
        assert world.service().paused is not None
        world.control.deployments.resume("web", world.asked())
        assert world.service().paused is None

    def test_does_not_stop_a_way_back_that_is_under_way(self, world: World) -> None:
        world.live("1.0.0")
        in_phase(world, Phase.REVERTING)

        world.control.deployments.pause("web", world.asked())

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

    def test_does_not_make_a_read_only_limit_any_longer(self, world: World) -> None:
        world.redefine(cutover={"read_only": "parameter", "parameter": "/turnout/web/read-only", "limit_seconds": 20, "drain_seconds": 5})
        world.live("1.0.0")
        world.staged("1.1.0")
        world.control.deployments.promote("web", world.asked(), strategy="all-at-once")
        world.until(lambda: world.service().read_only)
        began = world.clock.now()
        world.switch.unreachable = True
        world.control.deployments.pause("web", world.asked())

        world.wait(21)

        assert not world.service().is_read_only(world.clock.now())
        assert all(until is None or until <= began + timedelta(seconds=20) for _, until in world.switch.writes)

    def test_stops_the_14_days_of_what_is_staged(self, world: World) -> None:
        """What is paused waits for a person, who may take longer."""
        world.staged("1.0.0")
        world.control.deployments.pause("web", world.asked())

        world.wait(20 * 24 * 3600, step=6 * 3600)
        assert world.phase("1.0.0") is Phase.STAGED

        world.control.deployments.resume("web", world.asked())
        world.wait(13 * 24 * 3600, step=6 * 3600)
        assert world.phase("1.0.0") is Phase.STAGED
        world.wait(2 * 24 * 3600, step=6 * 3600)
        assert world.phase("1.0.0") is Phase.ABORTED


class TestAbort:
    def test_of_a_shift_suspends_promotion_automatic_until_a_person_promotes(self, world: World) -> None:
        """It went back because a person stopped it, and only a person lets it go forward again."""
        world.redefine(rollout=AUTOMATIC)
        world.upload("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)
        world.upload("1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.SHIFTING)
        world.control.deployments.abort("web", world.asked("not today"))
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        world.staged("1.2.0")
        world.wait(30)
        assert world.phase("1.2.0") is Phase.STAGED

        world.control.deployments.promote("web", world.asked())
        world.until(lambda: world.phase("1.2.0") is Phase.COMPLETED)
        world.upload("1.3.0")
        world.until(lambda: world.phase("1.3.0") is Phase.COMPLETED)

    def test_of_what_was_only_staged_suspends_nothing(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        world.control.deployments.abort("web", world.asked())
        world.redefine(rollout=AUTOMATIC)

        world.upload("1.2.0")

        world.until(lambda: world.phase("1.2.0") is Phase.COMPLETED)

    def test_while_the_old_colour_is_retired_is_a_conflict_and_changes_nothing(self, world: World) -> None:
        retiring(world)
        before = world.service()

        with pytest.raises(Conflict) as refused:
            world.control.deployments.abort("web", world.asked())

        assert refused.value.slug == "nothing-in-progress"
        assert world.service() == before


class TestRetiring:
    def test_a_rollback_from_then_on_is_a_deployment_of_its_own(self, world: World) -> None:
        retiring(world)

        answered = world.control.deployments.rollback("web", world.asked("slow"))

        assert answered.deployment is not None
        assert (answered.deployment.kind, answered.deployment.build.version) == (Kind.ROLLBACK, "1.0.0")
        assert world.phase("1.1.0") is Phase.COMPLETED
        assert world.serving() == "1.0.0"


def retiring(world: World) -> None:
    """The watch of 1.1.0 was ended by a person, and its traffic is not confirmed yet."""
    world.live("1.0.0")
    world.watching("1.1.0")
    world.control.deployments.certify("web", world.asked(), certified=True)
    world.until(lambda: world.deployment("1.1.0").retiring)


class TestOrder:
    def test_a_newer_release_waits_in_pending_while_one_is_watching(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")

        world.upload("1.2.0")
        world.wait(3)

        assert (world.phase("1.1.0"), world.phase("1.2.0")) == (Phase.WATCHING, Phase.PENDING)

    def test_an_artifact_that_is_older_by_less_than_its_second_is_newer(self, world: World) -> None:
        world.clock.move(timedelta(seconds=1) - timedelta(microseconds=world.clock.now().microsecond) + timedelta(seconds=0.2))
        earlier = world.objects.put(BUCKET, "web/1.0.0/app.zip", a_zip("one"))
        world.clock.move(timedelta(seconds=0.6))
        world.upload("1.0.1")

        world.control.intake.take(BUCKET, "web/1.0.0/app.zip", earlier)

        world.until(lambda: world.phase("1.0.0") is Phase.STAGED)
        assert world.phase("1.0.1") is Phase.SUPERSEDED

    def test_a_release_by_hand_is_published_when_it_is_asked_for(self, world: World) -> None:
        older = world.objects.put(BUCKET, "web/1.0.0/app.zip", a_zip("older"))
        world.wait(5)
        world.staged("1.0.1")

        world.control.releases.register("web", ByHand("1.0.0", ObjectByHand("web/1.0.0/app.zip", older)), world.asked().by)

        world.until(lambda: world.phase("1.0.0") is Phase.STAGED)


class TestAdoptedService:
    def test_is_no_target_any_more_once_its_colour_was_used_again(self) -> None:
        world = World()
        world.targets.stand(TRAFFIC.target_groups.blue, "legacy")
        world.register()
        world.wait(5)
        world.live("1.0.0")
        assert world.control.preflights.of("web").refusal is None
        world.staged("1.1.0")

        with pytest.raises(Conflict) as refused:
            world.control.deployments.rollback("web", world.asked())

        assert refused.value.slug == "nothing-to-roll-back-to"
        assert world.phase("1.1.0") is Phase.STAGED
