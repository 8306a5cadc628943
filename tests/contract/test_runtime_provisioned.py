"""A function's provisioned concurrency as a size: what every runtime says of it, and what the Lambda one does with AWS's rules.

Plain moto has none, so the third of them is moto as the local stack corrects it.
"""

from datetime import timedelta

import pytest
from moto import mock_aws

from chalicelib.colors import Color
from chalicelib.errors import Conflict, Unavailable
from chalicelib.runtimes.runtime import Progress, Size
from tests.contract.balancers import a_definition
from tests.contract.functions import Interrupted
from tests.contract.test_runtime import ByHand, InMemory, OnMoto, prepare, prepared
from turnout.local import corrections
from turnout.local.corrections import awslambda
from turnout.local.corrections import provisioned as corrected

LIMIT = "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum"


def provisioned(world, executions=10, idle=0):
    runtime = {"kind": "lambda", "function": "web", "provisioned": executions, "idle_provisioned": idle}
    world.definition = a_definition(world.definition.traffic, runtime=runtime)
    return world


def by_hand(executions=10, idle=0):
    return provisioned(ByHand(), executions, idle)


def sizes(world):
    return {color: size.wanted for color, size in world.runtime.sizes(world.definition).items()}


def writes(world):
    return [call for call in world.aws.writes if "provisioned" in call]


def standing(world, color=Color.GREEN):
    return world.runtime.standing(world.definition, color)


@pytest.fixture(params=[InMemory, ByHand, OnMoto])
def world(request, monkeypatch):
    monkeypatch.setattr(awslambda, "UPDATE_SECONDS", 0.0)
    monkeypatch.setattr(corrected, "ALLOCATION_SECONDS", 0.0)
    with mock_aws(config={"lambda": {"use_docker": False}}), corrections.apply():
        yield provisioned(request.param())


class TestSizes:
    @pytest.mark.parametrize("kind", [InMemory, ByHand])
    def test_are_none_where_no_executions_are_to_be_ready(self, kind):
        assert kind().runtime.sizes(a_definition()) is None

    def test_are_nothing_at_first_and_nobody_scales_them(self, world):
        assert world.runtime.sizes(world.definition) == {Color.BLUE: Size(0, held=None), Color.GREEN: Size(0, held=None)}

    def test_are_the_declared_one_where_the_other_colour_has_none(self, world):
        build = world.publish("1.0.0")

        assert prepared(world, Color.GREEN, build).holds(build)
        assert sizes(world) == {Color.BLUE: 0, Color.GREEN: 10}

    def test_are_the_other_colours_where_that_has_more(self, world):
        prepared(world, Color.BLUE, world.publish("1.0.0"))
        world.runtime.resize(world.definition, Color.BLUE, at_least=25, held=True)

        prepared(world, Color.GREEN, world.publish("2.0.0"))

        assert sizes(world) == {Color.BLUE: 25, Color.GREEN: 25}

    def test_that_are_given_up_leave_the_build_where_it_is(self, world):
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)

        world.runtime.resize(world.definition, Color.GREEN, at_most=0, held=False)

        assert sizes(world)[Color.GREEN] == 0
        assert standing(world).holds(build)

    def test_that_were_given_up_come_back_with_the_same_build(self, world):
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)
        world.runtime.resize(world.definition, Color.GREEN, at_most=0, held=False)

        assert prepared(world, Color.GREEN, build).holds(build)
        assert sizes(world)[Color.GREEN] == 10

    def test_are_brought_within_bounds_of_which_the_lower_counts_more(self, world):
        prepared(world, Color.GREEN, world.publish("1.0.0"))

        world.runtime.resize(world.definition, Color.GREEN, at_least=4, at_most=3, held=False)

        assert sizes(world)[Color.GREEN] == 4


class TestNoneAskedFor:
    def test_calls_nothing_that_has_to_do_with_it(self):
        world = ByHand()
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        prepared(world, Color.GREEN, world.publish("2.0.0"))
        world.runtime.resize(world.definition, Color.GREEN, at_least=5, held=True)
        standing(world)

        assert not any("provisioned" in call for call in world.aws.calls)


