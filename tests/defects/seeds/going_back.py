"""The way back, and the commands of people."""

from tests.defects.defect import Defect

REVERTING = "chalicelib/deployments/reverting.py"
GOING_BACK = "chalicelib/deployments/commands/going_back.py"
STARTING = "chalicelib/deployments/commands/starting.py"
PROMOTING = "chalicelib/deployments/commands/promoting.py"
APPROVING = "chalicelib/deployments/approving.py"
ROLLBACK = "tests/stories/test_rollback.py"
RULINGS = "tests/stories/test_rulings.py"
APPROVALS = "tests/stories/test_approvals.py"
APPROVING_ALONE = "tests/unit/deployments/test_approving.py"

WAYS_BACK = (
    Defect(
        "quarantine forgotten", "what was rolled back comes back with the next push", REVERTING,
        text="    judged = moved.quarantine(deployment.build, deployment.id, seen.at).tell",
        instead="    judged = moved.tell",
        caught_by=f"{RULINGS}::TestCertifiedQuarantine::test_an_unhealthy_verdict_quarantines",
    ),
    Defect(
        "a bad rollback goes back and forth", "a rollback moves by itself a second time", REVERTING,
        text="    if deployment.kind is Kind.ROLLBACK:",
        instead="    if False:",
        caught_by=f"{ROLLBACK}::TestAfterwards::test_that_goes_bad_needs_a_human_and_never_moves_by_itself_again",
    ),
    Defect(
        "reverted without a read-back", "a revert is reported that did not happen", REVERTING,
        text="    if seen.split != Split.all_on(color) or ",
        instead="    if not deployment.asked_at or False and ",
        caught_by="tests/stories/test_lag.py::TestARevert::test_is_over_only_when_the_balancer_shows_it",
    ),
    Defect(
        "automatic not suspended", "the next push goes live by itself after a rollback", REVERTING,
        text="    return moved.having(automatic_suspended=suspended).enter(",
        instead="    return moved.enter(",
        caught_by=f"{RULINGS}::TestOrder::test_after_a_revert_by_itself_promotion_automatic_is_suspended",
    ),
    Defect(
        "a drill suspends", "the next push waits for a person because a rollback was only rehearsed", REVERTING,
        text="moved.service.automatic_suspended or moved.deployment.kind is not Kind.DRILL",
        instead="True",
        caught_by="tests/stories/test_drill.py::test_a_drill_that_finds_the_target_bad_goes_back_and_leaves_no_mark",
    ),
    Defect(
        "a drill quarantines", "what a rollback would go to is taken away by its rehearsal", REVERTING,
        text="    if deployment.kind is Kind.DRILL:\n",
        instead="    if False:\n",
        caught_by="tests/stories/test_drill.py::test_a_drill_that_finds_the_target_bad_goes_back_and_leaves_no_mark",
    ),
    Defect(
        "no deadline for a revert", "a way back that never ends calls nobody", REVERTING,
        text="    if now - deployment.phase_since < deployment.plan.deadline:",
        instead="    if True:",
        caught_by=f"{RULINGS}::TestPauseAbortClocks::test_deadline_seconds_bounds_reverting",
    ),
    Defect(
        "abort touches production", "an abort before the shift turns back what never went", GOING_BACK,
        text="    if deployment.phase.is_before_shift or (deployment.previous is None and not deployment.moved):",
        instead="    if deployment.previous is None and not deployment.moved:",
        caught_by="tests/stories/test_pause_abort.py::TestAbort::test_before_the_shift_never_touches_production",
    ),
    Defect(
        "rollback leaves its release clean", "what a person rolled back comes back with the next push", GOING_BACK,
        text="turned.quarantine(deployment.build, deployment.id, wish.at)",
        instead="turned",
        caught_by=f"{ROLLBACK}::TestDuringARollout::test_quarantines_what_it_leaves",
    ),
    Defect(
        "back to the bad one", "a rollback goes to a release that was rolled back itself", "chalicelib/deployments/rollback.py",
        text=" if lived.build != live and not is_quarantined(service, lived.build)]",
        instead=" if lived.build != live]",
        caught_by=f"{RULINGS}::TestCertifiedQuarantine::test_the_default_target_is_not_quarantined_where_that_was_live_last_and_is_certified",
    ),
    Defect(
        "rollback only asked for", "a rollback moves no weight before the next tick", "chalicelib/deployments/service.py",
        text="decide, commands.answer_to_rollback, act=True)",
        instead="decide, commands.answer_to_rollback)",
        caught_by=f"{ROLLBACK}::TestDuringARollout::test_moves_the_weights_in_the_same_request",
    ),
    Defect(
        "supersede forgotten", "a newer release waits behind one that nobody promoted", STARTING,
        text="    if gives_way:\n",
        instead="    if False:\n",
        caught_by="tests/stories/test_order.py::TestNewerReleases::test_supersede_one_that_is_not_yet_shifting",
    ),
    Defect(
        "promotes what is quarantined", "what was rolled back is promoted without an override", PROMOTING,
        text="    refuse_quarantined(service, deployment.build, override=override)\n",
        instead="",
        caught_by=f"{RULINGS}::TestCertifiedQuarantine::test_promote_of_what_is_quarantined_is_refused_unless_overridden",
    ),
)

