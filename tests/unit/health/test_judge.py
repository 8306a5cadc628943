"""The judge's three answers, signal by signal."""

import pytest

from chalicelib.health.judge import judge
from chalicelib.health.model import Check, Outcome, Tally, Targets
from chalicelib.health.shares import Share
from chalicelib.services.definition import Checks, Errors
from tests.unit.health.builders import NOW, WHOLE, before, counted, evidence, outcome, points, probes, series, spread, tally, verdict


def test_all_good_is_healthy_and_says_what_it_saw() -> None:
    found = verdict(evidence())

    assert found.outcome is Outcome.HEALTHY
    assert {check.name for check in found.checks} == {"targets", "probe", "errors", "latency"}
    assert "0 of 1000 requests failed" in found.reason


def test_without_any_check_that_applies_nothing_is_healthy() -> None:
    def applies_never(*_: object) -> Check:
        return Check("nothing", Outcome.HEALTHY, "does not apply", effective=False)

    assert judge(evidence(), Checks(), NOW, asked=(applies_never,)).outcome is Outcome.INCONCLUSIVE
    assert judge(evidence(), Checks(), NOW, asked=()).outcome is Outcome.INCONCLUSIVE


class TestTargets:
    def test_none_healthy_is_unhealthy(self) -> None:
        assert outcome(evidence(targets=Targets(0, 1, {"unhealthy": 1}))) is Outcome.UNHEALTHY

    def test_an_empty_group_is_unhealthy(self) -> None:
        assert outcome(evidence(targets=Targets(0, 0))) is Outcome.UNHEALTHY

    @pytest.mark.parametrize("state", ["initial", "unused", "unavailable"])
    def test_a_state_that_says_nothing_is_inconclusive(self, state: str) -> None:
        assert outcome(evidence(targets=Targets(0, 1, {state: 1}))) is Outcome.INCONCLUSIVE

    def test_unreadable_is_inconclusive(self) -> None:
        assert outcome(evidence(targets=None)) is Outcome.INCONCLUSIVE

    @pytest.mark.parametrize(("down", "expected"), [((1, 0, 1), Outcome.INCONCLUSIVE), ((0, 0, 1), Outcome.HEALTHY)])
    def test_one_that_stays_down_holds_and_one_that_restarts_does_not(self, down: tuple[int, ...], expected: Outcome) -> None:
        seen = series(points(*((tally(100, hosts_down=hosts), tally(100)) for hosts in down)))

        assert outcome(evidence(targets=Targets(3, 4, {"healthy": 3, "unhealthy": 1}), series=seen)) is expected

    def test_already_red_is_not_held_against_it(self) -> None:
        seen = series(points(*((tally(100, hosts_down=1), tally(100, hosts_down=1)) for _ in range(3))))

        assert outcome(evidence(targets=Targets(3, 4, {"healthy": 3, "unhealthy": 1}), series=seen)) is Outcome.HEALTHY

    def test_no_traffic_changes_nothing(self) -> None:
        assert outcome(evidence(targets=Targets(0, 1, {"unhealthy": 1}), series=counted((0, 0), (0, 0)))) is Outcome.UNHEALTHY


class TestProbes:
    def test_as_many_failures_in_a_row_as_allowed_are_unhealthy(self) -> None:
        assert outcome(evidence(probes=probes(failed=3))) is Outcome.UNHEALTHY

    def test_fewer_are_inconclusive(self) -> None:
        assert outcome(evidence(probes=probes(failed=2))) is Outcome.INCONCLUSIVE

    def test_no_probe_yet_is_inconclusive(self) -> None:
        assert outcome(evidence(probes=None)) is Outcome.INCONCLUSIVE

    def test_an_old_probe_is_inconclusive(self) -> None:
        assert outcome(evidence(probes=probes(ago=60))) is Outcome.INCONCLUSIVE

    def test_good_ones_are_healthy_without_any_traffic(self) -> None:
        assert outcome(evidence(series=counted((0, 0), (0, 0)))) is Outcome.HEALTHY

    def test_flapping_is_unhealthy_though_never_enough_in_a_row(self) -> None:
        found = verdict(evidence(probes=probes(passed=1, recent="--+" * 8)))

        assert found.outcome is Outcome.UNHEALTHY
        assert "it flaps: 16 of the last 24 probes on staging failed" in found.reason

    def test_a_bad_one_now_and_then_is_no_flapping(self) -> None:
        assert outcome(evidence(probes=probes(passed=5, recent="+-++++-+++++"))) is Outcome.HEALTHY

    def test_after_a_bad_one_it_cools_down_until_as_many_were_good(self) -> None:
        assert outcome(evidence(probes=probes(passed=2, recent="+++-++"))) is Outcome.INCONCLUSIVE
        assert outcome(evidence(probes=probes(passed=3, recent="+++-+++"))) is Outcome.HEALTHY

    def test_how_many_are_looked_at_goes_with_how_many_may_fail(self) -> None:
        assert outcome(evidence(probes=probes(passed=1, recent="+-+")), Checks.model_validate({"probe": {"failures": 1}})) is Outcome.HEALTHY
        assert outcome(evidence(probes=probes(passed=1, recent="-+-+-+-+")), Checks.model_validate({"probe": {"failures": 1}})) is Outcome.UNHEALTHY


