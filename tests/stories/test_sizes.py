"""A runtime with sizes: nothing shrinks while weights move, the candidate is as large as what it replaces, and what is done with is made small."""

from typing import Any

import pytest

from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from chalicelib.runtimes.lambda_.runtime import LambdaRuntime
from chalicelib.runtimes.runtime import Progress, Size, Standing
from chalicelib.traffic.memory import Balancer
from tests.contract.functions import Functions
from tests.faults.sizes import GROUPS
from tests.world import ALICE, World, a_definition

LIVE, IDLE = Size(3, held=False), Size(1, held=False)
FUNCTION = {"kind": "lambda", "function": "web", "provisioned": 5}


class Forgetful:
    """A runtime that does not do what it is asked the first times."""

    def __init__(self, runtime: Any, times: int = 3) -> None:
        self._runtime = runtime
        self._forgets = times

    def resize(self, *arguments: Any, at_most: int | None = None, **named: Any) -> None:
        if at_most is not None and self._forgets:
            self._forgets -= 1
            return
        self._runtime.resize(*arguments, at_most=at_most, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)


class Noting:
    """A router that notes what was ready whenever weights were written."""

    def __init__(self, router: Any, runtime: "OnLambda") -> None:
        self._router, self._runtime = router, runtime

    def set_weights(self, *arguments: Any, **named: Any) -> Any:
        self._runtime.ready_at_writes.append(self._runtime.is_ready and set(self._runtime.executions) == {"blue", "green"})
        return self._router.set_weights(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._router, name)


class OnLambda:
    """The Lambda adapter with AWS's rules instead of a runtime in memory; what was uploaded can be fetched, and what stands has a healthy target."""

    def __init__(self) -> None:
        self.aws = Functions()
        self.prepared = 0
        self.ready_at_writes: list[bool] = []
        self._adapters: dict[str, Any] = {}

    def between(self, name: str, adapter: Any) -> Any:
        self._adapters[name] = adapter
        if name == "router":
            return Noting(adapter, self)
        if name != "runtime":
            return adapter
        self._lambda = LambdaRuntime(self.aws, self._adapters["clock"])
        return self

    def prepare(self, definition: Any, color: Color, build: Any, *rest: Any, **named: Any) -> Standing:
        self.prepared += 1
        artifact = build.artifact
        fetched = self._adapters["objects"].fetch(artifact.bucket, artifact.key, artifact.object_version)
        self.aws.objects[artifact.bucket, artifact.key, artifact.object_version] = fetched.file.read()
        self._adapters["targets"].stand(definition.traffic.target_groups.of(color), build.version)
        return self._lambda.prepare(definition, color, build, *rest, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lambda, name)

    @property
    def executions(self) -> dict[str, int]:
        return {alias: there["RequestedProvisionedConcurrentExecutions"] for alias, there in self.aws.provisioned.items()}

    @property
    def is_ready(self) -> bool:
        return bool(self.aws.provisioned) and all(there["Status"] == "READY" for there in self.aws.provisioned.values())


def on_lambda(**changes: object) -> tuple[World, OnLambda]:
    runtime = OnLambda()
    world = World(between=runtime.between)
    world.runtime = runtime  # type: ignore[assignment]
    world.register(a_definition(runtime=FUNCTION | changes))
    world.wait(5)
    return world, runtime


def sized(**changes: object) -> World:
    world = World()
    world.register(a_definition(runtime=GROUPS | changes))
    world.wait(5)
    return world


@pytest.fixture
def world() -> World:
    return sized()


@pytest.fixture
def two(world: World) -> World:
    """1.0.0 was live on green, 1.1.0 is on blue."""
    world.live("1.0.0")
    world.live("1.1.0")
    world.wait(10)
    return world


def sizes(world: World) -> tuple[Size, Size]:
    """Of the live colour and the idle one."""
    found, live = world.runtime.sizes(world.service().definition), world.service().live
    assert found is not None
    assert live is not None
    return found[live.color], found[live.color.other]


def scale(world: World, color: Color, wanted: int) -> None:
    world.runtime.scale(world.service().definition, color, wanted)


