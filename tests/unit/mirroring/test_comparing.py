"""What counts as another answer, and what every application says anew."""

import json
import re
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from chalicelib.health.signal import Answer
from chalicelib.mirroring.comparing import Compared, Outcome, Rules, compare

RULES = Rules()


def an_answer(body: object = "hello", status: int | None = 200, seconds: float = 0.01, **told: str) -> Answer:
    return Answer(status, None, body if isinstance(body, str) else json.dumps(body), timedelta(seconds=seconds), **told)


def compared(candidate: object, live: object = "hello", again: object | None = None, rules: Rules = RULES) -> Compared:
    """Bodies or answers; live answers the same twice unless said otherwise."""
    asked = [one if isinstance(one, Answer) else an_answer(one) for one in (candidate, live, live if again is None else again)]
    return compare(asked[0], asked[1], asked[2], rules)


def outcome(*answers: Any, **more: Any) -> Outcome:
    return compared(*answers, **more).outcome


class TestTheCandidateDiffers:
    @pytest.mark.parametrize(
        ("candidate", "live", "what"),
        [
            ("hallo", "hello", 'line 1 is "hallo", live "hello"'),
            (an_answer(status=500), "hello", "answered 500, live 200"),
            (an_answer(status=None), "hello", "did not answer, live 200"),
            (an_answer("{}", kind="text/html"), an_answer("{}", kind="application/json"), "content type is text/html, live application/json"),
            (an_answer("", 302, location="/b"), an_answer("", 302, location="/a"), "redirects elsewhere than live"),
            ({"a": 1}, {"a": 2}, "$.a is 1, live 2"),
            ({"a": 1}, {"a": "1"}, '$.a is 1, live "1"'),
            ({"a": True}, {"a": 1}, "$.a is true, live 1"),
            ({"a": None}, {"a": 0}, "$.a is null, live 0"),
            ({}, {"a": 1}, "$.a is missing"),
            ({"a": 1, "b": 1}, {"a": 1}, "$.b is new"),
            ({"a": [1, 2]}, {"a": [1]}, "$.a has 2 entries, live 1"),
            ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "$.a[0].b is 1, live 2"),
            ("oops", {"a": 1}, "only live answers with JSON"),
            ("one\ntwo", "one", "the body has 2 lines, live 1"),
        ],
    )
    def test_and_it_is_said_where(self, candidate: object, live: object, what: str) -> None:
        found = compared(candidate, live)

        assert found.outcome is Outcome.DIFFERS
        assert found.what == what

    def test_and_no_long_value_is_told(self) -> None:
        assert len(compared("x" * 5000, "y" * 5000).what) < 200

    def test_in_time(self) -> None:
        slow, quick = an_answer(seconds=0.4), an_answer(seconds=0.1)

        assert compared(slow, quick).places == {"time"}
        assert outcome(slow, quick, an_answer(seconds=0.39)) is Outcome.SAME  # live is as slow sometimes
        assert outcome(an_answer(seconds=0.04), an_answer(seconds=0.001)) is Outcome.SAME  # for so little nobody waits


class TestNobodyDiffers:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("hello", "hello"),
            ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
            ("id 0b8f6a52-5d0e-4b0f-9d1b-1f3c0e9a7f11", "id 9c1d2e3f-0000-4b0f-9d1b-1f3c0e9a7f22"),
            ({"at": "2026-01-01T10:00:00.123Z"}, {"at": "2026-01-01T10:00:01+00:00"}),
            ("at 2026-01-01 10:00:00", "at 2026-01-01 10:00:07"),
            ("Thu, 01 Jan 2026 10:00:00 GMT", "Fri, 02 Jan 2026 11:00:00 GMT"),
            ({"now": 1767261600}, {"now": 1767261601}),
            ({"now": 1767261600.25}, {"now": 1767261601.5}),
            ({"ms": 1767261600123}, {"ms": 1767261600456}),
            ("Root=1-67891233-abcdef012345678912345678", "Root=1-67891299-abcdef012345678912345699"),
            ("etag 9f86d081884c7d659a2feaa0c55ad015", "etag 1f86d081884c7d659a2feaa0c55ad0aa"),
            ('<input value="Zm9vYmFyMTIzNDU2Nzg5MDEyMzQ=">', '<input value="QmFyRm9vMTIzNDU2Nzg5MDEyMzQ=">'),
        ],
    )
    def test_where_only_what_is_new_every_time_is_new(self, one: object, other: object) -> None:
        assert outcome(one, other) is Outcome.SAME

    def test_where_the_service_only_names_its_own_address(self) -> None:
        rules = Rules(hosts=("staging.example:8080", "shop.example"))

        assert outcome("see http://staging.example:8080/a", "see http://shop.example/a", rules=rules) is Outcome.SAME
        assert outcome(an_answer("", 302, location="http://staging.example:8080/a"), an_answer("", 302, location="http://shop.example/a"), rules=rules) is Outcome.SAME

    def test_where_the_team_said_to_ignore_it(self) -> None:
        rules = Rules(ignore=(re.compile(r"build \w+"), re.compile(r'"node": "[^"]*"')))

        assert outcome("build abc", "build xyz", rules=rules) is Outcome.SAME
        assert outcome({"node": "green-1"}, {"node": "blue-1"}, rules=rules) is Outcome.SAME
        assert outcome({"node": "green-1", "a": 1}, {"node": "blue-1", "a": 1}, rules=rules) is Outcome.SAME  # what is left is no JSON, but the same text
        assert outcome('["a", "build b"]', '["a", "build c"]', rules=rules) is Outcome.SAME


