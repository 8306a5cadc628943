"""What a comparison says of the candidate: never bad on one odd answer, never good on few, and false alarms as seldom as is said."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from chalicelib.colors import Color
from chalicelib.health.model import Check, Outcome
from chalicelib.health.signal import Answer
from chalicelib.mirroring import counting
from chalicelib.mirroring.comparing import Compared
from chalicelib.mirroring.comparing import Outcome as Came
from chalicelib.mirroring.model import Comparison, Example
from chalicelib.mirroring.sampling import Repeat
from chalicelib.mirroring.verdict import ENOUGH, check
from chalicelib.services.definition import Checks, Errors

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WITHIN = timedelta(seconds=900)


def a_comparison(compared: int = 0, differing: int = 0, noisy: int = 0, **changes: object) -> Comparison:
    examples = (Example("/cart", "$.total is 1, live 2", NOW),) if differing else ()
    return replace(Comparison("web", "d-000001", "1.1.0", "1.0.0", Color.GREEN, NOW, NOW, compared, differing, noisy, examples=examples), **changes)  # type: ignore[arg-type]


def asked(comparison: Comparison | None, waited: float = 0, **errors: float) -> Check:
    return check(comparison, Checks(errors=Errors.model_validate(errors)), waited=timedelta(seconds=waited), within=WITHIN)


class TestHealthy:
    def test_once_enough_were_compared_and_nothing_speaks_against_it(self) -> None:
        assert asked(a_comparison(ENOUGH)).outcome is Outcome.HEALTHY
        assert asked(a_comparison(ENOUGH)).effective

    def test_where_live_differs_from_itself_as_often(self) -> None:
        assert asked(a_comparison(100, differing=10, noisy=12)).outcome is Outcome.HEALTHY

    def test_without_effect_where_too_little_came_in_time(self) -> None:
        for comparison in (None, a_comparison(), a_comparison(ENOUGH - 1), a_comparison(2, unanswered=50), a_comparison(ENOUGH, differing=1)):
            found = asked(comparison, waited=900)
            assert (found.outcome, found.effective) == (Outcome.HEALTHY, False)
        assert asked(None, waited=900).reason == "no mirrored requests came in in 900 s; targets and probes decide"


class TestInconclusive:
    @pytest.mark.parametrize("comparison", [None, a_comparison(), a_comparison(ENOUGH - 1), a_comparison(ENOUGH, differing=1), a_comparison(ENOUGH, differing=3)])
    def test_while_it_may_still_become_clear(self, comparison: Comparison | None) -> None:
        assert asked(comparison, waited=899).outcome is Outcome.INCONCLUSIVE


class TestUnhealthy:
    def test_where_the_candidate_alone_keeps_differing(self) -> None:
        found = asked(a_comparison(15, differing=15))

        assert found.outcome is Outcome.UNHEALTHY
        assert found.reason == "15 of 15 requests of production are answered otherwise than live answers them, for example /cart: $.total is 1, live 2"

    def test_however_long_was_waited(self) -> None:
        assert asked(a_comparison(500, differing=20), waited=9000).outcome is Outcome.UNHEALTHY

    def test_on_one_path_among_many_that_are_good(self) -> None:
        assert asked(a_comparison(1000, differing=15)).outcome is Outcome.UNHEALTHY

    def test_never_on_two_answers(self) -> None:
        assert asked(a_comparison(2, differing=2), false_alarm_rate=1).outcome is not Outcome.UNHEALTHY


class TestFalseAlarms:
    def test_are_as_seldom_as_is_said_however_often_one_looks(self) -> None:
        """A candidate as good as live, with answers that differ at random, looked at after each of 300 requests that speak: alarms in one of a hundred deployments at most."""
        random, deployments = Random(7), 400
        alarms = 0
        for _ in range(deployments):
            hits = 0
            for number in range(1, 301):
                hits += random.random() < 0.5
                if asked(a_comparison(300, differing=hits, noisy=number - hits), false_alarm_rate=0.05).outcome is Outcome.UNHEALTHY:
                    alarms += 1
                    break

        assert alarms <= deployments * 0.05 / 5 + 5


class TestCounting:
    def test_stays_bounded(self) -> None:
        comparison = a_comparison()
        for number in range(500):
            repeat = Repeat("GET", f"/{'x' * 200}{number}", "/", 200, number)
            answer = Answer(500, None, "", timedelta(0))
            now = NOW + timedelta(minutes=number)
            comparison = counting.sent(comparison, Color.BLUE, answer, now, timedelta(seconds=60))
            comparison = counting.counted(comparison, repeat, Compared(Came.DIFFERS, "answered 500, live 200"), answer, now)
            comparison = counting.begun(comparison, f"file-{number}", {"not GET or HEAD": 2})

        assert comparison.compared == comparison.differing == comparison.errors == 500
        assert (len(comparison.paths), len(comparison.examples), len(comparison.sent), len(comparison.files)) == (1, 10, counting.PERIODS, counting.FILES)
        assert comparison.left_out == {"not GET or HEAD": 1000}

    def test_keeps_the_worst_paths(self) -> None:
        comparison = a_comparison()
        for number in range(100):
            found = Compared(Came.DIFFERS, "other") if number == 3 else Compared(Came.SAME)
            comparison = counting.counted(comparison, Repeat("GET", f"/{number}", f"/{number}", 200, number), found, Answer(200, None, "", timedelta(0)), NOW)

        assert len(comparison.paths) == counting.PATHS
        assert comparison.paths["/3"].differing == 1
        assert "/99" in comparison.paths

    def test_tells_what_was_sent_by_period_and_colour(self) -> None:
        good, bad = Answer(200, None, "", timedelta(0)), Answer(503, None, "", timedelta(0))
        comparison = a_comparison()
        for color, answer in ((Color.GREEN, good), (Color.BLUE, good), (Color.BLUE, bad)):
            comparison = counting.sent(comparison, color, answer, NOW, timedelta(seconds=60))

        found = comparison.between(Color.BLUE, NOW, NOW + timedelta(seconds=60))
        assert (found.requests, found.errors) == (2, 1)
        assert comparison.between(Color.GREEN, NOW + timedelta(seconds=60), NOW + timedelta(seconds=120)).requests == 0
