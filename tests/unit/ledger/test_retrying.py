from datetime import timedelta

import pytest

from chalicelib.access.model import Once
from chalicelib.clock import ManualClock
from chalicelib.errors import Stale, Unavailable
from chalicelib.ledger import keys
from chalicelib.ledger.retrying import ATTEMPTS, SHORTEST_PAUSE, decided_anew, is_repeat


class Race:
    """Loses the first `lost` times, and remembers how long it was made to wait in between."""

    def __init__(self, lost: int) -> None:
        self.tries = 0
        self.pauses: list[timedelta] = []
        self._lost = lost

    def attempt(self) -> str:
        self.tries += 1
        if self.tries <= self._lost:
            raise Stale
        return "done"

    def run(self) -> str:
        return decided_anew(self.attempt, _Watched(self.pauses))


class _Watched(ManualClock):
    def __init__(self, pauses: list[timedelta]) -> None:
        super().__init__()
        self._pauses = pauses

    def sleep(self, duration: timedelta) -> None:
        self._pauses.append(duration)


def test_what_is_not_contended_does_not_wait():
    race = Race(lost=0)

    assert race.run() == "done"
    assert race.pauses == []


def test_a_lost_race_is_run_again_five_times():
    race = Race(lost=5)

    assert race.run() == "done"
    assert race.tries == ATTEMPTS


def test_writers_that_lost_together_spread_out():
    race = Race(lost=5)

    race.run()

    assert len(race.pauses) == 5
    assert all(pause < timedelta(milliseconds=SHORTEST_PAUSE * 2**number) for number, pause in enumerate(race.pauses))


def test_it_gives_up_at_once_after_the_last_one():
    race = Race(lost=99)

    with pytest.raises(Unavailable):
        race.run()

    assert (race.tries, len(race.pauses)) == (ATTEMPTS, ATTEMPTS - 1)


def test_an_idempotency_key_that_is_there_is_a_repeat():
    assert is_repeat(Stale((keys.once("k1"),)))
    assert not is_repeat(Stale((keys.service("web"),)))
    assert keys.once("k1").kind is Once
