"""Hooks, the read-only cutover, and the confirmation on the data plane."""

from tests.defects.defect import Defect

ASKED = "chalicelib/deployments/hooks_asked.py"
CUTTING_OVER = "chalicelib/deployments/cutting_over.py"
CONFIRMING = "chalicelib/deployments/confirming.py"
HOOKS = "tests/stories/test_hooks.py"
CUTOVER = "tests/stories/test_cutover.py"
CONFIRMATION = "tests/stories/test_confirmation.py"
BEFORE_RETIRING = f"{CONFIRMATION}::TestBeforeTheOldColourIsRetired"

HOOKED = (
    Defect(
        "hook not asked again", "a hook that did not answer once holds the rollout until its time is over", ASKED,
        text="    return hooking.next_call(waits, run, now) if is_last or now >= run.again_at else waits",
        instead="    return waits",
        caught_by=f"{HOOKS}::TestAsking::test_again_after_silence_until_the_timeout",
    ),
    Defect(
        "silence is a yes", "a hook that never answers lets the rollout go on", ASKED,
        text='    return run.answer is Outcome.FAILED or (run.answer is Outcome.TIMED_OUT and hook.on_timeout == "fail")',
        instead="    return run.answer is Outcome.FAILED",
        caught_by=f"{HOOKS}::TestAsking::test_again_after_silence_until_the_timeout",
    ),
    Defect(
        "given up without asking", "a hook is given up for time in which nobody asked it", ASKED,
        text="    return _is_late(moved, hook, run, now) and _was_asked_at_the_end(hook, run) and (run.heard or now >= run.again_at)",
        instead="    return _is_late(moved, hook, run, now)",
        caught_by=f"{HOOKS}::TestAsking::test_is_not_given_up_for_time_in_which_nobody_asked",
    ),
    Defect(
        "a rollback asks", "nobody gets back before a hook has agreed", ASKED,
        text="    if deployment.kind is Kind.ROLLBACK:",
        instead="    if False:",
        caught_by=f"{HOOKS}::TestWayBack::test_of_a_rollback_deployment_asks_no_step_and_tells",
    ),
    Defect(
        "hooks before weights", "a hook is told of a way back before the weights are asked for", "chalicelib/deployments/hooks_told.py",
        text="    if deployment is None or seen.only_traffic or asks_for_weights:",
        instead="    if deployment is None or seen.only_traffic:",
        caught_by=f"{HOOKS}::TestWayBack::test_is_told_after_the_weights_and_when_they_are_back",
    ),
    Defect(
        "another call, another id", "a hook cannot tell that it is asked the same once more", "chalicelib/deployments/hooking.py",
        text='        "id": run.id, "service": deployment.service,',
        instead='        "id": f"{run.id}/{run.asked}", "service": deployment.service,',
        caught_by=f"{HOOKS}::TestAsking::test_goes_on_until_it_answers_with_the_state_it_gave",
    ),
    Defect(
        "anything is an answer", "a hook that answers 200 with an error page has agreed", "chalicelib/hooks/answering.py",
        text='        return nothing(f"its answer cannot be read: {error}")',
        instead='        return HookAnswer(Said.SUCCEEDED, f"{error}")',
        caught_by=f"{HOOKS}::TestAsking::test_an_answer_that_cannot_be_read_is_none",
    ),
)

