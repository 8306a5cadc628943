from chalicelib.releases import labels


class TestLabels:
    def test_are_kept_as_they_are(self) -> None:
        assert labels.kept({"b": "2", "a": "ä\n"}) == {"a": "ä\n", "b": "2"}

    def test_that_are_read_are_kept_first_and_the_rest_as_far_as_there_is_room(self) -> None:
        given = {f"a{number:03}": "x" * 1000 for number in range(100)} | {"turnout.schema-min": "1", "turnout.schema-max": "2", "commit": "c0ffee"}

        found = labels.kept(given)

        assert {"commit", "turnout.schema-min", "turnout.schema-max"} <= found.keys()
        assert sum(len(name) + len(value) for name, value in found.items()) <= labels.MOST_KEPT
        assert 10 < len(found) < 20

    def test_that_are_too_large_leave_room_for_those_behind(self) -> None:
        assert labels.kept({"a": "x" * labels.MOST_KEPT, "b": "1"}) == {"b": "1"}

    def test_that_no_text_can_hold_are_left_out(self) -> None:
        assert labels.kept({"a": "\ud800", "\udfff": "b", "c": "1"}) == {"c": "1"}
