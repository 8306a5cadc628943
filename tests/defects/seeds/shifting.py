"""The shift and the watch: weight, hold, verdict, step by step."""

from tests.defects.defect import Defect

SHIFTING = "chalicelib/deployments/shifting.py"
CLOCKS = "chalicelib/deployments/clocks.py"
STEPS = "tests/stories/test_rollout.py::TestSteps"
WATCHING = "tests/stories/test_rollout.py::TestWatching"
PAUSE = "tests/stories/test_pause_abort.py::TestPause"
RULINGS = "tests/stories/test_rulings.py"

STEP_BY_STEP = (
    Defect(
        "read-back skipped", "a step is held that the balancer never showed", SHIFTING,
        text="    if seen.split != wanted or ",
        instead="    if not deployment.moved or False and ",
        caught_by="tests/stories/test_lag.py::TestAStep::test_is_held_only_from_when_the_balancer_shows_it",
    ),
    Defect(
        "bad verdict ignored in a step", "a bad release is not turned back", SHIFTING,
        text="    if deployment.moved and (bad := _bad(seen)):",
        instead="    if deployment.moved and (bad := None):",
        caught_by="tests/stories/test_rollback.py::TestByItself::test_on_the_error_rate_of_the_candidate",
    ),
    Defect(
        "bad verdict ignored in the watch", "a release that goes bad at 100 % stays", SHIFTING,
        text="    if not (deployment.retiring or ended_by_a_person) and (bad := _bad(seen)):",
        instead="    if not (deployment.retiring or ended_by_a_person) and (bad := None):",
        caught_by=f"{WATCHING}::test_goes_back_by_itself_when_probes_fail_through_production",
    ),
    Defect(
        "what stands there is not looked at", "another digest than the one that passed gets traffic", SHIFTING,
        text="    if seen.standing is None or not seen.standing.holds(deployment.build):",
        instead="    if False:",
        caught_by=f"{STEPS}::test_wait_when_the_colour_holds_something_else_than_was_checked",
    ),
    Defect(
        "too few targets for the whole traffic", "a candidate with one target takes what three served", SHIFTING,
        text="    if wanted.share(color) == WHOLE and not _is_large_enough(moved.service, color, seen):",
        instead="    if False:",
        caught_by=f"{STEPS}::test_the_whole_traffic_waits_for_as_many_healthy_targets_as_the_live_colour_has",
    ),
    Defect(
        "not held", "a step goes on as soon as it looks healthy", SHIFTING,
        text="    if held < hold:",
        instead="    if False:",
        caught_by=f"{STEPS}::test_are_the_plans_in_order_each_held",
    ),
    Defect(
        "inconclusive taken for healthy", "a step that nobody could judge goes on", SHIFTING,
        text="    if seen.verdict and seen.verdict.outcome is Outcome.HEALTHY:\n        return _next_step(",
        instead="    if seen.verdict and seen.verdict.outcome is not Outcome.UNHEALTHY:\n        return _next_step(",
        caught_by=f"{RULINGS}::TestPauseAbortClocks::test_deadline_seconds_bounds_each_step_with_its_extensions_and_the_weights_stay",
    ),
    Defect(
        "no deadline for a step", "a step that cannot be judged goes on for ever", SHIFTING,
        text="    if elapsed(deployment.step_since or deployment.phase_since, moved.service, now) < (bound or deployment.plan.deadline):",
        instead="    if True:",
        caught_by=f"{STEPS}::test_need_a_human_when_they_cannot_be_finished_within_the_deadline",
    ),
    Defect(
        "watch skipped", "a release is certified at once", SHIFTING,
        text="    if moved.service.paused or watched < deployment.plan.watch:",
        instead="    if False:",
        caught_by=f"{PAUSE}::test_stops_the_clock_of_the_watch",
    ),
    Defect(
        "no extension of the watch", "a watch without a clear answer is over at once", SHIFTING,
        text="    if deployment.extensions == 0:\n",
        instead="    if False:\n",
        caught_by=f"{RULINGS}::TestCertifiedQuarantine::test_inconclusive_after_one_extension_is_completed_not_certified",
    ),
    Defect(
        "settle skipped before completed", "success is told before the weights were read back for the last time", SHIFTING,
        text="    settled = seen.at - (deployment.step_since or deployment.phase_since) >= pace.settle",
        instead="    settled = True",
        caught_by="tests/stories/test_lag.py::TestARollout::test_is_completed_only_when_its_weights_were_read_back_long_after_its_last_record",
    ),
    Defect(
        "pause does not stop a step", "the next weight is raised in a pause", SHIFTING,
        text="    if service.paused:\n",
        instead="    if False:\n",
        caught_by=f"{RULINGS}::TestPauseAbortClocks::test_pause_lets_no_weight_increase_right_after_promotion",
    ),
    Defect(
        "clock not stopped by a pause", "a hold passes while the service is paused", CLOCKS,
        text="    until = min(now, service.paused.at) if service.paused else now",
        instead="    until = now",
        caught_by=f"{PAUSE}::test_stops_the_deadline_of_a_step_whose_weight_cannot_be_raised",
    ),
    Defect(
        "clocks not moved on by a pause", "the time of the pause counts as hold and watch", CLOCKS,
        text="        return moment + (now - max(moment, pause_began)) if moment else None",
        instead="        return moment",
        caught_by=f"{PAUSE}::test_stops_the_clock_of_a_hold",
    ),
)