class TestErrors:
    def test_worse_than_the_release_before_is_unhealthy(self) -> None:
        found = verdict(evidence(series=counted((1000, 30))))

        assert found.outcome is Outcome.UNHEALTHY
        assert found.reason == (
            "30 of 1000 requests failed (3.0%, allowed 5.0%), beside 0 of 1000 of the release before in the same periods: worse, and not by chance"
        )

    def test_a_little_worse_than_the_release_before_is_not(self) -> None:
        assert outcome(evidence(series=counted((10_000, 110), (10_000, 100)))) is Outcome.HEALTHY

    def test_above_the_allowed_rate_is_unhealthy_when_there_is_no_release_before(self) -> None:
        assert outcome(evidence(series=counted((1000, 100), (0, 0)))) is Outcome.UNHEALTHY

    def test_above_it_by_what_may_be_chance_is_no_pass(self) -> None:
        assert outcome(evidence(series=counted((1000, 55), (0, 0)), extended=True)) is Outcome.INCONCLUSIVE

    def test_at_the_allowed_rate_is_healthy_when_there_is_no_release_before(self) -> None:
        found = evidence(series=series(points(*((tally(100, 5), Tally()) for _ in range(10)), share=WHOLE)), watching=True)

        assert outcome(found) is Outcome.HEALTHY

    def test_already_red_is_inconclusive(self) -> None:
        found = verdict(evidence(series=counted((1000, 60), (1000, 70))))

        assert found.outcome is Outcome.INCONCLUSIVE
        assert "so did 70 of 1000 of the release before" in found.reason

    def test_a_baseline_of_too_few_requests_is_none(self) -> None:
        assert outcome(evidence(series=counted((1000, 100), (3, 3)))) is Outcome.UNHEALTHY

    def test_too_few_requests_are_inconclusive(self) -> None:
        assert outcome(evidence(series=counted((99, 4)))) is Outcome.INCONCLUSIVE

    def test_a_proof_needs_no_minimum_of_requests(self) -> None:
        assert outcome(evidence(series=counted((60, 60)))) is Outcome.UNHEALTHY

    def test_one_period_is_no_proof_however_much_failed_in_it(self) -> None:
        """A client that fails, asks again and fails again is many failures and one fact."""
        assert outcome(evidence(series=series(points((tally(1000, 900), tally(1000)))))) is Outcome.INCONCLUSIVE

    def test_a_handful_of_errors_is_no_proof_whatever_the_odds(self) -> None:
        assert outcome(evidence(series=counted((4, 4), (100_000, 0), share=1))) is Outcome.INCONCLUSIVE

    def test_too_few_after_an_extension_leave_it_to_targets_and_probes(self) -> None:
        found = verdict(evidence(series=counted((41, 0)), extended=True))

        assert found.outcome is Outcome.HEALTHY
        assert "41 of 100 requests seen after an extension; targets and probes decide" in found.reason

    def test_too_few_stay_inconclusive_when_quiet_means_hold(self) -> None:
        assert outcome(evidence(series=counted((41, 0)), extended=True), Checks(when_quiet="hold")) is Outcome.INCONCLUSIVE

    def test_no_traffic_at_all_leaves_it_to_targets_and_probes_at_once(self) -> None:
        assert outcome(evidence(series=counted((0, 0), (0, 0)))) is Outcome.HEALTHY

    def test_no_traffic_on_the_candidate_alone_is_inconclusive(self) -> None:
        assert outcome(evidence(series=counted((0, 0)))) is Outcome.INCONCLUSIVE

    def test_unreadable_is_never_a_pass(self) -> None:
        assert outcome(evidence(series=None, extended=True)) is Outcome.INCONCLUSIVE

    def test_no_complete_period_is_never_a_pass(self) -> None:
        assert outcome(evidence(series=series(before(tally(1000))), extended=True)) is Outcome.INCONCLUSIVE

    def test_the_minimum_is_the_services_own(self) -> None:
        assert outcome(evidence(series=counted((20, 0))), Checks(errors=Errors(minimum_requests=20))) is Outcome.HEALTHY

    def test_errors_that_look_more_like_a_tenfold_rise_than_like_none_are_inconclusive(self) -> None:
        found = verdict(evidence(series=counted((200, 3), (200, 0))))

        assert found.outcome is Outcome.INCONCLUSIVE
        assert "too few to tell that from a tenfold rise" in found.reason

    def test_errors_of_an_earlier_step_still_count(self) -> None:
        """They may be told late: their period ended before the step that is judged began."""
        early = points(*((tally(100, 30), tally(900, 1)) for _ in range(4)), share=100)
        now = points((tally(50), tally(50)), begin=NOW)

        assert outcome(evidence(series=series((*early, *now)), since=NOW)) is Outcome.UNHEALTHY

    def test_what_was_before_a_person_took_it_on_does_not(self) -> None:
        early = points(*((tally(100, 30), tally(900, 1)) for _ in range(2)), share=100)
        now = points((tally(500), tally(500)), begin=NOW)

        assert outcome(evidence(series=series((*early, *now)), since=NOW, judged_since=NOW)) is Outcome.HEALTHY