class TestARollout:
    def test_starts_a_first_release_with_the_declared_size(self, world: World) -> None:
        world.live("1.0.0")

        assert sizes(world)[0] == LIVE

    def test_makes_the_candidate_as_large_as_what_it_replaces(self, two: World) -> None:
        scale(two, Color.BLUE, 7)

        two.staged("1.2.0")

        assert sizes(two)[1].wanted == 7

    def test_lets_nothing_shrink_from_the_first_weight_on(self, two: World) -> None:
        two.shifting("1.2.0")

        for color in Color:
            scale(two, color, 1)

        assert [size.wanted for size in sizes(two)] == [3, 3]
        assert all(size.held for size in sizes(two))

    def test_gives_back_the_size_that_was_lost_on_staging_before_the_whole_traffic(self, two: World) -> None:
        two.redefine(rollout={"strategy": "all-at-once", "steps": [], "watch_seconds": 30, "deadline_seconds": 300})
        two.staged("1.2.0")
        scale(two, Color.BLUE, 6)
        scale(two, Color.GREEN, 1)

        two.control.deployments.promote("web", two.asked(), version="1.2.0")
        two.until(lambda: two.share(Color.GREEN) == 100, 30)

        assert [size.wanted for size in sizes(two)] == [6, 6]

    def test_that_is_aborted_before_its_first_weight_lets_both_scale_again(self, two: World) -> None:
        two.redefine(rollout={"strategy": "all-at-once", "steps": [], "watch_seconds": 30, "deadline_seconds": 300})
        two.staged("1.2.0")
        two.targets.sick.add("1.2.0")
        two.control.deployments.promote("web", two.asked(), version="1.2.0")
        two.wait(3)
        assert all(size.held for size in sizes(two))

        two.control.deployments.abort("web", two.asked())
        two.wait(10)

        assert sizes(two) == (LIVE, IDLE)

    def test_lets_the_candidate_follow_what_it_replaces_as_that_grows(self, two: World) -> None:
        two.shifting("1.2.0")

        scale(two, Color.BLUE, 5)
        two.wait(2)

        assert sizes(two)[1].wanted == 5

    def test_puts_back_what_somebody_took_from_the_old_colour_during_the_watch(self, two: World) -> None:
        two.watching("1.2.0")
        definition = two.service().definition

        two.runtime.resize(definition, Color.BLUE, at_most=1, held=True)
        two.wait(2)

        assert sizes(two) == (Size(3, held=True), Size(3, held=True))

    def test_makes_the_old_colour_small_when_the_watch_is_over_and_lets_both_scale(self, two: World) -> None:
        two.live("1.2.0")
        two.wait(5)

        assert sizes(two) == (LIVE, IDLE)
        assert two.service().giving_up is None

    def test_asks_again_for_a_scale_down_that_was_lost(self) -> None:
        forgetful = World(between=lambda name, adapter: Forgetful(adapter) if name == "runtime" else adapter)
        forgetful.register(a_definition(runtime=GROUPS))
        forgetful.wait(5)
        forgetful.live("1.0.0")

        forgetful.live("1.1.0")
        forgetful.wait(10)

        assert sizes(forgetful) == (LIVE, IDLE)

    def test_keeps_what_it_is_told_to_keep_of_the_idle_colour(self) -> None:
        world = sized(idle_size=0)
        world.live("1.0.0")
        world.live("1.1.0")
        world.wait(10)

        assert sizes(world)[1].wanted == 0

    def test_that_is_bad_goes_back_to_a_colour_of_full_size(self, two: World) -> None:
        two.shifting("1.2.0")
        two.sick.add("1.2.0")
        two.until(lambda: two.phase("1.2.0") is Phase.REVERTED)
        two.wait(10)

        assert sizes(two) == (LIVE, IDLE)

    def test_that_is_aborted_on_staging_gives_its_size_back(self, two: World) -> None:
        two.staged("1.2.0")
        two.control.deployments.abort("web", two.asked())
        two.wait(5)

        assert sizes(two) == (LIVE, IDLE)


