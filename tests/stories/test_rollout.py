"""From an upload to `completed`."""

from datetime import timedelta
from itertools import pairwise

import pytest

from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from chalicelib.errors import Conflict
from chalicelib.health.signal import Answer
from chalicelib.runtimes.runtime import Progress, Standing
from chalicelib.traffic.memory import Balancer
from tests.world import World, a_definition


class TestFirstRelease:
    def test_goes_to_green(self, world: World) -> None:
        assert world.staged("1.0.0").color is Color.GREEN

    def test_is_shifted_at_once_whatever_the_plan(self, world: World) -> None:
        deployment = world.live("1.0.0")

        assert (deployment.step, deployment.steps) == (1, 1)
        assert len(world.production_writes()) == 1

    def test_makes_its_colour_live_only_when_the_balancer_shows_everything_there(self, world: World) -> None:
        world.staged("1.0.0")
        world.router.lag = timedelta(seconds=4)

        world.control.deployments.promote("web", world.asked(), version="1.0.0")
        world.wait(2)
        assert world.deployment("1.0.0").asked_at is not None
        assert world.service().live is None
        world.until(lambda: world.phase("1.0.0") is Phase.WATCHING)

        live = world.service().live
        assert live is not None
        assert live.build is not None
        assert (live.color, live.build.version) == (Color.GREEN, "1.0.0")

    def test_that_goes_bad_needs_a_human_and_keeps_its_weights(self, world: World) -> None:
        world.watching("1.0.0")
        world.sick.add("1.0.0")

        world.until(lambda: world.phase("1.0.0") is Phase.NEEDS_HUMAN)

        assert world.share(Color.GREEN) == 100

    def test_that_needs_a_human_gives_way_to_the_next_release(self, world: World) -> None:
        world.watching("1.0.0")
        world.sick.add("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.NEEDS_HUMAN)

        world.staged("1.0.1")

        assert world.phase("1.0.0") is Phase.SUPERSEDED
        world.control.deployments.promote("web", world.asked(), version="1.0.1")
        world.until(lambda: world.phase("1.0.1") is Phase.COMPLETED)
        assert world.serving() == "1.0.1"


class TestStaging:
    def test_stands_on_the_idle_colour_while_production_stays(self, world: World) -> None:
        world.live("1.0.0")

        deployment = world.staged("1.1.0")

        assert deployment.color is Color.BLUE
        assert world.serving() == "1.0.0"

    def test_health_counts_only_after_the_alb_can_no_longer_mean_what_stood_there_before(self, world: World) -> None:
        world.upload("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.VERIFYING)
        began = world.clock.now()

        world.until(lambda: world.phase("1.0.0") is Phase.STAGED)

        assert (world.clock.now() - began).total_seconds() >= 2.5

    def test_fails_when_it_answers_wrong_as_often_in_a_row_as_a_probe_may(self, world: World) -> None:
        world.sick.add("1.0.0")

        world.upload("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.FAILED)

        assert "answered 500, expected 200 (3 times in a row)" in world.deployment("1.0.0").outcome
        assert not world.production_writes()

    def test_fails_with_the_reason_when_the_runtime_cannot_run_it(self, world: World) -> None:
        world.runtime.broken["1.0.0"] = "no module named app"

        world.upload("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.FAILED)

        assert "no module named app" in world.deployment("1.0.0").outcome

    def test_fails_when_it_is_not_healthy_within_its_deadline(self, world: World) -> None:
        world.targets.script(a_definition().traffic.target_groups.green, "initial")

        world.upload("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.FAILED, 400)

        assert "still verifying after 300 s" in world.deployment("1.0.0").outcome

    @pytest.mark.parametrize("state", ["initial", "unused", "unavailable", "draining", "unhealthy"])
    def test_is_not_staged_while_its_target_is(self, world: World, state: str) -> None:
        world.targets.script(a_definition().traffic.target_groups.green, state)

        world.upload("1.0.0")
        world.wait(60)

        assert world.phase("1.0.0") is Phase.VERIFYING

    def test_is_not_staged_while_another_release_answers_there(self, world: World) -> None:
        world.probe.answers["http://staging.test/"] = Answer(200, "0.9.0", "", timedelta(0))

        world.upload("1.0.0")
        world.wait(60)
        assert world.phase("1.0.0") is Phase.VERIFYING
        world.probe.answers.clear()

        world.until(lambda: world.phase("1.0.0") is Phase.STAGED)

    def test_waits_until_nothing_can_be_on_its_way_to_what_stood_there_before(self, world: World) -> None:
        world.router._balancers[a_definition().traffic.load_balancer] = Balancer(health_delay_seconds=2, drain_seconds=60)
        world.redefine()
        world.live("1.0.0")
        color = world.shifting("1.1.0").color
        world.control.deployments.rollback("web", world.asked())
        world.until(lambda: world.share(color) == 0)
        emptied_at = world.clock.now()
        world.runtime.steps = 1

        world.upload("1.2.0")
        world.until(lambda: world.runtime.standing(a_definition(), Color.BLUE).version == "1.2.0")

        assert color is Color.BLUE
        assert world.clock.now() - emptied_at >= timedelta(seconds=60)

    def test_puts_nothing_on_a_colour_that_somebody_gave_traffic_meanwhile(self, world: World) -> None:
        world.live("1.0.0")
        world.runtime.steps = 10
        world.upload("1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.PREPARING)
        groups, rule = a_definition().traffic.target_groups, a_definition().traffic.production_rule

        world.router.meddle(rule, {groups.blue: 500, groups.green: 500})
        world.wait(30)

        assert world.runtime.standing(a_definition(), Color.BLUE).version is None
        assert world.phase("1.1.0") is Phase.PREPARING

    def test_smoke_checks_are_asked_on_staging(self, world: World) -> None:
        world.redefine(checks={"probe": {"every_seconds": 1}, "smoke": [{"path": "/ready", "expect_status": 204}]})

        world.upload("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.FAILED)

        assert ("GET", "http://staging.test/ready") in world.probe.asked
        assert "GET /ready answered 200, expected 204" in world.deployment("1.0.0").outcome

    def test_is_aborted_when_nobody_promotes_it_for_14_days(self, world: World) -> None:
        world.staged("1.0.0")

        world.wait(14 * 24 * 3600 + 3600, step=3600)

        assert world.phase("1.0.0") is Phase.ABORTED

    def test_nothing_is_due_while_it_waits(self, world: World) -> None:
        world.staged("1.0.0")

        assert world.control.passes.tick() == 0


class TestPromotion:
    def test_of_what_is_not_staged_is_a_conflict(self, world: World) -> None:
        with pytest.raises(Conflict) as refused:
            world.control.deployments.promote("web", world.asked(), version="9.9.9")
        assert refused.value.slug == "not-staged"

    def test_of_another_version_than_the_staged_one_is_a_conflict(self, world: World) -> None:
        world.staged("1.0.0")

        with pytest.raises(Conflict):
            world.control.deployments.promote("web", world.asked(), version="1.0.1")

    def test_of_the_version_that_is_shifting_answers_it_and_changes_nothing(self, world: World) -> None:
        world.live("1.0.0")
        before = world.shifting("1.1.0")

        answered = world.control.deployments.promote("web", world.asked(), version="1.1.0")

        assert (answered.goes_on, answered.deployment) == (False, before)

    def test_skip_holds_goes_on_at_once_but_step_by_step(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        before = len(world.production_writes())

        world.control.deployments.promote("web", world.asked(), version="1.1.0", skip_holds=True)
        world.wait(1)

        assert world.share(Color.BLUE) == 100
        assert len(world.production_writes()) == before + 2

    def test_takes_another_strategy_for_this_deployment_only(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")

        world.control.deployments.promote("web", world.asked(), version="1.1.0", strategy="all-at-once")
        world.wait(1)

        assert world.share(Color.BLUE) == 100
        assert world.service().definition.rollout.strategy == "canary"

    def test_automatic_goes_on_from_staged_by_itself(self, world: World) -> None:
        world.redefine(rollout={"promotion": "automatic", "steps": [{"weight": 50, "hold_seconds": 1}], "watch_seconds": 5})

        world.upload("1.0.0")

        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)

    def test_automatic_is_suspended_after_a_rollback_until_a_person_promotes(self, world: World) -> None:
        world.redefine(rollout={"promotion": "automatic", "steps": [{"weight": 50, "hold_seconds": 1}], "watch_seconds": 5})
        world.upload("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)
        world.upload("1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.WATCHING)
        world.control.deployments.rollback("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        world.staged("1.2.0")
        world.wait(30)
        assert world.phase("1.2.0") is Phase.STAGED

        world.control.deployments.promote("web", world.asked(), version="1.2.0")
        world.until(lambda: world.phase("1.2.0") is Phase.COMPLETED)
        world.upload("1.3.0")
        world.until(lambda: world.phase("1.3.0") is Phase.COMPLETED)


class TestSteps:
    def test_are_the_plans_in_order_each_held(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")

        writes = world.production_writes()[1:]
        assert [write.after.weight_by_group[a_definition().traffic.target_groups.blue] for write in writes] == [100, 500, 999]
        assert all(after.at - before.at >= timedelta(seconds=10) for before, after in pairwise(writes))

    def test_zero_is_always_sent(self, world: World) -> None:
        world.live("1.0.0")

        assert world.production_writes()[-1].after.weight_by_group[a_definition().traffic.target_groups.blue] == 0

    def test_linear_repeats_its_first_step(self, world: World) -> None:
        world.redefine(rollout={"strategy": "linear", "steps": [{"weight": 30, "hold_seconds": 1}], "watch_seconds": 5})
        world.live("1.0.0")
        world.live("1.1.0")

        shares = [write.after.weight_by_group[a_definition().traffic.target_groups.blue] for write in world.production_writes()[1:]]
        assert shares == [300, 600, 900, 999]

    def test_wait_while_the_candidate_has_no_healthy_target(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        world.targets.script(a_definition().traffic.target_groups.blue, "draining")
        world.control.deployments.promote("web", world.asked(), version="1.1.0")
        writes = len(world.production_writes())

        world.wait(20)

        assert len(world.production_writes()) == writes

    def test_wait_while_health_cannot_be_read(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        world.targets.unreadable.add(a_definition().traffic.target_groups.blue)
        world.control.deployments.promote("web", world.asked(), version="1.1.0")

        world.wait(20)

        assert world.share(Color.BLUE) == 0

    def test_need_a_human_when_they_cannot_be_finished_within_the_deadline(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        world.targets.unreadable.add(a_definition().traffic.target_groups.blue)
        world.control.deployments.promote("web", world.asked(), version="1.1.0")

        world.until(lambda: world.phase("1.1.0") is Phase.NEEDS_HUMAN, 400)

        assert world.share(Color.BLUE) == 0

    def test_the_whole_traffic_waits_for_as_many_healthy_targets_as_the_live_colour_has(self, world: World) -> None:
        world.live("1.0.0")
        world.targets.script(a_definition().traffic.target_groups.green, "healthy", "healthy")
        world.shifting("1.1.0", percent=50)

        world.wait(30)
        assert world.share(Color.BLUE) == 50

        world.targets.script(a_definition().traffic.target_groups.blue, "healthy", "healthy")
        world.until(lambda: world.share(Color.BLUE) == 100)

    def test_wait_when_the_colour_holds_something_else_than_was_checked(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        world.runtime.meddle("web", Color.BLUE, Standing(Progress.READY, "6.6.6", "sha256:bad", 0))
        world.control.deployments.promote("web", world.asked(), version="1.1.0")

        world.wait(20)

        assert world.share(Color.BLUE) == 0

    def test_are_asked_for_again_when_a_write_was_lost(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        groups = a_definition().traffic.target_groups
        world.router.meddle(a_definition().traffic.production_rule, {groups.blue: 0, groups.green: 999})
        assert world.share(Color.BLUE) == 0

        world.wait(3)

        # The split before the step is no longer expected once the step was confirmed: somebody else wrote it.
        assert world.service().drift is not None


class TestWatching:
    def test_needs_a_human_when_the_weights_cannot_be_seen_any_more(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")
        groups = a_definition().traffic.target_groups
        world.router.meddle(a_definition().traffic.production_rule, {groups.blue: 0, "arn:somebody-elses": 1})

        world.until(lambda: world.phase("1.1.0") is Phase.NEEDS_HUMAN, 500)

    def test_ends_certified_when_healthy(self, world: World) -> None:
        world.live("1.0.0")

        assert world.control.releases.get("web", "1.0.0").certified
        assert world.service().lineage[-1].certified

    def test_goes_back_by_itself_when_probes_fail_through_production(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")
        world.sick.add("1.1.0")

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        assert world.serving() == "1.0.0"
        live = world.service().live
        assert live is not None
        assert live.build is not None
        assert live.build.version == "1.0.0"

    def test_completes_soon_after_its_end(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")
        began = world.clock.now()

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

        assert 30 <= (world.clock.now() - began).total_seconds() <= 40

    def test_certify_ends_it_now(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")

        world.control.deployments.certify("web", world.asked(), certified=True)
        world.wait(4)

        assert world.phase("1.1.0") is Phase.COMPLETED
        assert world.control.releases.get("web", "1.1.0").certified

    def test_certify_false_ends_it_without_certifying(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")

        world.control.deployments.certify("web", world.asked(), certified=False)
        world.wait(4)

        assert world.phase("1.1.0") is Phase.COMPLETED
        assert not world.control.releases.get("web", "1.1.0").certified

    def test_certify_below_100_percent_is_a_conflict(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")

        with pytest.raises(Conflict) as refused:
            world.control.deployments.certify("web", world.asked())
        assert refused.value.slug == "not-at-100-percent"
