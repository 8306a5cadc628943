"""What the environment may say."""

from datetime import timedelta

import pytest

from chalicelib.settings import Misconfigured, Settings

REQUIRED = dict.fromkeys(("TURNOUT_TABLE", "TURNOUT_ARTIFACT_BUCKET", "TURNOUT_DUE_QUEUE_URL", "TURNOUT_PROBE_QUEUE_URL"), "x")


def paced(**seconds: float) -> dict[str, str]:
    return REQUIRED | {f"TURNOUT_PACE_{name.upper()}_SECONDS": str(value) for name, value in seconds.items()}


class TestSettings:
    def test_that_are_missing_or_no_number_are_named_all_at_once(self):
        with pytest.raises(Misconfigured) as refused:
            Settings.from_environ({"TURNOUT_TABLE": "x", "TURNOUT_PACE_POLL_SECONDS": "soon"})

        assert all(name in refused.value.detail for name in [*list(REQUIRED)[1:], "TURNOUT_PACE_POLL_SECONDS"])
        assert "TURNOUT_TABLE" not in refused.value.detail

    def test_of_the_pace_are_taken(self):
        assert Settings.from_environ(paced(poll=0.2)).pace.poll == timedelta(seconds=0.2)


class TestAskAgain:
    """Asked again while the write before may still begin, the older of two writes may come last."""

    @pytest.mark.parametrize("pace", [{"ask_again": 4.9}, {"act_within": 10.1}, {"ask_again": 1, "act_within": 1.5}])
    def test_below_act_within_is_refused_by_name(self, pace: dict[str, float]):
        with pytest.raises(Misconfigured) as refused:
            Settings.from_environ(paced(**pace))

        assert "TURNOUT_PACE_ASK_AGAIN_SECONDS" in refused.value.detail
        assert "TURNOUT_PACE_ACT_WITHIN_SECONDS" in refused.value.detail

    @pytest.mark.parametrize("pace", [{}, {"ask_again": 5}, {"ask_again": 1.5, "act_within": 1.5}])
    def test_of_act_within_or_more_is_taken(self, pace: dict[str, float]):
        assert Settings.from_environ(paced(**pace))
