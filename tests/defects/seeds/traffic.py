"""Weights: what is asked for, what is seen of it, and what is put on the rule."""

from tests.defects.defect import Defect

TRAFFIC = "chalicelib/deployments/traffic.py"
ROLLOUT = "tests/stories/test_rollout.py::TestSteps"
BACK = "tests/stories/test_rollback.py::TestHealthOnTheWayBack"
DRIFT = "tests/stories/test_drift.py::TestDrift"
ROUTER = "tests/contract/test_router.py::TestSettingWeights"

WEIGHTS = (
    Defect(
        "health not checked before a step", "weight is raised onto a group without a healthy target", TRAFFIC,
        text="        if split.share(color) > seen.split.share(color) and not healthy(seen, color):",
        instead="        if False:",
        caught_by=f"{ROLLOUT}::test_wait_while_the_candidate_has_no_healthy_target",
    ),
    Defect(
        "goes back onto the dead", "a revert raises the weight of a group the last look found dead", TRAFFIC,
        text="    if _known_dead(seen, color):",
        instead="    if False:",
        caught_by=f"{BACK}::test_holds_while_previous_has_no_healthy_target_and_goes_as_soon_as_it_has_one",
    ),
    Defect(
        "silence is death", "a revert waits because health cannot be read", TRAFFIC,
        text="    if _known_dead(seen, color):",
        instead="    if not healthy(seen, color):",
        caught_by=f"{BACK}::test_goes_when_health_cannot_be_read",
    ),
    Defect(
        "an unreadable look forgets the dead", "a revert goes onto a group that a look some seconds ago found dead", TRAFFIC,
        text="    return last.targets[color].healthy == 0",
        instead="    return False",
        caught_by=f"{BACK}::test_holds_when_health_cannot_be_read_but_a_look_a_moment_ago_found_none_healthy",
    ),
    Defect(
        "drift not noticed", "weights somebody else set are taken for ours", TRAFFIC,
        text="    if split is None or split not in moved.service.expected:",
        instead="    if split is None:",
        caught_by=f"{DRIFT}::test_stops_the_candidate_from_being_raised",
    ),
    Defect(
        "drift ignored", "the candidate is raised on a rule that drifted", TRAFFIC,
        text="    if service.drift:\n",
        instead="    if False:\n",
        caught_by=f"{DRIFT}::test_stops_the_candidate_from_being_raised",
    ),
    Defect(
        "what was there before is not expected", "a balancer that lags is taken for somebody who meddles", TRAFFIC,
        text="    expected = service.expected if service.desired == split else (*service.expected, split)",
        instead="    expected = (split,)",
        caught_by=f"{DRIFT}::test_is_not_what_a_balancer_that_lags_still_shows",
    ),
    Defect(
        "restores onto the dead", "weights are put back onto a group without a healthy target", TRAFFIC,
        text="        if raised and not healthy(seen, color):",
        instead="        if False:",
        caught_by="tests/stories/test_cannot_get_stuck.py::TestRestore::test_puts_no_weight_onto_what_is_not_healthy",
    ),
    Defect(
        "drain skipped", "a colour is reused while requests are on their way to it", TRAFFIC,
        text="    return seen.at - since >= lasting",
        instead="    return True",
        caught_by="tests/stories/test_rollout.py::TestStaging::test_waits_until_nothing_can_be_on_its_way_to_what_stood_there_before",
    ),
    Defect(
        "cookies run into the deadline", "a release that is well needs a person, because cookies last longer than its deadline", "chalicelib/deployments/waits.py",
        text="    return deployment.plan.deadline + timedelta(seconds=deployment.sticky_seconds or 0)",
        instead="    return deployment.plan.deadline",
        caught_by="tests/stories/test_stickiness.py::TestAShift::test_may_drain_for_longer_than_the_deadline",
    ),
    Defect(
        "stickiness not switched off", "cookies hold visitors on what was rolled back", TRAFFIC,
        text="unstick=seen.rules is None or seen.sticky_seconds > 0",
        instead="unstick=False",
        caught_by=f"{BACK}::test_switches_stickiness_off_in_the_same_write",
    ),
    Defect(
        "asked for every pass", "the weights are written again before they could be seen", TRAFFIC,
        text="    if on_its_way:",
        instead="    if False:",
        caught_by="tests/stories/test_lag.py::TestAStep::test_is_not_written_again_before_it_could_be_seen",
    ),
    Defect(
        "live without a read-back", "what was asked for counts as live before the balancer shows it", TRAFFIC,
        text="    split = seen.split\n    if split is None or",
        instead="    split = moved.service.desired\n    if split is None or",
        caught_by="tests/stories/test_rollout.py::TestFirstRelease::test_makes_its_colour_live_only_when_the_balancer_shows_everything_there",
    ),
    Defect(
        "zero omitted", "a group without weight is left out of the rule, and the ALB stops checking it", "chalicelib/traffic/memory.py",
        text="after = Forward({traffic.target_groups.of(color): weight_by_color[color] for color in Color},",
        instead="after = Forward({traffic.target_groups.of(color): weight_by_color[color] for color in Color if weight_by_color[color]},",
        caught_by=f"{ROLLOUT}::test_zero_is_always_sent",
    ),
    Defect(
        "zero omitted at the ALB", "a group without weight is left out of ELB's rule, and keeps whatever it had", "chalicelib/traffic/alb.py",
        text='"Weight": weight_by_color[color]} for color in Color],',
        instead='"Weight": weight_by_color[color]} for color in Color if weight_by_color[color]],',
        caught_by=f"{ROUTER}::test_always_sends_zero",
    ),
    Defect(
        "other actions dropped", "a write of the weights switches off the sign-in in front of the application", "chalicelib/traffic/alb.py",
        text='    return [_forward(action, traffic, split, unstick=unstick) if action is last else _kept(action) for action in native["Actions"]]',
        instead="    return [_forward(last, traffic, split, unstick=unstick)]",
        caught_by="tests/contract/test_router.py::TestAlb::test_keeps_the_other_actions_and_their_order",
    ),
)
