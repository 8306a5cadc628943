"""Rulings of the design, each where two honest implementers would differ, in the order in which the design has them."""

from typing import Any

import pytest

from chalicelib.colors import Color
from chalicelib.deployments.model import Kind, Phase
from chalicelib.errors import Conflict, Stale
from tests.world import World, a_definition, a_zip

GROUPS = a_definition().traffic.target_groups
BEFORE_STAGED = [Phase.PENDING, Phase.PREPARING, Phase.VERIFYING]
QUICK_STEPS = [{"weight": 50, "hold_seconds": 1}]


def reached(world: World, version: str, phase: Phase) -> None:
    """Uploaded, and seen in this phase before staged."""
    if phase is Phase.PENDING:
        world.control.deployments.pause("web", world.asked())
        world.upload(version)
        return
    if phase is Phase.VERIFYING:
        world.targets.script(GROUPS.blue, "initial")
    world.upload(version)
    world.until(lambda: world.phase(version) is phase)


def stuck_at_its_first_step(world: World, version: str) -> None:
    """In needs-human with its first weight, because the next step could not be finished within its deadline."""
    world.shifting(version)
    world.metrics.unreadable = True
    world.redefine(checks={"probe": {"every_seconds": 1}, "when_quiet": "hold"})
    world.until(lambda: world.phase(version) is Phase.NEEDS_HUMAN, 500)
    world.metrics.unreadable = False


