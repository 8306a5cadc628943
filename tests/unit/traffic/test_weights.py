from hypothesis import given
from hypothesis import strategies as st

from chalicelib.colors import WHOLE, Color, Split
from chalicelib.traffic.weights import HIGHEST, split_of, weights_for

_ELB = st.integers(min_value=0, max_value=HIGHEST)


class TestWriting:
    @given(st.integers(min_value=0, max_value=WHOLE))
    def test_sends_both_within_what_elb_takes(self, permille):
        sent = weights_for(Split.giving(Color.GREEN, permille))

        assert set(sent) == set(Color)
        assert all(0 <= weight <= HIGHEST for weight in sent.values())

    def test_sends_the_whole_as_999_and_nothing_as_0(self):
        assert weights_for(Split.all_on(Color.GREEN)) == {Color.BLUE: 0, Color.GREEN: 999}

    @given(st.integers(min_value=0, max_value=WHOLE))
    def test_every_share_is_read_back_exactly(self, permille):
        split = Split.giving(Color.BLUE, permille)

        assert split_of(weights_for(split)) == split


class TestReading:
    @given(_ELB, _ELB)
    def test_only_zero_is_nothing_and_only_its_counterpart_everything(self, blue, green):
        split = split_of({Color.BLUE: blue, Color.GREEN: green})

        if blue + green == 0:
            assert split is None
        else:
            assert split is not None
            assert (split.blue == 0, split.green == 0) == (blue == 0, green == 0)

    @given(_ELB, _ELB)
    def test_is_the_nearest_permille(self, blue, green):
        split = split_of({Color.BLUE: blue, Color.GREEN: green})

        assert split is None or abs(split.blue / WHOLE - blue / (blue + green)) <= 0.0005 + 1e-9

    def test_takes_any_relative_weights(self):
        assert split_of({Color.BLUE: 1, Color.GREEN: 1}) == Split(500, 500)
        assert split_of({Color.BLUE: 90, Color.GREEN: 10}) == Split(900, 100)
        assert split_of({Color.BLUE: 2, Color.GREEN: 1}) == Split(667, 333)

    def test_gives_nothing_to_a_colour_that_is_left_out(self):
        assert split_of({Color.GREEN: 1}) == Split.all_on(Color.GREEN)

    def test_is_nothing_when_nobody_gets_anything(self):
        assert split_of({}) is None
        assert split_of({Color.BLUE: 0, Color.GREEN: 0}) is None