APPROVED = (
    Defect(
        "promotes without approval", "nobody has to stand behind a release", PROMOTING,
        text="    approving.refuse_unless_enough(deployment, replace(deployment, plan=plan), wish.by.name, wish.at)\n",
        instead="    replace(deployment, plan=plan)\n",
        caught_by=f"{APPROVALS}::TestPromotion::test_with_too_few_changes_nothing",
    ),
    Defect(
        "approvals not bound", "what was approved for one plan counts for another", APPROVING,
        text="    if approval.binding != binding(deployment.build, deployment.plan):",
        instead="    if False:",
        caught_by=f"{APPROVALS}::TestPromotion::test_with_another_strategy_changes_the_plan_so_that_what_was_approved_does_not_count",
    ),
    Defect(
        "config not in the binding", "an approval counts for settings that nobody saw", APPROVING,
        text="    said = [build.digest, build.config_version, plan.strategy,",
        instead="    said = [build.digest, plan.strategy,",
        caught_by=f"{APPROVING_ALONE}::TestBinding::test_changes_with_what_runs",
    ),
    Defect(
        "own approval", "whoever asked for a deployment approves it too", APPROVING,
        text="    if approval.by == deployment.requested_by:\n        detail =",
        instead="    if False:\n        detail =",
        caught_by=f"{APPROVALS}::TestAnApproval::test_is_refused_from_the_one_who_asked_for_the_deployment",
    ),
    Defect(
        "the promoter's own approval", "two signatures of one person", APPROVING,
        text="    if promoter and approval.by == promoter:",
        instead="    if False:",
        caught_by=f"{APPROVALS}::TestPromotion::test_does_not_count_the_approval_of_the_one_who_promotes",
    ),
    Defect(
        "one person twice", "one person's two approvals count as two people's", APPROVING,
        text="    return one.by == another.by or (",
        instead="    return False and (",
        caught_by=f"{APPROVALS}::TestAnApproval::test_counts_once_however_often_the_same_person_gives_it",
    ),
    Defect(
        "approvals never expire", "an approval of last month lets today's release through", APPROVING,
        text="    if now - approval.at >= LASTS:",
        instead="    if False:",
        caught_by=f"{APPROVALS}::TestAnApproval::test_expires_after_a_day",
    ),
    Defect(
        "rollback needs approval", "nobody gets back before two others have agreed", APPROVING,
        text="    return 0 if deployment.kind is not Kind.ROLLOUT else deployment.plan.approvals",
        instead="    return deployment.plan.approvals",
        caught_by=f"{APPROVING_ALONE}::TestAnApproval::test_of_a_rollback_is_never_needed",
    ),
)