class TestCommands:
    def test_promote_skip_holds_an_unhealthy_verdict_still_reverts(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.sick.add("1.1.0")

        world.control.deployments.promote("web", world.asked(), skip_holds=True)

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)
        assert world.serving() == "1.0.0"

    def test_rollback_is_already_rolled_back_by_the_last_deployment_that_moved_weights(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.control.deployments.rollback("web", world.asked("bad"))
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)
        world.staged("1.2.0")
        world.control.deployments.abort("web", world.asked())

        with pytest.raises(Conflict) as refused:
            world.control.deployments.rollback("web", world.asked("again"))
        assert refused.value.slug == "already-rolled-back"

    def test_rollback_is_possible_again_after_the_next_rollout(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.control.deployments.rollback("web", world.asked("bad"))
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)
        world.live("1.2.0")

        answered = world.control.deployments.rollback("web", world.asked("bad too"))

        assert answered.deployment is not None
        assert answered.deployment.build.version == "1.0.0"

    def test_rollback_while_watching_turns_that_deployment_to_reverting(self, world: World) -> None:
        world.live("1.0.0")
        before = world.watching("1.1.0")

        answered = world.control.deployments.rollback("web", world.asked("slow"))

        assert answered.deployment is not None
        assert (answered.deployment.id, answered.deployment.phase) == (before.id, Phase.REVERTING)

    @pytest.mark.parametrize("phase", BEFORE_STAGED)
    def test_rollback_supersedes_what_is_pending_to_staged(self, world: World, phase: Phase) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.targets.script(GROUPS.green, "initial")
        if phase is Phase.PENDING:
            world.control.deployments.pause("web", world.asked())
        world.upload("1.2.0")
        world.until(lambda: world.phase("1.2.0") is phase)
        world.targets.unscript(GROUPS.green)

        world.control.deployments.rollback("web", world.asked("slow"))

        assert world.phase("1.2.0") is Phase.SUPERSEDED
        world.control.deployments.resume("web", world.asked())
        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)
        assert world.serving() == "1.0.0"

    def test_rollback_skips_the_steps(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        writes = len(world.production_writes())

        answered = world.control.deployments.rollback("web", world.asked())

        assert answered.deployment is not None
        assert answered.deployment.steps == 1
        assert len(world.production_writes()) == writes + 1

    def test_rollback_prepares_where_the_idle_colour_holds_the_target_but_not_healthy(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.targets.script(GROUPS.green, "unhealthy")

        world.control.deployments.rollback("web", world.asked())

        assert world.phase("1.0.0") in {Phase.PENDING, Phase.PREPARING}
        world.targets.unscript(GROUPS.green)
        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)

    def test_rollback_that_has_not_moved_weights_can_be_aborted(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.staged("1.2.0")
        world.control.deployments.rollback("web", world.asked())

        world.control.deployments.abort("web", world.asked("not that one"))

        assert world.phase("1.0.0") is Phase.ABORTED
        assert world.serving() == "1.1.0"

    @pytest.mark.parametrize("verb", ["promote", "rollback", "pause", "abort"])
    def test_a_command_that_loses_a_race_reads_again_and_retries_in_the_same_request(self, verb: str) -> None:
        world = World(between=lambda name, adapter: Losing(adapter) if name == "ledger" else adapter)
        world.register()
        world.wait(5)
        world.live("1.0.0")
        world.staged("1.1.0")
        if verb == "rollback":
            world.control.deployments.promote("web", world.asked())
            world.until(lambda: world.phase("1.1.0") is Phase.WATCHING)
        Losing.races = 4

        answered = getattr(world.control.deployments, verb)("web", world.asked())

        assert answered.goes_on
        assert Losing.races == 0


class Losing:
    """A ledger whose next `races` commits lose."""

    races = 0

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger

    def commit(self, change: Any) -> None:
        if Losing.races:
            Losing.races -= 1
            raise Stale
        self._ledger.commit(change)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


class TestPauseAbortClocks:
    def test_pause_lets_no_weight_increase_right_after_promotion(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        world.control.deployments.promote("web", world.asked())
        world.control.deployments.pause("web", world.asked())

        world.wait(30)

        assert world.share(Color.BLUE) == 0

    def test_pause_keeps_promotion_automatic_in_staged(self, world: World) -> None:
        world.redefine(rollout={"promotion": "automatic", "steps": QUICK_STEPS, "watch_seconds": 5})
        world.upload("1.0.0")
        world.until(lambda: world.phase("1.0.0") in {Phase.PREPARING, Phase.VERIFYING})
        world.control.deployments.pause("web", world.asked())
        world.wait(30)
        assert world.phase("1.0.0") is Phase.STAGED

        world.control.deployments.resume("web", world.asked())

        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)

    @pytest.mark.parametrize("at", ["staged", "shifting", "watching"])
    def test_pause_does_not_stop_an_abort(self, world: World, at: str) -> None:
        world.live("1.0.0")
        getattr(world, at)("1.1.0")
        world.control.deployments.pause("web", world.asked())

        world.control.deployments.abort("web", world.asked())

        world.until(lambda: world.phase("1.1.0") in {Phase.ABORTED, Phase.REVERTED})
        assert world.serving() == "1.0.0"

    @pytest.mark.parametrize("phase", BEFORE_STAGED)
    def test_abort_pending_to_staged_is_aborted_and_production_untouched(self, world: World, phase: Phase) -> None:
        world.live("1.0.0")
        writes = len(world.production_writes())
        reached(world, "1.1.0", phase)

        world.control.deployments.abort("web", world.asked())
        world.wait(20)

        assert world.phase("1.1.0") is Phase.ABORTED
        assert len(world.production_writes()) == writes

    def test_abort_while_watching_is_reverting(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")

        answered = world.control.deployments.abort("web", world.asked())

        assert answered.deployment is not None
        assert answered.deployment.phase is Phase.REVERTING

    def test_abort_out_of_needs_human_is_reverting(self, world: World) -> None:
        world.live("1.0.0")
        stuck_at_its_first_step(world, "1.1.0")

        answered = world.control.deployments.abort("web", world.asked())

        assert answered.deployment is not None
        assert answered.deployment.phase is Phase.REVERTING
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

    def test_abort_while_reverting_changes_nothing(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.control.deployments.abort("web", world.asked())
        before = world.service()

        with pytest.raises(Conflict):
            world.control.deployments.abort("web", world.asked())

        assert world.service() == before

    def test_deadline_seconds_bounds_preparing_and_verifying_together(self, world: World) -> None:
        world.redefine(rollout={"deadline_seconds": 60, "steps": QUICK_STEPS})
        world.targets.script(GROUPS.green, "initial")
        world.upload("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.PREPARING)
        began = world.clock.now()

        world.until(lambda: world.phase("1.0.0") is Phase.FAILED)

        assert 58 <= (world.clock.now() - began).total_seconds() <= 62

    def test_deadline_seconds_bounds_each_step_with_its_extensions_and_the_weights_stay(self, world: World) -> None:
        world.live("1.0.0")

        stuck_at_its_first_step(world, "1.1.0")

        assert world.share(Color.BLUE) == 10
        assert any(event.kind == "extended" for event in world.control.deployments.events("web", "d-000002", limit=100, cursor=None).items)

    def test_deadline_seconds_bounds_reverting(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0", percent=50)
        world.targets.script(GROUPS.green, "unhealthy")
        world.control.deployments.rollback("web", world.asked())

        world.until(lambda: world.phase("1.1.0") is Phase.NEEDS_HUMAN, 400)

        assert world.share(Color.GREEN) == 50

    def test_pending_waits_for_people_and_runs_into_no_deadline(self, world: World) -> None:
        world.live("1.0.0")
        stuck_at_its_first_step(world, "1.1.0")
        world.upload("1.2.0")

        world.wait(1000, step=10)

        assert world.phase("1.2.0") is Phase.PENDING

    def test_needs_human_keeps_deployment(self, world: World) -> None:
        world.live("1.0.0")
        stuck_at_its_first_step(world, "1.1.0")

        world.wait(1000, step=10)

        current = world.service().deployment
        assert current is not None
        assert current.phase is Phase.NEEDS_HUMAN

    def test_needs_human_is_left_by_rollback(self, world: World) -> None:
        world.live("1.0.0")
        stuck_at_its_first_step(world, "1.1.0")

        world.control.deployments.rollback("web", world.asked())

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

    def test_needs_human_is_left_by_promote_skip_holds_below_100_percent_from_where_it_was(self, world: World) -> None:
        world.live("1.0.0")
        stuck_at_its_first_step(world, "1.1.0")
        writes = len(world.production_writes())

        world.control.deployments.promote("web", world.asked(), skip_holds=True)

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)
        assert [write.after.weight_by_group[GROUPS.blue] for write in world.production_writes()[writes:]] == [500, 999]


class TestOrder:
    def test_after_a_revert_by_itself_promotion_automatic_is_suspended(self, world: World) -> None:
        world.redefine(rollout={"promotion": "automatic", "steps": QUICK_STEPS, "watch_seconds": 20})
        world.upload("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)
        world.upload("1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.WATCHING)
        world.sick.add("1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        world.staged("1.2.0")
        world.wait(30)

        assert world.phase("1.2.0") is Phase.STAGED

    def test_after_a_rollback_afterwards_promotion_automatic_is_suspended(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.control.deployments.rollback("web", world.asked())
        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)
        world.redefine(rollout={"promotion": "automatic", "steps": QUICK_STEPS, "watch_seconds": 5})

        world.staged("1.2.0")
        world.wait(30)

        assert world.phase("1.2.0") is Phase.STAGED


class TestFirstRelease:
    def test_live_is_left_by_an_unfinished_or_failed_revert(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")
        before = world.service().live
        world.targets.script(GROUPS.green, "unhealthy")

        world.control.deployments.rollback("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.NEEDS_HUMAN, 400)

        assert before is not None
        assert world.service().live == before
        assert world.share(before.color) == 100


class TestCertifiedQuarantine:
    def test_a_revert_goes_to_previous_certified_or_not(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")
        world.control.deployments.certify("web", world.asked(), certified=False)
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)
        world.shifting("1.2.0")

        world.control.deployments.rollback("web", world.asked())
        world.until(lambda: world.phase("1.2.0") is Phase.REVERTED)

        assert world.serving() == "1.1.0"

    def test_the_default_target_is_not_quarantined(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.control.deployments.rollback("web", world.asked("1.1.0 is bad"))
        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)
        world.live("1.2.0")

        assert world.control.preflights.of("web").version == "1.0.0"

    def test_the_default_target_is_not_quarantined_where_that_was_live_last_and_is_certified(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.control.deployments.rollback("web", world.asked("1.1.0 is bad"))
        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)
        world.control.deployments.deploy("web", world.asked(), version="1.1.0", override_quarantine=True)
        world.until(lambda: world.phase("1.1.0") is Phase.STAGED)
        world.control.deployments.promote("web", world.asked(), override_quarantine=True)
        world.until(lambda: world.phase("1.1.0") is Phase.WATCHING)
        world.control.deployments.certify("web", world.asked(), certified=False)
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)
        world.live("1.2.0")

        assert world.control.preflights.of("web").version == "1.0.0"

    def test_the_default_target_is_the_newest_other_one_that_was_live_where_none_is_certified_and_the_preflight_says_which(self, world: World) -> None:
        for version in ("1.0.0", "1.1.0"):
            world.watching(version)
            world.control.deployments.certify("web", world.asked(), certified=False)
            world.until(lambda version=version: world.phase(version) is Phase.COMPLETED)

        found = world.control.preflights.of("web")

        assert (found.version, found.certified) == ("1.0.0", False)
        assert "none is certified" in found.why

    def test_inconclusive_after_one_extension_is_completed_not_certified(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")
        world.metrics.unreadable = True
        began = world.clock.now()

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

        assert (world.clock.now() - began).total_seconds() >= 60
        assert not world.control.releases.get("web", "1.1.0").certified

    def test_a_digest_that_is_certified_with_another_config_is_quarantined_with_that_config_only(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.control.configs.change("web", set={"LIMIT": "0"}, unset=[], by=world.asked().by)
        world.control.deployments.deploy("web", world.asked(), version="1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.STAGED)
        world.control.deployments.promote("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.WATCHING)
        world.control.deployments.rollback("web", world.asked("the config is bad"))
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        with pytest.raises(Conflict) as refused:
            world.control.deployments.deploy("web", world.asked(), version="1.1.0", config_version=1)
        assert refused.value.slug == "quarantined"
        world.live("1.2.0")
        assert world.control.deployments.deploy("web", world.asked(), version="1.1.0", config_version=0).goes_on

    def test_promote_of_what_is_quarantined_is_refused_unless_overridden(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.control.deployments.rollback("web", world.asked("bad"))
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)
        world.control.deployments.deploy("web", world.asked("once more"), version="1.1.0", override_quarantine=True)
        world.until(lambda: world.phase("1.1.0") is Phase.STAGED)

        with pytest.raises(Conflict) as refused:
            world.control.deployments.promote("web", world.asked())
        assert refused.value.slug == "quarantined"
        world.control.deployments.promote("web", world.asked("it was the probe"), override_quarantine=True)
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

    def test_an_unhealthy_verdict_quarantines(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.sick.add("1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        assert [one.digest for one in world.service().quarantined] == [world.control.releases.get("web", "1.1.0").digest]

    def test_what_is_quarantined_is_registered_and_not_deployed(self, world: World) -> None:
        world.live("1.0.0")
        bad = a_zip("bad")
        world.upload("1.1.0", content=bad)
        world.until(lambda: world.phase("1.1.0") is Phase.STAGED)
        world.control.deployments.promote("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.WATCHING)
        world.control.deployments.rollback("web", world.asked("bad"))
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        world.upload("1.1.1", content=bad)

        assert world.control.releases.get("web", "1.1.1").version == "1.1.1"
        assert world.service().deployment is None

    def test_rollback_to_may_name_what_is_quarantined(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.control.deployments.rollback("web", world.asked("bad"))
        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)

        answered = world.control.deployments.rollback("web", world.asked("it was not"), to="1.1.0")

        assert answered.deployment is not None
        assert answered.deployment.kind is Kind.ROLLBACK
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)
        assert world.serving() == "1.1.0"
