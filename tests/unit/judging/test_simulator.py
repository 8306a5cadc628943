"""The simulator of rollouts: its draws, its rivals, and a small part of what it shows of the product's judge."""

from math import inf
from random import Random
from statistics import NormalDist, mean, variance

import pytest

from bench.judges.draws import binomial, poisson, rank
from bench.judges.mann_whitney import CONFIDENCE_98, high
from bench.judges.playing import Task, played
from bench.judges.rollout import End
from bench.judges.streams import EVERYTHING, NONE, OUTAGES, Regression, Site, Stream
from bench.judges.tables import wilson
from chalicelib.services.definition import Checks

TENFOLD = Regression("errors x10", factor=10)


class TestDraws:
    @pytest.mark.parametrize(("trials", "chance"), [(10, 0.3), (2_000, 0.01), (60_000, 0.1), (60_000, 0.9), (1, 0.5), (500, 0.0), (500, 1.0)])
    def test_binomial_ones_have_their_mean_and_variance(self, trials, chance):
        drawn = [binomial(Random(seed), trials, chance) for seed in range(2_000)]

        spread = (trials * chance * (1 - chance)) ** 0.5
        assert abs(mean(drawn) - trials * chance) <= 4 * spread / 2_000**0.5
        assert variance(drawn) == pytest.approx(spread**2, rel=0.15)

    @pytest.mark.parametrize("expected", [0.0, 0.1, 11.9, 12.1, 6_000.0])
    def test_poisson_ones_have_their_mean_and_variance(self, expected):
        drawn = [poisson(Random(seed), expected) for seed in range(2_000)]

        assert abs(mean(drawn) - expected) <= 4 * (expected / 2_000) ** 0.5
        assert variance(drawn) == pytest.approx(expected, rel=0.15, abs=0.05)

    def test_the_percentile_is_a_value_that_was_seen(self):
        assert [rank(count, 99) for count in (1, 10, 100, 1000)] == [1, 10, 99, 990]


class TestStreams:
    def test_the_same_seed_gives_the_same_stream_in_every_process(self):
        """Sets have another order in each."""
        assert Stream(Site(10, 0.005, disturbances=EVERYTHING), NONE, 7).offset == pytest.approx(42.036754, abs=1e-5)

    def test_the_same_seed_gives_the_same_stream_to_every_judge(self):
        one, two = (Stream(Site(100, 0.01), NONE, 7) for _ in range(2))
        two.part(5, 1, 500)  # another judge went another way before

        assert [one.part(number, 0, 100) for number in range(9)] == [two.part(number, 0, 100) for number in range(9)]

    def test_weights_move_requests_and_make_none(self):
        stream = Stream(Site(100, 0.01), NONE, 7)

        assert {sum(answered.requests for answered in stream.part(3, 1, share)) for share in (0, 10, 500, 1000)} == {sum(each.requests for each in stream.part(3, 1, 100))}

    def test_what_is_slow_agrees_with_the_percentile(self):
        stream = Stream(Site(100, 0.01), NONE, 7)
        told = stream.percentile(3, 5_000, candidate=True)

        assert stream.slow(3, 5_000, told * 1.0001, candidate=True) <= 50 <= stream.slow(3, 5_000, told * 0.9999, candidate=True)


class TestMannWhitney:
    def test_its_interval_is_the_textbooks(self):
        quantile = high([11.0, 12.0, 13.0, 14.0, 15.0, 16.0], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], collapses=False)

        assert quantile == pytest.approx((36 / 2 - 1) / (36 * 13 / 12) ** 0.5)  # all differences above the dead band
        assert 2 * NormalDist().cdf(-quantile) < 0.02

    def test_one_separated_point_a_side_is_enough_for_it_as_it_is_configured(self):
        assert high([2.0], [1.0], collapses=True) == inf

    def test_equal_points_are_not_high(self):
        assert high([1.0, 2.0, 3.0] * 10, [1.0, 2.0, 3.0] * 10, collapses=True) < CONFIDENCE_98


class TestTheProductsJudge:
    def test_false_rollbacks_stay_within_the_stated_rate(self):
        calm = (Site(0.1, 0.01), Site(1, 0.01), Site(10, 0.02), Site(100, 0.001), Site(1000, 0.005))
        sites = (*calm, Site(100, 0.005, disturbances=frozenset({OUTAGES})))

        ended = [played(Task(site, NONE, seed, field=False)).ours.end for site in sites for seed in range(12)]

        assert ended.count(End.REVERTED) <= _most(len(ended), Checks().errors.false_alarm_rate)

    @pytest.mark.parametrize("late", [False, True])
    def test_a_tenfold_rise_is_not_missed_at_good_traffic(self, late):
        kind = Regression("errors x10", factor=10, late=late)

        ended = [played(Task(site, kind, seed, field=False)).ours.end for site in (Site(10, 0.01), Site(100, 0.005), Site(1000, 0.001)) for seed in range(6)]

        assert set(ended) == {End.REVERTED}

    def test_a_tenfold_rise_costs_users_less_than_a_threshold_on_minute_figures(self):
        results = [played(Task(Site(100, 0.005), TENFOLD, seed)) for seed in range(5)]

        theirs = sum(result.traces["Argo 95 %, failureLimit 3"].at(0.05).bad for result in results)
        assert sum(result.ours.bad for result in results) < theirs


def test_wilsons_interval_holds_what_was_seen():
    low, high_end = wilson(1, 100)

    assert (low, high_end) == pytest.approx((0.0018, 0.0545), abs=1e-4)


def _most(trials: int, rate: float) -> int:
    """As many as come in all but one of ten thousand suites when each has this chance."""
    chance, total, hits = (1 - rate) ** trials, (1 - rate) ** trials, 0
    while total < 0.9999:
        hits += 1
        chance *= (trials - hits + 1) / hits * rate / (1 - rate)
        total += chance
    return hits
