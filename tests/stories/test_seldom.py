"""What happens seldom: found by the soak, kept here as the shortest way to it."""

import pytest

from chalicelib.access.model import Role
from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from chalicelib.errors import Conflict
from chalicelib.hooks.model import HookAnswer, Said
from tests.unit.api.an_api import Api
from tests.world import World, a_definition

HOOK = "turnout-hook-smoke"
GROUPS = a_definition().traffic.target_groups
RULE = a_definition().traffic.production_rule


def somebody_sets(world: World, blue: int) -> None:
    world.router.meddle(RULE, {GROUPS.blue: blue, GROUPS.green: 999 - blue})


def restored(world: World) -> None:
    world.wait(2)
    world.control.deployments.resume("web", world.asked(), drift="restore")


class TestAColourThatSomebodyElseGaveTraffic:
    def test_is_drained_again_before_anything_is_put_there(self, world: World) -> None:
        world.live("1.0.0")
        world.runtime.steps = 30
        world.upload("1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.PREPARING)
        world.runtime.steps = 1
        somebody_sets(world, 300)
        restored(world)
        world.until(lambda: world.share(Color.BLUE) == 0)
        emptied = world.clock.now()

        world.until(lambda: world.runtime.standing(world.service().definition, Color.BLUE).version == "1.1.0")

        assert world.clock.now() - emptied >= world.pace.drain_floor


class TestARollback:
    def test_that_is_over_at_once_answers_the_deployment_it_was(self) -> None:
        """What stood there before Turnout came is dead: it cannot be put there again."""
        api = Api()
        world = api.world
        world.targets.stand(GROUPS.blue, "legacy")
        world.register()
        world.wait(5)
        world.live("1.0.0")
        world.targets.script(GROUPS.blue, "unhealthy")

        answer = api("POST", "/v1/services/web/rollback", {"reason": "it is bad"}, role=Role.DEPLOYER)

        assert (answer.status, answer.json["kind"], answer.json["phase"]) == (202, "rollback", "failed")


    def test_reports_no_success_of_what_somebody_else_had_taken_the_traffic_from(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")
        world.until(lambda: world.deployment("1.1.0").retiring)
        somebody_sets(world, 0)

        world.control.deployments.rollback("web", world.asked())

        assert world.phase("1.1.0") is Phase.SUPERSEDED


    def test_to_what_was_never_verified_verifies_it_first(self, world: World) -> None:
        world.live("1.0.0")
        world.sick.add("1.1.0")
        world.upload("1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.FAILED)
        writes = len(world.production_writes())

        world.control.deployments.rollback("web", world.asked(), to="1.1.0")
        world.wait(30)

        assert world.phase("1.1.0") is Phase.FAILED
        assert len(world.production_writes()) == writes

    def test_overtakes_the_weights_that_a_drift_was_to_be_restored_to(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        somebody_sets(world, 700)
        world.control.passes.run("web")
        writes = len(world.production_writes())

        world.control.deployments.resume("web", world.asked(), drift="restore")
        world.control.deployments.rollback("web", world.asked())

        assert [write.after.weight_by_group[GROUPS.green] for write in world.production_writes()[writes:]] == [999]


class TestAConfigThatIsSoAlready:
    def test_uses_its_idempotency_key_up(self) -> None:
        api = Api()
        api.world.register()
        path = "/v1/services/web/config"
        api("POST", path, {"set": {"GREETING": "a"}})
        first = api("POST", path, {"set": {"GREETING": "a"}}, idempotency_key="k1")
        api("POST", path, {"set": {"GREETING": "b"}})

        again = api("POST", path, {"set": {"GREETING": "a"}}, idempotency_key="k1")

        assert again.json == first.json
        assert again.headers["Idempotency-Replayed"] == "true"
        assert api("GET", "/v1/services/web").json["config_version"] == 2


def overtaken(world: World) -> None:
    """Somebody else gives a candidate exactly what it is about to ask for, while a hook is still being asked."""
    world.live("1.0.0")
    world.redefine(rollout={"strategy": "all-at-once", "watch_seconds": 5, "deadline_seconds": 300}, hooks=[{"at": "before_shift", "lambda": HOOK}])
    world.hooks.answers[HOOK] = lambda _: HookAnswer(Said.IN_PROGRESS)
    world.staged("1.1.0")
    world.control.deployments.promote("web", world.asked())
    world.wait(2)
    somebody_sets(world, 999)
    world.wait(2)


def live_version(world: World) -> tuple[Color, str] | None:
    live = world.service().live
    return (live.color, live.build.version) if live and live.build else None


class TestAdoptingTheWholeTrafficDuringAShift:
    def test_makes_the_candidate_live(self, world: World) -> None:
        overtaken(world)

        world.control.deployments.resume("web", world.asked(), drift="adopt")
        world.hooks.answers.clear()
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED, 300)

        assert live_version(world) == (Color.BLUE, "1.1.0")

    def test_makes_it_live_also_where_it_has_to_be_restored_first(self, world: World) -> None:
        """It was moved away again before anybody saw it: nothing but what was adopted is expected, and nobody ever asked for it."""
        overtaken(world)
        somebody_sets(world, 0)
        world.control.deployments.resume("web", world.asked(), drift="adopt")
        world.until(lambda: world.phase("1.1.0") is Phase.NEEDS_HUMAN, 600)
        assert live_version(world) == (Color.GREEN, "1.0.0")

        world.control.deployments.resume("web", world.asked(), drift="restore")
        world.until(lambda: not world.service().is_drifted)

        assert world.share(Color.BLUE) == 100
        assert live_version(world) == (Color.BLUE, "1.1.0")

    def test_leaves_live_what_is_being_replaced_where_the_plan_goes_on_below_it(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        somebody_sets(world, 999)
        world.wait(2)

        world.control.deployments.resume("web", world.asked(), drift="adopt")
        world.until(lambda: world.share(Color.BLUE) == 10)

        assert live_version(world) == (Color.GREEN, "1.0.0")

    def test_ends_no_watch_before_it_was_read_back(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        somebody_sets(world, 999)
        world.wait(2)
        world.router.unreadable = True
        world.control.deployments.resume("web", world.asked(), drift="adopt")
        world.until(lambda: world.phase("1.1.0") is Phase.NEEDS_HUMAN, 600)

        with pytest.raises(Conflict) as refused:
            world.control.deployments.certify("web", world.asked(), certified=False)
        world.router.unreadable = False
        world.wait(2)
        world.control.deployments.certify("web", world.asked(), certified=False)

        assert refused.value.slug == "not-at-100-percent"
        assert live_version(world) == (Color.BLUE, "1.1.0")


class TestARollbackWhoseWeightsSomebodyElseHasSet:
    def test_is_live_when_it_is_over_and_nothing_has_drifted(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.targets.script(GROUPS.green, "unhealthy")
        world.control.deployments.rollback("web", world.asked())
        world.wait(3)
        somebody_sets(world, 0)
        world.targets.unscript(GROUPS.green)

        world.until(lambda: world.service().deployment is None, 300)

        live = world.service().live
        assert world.service().drift is None
        assert live is not None
        assert live.color is Color.GREEN


class TestAnAbortWhoseWeightsSomebodyElseHasSet:
    def test_leaves_nothing_drifted(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.targets.unreadable.add(GROUPS.green)
        somebody_sets(world, 0)
        world.wait(2)

        world.control.deployments.abort("web", world.asked())
        world.until(lambda: world.service().deployment is None, 300)

        assert world.service().drift is None
        assert world.service().desired.share(Color.GREEN) == 1000


class TestWhatAPersonTakesOn:
    def test_is_judged_from_then_on_and_not_by_what_they_know_of(self, world: World) -> None:
        """A rollback that was turned back, and was stuck on that way too, is not at the weights that it goes on to."""
        world.live("1.0.0")
        world.live("1.1.0")
        world.shifting("1.2.0")
        world.metrics.unreadable = True
        world.until(lambda: world.phase("1.2.0") is Phase.NEEDS_HUMAN, 600)

        world.control.deployments.promote("web", world.asked(), skip_holds=True)

        taken_on = world.deployment("1.2.0")
        assert (taken_on.confirmed_at, taken_on.judged_since) == (None, world.clock.now())
