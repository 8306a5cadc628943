"""The judge's three answers, signal by signal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.colors import Color
from chalicelib.health.judge import Evidence, judge
from chalicelib.health.model import Counts, Outcome, ProbeLog, Targets
from chalicelib.health.shares import Share
from chalicelib.services.definition import Checks, Errors

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEALTHY_TARGETS = Targets(1, 1, {"healthy": 1})


def probes(failed: int = 0, passed: int = 3, ago: float = 1) -> ProbeLog:
    return ProbeLog(
        service="web", deployment="d-000001", subject="shifting:1", target="staging", sent={}, failed_in_a_row=failed, passed_in_a_row=passed,
        last_at=NOW - timedelta(seconds=ago), last_reason="GET / answered 500, expected 200",
    )


def evidence(**changes: object) -> Evidence:
    """A healthy candidate on green: good targets, good probes, a thousand good requests on either side."""
    good = Evidence(Color.GREEN, HEALTHY_TARGETS, probes(), {Color.BLUE: Counts(1000, 0), Color.GREEN: Counts(1000, 0)}, Counts(0, 0), extended=False)
    return replace(good, **changes)  # type: ignore[arg-type]


def counts(candidate: tuple[int, int], baseline: tuple[int, int] = (1000, 0)) -> dict[Color, Counts]:
    return {Color.GREEN: Counts(*candidate), Color.BLUE: Counts(*baseline)}


def outcome(found: Evidence, checks: Checks | None = None) -> Outcome:
    return judge(found, checks or Checks(), NOW).outcome


def test_all_good_is_healthy_and_says_what_it_saw() -> None:
    verdict = judge(evidence(), Checks(), NOW)

    assert verdict.outcome is Outcome.HEALTHY
    assert {check.name for check in verdict.checks} == {"targets", "probe", "errors"}
    assert "0 of 1000 requests failed" in verdict.reason


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


class TestProbes:
    def test_as_many_failures_in_a_row_as_allowed_are_unhealthy(self) -> None:
        assert outcome(evidence(probes=probes(failed=3))) is Outcome.UNHEALTHY

    def test_fewer_are_inconclusive(self) -> None:
        assert outcome(evidence(probes=probes(failed=2))) is Outcome.INCONCLUSIVE

    def test_no_probe_yet_is_inconclusive(self) -> None:
        assert outcome(evidence(probes=None)) is Outcome.INCONCLUSIVE

    def test_an_old_probe_is_inconclusive(self) -> None:
        assert outcome(evidence(probes=probes(ago=60))) is Outcome.INCONCLUSIVE


class TestErrors:
    def test_above_the_allowed_rate_is_unhealthy(self) -> None:
        assert outcome(evidence(counts=counts((1000, 60)))) is Outcome.UNHEALTHY

    def test_at_the_allowed_rate_is_healthy(self) -> None:
        assert outcome(evidence(counts=counts((1000, 50)))) is Outcome.HEALTHY

    def test_above_it_while_the_baseline_is_too_is_inconclusive(self) -> None:
        assert outcome(evidence(counts=counts((1000, 60), (1000, 70)))) is Outcome.INCONCLUSIVE

    def test_a_baseline_of_too_few_requests_is_none(self) -> None:
        assert outcome(evidence(counts=counts((1000, 60), (3, 3)))) is Outcome.UNHEALTHY

    def test_too_few_requests_are_inconclusive_however_bad(self) -> None:
        assert outcome(evidence(counts=counts((99, 99)))) is Outcome.INCONCLUSIVE

    def test_too_few_after_an_extension_leave_it_to_targets_and_probes(self) -> None:
        verdict = judge(evidence(counts=counts((41, 0)), extended=True), Checks(), NOW)

        assert verdict.outcome is Outcome.HEALTHY
        assert "41 of 100 requests seen after an extension; targets and probes decide" in verdict.reason

    def test_too_few_stay_inconclusive_when_quiet_means_hold(self) -> None:
        assert outcome(evidence(counts=counts((41, 0)), extended=True), Checks(when_quiet="hold")) is Outcome.INCONCLUSIVE

    def test_no_traffic_at_all_leaves_it_to_targets_and_probes_at_once(self) -> None:
        assert outcome(evidence(counts=counts((0, 0), (0, 0)))) is Outcome.HEALTHY

    def test_no_traffic_on_the_candidate_alone_is_inconclusive(self) -> None:
        assert outcome(evidence(counts=counts((0, 0)))) is Outcome.INCONCLUSIVE

    def test_unreadable_is_never_a_pass(self) -> None:
        assert outcome(evidence(counts=None, extended=True)) is Outcome.INCONCLUSIVE

    def test_turnouts_own_probes_are_no_traffic(self) -> None:
        assert outcome(evidence(counts=counts((7, 0), (0, 0)), own=Counts(7, 0))) is Outcome.HEALTHY

    def test_turnouts_own_probes_do_not_make_up_the_minimum(self) -> None:
        assert outcome(evidence(counts=counts((101, 0)), own=Counts(5, 0))) is Outcome.INCONCLUSIVE

    def test_the_minimum_is_the_services_own(self) -> None:
        assert outcome(evidence(counts=counts((20, 0))), Checks(errors=Errors(minimum_requests=20))) is Outcome.HEALTHY


class TestShare:
    """Requests that the weights cannot explain went somewhere else than the weights say: no metric means anything then."""

    def test_that_the_weights_explain_changes_nothing(self) -> None:
        assert outcome(evidence(counts=counts((110, 0), (890, 0)), share=Share.of(100))) is Outcome.HEALTHY

    @pytest.mark.parametrize("errors", [0, 250])
    def test_that_they_do_not_explain_is_inconclusive_whatever_the_errors(self, errors: int) -> None:
        found = judge(evidence(counts=counts((250, errors), (250, 0)), share=Share.of(100)), Checks(), NOW)

        assert found.outcome is Outcome.INCONCLUSIVE
        assert "observed 50.0 % of 500 requests, configured 10 %" in found.reason

    def test_is_seen_without_our_own_probes(self) -> None:
        assert outcome(evidence(counts=counts((200, 0), (900, 0)), own=Counts(100, 0), share=Share.of(100))) is Outcome.HEALTHY
