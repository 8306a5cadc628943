"""What the local stack's alarms decide from datapoints and rules: without a stack. The tables are those of CloudWatch's documentation."""

import pytest

from turnout.local.alarms import rules
from turnout.local.alarms.evaluating import Condition, said, state

KEPT = None
POINTS = {"0": 0.0, "X": 9.0, "-": None}


def decided(seen: str, to_alarm: int, missing: str, periods: int = 3) -> str | None:
    """`0` is a datapoint within the threshold, `X` one beyond it, `-` none; the newest is the last."""
    return state(Condition("GreaterThanThreshold", 5.0, periods, to_alarm, missing), [POINTS[each] for each in seen.split()])


class TestThreeOfThree:
    @pytest.mark.parametrize(
        ("seen", "missing", "ignore", "breaching", "not_breaching"),
        [
            ("0 - X - X", "OK", "OK", "OK", "OK"),
            ("- - - - 0", "OK", "OK", "OK", "OK"),
            ("- - - - -", "INSUFFICIENT_DATA", KEPT, "ALARM", "OK"),
            ("0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
            ("- - X - -", "ALARM", KEPT, "ALARM", "OK"),
        ],
    )
    def test_is_as_documented(self, seen: str, missing: str, ignore: str | None, breaching: str, not_breaching: str) -> None:
        assert [decided(seen, 3, how) for how in ("missing", "ignore", "breaching", "notBreaching")] == [missing, ignore, breaching, not_breaching]

    def test_is_not_premature(self) -> None:
        assert decided("- - - - X", 3, "missing") is KEPT


class TestTwoOfThree:
    @pytest.mark.parametrize(
        ("seen", "missing", "ignore", "breaching", "not_breaching"),
        [
            ("0 - X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
            ("0 0 X 0 X", "ALARM", "ALARM", "ALARM", "ALARM"),
            ("0 - X - -", "OK", "OK", "ALARM", "OK"),
            ("- - - - 0", "OK", "OK", "ALARM", "OK"),
            ("- - - X -", "ALARM", KEPT, "ALARM", "OK"),
        ],
    )
    def test_is_as_documented(self, seen: str, missing: str, ignore: str | None, breaching: str, not_breaching: str) -> None:
        assert [decided(seen, 2, how) for how in ("missing", "ignore", "breaching", "notBreaching")] == [missing, ignore, breaching, not_breaching]


class TestAThreshold:
    @pytest.mark.parametrize(
        ("operator", "breaching"),
        [
            ("GreaterThanThreshold", [6.0]),
            ("GreaterThanOrEqualToThreshold", [5.0, 6.0]),
            ("LessThanThreshold", [4.0]),
            ("LessThanOrEqualToThreshold", [4.0, 5.0]),
        ],
    )
    def test_is_compared_with_as_the_operator_says(self, operator: str, breaching: list[float]) -> None:
        assert [value for value in (4.0, 5.0, 6.0) if state(Condition(operator, 5.0, 1, 1), [value]) == "ALARM"] == breaching

    def test_is_told_with_what_was_seen(self) -> None:
        assert "2 of the last 2 datapoints [9, 8]" in said(Condition("GreaterThanThreshold", 5.0, 2, 2), [None, 9.0, 8.0])
        assert said(Condition("GreaterThanThreshold", 5.0, 1, 1, "breaching"), [None]).endswith("taken as breaching")


STATES = {"red": "ALARM", "green": "OK", "quiet": "INSUFFICIENT_DATA"}


class TestARule:
    @pytest.mark.parametrize(
        ("text", "holds"),
        [
            ('ALARM("red")', True),
            ("ALARM(green)", False),
            ("OK(green) AND INSUFFICIENT_DATA(quiet)", True),
            ("ALARM(green) OR ALARM(red) AND NOT ALARM(red)", False),
            ("NOT (ALARM(green) OR OK(red))", True),
            ("NOT ALARM(red) OR TRUE", True),
            ("ALARM(gone) OR FALSE", False),
        ],
    )
    def test_says_yes_or_no(self, text: str, holds: bool) -> None:
        assert rules.parsed(text)(STATES.get) is holds

    @pytest.mark.parametrize("text", ["", "ALARM(red) AND", "(ALARM(red)", "ALARM(red) ALARM(green)", "AT_LEAST(1, ALARM, (red))", "RED(red)"])
    def test_that_cannot_be_read_is_refused(self, text: str) -> None:
        with pytest.raises(rules.NotARule):
            rules.parsed(text)