class TestARollback:
    def test_is_not_held_for_size_and_grows_at_the_same_time(self, two: World) -> None:
        two.control.deployments.rollback("web", two.asked("bad"))

        assert two.share(Color.GREEN) == 100
        two.wait(2)
        assert two.runtime.sizes(two.service().definition) == {Color.BLUE: Size(3, held=True), Color.GREEN: Size(3, held=True)}

    def test_to_what_was_scaled_to_nothing_starts_it_again_first(self) -> None:
        world = sized(idle_size=0)
        world.live("1.0.0")
        world.live("1.1.0")
        world.wait(10)

        world.control.deployments.rollback("web", world.asked("bad"))
        world.until(lambda: world.share(Color.GREEN) == 100)

        assert sizes(world)[0].wanted == 3


    def test_to_what_stood_there_before_turnout_came_has_one_left_to_go_to(self) -> None:
        """It cannot be put there again, so `idle_size` 0 does not take it away."""
        world = World()
        definition = a_definition(runtime=GROUPS | {"idle_size": 0})
        world.targets.stand(definition.traffic.target_groups.blue, "old")
        world.runtime.resize(definition, Color.BLUE, at_least=3, held=False)
        world.register(definition)
        world.wait(5)
        world.live("1.0.0")
        world.wait(10)
        assert sizes(world) == (LIVE, IDLE)

        world.control.deployments.rollback("web", world.asked("bad"))

        assert world.share(Color.BLUE) == 100


class TestTheDefinition:
    @pytest.mark.parametrize("changes", [{"size": 4}, {"idle_size": 2}])
    def test_of_other_sizes_leaves_live_what_is_live_and_the_way_back_warm(self, two: World, changes: dict[str, int]) -> None:
        before = two.service()

        after = two.redefine(runtime=GROUPS | changes)

        assert (after.live, after.standing, after.lineage) == (before.live, before.standing, before.lineage)

    def test_of_provisioned_concurrency_leaves_live_what_is_live(self) -> None:
        world, _ = on_lambda(provisioned=0)
        world.live("1.0.0")
        before = world.service()

        after = world.redefine(runtime=FUNCTION)

        assert (after.live, after.standing) == (before.live, before.standing)

    def test_of_other_groups_is_done_with_nothing_there(self) -> None:
        """What was given up stood on the groups before; the colour of that name serves now."""
        forgetful = World(between=lambda name, adapter: Forgetful(adapter, 1000) if name == "runtime" else adapter)
        before = a_definition(runtime=GROUPS)
        forgetful.register(before)
        forgetful.wait(5)
        forgetful.live("1.0.0")
        forgetful.live("1.1.0")
        assert forgetful.service().giving_up is Color.GREEN
        groups = {color: f"{arn}0" for color, arn in before.traffic.target_groups.model_dump().items()}
        other = before.traffic.model_dump() | {"target_groups": groups, "production_rule": f"{before.traffic.production_rule}0"}
        elsewhere = a_definition(runtime=GROUPS | {"groups": {"blue": "shop-blue", "green": "shop-green"}}, traffic=other)
        forgetful.router.attach(elsewhere.traffic, Balancer(health_delay_seconds=2))
        forgetful.router.meddle(elsewhere.traffic.production_rule, {groups["blue"]: 0, groups["green"]: 100})

        forgetful.control.services.register("web", elsewhere, if_match=None, by=ALICE)
        forgetful.wait(10)

        assert (forgetful.service().giving_up, forgetful.service().due_at) == (None, None)


