"""The binomial test against sums of exact fractions, and what it makes of requests."""

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as some

from chalicelib.health.model import Counts
from chalicelib.health.shares import Observed, Share, is_explained, two_sided


def summed(hits: int, trials: int, permille: int) -> float:
    """Twice the smaller tail, term by term, without rounding."""
    probability = Fraction(permille, 1000)

    def chance(number: int) -> Fraction:
        return comb(trials, number) * probability**number * (1 - probability) ** (trials - number)

    few = sum((chance(number) for number in range(hits + 1)), Fraction(0))
    many = sum((chance(number) for number in range(hits, trials + 1)), Fraction(0))
    return float(min(Fraction(1), 2 * min(few, many)))


class TestTheTest:
    @given(trials=some.integers(1, 120), share=some.integers(0, 1000), permille=some.integers(1, 999))
    def test_is_exact(self, trials: int, share: int, permille: int) -> None:
        hits = round(trials * share / 1000)

        assert two_sided(hits, trials, permille / 1000) == pytest.approx(summed(hits, trials, permille), rel=1e-9, abs=1e-300)

    def test_holds_for_millions_of_requests(self) -> None:
        assert two_sided(1_000_000, 10_000_000, 0.1) == 1.0
        assert 0.2 < two_sided(999_000, 10_000_000, 0.1) < 0.4
        assert two_sided(990_000, 10_000_000, 0.1) < 1e-20

    @pytest.mark.parametrize(("hits", "probability", "chance"), [(0, 0.0, 1.0), (1, 0.0, 0.0), (50, 1.0, 1.0), (49, 1.0, 0.0)])
    def test_knows_what_cannot_be(self, hits: int, probability: float, chance: float) -> None:
        assert two_sided(hits, 50, probability) == chance


class TestExplaining:
    def test_the_design_s_own_example(self) -> None:
        observed = Observed(40, 412)

        assert observed.shown(Share.of(100)) == "observed 9.7 % of 412 requests, configured 10 %"
        assert is_explained(observed, Share.of(100))

    @pytest.mark.parametrize(("mine", "explained"), [(22, False), (23, True), (41, True), (62, True), (63, False)])
    def test_either_way_by_chance_or_not(self, mine: int, explained: bool) -> None:
        assert is_explained(Observed(mine, 412), Share.of(100)) is explained

    def test_fewer_than_fifty_say_nothing(self) -> None:
        assert is_explained(Observed(49, 49), Share.of(100))
        assert not is_explained(Observed(50, 50), Share.of(100))

    @pytest.mark.parametrize(("mine", "explained"), [(10, False), (100, True), (250, True), (500, True), (600, False)])
    def test_cookies_explain_what_is_between_the_share_before_and_the_share_now(self, mine: int, explained: bool) -> None:
        assert is_explained(Observed(mine, 1000), Share(500, at_least=100)) is explained

    def test_counts_both_colours(self) -> None:
        assert Observed.between(Counts(10, 1), Counts(90, 0)) == Observed(10, 100)
        assert Observed(0, 0).percent == 0.0
