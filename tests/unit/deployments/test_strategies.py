"""Strategies are arithmetic."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.deployments.strategies import plan_of, steps_of
from chalicelib.services.definition import Rollout, Step


def permilles(strategy: str, *weights: float) -> list[int]:
    return [step.permille for step in steps_of(strategy, tuple(Step(weight=weight, hold_seconds=5) for weight in weights))]


def test_all_at_once_has_one_step() -> None:
    assert permilles("all-at-once", 10, 50) == [1000]


def test_canary_takes_its_steps_and_then_everything() -> None:
    assert permilles("canary", 0.1, 10, 50) == [1, 100, 500, 1000]


def test_a_canary_that_ends_with_everything_has_no_step_more() -> None:
    assert permilles("canary", 10, 100) == [100, 1000]


def test_linear_repeats_its_first_step_and_ends_with_everything() -> None:
    assert permilles("linear", 30, 50) == [300, 600, 900, 1000]


def test_the_last_step_is_not_held_but_watched() -> None:
    steps = steps_of("linear", (Step(weight=50, hold_seconds=5),))

    assert [step.hold for step in steps] == [timedelta(seconds=5), timedelta(0)]


def test_a_strategy_given_for_one_deployment_overrides_the_declared_one() -> None:
    assert plan_of(Rollout(), strategy="all-at-once").steps == steps_of("all-at-once", ())


@given(st.sampled_from(["all-at-once", "linear", "canary"]), st.lists(st.integers(1, 1000), min_size=1, max_size=8, unique=True))
def test_every_plan_rises_and_ends_with_the_whole_traffic(strategy: str, tenths: list[int]) -> None:
    steps = permilles(strategy, *(tenth / 10 for tenth in sorted(tenths)))

    assert steps == sorted(set(steps))
    assert steps[-1] == 1000