class TestProvisionedConcurrency:
    def test_is_moved_before_the_shift(self) -> None:
        """As much as the live alias has, and ready."""
        world, runtime = on_lambda()
        world.live("1.0.0")
        runtime.resize(world.service().definition, Color.GREEN, at_least=8, held=False)
        runtime.aws.slow = 20
        world.upload("1.1.0")
        world.until(lambda: runtime.executions.get("blue") == 8)

        world.wait(3)
        waiting = world.phase("1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.STAGED)

        assert waiting is Phase.PREPARING
        assert runtime.is_ready

    def test_that_was_lost_on_its_way_is_asked_for_again_and_holds_the_shift(self) -> None:
        """The build stands there, and Lambda did not answer what came next."""
        world, runtime = on_lambda()
        world.live("1.0.0")
        runtime.aws.refuse("put_provisioned_concurrency_config", "TooManyRequestsException")
        world.upload("1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.VERIFYING)
        runtime.aws.allow("put_provisioned_concurrency_config")
        world.until(lambda: world.phase("1.1.0") is Phase.STAGED)
        runtime.ready_at_writes.clear()
        world.control.deployments.promote("web", world.asked(), version="1.1.0")
        world.until(lambda: world.share(Color.BLUE) == 10)

        assert runtime.executions == {"green": 5, "blue": 5}
        assert runtime.ready_at_writes == [True]

    def test_that_is_lost_again_and_again_gives_no_weight(self) -> None:
        world, runtime = on_lambda()
        world.live("1.0.0")
        runtime.aws.refuse("put_provisioned_concurrency_config", "TooManyRequestsException")
        world.upload("1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.STAGED)
        runtime.ready_at_writes.clear()

        world.control.deployments.promote("web", world.asked(), version="1.1.0")
        world.wait(20)
        waiting = list(runtime.ready_at_writes)
        runtime.aws.allow("put_provisioned_concurrency_config")
        world.until(lambda: world.share(Color.BLUE) == 10)

        assert waiting == []

    def test_that_is_lost_while_staged_holds_the_next_weight(self) -> None:
        world, runtime = on_lambda(idle_provisioned=2)
        world.live("1.0.0")
        world.staged("1.1.0")
        runtime.aws.provisioned.pop("blue")
        runtime.aws.slow = 30
        runtime.ready_at_writes.clear()
        world.control.deployments.promote("web", world.asked(), version="1.1.0")
        world.wait(5)
        waiting = list(runtime.ready_at_writes)
        world.until(lambda: world.share(Color.BLUE) == 10)

        assert waiting == []
        assert all(runtime.ready_at_writes)

    def test_that_cannot_be_had_fails_the_deployment_with_awss_reason(self) -> None:
        world, runtime = on_lambda()
        world.live("1.0.0")
        runtime.aws.allocation_fails_with = "FUNCTION_ERROR_INIT_FAILURE"
        world.upload("1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.FAILED)
        world.wait(10)

        assert "FUNCTION_ERROR_INIT_FAILURE" in world.deployment("1.1.0").outcome
        assert runtime.executions == {"green": 5}

    def test_of_the_old_alias_is_taken_away_when_the_watch_is_over(self) -> None:
        world, runtime = on_lambda()
        world.live("1.0.0")
        world.watching("1.1.0")
        during = runtime.executions
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)
        world.wait(10)

        assert during == {"green": 5, "blue": 5}
        assert runtime.executions == {"blue": 5}
        assert world.service().giving_up is None

    def test_keeps_what_it_is_told_to_keep_of_the_idle_alias(self) -> None:
        world, runtime = on_lambda(idle_provisioned=2)
        world.live("1.0.0")
        world.live("1.1.0")
        world.wait(10)

        assert runtime.executions == {"green": 2, "blue": 5}

    def test_never_holds_a_rollback_and_comes_at_the_same_time(self) -> None:
        world, runtime = on_lambda()
        world.live("1.0.0")
        world.live("1.1.0")
        world.wait(10)
        runtime.aws.slow = 100

        world.control.deployments.rollback("web", world.asked("bad"))

        assert world.share(Color.GREEN) == 100
        world.wait(2)
        assert runtime.executions == {"green": 5, "blue": 5}
        assert not runtime.is_ready

    def test_that_a_rollback_may_not_have_does_not_stop_it(self) -> None:
        world, runtime = on_lambda()
        world.live("1.0.0")
        world.live("1.1.0")
        world.wait(10)
        runtime.aws.unreserved = 5

        world.control.deployments.rollback("web", world.asked("bad"))
        world.until(lambda: world.service().deployment is None, 300)

        assert world.share(Color.GREEN) == 100
        assert world.deployments()[0].phase is Phase.COMPLETED

    def test_that_is_lost_during_the_watch_is_no_drift_and_comes_back(self) -> None:
        world, runtime = on_lambda()
        world.live("1.0.0")
        world.watching("1.1.0")
        runtime.aws.provisioned.clear()
        world.wait(5)

        assert world.service().drift is None
        assert runtime.executions == {"green": 5, "blue": 5}

    def test_is_rehearsed_without(self) -> None:
        """A drill takes the idle alias as a rollback would find it."""
        world, runtime = on_lambda()
        world.live("1.0.0")
        world.live("1.1.0")
        world.wait(10)
        world.redefine(drill={"every_hours": 24})
        before = runtime.prepared

        world.until(lambda: world.share(Color.GREEN) > 0, 25 * 3600)

        assert runtime.prepared == before
        assert world.runtime.standing(world.service().definition, Color.BLUE).progress is Progress.READY

    def test_is_left_alone_where_none_is_asked_for(self) -> None:
        world, runtime = on_lambda(provisioned=0)
        world.live("1.0.0")
        world.live("1.1.0")

        assert not any("provisioned" in call for call in runtime.aws.calls)
