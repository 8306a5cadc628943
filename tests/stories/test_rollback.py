"""The way back: by itself, by hand, warm and cold."""

from datetime import timedelta

import pytest

from chalicelib.colors import Color
from chalicelib.deployments.instructions import SetWeights
from chalicelib.deployments.model import Kind, Phase
from chalicelib.errors import Conflict
from tests.world import World, a_definition, a_zip

GROUPS = a_definition().traffic.target_groups


class TestDuringARollout:
    def test_moves_the_weights_in_the_same_request(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0", percent=50)

        answered = world.control.deployments.rollback("web", world.asked("it is broken"))

        assert world.share(Color.GREEN) == 100
        assert answered.deployment is not None
        assert (answered.deployment.build.version, answered.deployment.phase) == ("1.1.0", Phase.REVERTING)

    def test_ends_reverted_with_the_previous_release_live(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.control.deployments.rollback("web", world.asked())

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED, 10)

        assert world.serving() == "1.0.0"

    def test_quarantines_what_it_leaves(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.control.deployments.rollback("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        with pytest.raises(Conflict) as refused:
            world.control.deployments.deploy("web", world.asked(), version="1.1.0")
        assert refused.value.slug == "quarantined"

    def test_asked_again_while_reverting_answers_the_same(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        first = world.control.deployments.rollback("web", world.asked())

        again = world.control.deployments.rollback("web", world.asked())

        assert again.goes_on is False
        assert again.deployment is not None
        assert first.deployment is not None
        assert again.deployment.id == first.deployment.id

    def test_to_what_a_rollback_is_on_its_way_to_changes_nothing(self, world: World) -> None:
        """The request may come twice."""
        world.live("1.0.0")
        world.live("1.1.0")
        world.router.lag = timedelta(seconds=5)
        first = world.control.deployments.rollback("web", world.asked("bad"), to="1.0.0")
        before = world.service().last_deployment_number

        second = world.control.deployments.rollback("web", world.asked("bad"), to="1.0.0")

        assert (second.deployment.id, second.deployment.phase) == (first.deployment.id, Phase.SHIFTING)
        assert world.service().last_deployment_number == before
        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)

    def test_to_another_version_reverts_first_and_answers_the_rollback_that_follows(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.shifting("1.2.0")

        answered = world.control.deployments.rollback("web", world.asked(), to="1.0.0")

        assert answered.deployment is not None
        assert (answered.deployment.kind, answered.deployment.build.version) == (Kind.ROLLBACK, "1.0.0")
        world.until(lambda: world.phase("1.2.0") is Phase.REVERTED)
        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)
        assert world.serving() == "1.0.0"

    def test_right_after_promotion_undoes_the_promotion_and_nothing_else(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.staged("1.2.0")
        world.control.deployments.promote("web", world.asked())

        world.control.deployments.rollback("web", world.asked())
        world.until(lambda: world.phase("1.2.0") is Phase.REVERTED)

        assert world.serving() == "1.1.0"

    def test_of_the_first_release_is_a_conflict(self, world: World) -> None:
        world.watching("1.0.0")

        with pytest.raises(Conflict) as refused:
            world.control.deployments.rollback("web", world.asked())
        assert refused.value.slug == "nothing-to-roll-back-to"


class TestAfterwards:
    def test_is_a_deployment_of_its_own_that_moves_the_weights_at_once_while_warm(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")

        answered = world.control.deployments.rollback("web", world.asked())

        assert answered.deployment is not None
        assert (answered.deployment.kind, answered.deployment.build.version) == (Kind.ROLLBACK, "1.0.0")
        assert any(isinstance(one, SetWeights) for one in answered.instructions)
        assert world.share(Color.GREEN) == 100

    def test_is_watched_and_completes(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.control.deployments.rollback("web", world.asked())

        world.until(lambda: world.phase("1.0.0") is Phase.WATCHING)
        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)

    def test_twice_is_a_conflict_and_changes_nothing(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.control.deployments.rollback("web", world.asked())

        for _ in range(40):
            with pytest.raises(Conflict) as refused:
                world.control.deployments.rollback("web", world.asked())
            assert refused.value.slug == "already-rolled-back"
            world.wait(1)

    def test_after_a_revert_is_a_conflict(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.control.deployments.rollback("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        with pytest.raises(Conflict) as refused:
            world.control.deployments.rollback("web", world.asked())
        assert refused.value.slug == "already-rolled-back"

    def test_after_the_next_release_took_the_colour_stages_it_again_and_then_shifts(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.staged("1.2.0")

        answered = world.control.deployments.rollback("web", world.asked())

        assert answered.deployment is not None
        assert (answered.deployment.kind, answered.deployment.phase) == (Kind.ROLLBACK, Phase.PREPARING)
        assert world.phase("1.2.0") is Phase.SUPERSEDED
        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)
        assert world.serving() == "1.0.0"

    def test_restores_the_config_with_the_code(self, world: World) -> None:
        world.control.configs.change("web", set={"GREETING": "hello"}, unset=[], by=world.asked().by)
        world.live("1.0.0")
        world.control.configs.change("web", set={"GREETING": "bye"}, unset=[], by=world.asked().by)
        world.live("1.1.0")
        world.staged("1.2.0")

        world.control.deployments.rollback("web", world.asked())
        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)

        assert world.runtime.settings["web", Color.GREEN] == {"GREETING": "hello"}
        live = world.service().live
        assert live is not None
        assert live.build is not None
        assert live.build.config_version == 1

    def test_goes_to_the_newest_certified_release_not_merely_the_previous_one(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")
        world.control.deployments.certify("web", world.asked(), certified=False)
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)
        world.live("1.2.0")

        answered = world.control.deployments.rollback("web", world.asked())

        assert answered.deployment is not None
        assert answered.deployment.build.version == "1.0.0"

    def test_to_the_live_release_is_a_conflict(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")

        with pytest.raises(Conflict) as refused:
            world.control.deployments.rollback("web", world.asked(), to="1.1.0")
        assert refused.value.slug == "already-live"

    def test_that_goes_bad_needs_a_human_and_never_moves_by_itself_again(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.control.deployments.rollback("web", world.asked())
        world.sick.add("1.0.0")

        world.until(lambda: world.phase("1.0.0") is Phase.NEEDS_HUMAN)
        world.wait(60)

        assert world.share(Color.GREEN) == 100

    def test_that_moved_weights_cannot_be_aborted(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.control.deployments.rollback("web", world.asked())

        with pytest.raises(Conflict):
            world.control.deployments.abort("web", world.asked())

    def test_out_of_needs_human_to_a_named_version(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.control.deployments.rollback("web", world.asked())
        world.sick.add("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.NEEDS_HUMAN)

        world.control.deployments.rollback("web", world.asked("the rollback is worse"), to="1.1.0")
        world.until(lambda: world.service().deployment is None)

        assert world.serving() == "1.1.0"


class TestHealthOnTheWayBack:
    def test_holds_while_previous_has_no_healthy_target_and_goes_as_soon_as_it_has_one(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0", percent=50)
        world.targets.script(GROUPS.green, "unhealthy")

        world.control.deployments.rollback("web", world.asked())
        world.wait(10)
        assert world.share(Color.GREEN) == 50

        world.targets.unscript(GROUPS.green)
        world.until(lambda: world.share(Color.GREEN) == 100, 3)

    def test_goes_when_health_cannot_be_read(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0", percent=50)
        world.targets.unreadable.update({GROUPS.green, GROUPS.blue})

        world.control.deployments.rollback("web", world.asked())

        assert world.share(Color.GREEN) == 100

    def test_holds_when_health_cannot_be_read_but_a_look_a_moment_ago_found_none_healthy(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0", percent=50)
        world.targets.script(GROUPS.green, "unhealthy")
        world.wait(1)
        world.targets.unreadable.add(GROUPS.green)

        world.control.deployments.rollback("web", world.asked())

        assert world.share(Color.GREEN) == 50

    def test_switches_stickiness_off_in_the_same_write(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0", percent=50)
        rule = a_definition().traffic.production_rule
        world.router.meddle(rule, {GROUPS.blue: 500, GROUPS.green: 500}, sticky_seconds=3600)

        world.control.deployments.rollback("web", world.asked())

        assert world.router.served(rule).sticky_seconds == 0


class TestByItself:
    def test_on_the_error_rate_of_the_candidate(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.metrics.flow(GROUPS.blue, per_second=50, error_rate=0.2)
        world.metrics.flow(GROUPS.green, per_second=450)

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED, 15)

        told = world.control.deployments.events("web", world.deployment("1.1.0").id, limit=100, cursor=None).items
        assert any("requests failed (2" in event.message and "allowed 5.0%" in event.message for event in told)

    def test_not_while_the_baseline_is_as_red(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.metrics.flow(GROUPS.blue, per_second=50, error_rate=0.2)
        world.metrics.flow(GROUPS.green, per_second=450, error_rate=0.2)

        world.wait(30)

        assert world.phase("1.1.0") is Phase.SHIFTING

    def test_not_on_silence(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.metrics.unreadable = True

        world.wait(60)

        assert world.phase("1.1.0") is Phase.SHIFTING
        assert world.share(Color.BLUE) == 10

    def test_not_on_fewer_failures_in_a_row_than_the_probe_allows(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        for _ in range(3):
            world.sick.add("1.1.0")
            world.wait(2)
            world.sick.discard("1.1.0")
            world.wait(1)

        assert world.phase("1.1.0") is Phase.SHIFTING

    def test_quarantines_so_that_a_new_push_of_the_same_code_is_not_deployed(self, world: World) -> None:
        world.live("1.0.0")
        bad = a_zip("bad")
        world.upload("1.1.0", content=bad)
        world.until(lambda: world.phase("1.1.0") is Phase.STAGED)
        world.control.deployments.promote("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.SHIFTING)
        world.sick.add("1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        world.upload("1.1.1", content=bad)
        world.wait(20)

        assert world.control.releases.get("web", "1.1.1").version == "1.1.1"
        assert all(one.build.version != "1.1.1" for one in world.deployments())