class TestAllocation:
    def test_is_waited_for_before_the_build_is_ready(self):
        world = by_hand()
        world.aws.slow = 3
        build = world.publish("1.0.0")

        seen = [prepare(world, Color.GREEN, build) for _ in range(20)]

        asked = [each for each in seen if "executions" in each.reason]
        assert asked
        assert all(each.progress is Progress.WORKING for each in asked)
        assert seen[-1].holds(build)
        assert world.aws.provisioned["green"]["Status"] == "READY"

    def test_that_is_under_way_is_said_by_what_stands(self):
        world = by_hand()
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)
        world.aws.slow = 2
        world.runtime.resize(world.definition, Color.GREEN, at_least=20, held=True)

        before, after = standing(world), [standing(world) for _ in range(3)][-1]

        assert (before.progress, before.version, before.reason) == (Progress.WORKING, "1.0.0", "Lambda has 0 of 20 executions ready")
        assert after.holds(build)

    def test_that_is_gone_is_missed_where_the_idle_colour_keeps_some(self):
        world = by_hand(idle=2)
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)
        world.aws.provisioned.clear()

        missing = standing(world)

        assert missing.progress is Progress.WORKING
        assert prepared(world, Color.GREEN, build).holds(build)
        assert sizes(world)[Color.GREEN] == 10

    def test_is_asked_for_once(self):
        world = by_hand()
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)

        prepared(world, Color.GREEN, build)
        world.runtime.resize(world.definition, Color.GREEN, at_least=10, held=True)

        assert writes(world) == ["put_provisioned_concurrency_config"]

    def test_that_failed_is_final_with_awss_reason(self):
        world = by_hand()
        world.aws.allocation_fails_with = "FUNCTION_ERROR_INIT_FAILURE"

        failed = prepared(world, Color.GREEN, world.publish("1.0.0"))

        assert (failed.progress, failed.reason) == (Progress.FAILED, "Lambda could not make 10 executions ready: FUNCTION_ERROR_INIT_FAILURE")
        assert standing(world).progress is Progress.WORKING

    def test_that_failed_for_another_build_is_not_held_against_this_one(self):
        world = by_hand()
        world.aws.allocation_fails_with = "FUNCTION_ERROR_INIT_FAILURE"
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        world.aws.allocation_fails_with = None
        build = world.publish("2.0.0")

        assert prepared(world, Color.GREEN, build).holds(build)

    def test_that_failed_long_ago_is_tried_once_more(self):
        world = by_hand()
        build = world.publish("1.0.0")
        world.aws.allocation_fails_with = "no capacity"
        prepared(world, Color.GREEN, build)
        world.clock.move(timedelta(minutes=10))
        world.aws.modified = "2026-01-01T00:10:00+0000"

        again = prepared(world, Color.GREEN, build)

        assert again.progress is Progress.FAILED
        assert writes(world) == ["put_provisioned_concurrency_config"] * 2

    def test_that_failed_and_was_given_up_is_tried_once_more(self):
        world = by_hand()
        build = world.publish("1.0.0")
        world.aws.allocation_fails_with = "no capacity"
        prepared(world, Color.GREEN, build)
        world.runtime.resize(world.definition, Color.GREEN, at_most=0, held=False)
        world.aws.allocation_fails_with = None

        assert prepared(world, Color.GREEN, build).holds(build)

    def test_beyond_the_accounts_limit_is_final(self):
        world = by_hand(executions=901)

        refused = prepared(world, Color.GREEN, world.publish("1.0.0"))

        assert (refused.progress, refused.reason) == (Progress.FAILED, f"Lambda refused it: {LIMIT}")

    def test_beyond_the_accounts_limit_while_weights_move_is_no_failure_of_the_pass(self):
        world = by_hand(executions=500)
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)

        with pytest.raises(Conflict, match="UnreservedConcurrentExecution"):
            world.runtime.resize(world.definition, Color.GREEN, at_least=901, held=True)
        assert standing(world).holds(build)

    def test_that_turnout_may_not_ask_for_is_waited_for_and_says_why(self):
        world = by_hand()
        world.aws.refuse("put_provisioned_concurrency_config", "AccessDeniedException")
        build = world.publish("1.0.0")

        seen = [prepare(world, Color.GREEN, build) for _ in range(10)][-1]

        assert seen.progress is Progress.WORKING
        assert "turnout:service" in seen.reason

    def test_that_cannot_be_read_is_unavailable_and_not_missing(self):
        world = by_hand()
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        world.aws.refuse("get_provisioned_concurrency_config", "TooManyRequestsException")

        with pytest.raises(Unavailable):
            standing(world)
        with pytest.raises(Unavailable):
            world.runtime.sizes(world.definition)