CUT_OVER = (
    Defect(
        "drain skipped before the cutover", "weights move while writes are under way", CUTTING_OVER,
        text="    if seen.at - current.entered_at < timedelta(seconds=moved.deployment.cutover.drain_seconds):",
        instead="    if False:",
        caught_by=f"{CUTOVER}::TestTheWholeTraffic::test_comes_only_after_the_application_was_told_and_writes_have_drained",
    ),
    Defect(
        "read-only not read back", "weights move although the application was never told", CUTTING_OVER,
        text="    if says_something_else or (current.entered_at is None and seen.switch is None):",
        instead="    if False:",
        caught_by=f"{CUTOVER}::TestTheLimit::test_runs_out_while_the_application_cannot_be_told_and_a_person_decides",
    ),
    Defect(
        "the limit moves", "read-only grows longer each time the application is told", CUTTING_OVER,
        text=".do(_tell(moved.service, current, current.until))\n        return told_again",
        instead=".do(_tell(moved.service, current, seen.at + timedelta(seconds=moved.deployment.cutover.limit_seconds)))\n        return told_again",
        caught_by=f"{CUTOVER}::TestTheLimit::test_is_never_made_longer_by_telling_it_again",
    ),
    Defect(
        "weights after the limit", "weights move when the application takes writes again", CUTTING_OVER,
        text="    if seen.at >= last_moment:",
        instead="    if False:",
        caught_by=f"{CUTOVER}::TestTheLimit::test_is_left_early_when_weights_cannot_be_moved_in_time",
    ),
    Defect(
        "weights that stall", "a worker that stalled moves the weights after the limit", CUTTING_OVER,
        text="    return replace(asked, instructions=bounded)",
        instead="    return replace(asked, instructions=asked.instructions or bounded)",
        caught_by=f"{CUTOVER}::TestTheLimit::test_bounds_what_a_worker_may_do_that_stalled_after_its_record",
    ),
    Defect(
        "left too early", "writes go to the release before, that nobody reads any more", CUTTING_OVER,
        text="        return seen.trial is None or seen.trial.outcome is not Outcome.HEALTHY",
        instead="        return False",
        caught_by=f"{CUTOVER}::TestTheWholeTraffic::test_stays_read_only_while_another_release_answers_and_ends_at_its_limit_by_itself",
    ),
    Defect(
        "not left", "an application stays read-only until its limit", CUTTING_OVER,
        text="    if not current.leaving and _is_needed(moved.service, current, seen):",
        instead="    if not current.leaving:",
        caught_by=f"{CUTOVER}::TestTheWholeTraffic::test_is_followed_by_leaving_once_the_candidate_answers",
    ),
    Defect(
        "a way back stays read-only", "what is turned back takes no writes until the limit", CUTTING_OVER,
        text="    return deployment.phase is Phase.SHIFTING\n",
        instead="    return deployment.phase in {Phase.SHIFTING, Phase.REVERTING}\n",
        caught_by=f"{CUTOVER}::TestAWayBack::test_leaves_one_that_is_on",
    ),
    Defect(
        "a pause stays read-only", "nobody can write while somebody thinks", CUTTING_OVER,
        text=" or service.paused or deployment.retiring:",
        instead=" or deployment.retiring:",
        caught_by=f"{CUTOVER}::TestAPause::test_leaves_it_and_resuming_enters_it_again",
    ),
)

CONFIRMED = (
    Defect(
        "confirmation skipped", "the old colour is retired by the rule alone", "chalicelib/deployments/shifting.py",
        text="    if confirming.is_open(moved.deployment):\n        return _stuck(",
        instead="    if False:\n        return _stuck(",
        caught_by=f"{BEFORE_RETIRING}::test_requests_on_the_old_colour_hold_it_and_then_a_person_decides",
    ),
    Defect(
        "confirmation of a revert skipped", "a revert is over while requests still reach what was bad", "chalicelib/deployments/reverting.py",
        text="    if confirming.is_open(moved.deployment) and not hurries:\n",
        instead="    if False:\n",
        caught_by=f"{CONFIRMATION}::TestBeforeARevertIsOver::test_the_previous_release_answers_ten_probes_through_production",
    ),
    Defect(
        "requests there not looked at", "traffic is confirmed that still reaches the old colour", CONFIRMING,
        text="    if other and not _is_staging(color.other, seen):",
        instead="    if False:",
        caught_by=f"{BEFORE_RETIRING}::test_requests_on_the_old_colour_hold_it_and_then_a_person_decides",
    ),
    Defect(
        "our own probes confirm", "traffic is confirmed by Turnout's own requests", CONFIRMING,
        text="Counts(max(0, mine.requests - ours), 0)",
        instead="Counts(mine.requests, 0)",
        caught_by=f"{BEFORE_RETIRING}::test_our_own_probes_are_no_traffic",
    ),
    Defect(
        "another release's answer", "probes that another release answered confirm the traffic", "chalicelib/deployments/trial.py",
        text="    if answer.release and version and answer.release != version:",
        instead="    if False:",
        caught_by=f"{BEFORE_RETIRING}::test_answers_of_another_release_are_none_of_the_ten",
    ),
    Defect(
        "confirmed once for ever", "weights that were elsewhere meanwhile need no second confirmation", CONFIRMING,
        text="    return moved.progress(confirmation=None) if moved.deployment.confirmation else moved",
        instead="    return moved",
        caught_by=f"{BEFORE_RETIRING}::test_is_asked_anew_when_the_weights_were_elsewhere_in_between",
    ),
)
