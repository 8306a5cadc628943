"""Which periods are taken, with which share, and what is not the users'."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chalicelib.colors import Color
from chalicelib.health import series
from chalicelib.health.model import Counts, Period, Tally
from chalicelib.health.series import MOST_POINTS, Point, Series
from chalicelib.services.definition import Latency

SHIFT = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def started() -> Series:
    """A shift is about to begin; the last ten minutes belong to it."""
    return series.seen(series.begun("d-000001", Color.GREEN, SHIFT, MINUTE), 0, SHIFT)


def minutes(first: int, last: int, mine: Tally | None = None, other: Tally | None = None) -> list[Period]:
    """The minutes from `first` up to `last` after the shift."""
    groups = {Color.GREEN: mine or Tally(100), Color.BLUE: other or Tally(900)}
    return [Period(SHIFT + number * MINUTE, groups) for number in range(first, last)]


def taken(so_far: Series, periods: list[Period], own: series.Own | None = None) -> Series:
    return series.taken(so_far, periods, own or {}, Latency())


def at(minutes_after: float) -> datetime:
    return SHIFT + minutes_after * MINUTE


class TestShares:
    def test_periods_before_the_first_weight_have_share_nothing(self) -> None:
        found = taken(started(), minutes(-10, 0))

        assert [point.share for point in found.points] == [0] * 10
        assert found.until == SHIFT

    def test_a_period_in_which_the_weights_changed_is_left_out(self) -> None:
        shifted = series.seen(series.seen(started(), 100, at(0.5)), 100, at(4))

        assert [(point.at - SHIFT.timestamp(), point.share) for point in taken(shifted, minutes(-1, 4)).points] == [(-60, 0), (60, 100), (120, 100), (180, 100)]

    def test_a_period_is_not_taken_before_a_look_at_the_weights_after_its_end(self) -> None:
        shifted = series.seen(started(), 100, at(0.5))
        waiting = taken(shifted, minutes(-1, 4))
        later = taken(series.seen(waiting, 100, at(4)), minutes(0, 4))

        assert waiting.until == SHIFT
        assert [point.share for point in later.points] == [0, 100, 100, 100]

    def test_periods_of_a_step_that_are_told_after_it_still_belong_to_it(self) -> None:
        stepped = series.seen(series.seen(series.seen(started(), 100, at(0)), 100, at(5)), 500, at(5.1))
        found = taken(series.seen(stepped, 500, at(8)), minutes(0, 8))

        assert [point.share for point in found.points] == [100] * 5 + [500] * 2

    def test_a_look_that_could_not_read_the_weights_says_nothing(self) -> None:
        shifted = series.seen(series.seen(series.seen(started(), 100, at(0)), None, at(1)), 100, at(2))

        assert [point.share for point in taken(shifted, minutes(0, 2)).points] == [100, 100]

    def test_a_period_is_taken_once(self) -> None:
        shifted = series.seen(series.seen(started(), 100, at(0)), 100, at(3))

        assert len(taken(taken(shifted, minutes(0, 3)), minutes(0, 3)).points) == 3

    def test_the_first_weight_came_no_sooner_than_the_last_look_without_one(self) -> None:
        assert started().weighted_since is None
        assert series.seen(started(), 100, at(0.5)).weighted_since == SHIFT


class TestOwnRequests:
    def test_are_taken_out_of_the_period_and_group_they_are_in(self) -> None:
        shifted = series.seen(series.seen(started(), 100, at(0)), 100, at(2))
        found = taken(shifted, minutes(0, 2, mine=Tally(100, 3, timed=100, slow=2)), {Color.GREEN: {SHIFT: Counts(12, 2)}})

        assert [point.mine for point in found.points] == [Tally(88, 1, timed=88, slow=2), Tally(100, 3, timed=100, slow=2)]
        assert {point.other for point in found.points} == {Tally(900)}

    def test_never_make_a_count_negative(self) -> None:
        shifted = series.seen(series.seen(started(), 100, at(0)), 100, at(1))
        found = taken(shifted, minutes(0, 1, mine=Tally(5, 1, timed=5)), {Color.GREEN: {SHIFT: Counts(12, 2)}})

        assert found.points[0].mine == Tally(0, 0)


class TestSlow:
    def test_is_what_exceeds_the_release_befores_percentile_by_the_allowed_increase(self) -> None:
        assert taken(started(), minutes(-10, 0, other=Tally(900, timed=900, seconds=0.2))).slow_over == 0.3

    def test_is_noticeably_slower_also_where_everything_takes_milliseconds(self) -> None:
        assert taken(started(), minutes(-10, 0, other=Tally(900, timed=900, seconds=0.002))).slow_over == 0.052

    def test_goes_by_the_middle_period_as_one_may_have_been_an_exception(self) -> None:
        usual, slow = minutes(-10, -1, other=Tally(900, timed=900, seconds=0.2)), minutes(-1, 0, other=Tally(900, timed=900, seconds=9))

        assert taken(started(), usual + slow).slow_over == 0.3

    def test_is_not_known_from_a_few_requests(self) -> None:
        assert taken(started(), minutes(-10, 0, other=Tally(29, timed=29, seconds=0.2))).slow_over is None
        assert taken(started(), minutes(-10, 0, other=Tally(30, timed=30, seconds=0.2))).slow_over is not None

    def test_of_periods_with_few_requests_goes_by_their_slowest(self) -> None:
        """The slowest of thirty requests is the 99th percentile of all only in the slower periods."""
        usual, slow = minutes(-10, -3, other=Tally(30, timed=30, seconds=0.2)), minutes(-3, 0, other=Tally(30, timed=30, seconds=0.6))

        assert taken(started(), usual + slow).slow_over == 0.9

    def test_stays_what_it_was(self) -> None:
        known = replace(taken(started(), minutes(-10, 0, other=Tally(900, timed=900, seconds=0.2))))

        assert taken(series.seen(known, 0, at(1)), minutes(0, 1, other=Tally(900, timed=900, seconds=9))).slow_over == 0.3


def test_what_is_more_than_a_day_is_added_up_and_nothing_is_lost() -> None:
    many = tuple(Point(60 * number, 1000, Tally(10, 1), Tally(2)) for number in range(MOST_POINTS))
    full = replace(series.seen(series.seen(started(), 1000, at(0)), 1000, at(1)), points=many, until=SHIFT)

    found = taken(full, minutes(0, 1, mine=Tally(10, 1), other=Tally(2)))

    assert len(found.points) == MOST_POINTS // 2 + 1
    assert series.added(point.mine for point in found.points) == Tally(10 * (MOST_POINTS + 1), MOST_POINTS + 1)


def test_where_no_two_neighbours_have_one_share_the_oldest_go() -> None:
    many = tuple(Point(60 * number, 100 + number % 2, Tally(10, 1), Tally(2)) for number in range(MOST_POINTS + 5))
    full = replace(series.seen(series.seen(started(), 1000, at(0)), 1000, at(1)), points=many, until=SHIFT)

    found = taken(full, minutes(0, 1))

    assert len(found.points) == MOST_POINTS
    assert found.points[0].at == 60 * 6
