"""The tests that may be looked at after every period: what they prove, how soon, and how seldom they are wrong."""

import random
from math import log

import pytest

from chalicelib.health import sequential
from chalicelib.health.sequential import Alone, Beside

PROOF = log(500)
"""One false alarm in 500 rollouts at most, however often one looks."""


def drawn(luck: random.Random, requests: int, rate: float) -> int:
    return sum(luck.random() < rate for _ in range(requests))


def ever(processes: int, of) -> int:  # type: ignore[no-untyped-def]
    return sum(of(random.Random(seed)) for seed in range(processes))


class TestWorse:
    def test_nothing_seen_is_no_evidence(self) -> None:
        assert sequential.worse([], 1.25) == pytest.approx(0)

    def test_periods_without_failures_are_no_evidence(self) -> None:
        assert sequential.worse([Beside(0.1, 0, 0)] * 50, 1.25) == pytest.approx(0, abs=1e-9)

    def test_failures_in_proportion_speak_for_the_candidate(self) -> None:
        assert sequential.worse([Beside(0.1, 1, 9)] * 30, 1.25) < 0

    def test_a_tenfold_rate_is_proved_by_a_score_of_failures(self) -> None:
        assert sequential.worse([Beside(0.1, 12, 10)], 1.25) > PROOF

    def test_the_same_failures_in_the_other_direction_never_are(self) -> None:
        assert sequential.worse([Beside(0.5, 0, 20)] * 30, 1.25) < 1

    def test_one_period_adds_no_more_than_it_may(self) -> None:
        assert sequential.worse([Beside(0.1, 1000, 9)], 1.25, at_most=4) <= 4

    def test_what_is_tolerated_is_not_evidence(self) -> None:
        assert sequential.worse([Beside(0.5, 55, 45)] * 60, 1.25) < PROOF

    def test_a_release_that_turns_bad_late_is_found_as_if_it_had_just_begun(self) -> None:
        good = [Beside(0.5, 5, 5)] * 60
        bad = [Beside(0.5, 50, 5)] * 3

        assert sequential.worse(good + bad, 1.25) > PROOF
        assert sequential.worse(good, 1.25) < 1

    def test_looking_after_every_period_of_equal_releases_is_wrong_at_most_as_often_as_stated(self) -> None:
        """Bursts that hit both, at changing exposure: 300 rollouts of 40 periods, looked at after each, at one false alarm in 20."""

        def alarms(luck: random.Random) -> bool:
            periods = []
            for number in range(40):
                exposure = 0.1 if number < 15 else 0.5
                failed = drawn(luck, 40, luck.choice((0.01, 0.05, 0.5)))
                mine = drawn(luck, failed, exposure)
                periods.append(Beside(exposure, mine, failed - mine))
            return any(sequential.worse(periods[: end + 1], 1.0) >= log(20) for end in range(40))

        assert ever(300, alarms) <= 0.05 * 300


class TestAbove:
    def test_periods_without_requests_leave_the_whole_stake_as_it_was(self) -> None:
        assert sequential.above([Alone(0, 0)] * 1000, 0.05) == pytest.approx(0, abs=1e-9)

    def test_a_rate_at_the_limit_is_no_evidence(self) -> None:
        assert sequential.above([Alone(100, 5)] * 60, 0.05) < 1

    def test_everything_failing_is_proved_by_a_handful(self) -> None:
        assert sequential.above([Alone(5, 5)], 0.05) > PROOF

    def test_twice_the_limit_is_proved_in_the_end(self) -> None:
        assert sequential.above([Alone(100, 10)] * 20, 0.05) > PROOF

    def test_a_limit_of_everything_cannot_be_exceeded(self) -> None:
        assert sequential.above([Alone(100, 100)], 1.0) == 0.0

    def test_rates_that_vary_below_the_limit_alarm_at_most_as_often_as_stated(self) -> None:
        def alarms(luck: random.Random) -> bool:
            periods = [Alone(30, drawn(luck, 30, luck.choice((0.0, 0.02, 0.05)))) for _ in range(40)]
            return any(sequential.above(periods[: end + 1], 0.05) >= log(20) for end in range(40))

        assert ever(300, alarms) <= 0.05 * 300


class TestLeaning:
    def test_leans_to_a_rise_when_the_candidates_failures_are_out_of_proportion(self) -> None:
        assert sequential.leaning([Beside(0.1, 2, 1)], 10) > 0

    def test_leans_to_none_when_they_are_in_proportion(self) -> None:
        assert sequential.leaning([Beside(0.1, 1, 9)], 10) < 0

    def test_leans_nowhere_without_failures(self) -> None:
        assert sequential.leaning([Beside(0.1, 0, 0)], 10) == 0