class TestAnAliasThatMoves:
    def test_is_never_weighed_by_aws(self):
        """While Lambda moves provisioned concurrency along, the old version still answers under the new one's name."""
        world = by_hand()
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        world.aws.slow = 3
        build = world.publish("2.0.0")

        for _ in range(20):
            there = prepare(world, Color.GREEN, build)
            assert not world.aws.aliases["green"].get("RoutingConfig", {}).get("AdditionalVersionWeights")

        assert there.holds(build)
        assert writes(world) == ["put_provisioned_concurrency_config", "delete_provisioned_concurrency_config", "put_provisioned_concurrency_config"]

    def test_by_somebody_elses_hand_is_put_back_though_aws_weighs_it(self):
        world = by_hand()
        one, two = world.publish("1.0.0"), world.publish("2.0.0")
        prepared(world, Color.BLUE, two)
        prepared(world, Color.GREEN, one)
        world.aws.slow = 50
        alias = world.aws.aliases["green"]
        world.aws.lambda_.update_alias(FunctionName="web", Name="green", FunctionVersion="1", RoutingConfig={}, RevisionId=alias["RevisionId"])
        assert world.aws.aliases["green"]["RoutingConfig"]["AdditionalVersionWeights"]
        world.aws.slow = 1

        assert prepared(world, Color.GREEN, one).holds(one)
        assert standing(world).holds(one)
        assert not world.aws.aliases["green"]["RoutingConfig"].get("AdditionalVersionWeights")

    def test_with_weights_that_somebody_gave_it_serves_the_build_alone(self):
        world = by_hand()
        one, two = world.publish("1.0.0"), world.publish("2.0.0")
        prepared(world, Color.GREEN, one)
        prepared(world, Color.GREEN, two)
        world.aws.provisioned.clear()
        world.aws.aliases["green"]["RoutingConfig"] = {"AdditionalVersionWeights": {"1": 0.5}}

        assert prepared(world, Color.GREEN, two).holds(two)
        assert not world.aws.aliases["green"]["RoutingConfig"].get("AdditionalVersionWeights")

    def test_waits_for_weights_that_lambda_still_takes_off(self):
        world = by_hand()
        build = world.publish("1.0.0")
        world.aws.refuse("put_provisioned_concurrency_config", "InvalidParameterValueException", "Alias with weights can not be used with Provisioned Concurrency")

        waiting = [prepare(world, Color.GREEN, build) for _ in range(10)]
        world.aws.allow("put_provisioned_concurrency_config")

        assert {each.progress for each in waiting} == {Progress.WORKING}
        assert prepared(world, Color.GREEN, build).holds(build)


class TestATakeover:
    def test_leaves_what_the_other_deployment_asked_for(self):
        world = by_hand()
        one, two = world.publish("1.0.0"), world.publish("2.0.0")
        prepared(world, Color.GREEN, one)
        world.aws.calls.clear()

        for _ in range(10):
            prepare(world, Color.GREEN, two, still_ours=lambda: False)

        assert writes(world) == []
        assert standing(world).holds(one)

    def test_asks_for_nothing_more(self):
        world = by_hand()
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)
        world.aws.provisioned.clear()
        world.aws.calls.clear()

        for _ in range(3):
            assert prepare(world, Color.GREEN, build, still_ours=lambda: False).progress is Progress.WORKING
        assert writes(world) == []


@pytest.mark.parametrize("idle", [0, 2])
@pytest.mark.parametrize("call", range(1, 26))
def test_goes_on_from_wherever_it_was_interrupted(call, idle):
    world = by_hand(idle=idle)
    prepared(world, Color.GREEN, world.publish("1.0.0"))
    build = world.publish("2.0.0")
    world.aws.interrupt_at(call)

    for _ in range(40):
        try:
            there = prepare(world, Color.GREEN, build)
        except Interrupted:
            continue
        with world.aws.undisturbed():
            is_ready = world.aws.provisioned.get("green", {}).get("Status") == "READY"
            # Where the idle colour keeps some, what stands is never taken for ready without.
            assert is_ready or not idle or not standing(world).holds(build)
        assert is_ready or there.progress is Progress.WORKING

    assert there.holds(build)
    assert sizes(world)[Color.GREEN] == 10