class TestErrorsAtTheWholeTraffic:
    """Nothing runs beside it: it is compared with how the release before was last seen."""

    def whole(self, *mine: Tally, other: Tally) -> Outcome:
        return outcome(evidence(series=series((*before(other), *points(*((one, Tally()) for one in mine), share=WHOLE))), watching=True))

    def test_like_the_release_before_is_healthy(self) -> None:
        assert self.whole(*[tally(1000, 10)] * 10, other=tally(10_000, 100)) is Outcome.HEALTHY

    def test_lastingly_worse_is_unhealthy(self) -> None:
        assert self.whole(*[tally(1000, 40)] * 4, other=tally(10_000, 20)) is Outcome.UNHEALTHY

    def test_a_burst_of_two_periods_is_not(self) -> None:
        assert self.whole(*[tally(1000, 2)] * 6, *[tally(1000, 500)] * 2, other=tally(10_000, 20)) is not Outcome.UNHEALTHY

    def test_a_rate_that_drifts_with_the_hour_is_not(self) -> None:
        assert self.whole(*[tally(1000, 15)] * 10, other=tally(10_000, 100)) is Outcome.HEALTHY

    def test_without_a_release_before_only_the_allowed_rate_counts(self) -> None:
        assert self.whole(*[tally(1000, 40)] * 4, other=Tally()) is Outcome.HEALTHY
        assert self.whole(*[tally(1000, 100)] * 4, other=Tally()) is Outcome.UNHEALTHY

    def test_what_was_already_red_is_compared_with_itself(self) -> None:
        assert self.whole(*[tally(1000, 110)] * 4, other=tally(10_000, 1000)) is Outcome.INCONCLUSIVE
        assert self.whole(*[tally(1000, 500)] * 4, other=tally(10_000, 1000)) is Outcome.UNHEALTHY


class TestLatency:
    def judged(self, mine: Tally, other: Tally, *, over: float | None = 0.5) -> Outcome:
        return outcome(evidence(series=series(points(*[(mine, other)] * 3), slow_over=over)))

    def test_no_more_slow_requests_than_the_percentile_leaves_is_healthy(self) -> None:
        assert self.judged(tally(1000, timed=1000, slow=8), tally(1000, timed=1000, slow=2)) is Outcome.HEALTHY

    def test_slower_is_unhealthy(self) -> None:
        seen = points(*zip(spread(1000, slow=80), spread(1000, slow=2), strict=True))
        found = verdict(evidence(series=series(seen, slow_over=0.5)))

        assert found.outcome is Outcome.UNHEALTHY
        assert found.reason == "80 of 1000 requests took longer than 0.5 s (8.0%, allowed 1.0%): slower, and not by chance"

    def test_already_red_is_inconclusive(self) -> None:
        assert self.judged(tally(1000, timed=1000, slow=80), tally(1000, timed=1000, slow=90)) is Outcome.INCONCLUSIVE

    def test_a_little_more_than_allowed_is_no_pass(self) -> None:
        assert self.judged(tally(1000, timed=1000, slow=12), tally(1000, timed=1000)) is Outcome.INCONCLUSIVE

    def test_nothing_to_compare_with_does_not_apply(self) -> None:
        assert self.judged(tally(1000, timed=1000), tally(1000, timed=1000), over=None) is Outcome.HEALTHY

    def test_no_traffic_does_not_apply(self) -> None:
        assert self.judged(Tally(), Tally()) is Outcome.HEALTHY

    def test_unreadable_is_the_errors_answer(self) -> None:
        assert "latency" not in {check.name for check in verdict(evidence(series=None)).checks}


class TestShare:
    """Requests that the weights cannot explain went somewhere else than the weights say: no metric means anything then."""

    def test_that_the_weights_explain_changes_nothing(self) -> None:
        assert outcome(evidence(series=counted((110, 0), (890, 0), share=100), share=Share.of(100))) is Outcome.HEALTHY

    @pytest.mark.parametrize("errors", [0, 250])
    def test_that_they_do_not_explain_is_inconclusive_whatever_the_errors(self, errors: int) -> None:
        found = verdict(evidence(series=counted((250, errors), (250, 0), share=100), share=Share.of(100)))

        assert found.outcome is Outcome.INCONCLUSIVE
        assert "observed 50.0 % of 500 requests, configured 10 %" in found.reason
