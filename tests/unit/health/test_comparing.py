"""With what exposure, and in which periods, the candidate is compared."""

from chalicelib.health.checks import comparing
from chalicelib.health.model import Tally
from chalicelib.health.sequential import Alone, Beside
from chalicelib.services.definition import Checks, Errors
from tests.unit.health.builders import WHOLE, points, tally


def part(one: Tally) -> tuple[int, int]:
    return one.requests, one.errors


class TestExposure:
    def test_is_what_the_weights_gave_it(self) -> None:
        assert comparing.beside(points((tally(80, 2), tally(920, 3)), share=100), part) == [Beside(0.1, 2, 3)]

    def test_is_its_part_of_the_requests_where_that_is_more(self) -> None:
        assert comparing.beside(points((tally(300, 2), tally(900, 3)), share=100), part) == [Beside(0.25, 2, 3)]

    def test_there_is_none_at_nothing_and_at_the_whole(self) -> None:
        alone = (*points((tally(0), tally(100)), share=0), *points((tally(100), tally(0)), share=WHOLE))

        assert comparing.beside(alone, part) == []


class TestPeriods:
    def test_in_which_the_release_before_was_red_itself_are_left_out(self) -> None:
        both = points((tally(100, 50), tally(900, 400)), (tally(100, 50), tally(900, 4)), share=100)

        assert comparing.kept(both, part, 0.05) == [Alone(100, 50)]

    def test_with_a_few_requests_of_the_release_before_say_nothing_about_it(self) -> None:
        assert comparing.kept(points((tally(100, 50), tally(3, 3)), share=100), part, 0.05) == [Alone(100, 50)]


class TestTheWholeTraffic:
    def evidence(self, *mine: Tally) -> float:
        return comparing.whole(points(*((one, Tally()) for one in mine), share=WHOLE), part, 0.05)

    def test_one_period_proves_only_so_much_however_much_failed_in_it(self) -> None:
        assert self.evidence(tally(100_000, 100_000)) <= comparing.ONE_PERIOD_ALONE

    def test_what_lasts_is_proved(self) -> None:
        assert self.evidence(*[tally(100, 90)] * 5) > comparing.needed(Checks())

    def test_good_periods_take_a_burst_back(self) -> None:
        burst, good = [tally(100, 90)] * 2, [tally(100, 1)] * 5

        assert self.evidence(*burst, *good) < self.evidence(*burst)

    def test_beside_another_release_is_another_matter(self) -> None:
        assert comparing.whole(points((tally(100, 90), tally(900)), share=100), part, 0.05) == 0


def test_a_proof_is_the_stated_rate_split_over_the_tests() -> None:
    assert comparing.needed(Checks(errors=Errors(false_alarm_rate=0.07))) == comparing.needed(Checks(errors=Errors(false_alarm_rate=0.07)))
    assert round(2.718281828 ** comparing.needed(Checks(errors=Errors(false_alarm_rate=0.07)))) == 100
