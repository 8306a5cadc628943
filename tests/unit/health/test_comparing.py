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

        assert comparing.stepping(both, part, 0.05) == [Alone(100, 50)]

    def test_with_a_few_requests_of_the_release_before_say_nothing_about_it(self) -> None:
        assert comparing.stepping(points((tally(100, 50), tally(3, 3)), share=100), part, 0.05) == [Alone(100, 50)]

    def test_that_are_worst_are_left_out_at_the_whole_traffic(self) -> None:
        minutes = points((tally(100, 90), tally(0)), (tally(100, 1), tally(0)), (tally(100, 20), tally(0)), (tally(100, 80), tally(0)), share=WHOLE)

        assert comparing.whole(minutes, part, 0.05) == [Alone(100, 1), Alone(100, 20)]

    def test_below_the_limit_stay(self) -> None:
        assert comparing.whole(points((tally(100, 4), tally(0)), share=WHOLE), part, 0.05) == [Alone(100, 4)]


def test_a_proof_is_the_stated_rate_split_over_the_tests() -> None:
    assert comparing.needed(Checks(errors=Errors(false_alarm_rate=0.07))) == comparing.needed(Checks(errors=Errors(false_alarm_rate=0.07)))
    assert round(2.718281828 ** comparing.needed(Checks(errors=Errors(false_alarm_rate=0.07)))) == 100
