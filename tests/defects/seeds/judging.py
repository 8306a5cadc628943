"""Defects in what makes a verdict: the judge, its tests, and what is taken for evidence."""

from tests.defects.defect import Defect

CHECKS = "chalicelib/health/checks"
SEQUENTIAL = "chalicelib/health/sequential.py"
SERIES = "chalicelib/health/series.py"
EVIDENCE = "chalicelib/health/evidence.py"
VERDICTS = "tests/unit/health/test_judge.py"
PROOFS = "tests/unit/health/test_sequential.py"
PERIODS = "tests/unit/health/test_series.py"

JUDGING = (
    Defect(
        "our own probes are users", "ten of Turnout's own requests certify a release that nobody used", SERIES,
        text="    requests, timed = max(0, tally.requests - own.requests), max(0, tally.timed - own.requests)",
        instead="    requests, timed = tally.requests, tally.timed",
        caught_by=f"{PERIODS}::TestOwnRequests::test_are_taken_out_of_the_period_and_group_they_are_in",
    ),
    Defect(
        "unreadable metrics are good metrics", "a release is certified because CloudWatch does not answer", f"{CHECKS}/errors.py",
        text='        return Check("errors", Outcome.INCONCLUSIVE, "the metrics cannot be read")',
        instead='        return Check("errors", Outcome.HEALTHY, "the metrics cannot be read")',
        caught_by=f"{VERDICTS}::TestErrors::test_unreadable_is_never_a_pass",
    ),
    Defect(
        "a red baseline is not looked at", "a release is turned back for what the one before did as well", f"{CHECKS}/comparing.py",
        text="    return counted >= FEWEST_BESIDE and bad > limit * counted",
        instead="    return False",
        caught_by="tests/stories/test_rollback.py::TestByItself::test_not_while_the_baseline_is_as_red",
    ),
    Defect(
        "evidence starts anew for nothing", "looking often raises the false alarms above what was stated", SEQUENTIAL,
        text="        stake = log(SOON / ((number + SOON) * (number + SOON + 1)))  #",
        instead="        stake = 0.0  #",
        caught_by=f"{PROOFS}::TestAbove::test_periods_without_requests_leave_the_whole_stake_as_it_was",
    ),
    Defect(
        "evidence never starts anew", "an hour of good service has to be used up before a release that turns bad is found", SEQUENTIAL,
        text="        stake = log(SOON / ((number + SOON) * (number + SOON + 1)))  #",
        instead="        stake = -log(2) if number == 0 else _NOTHING  #",
        caught_by=f"{PROOFS}::TestWorse::test_a_release_that_turns_bad_late_is_found_as_if_it_had_just_begun",
    ),
    Defect(
        "exposure is not looked at", "a candidate with a tenth of the traffic is compared as if it had half", f"{CHECKS}/comparing.py",
        text="    return Beside(max(point.share / WHOLE, counted), bad, bad_others)",
        instead="    return Beside(0.5, bad, bad_others)",
        caught_by="tests/unit/health/test_comparing.py::TestExposure::test_is_what_the_weights_gave_it",
    ),
    Defect(
        "requests that came by another rule are not exposure", "staging's own traffic turns a good release back", f"{CHECKS}/comparing.py",
        text="    return Beside(max(point.share / WHOLE, counted), bad, bad_others)",
        instead="    return Beside(point.share / WHOLE, bad, bad_others)",
        caught_by="tests/unit/health/test_comparing.py::TestExposure::test_is_its_part_of_the_requests_where_that_is_more",
    ),
    Defect(
        "bursts count", "a dependency that is down for a minute turns a release back that was certified by the hour", f"{CHECKS}/comparing.py",
        text=", limit, at_most=ONE_PERIOD_ALONE)",
        instead=", limit)",
        caught_by=f"{VERDICTS}::TestErrorsAtTheWholeTraffic::test_a_burst_of_two_periods_is_not",
    ),
    Defect(
        "weights that changed meanwhile", "requests of the step before are counted at the new step's share", SERIES,
        text="    return next((span.share for span in spans if span.since <= begin and end <= span.until), None)",
        instead="    return next((span.share for span in spans if span.since <= end and begin <= span.until), None)",
        caught_by=f"{PERIODS}::TestShares::test_a_period_in_which_the_weights_changed_is_left_out",
    ),
    Defect(
        "held against it for ever", "a release that a person took on is turned back for what they knew of", EVIDENCE,
        text="        points = self.series.since(self.judged_since) if self.judged_since else self.series.points",
        instead="        points = self.series.points",
        caught_by=f"{VERDICTS}::TestErrors::test_what_was_before_a_person_took_it_on_does_not",
    ),
    Defect(
        "flapping is not seen", "a release that fails two of three probes stays for ever", f"{CHECKS}/probes.py",
        text="    if bad >= FLAPS * probe.failures:",
        instead="    if False:",
        caught_by=f"{VERDICTS}::TestProbes::test_flapping_is_unhealthy_though_never_enough_in_a_row",
    ),
    Defect(
        "a lucky moment", "a step goes on at the first good probe after bad ones", f"{CHECKS}/probes.py",
        text="    if bad and log.passed_in_a_row < probe.failures:",
        instead="    if False:",
        caught_by=f"{VERDICTS}::TestProbes::test_after_a_bad_one_it_cools_down_until_as_many_were_good",
    ),
    Defect(
        "what does not apply is evidence", "a release is certified though nothing was checked", "chalicelib/health/judge.py",
        text="    if not any(check.effective for check in found):",
        instead="    if False:",
        caught_by=f"{VERDICTS}::test_without_any_check_that_applies_nothing_is_healthy",
    ),
    Defect(
        "red before the first weight", "an alarm that was red already turns a good release back", f"{CHECKS}/alarms.py",
        text="alarm.since >= evidence.weighted_since",
        instead="alarm.since",
        caught_by="tests/unit/health/test_alarms.py::TestAnAlarmThatWasRedAlready::test_says_nothing_about_the_candidate",
    ),
    Defect(
        "verdicts without their inputs", "nobody can judge a verdict again", "chalicelib/deployments/passes.py",
        text="*((Put(judged, Expect.ANY),) if judged else ()))",
        instead=")",
        caught_by="tests/stories/test_judgements.py::TestAVerdict::test_is_kept_with_everything_it_was_made_from",
    ),
)