class TestWhatDiffersBetweenLiveAndItself:
    def test_is_not_held_against_the_candidate(self) -> None:
        assert outcome({"a": 1, "visits": 9}, {"a": 1, "visits": 7}, {"a": 1, "visits": 8}) is Outcome.SAME

    def test_hides_nothing_else(self) -> None:
        found = compared({"a": 2, "visits": 9}, {"a": 1, "visits": 7}, {"a": 1, "visits": 8})

        assert (found.outcome, found.what) == (Outcome.DIFFERS, "$.a is 2, live 1")

    def test_is_noise_where_the_candidate_does_not_differ(self) -> None:
        assert outcome({"a": 7}, {"a": 7}, {"a": 8}) is Outcome.NOISE

    def test_speaks_for_neither_where_both_differ_elsewhere(self) -> None:
        assert outcome({"a": 1, "b": 2}, {"a": 1, "b": 1}, {"a": 2, "b": 1}) is Outcome.BOTH

    def test_may_be_a_line_of_a_page(self) -> None:
        page = "<html>\n<p>served in {} ms</p>\n<h1>{}</h1>"

        assert outcome(page.format(3, "Shop"), page.format(1, "Shop"), page.format(2, "Shop")) is Outcome.SAME
        assert outcome(page.format(3, "Oops"), page.format(1, "Shop"), page.format(2, "Shop")) is Outcome.DIFFERS

    def test_does_not_hide_an_answer_that_is_wholly_another(self) -> None:
        page = "<p>{}</p>\n<h1>Shop</h1>"

        assert outcome("sorry", page.format(1), page.format(2)) is Outcome.DIFFERS
        assert outcome(an_answer("sorry", 500), page.format(1), page.format(2)) is Outcome.DIFFERS

    def test_may_be_whether_it_answers_at_all(self) -> None:
        assert outcome("hello", "hello", an_answer(status=502)) is Outcome.NOISE
        assert outcome(an_answer(status=502), "hello", an_answer(status=502)) is Outcome.SAME


class TestTheCandidateAndTheSecondLiveAnswer:
    """Either in the other's place is the mirrored outcome: while they are alike, both are as likely."""

    MIRRORED: ClassVar = {Outcome.DIFFERS: Outcome.NOISE, Outcome.NOISE: Outcome.DIFFERS, Outcome.BOTH: Outcome.BOTH, Outcome.SAME: Outcome.SAME}

    @pytest.mark.parametrize("first", range(6))
    @pytest.mark.parametrize("second", range(6))
    def test_are_compared_by_the_same_rules(self, first: int, second: int) -> None:
        answers = [an_answer({"a": 1, "b": [1, 2]}), an_answer({"a": 1, "b": [1]}), an_answer({"a": 2, "b": [1, 3]}), an_answer("x\ny"), an_answer("x", 500), an_answer("x", seconds=3)]
        live = an_answer({"a": 1, "b": [1, 2]})
        one, other = answers[first], answers[second]
        if one != other:
            assert compare(other, live, one, RULES).outcome is self.MIRRORED[compare(one, live, other, RULES).outcome]


def test_without_an_answer_of_live_nothing_is_compared() -> None:
    assert compared("hello", an_answer(status=None), "hello").outcome is Outcome.UNANSWERED
