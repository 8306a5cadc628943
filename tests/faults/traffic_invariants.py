"""What must be true of every write of the production rule, every build that is put on a colour and every hook that is called.

The numbers of the design's invariants are in front; what has none is a ruling of it.
"""

from chalicelib.colors import WHOLE, Color
from chalicelib.deployments.model import Build, Deployment, Kind, Phase
from chalicelib.hooks.model import Moment, Outcome
from tests.faults.facts import FORWARD, HookCall, Preparation, Resizing, Weights

_MAY_MOVE = FORWARD | {Phase.REVERTING, Phase.NEEDS_HUMAN}
_SLOW = frozenset({"hooks", "objects", "secrets", "switch.set", "queues", "runtime.prepare", "runtime.resize", "images"})
"""What no weight of a way back waits for."""
_REQUEST_MAY = frozenset({"ledger.find", "ledger.commit", "router.look", "targets.targets"})
"""What a command may ask for before it moves the weights."""
_WAYS_BACK = frozenset({Moment.BEFORE_REVERT, Moment.AFTER_REVERT})


def i1_no_weight_is_raised_where_the_last_look_found_nothing_healthy(write: Weights) -> None:
    for color in write.raised:
        assert color not in write.looks or write.looks[color].healthy > 0, f"weight of {color} raised, and the last look found {write.looks[color]}"


def i1_a_forward_step_raises_only_what_was_seen_healthy(write: Weights) -> None:
    if write.goes_forward or write.restores:
        for color in write.raised:
            assert color in write.looks, f"weight of {color} raised without a look at its targets"


def i2_a_colour_is_reused_only_when_drained(one: Preparation) -> None:
    if one.already_there or _restores(one):
        return
    assert one.share == 0, f"{one.build.version} is put on {one.color}, which serves {one.share / 10} %"
    assert one.empty_for >= one.drained_after, f"{one.color} is reused {one.empty_for} after it was emptied; it drains for {one.drained_after}"


def i2_a_colour_is_reused_only_by_what_is_preparing_there(one: Preparation) -> None:
    deployment = one.recorded.deployment
    if _restores(one):
        live = one.recorded.live
        assert live is not None, f"{one.build.version} is put back, and nothing is live"
        assert (one.color, one.build) == (live.color, live.build), f"{one.build.version} is put back on {one.color} and is not what is live"
        return
    assert deployment is not None, f"{one.build.version} is put on {one.color} while nothing is in progress"
    assert (deployment.color, deployment.build) == (one.color, one.build), f"{one.build.version} is put on {one.color}, which is {deployment.id}'s"
    assert deployment.phase in {Phase.PREPARING, Phase.VERIFYING}, f"a build is put on a colour in {deployment.phase}"
    assert one.wrote or deployment.phase is not Phase.PENDING


def i2_a_colour_is_made_small_only_when_drained(one: Resizing) -> None:
    if one.at_most is None:
        return
    assert one.share == 0, f"{one.color} is made small, and it serves {one.share / 10} %"
    assert one.empty_for >= one.drained_after, f"{one.color} is made small {one.empty_for} after it was emptied; it drains for {one.drained_after}"


def i2_nothing_is_made_small_or_let_go_while_weights_move(one: Resizing) -> None:
    deployment = one.recorded.deployment
    moves = deployment is not None and deployment.moved and not deployment.retiring
    assert not moves or (one.held and one.at_most is None), f"{one.color} is let go while {deployment and deployment.id} is {deployment and deployment.phase}"


def i2_nothing_is_prepared_while_paused(one: Preparation) -> None:
    deployment = one.recorded.deployment
    begun = deployment is not None and deployment.phase in {Phase.PREPARING, Phase.VERIFYING}
    assert one.recorded.paused is None or begun or _restores(one), "preparing began in a pause"


def _restores(one: Preparation) -> bool:
    """A person asked for what is live to be put back over what somebody else put there."""
    drift = one.recorded.drift
    return drift is not None and drift.standing and drift.restoring


def i3_what_is_raised_runs_the_digest_that_passed(write: Weights) -> None:
    wanted = None if write.restores else _wanted_build(write.deployment)
    if wanted is None or write.meddled:
        return
    color, build = wanted
    if color in write.raised and not build.is_adopted:
        assert write.standing[color].holds(build), f"{color} gets traffic and runs {write.standing[color]}, not {build.version}"
        assert build in write.verified, f"{build.version} gets traffic and was never verified"


def i3_config_goes_with_the_release(one: Preparation) -> None:
    assert one.settings == one.recorded_settings, f"{one.build.version} is prepared with {one.settings}, config {one.build.config_version} is {one.recorded_settings}"
    assert not one.readable, f"{sorted(one.readable)} was replaced, and its pinned version can be read"


def i5_weights_move_only_from_the_shift_on(write: Weights) -> None:
    if write.restores:
        return
    assert write.deployment.phase in _MAY_MOVE, f"production was written while {write.deployment.phase}"
    assert write.deployment.moved, "weights were written for a deployment whose record says that it never moved any"


def i6_only_what_was_recorded_is_acted_on(write: Weights) -> None:
    assert write.wrote, "weights were written and this worker recorded nothing"
    assert write.after == write.recorded.desired, f"{write.after} was written and {write.recorded.desired} is recorded"


def i8_nothing_slow_stands_between_a_way_back_and_its_weights(write: Weights) -> None:
    if not write.goes_back:
        return
    slow = [call for call in write.asked if call in _SLOW or call.partition(".")[0] in _SLOW]
    assert not slow, f"a way back waited for {slow} before its weights"
    optional = sorted(set(write.asked) - _REQUEST_MAY) if write.is_request else []
    assert not optional, f"a command asked for {optional} before it moved the weights"


def a_pause_or_drift_stops_what_goes_forward(write: Weights) -> None:
    if not write.goes_forward or write.deployment.color not in write.raised:
        return
    assert write.recorded.paused is None, "the candidate's weight was raised in a pause"
    assert write.recorded.drift is None or write.recorded.drift.restoring, "the candidate's weight was raised on a rule that drifted"


def hooks_agree_before_a_weight_is_raised(write: Weights) -> None:
    if not write.goes_forward or write.deployment.phase is not Phase.SHIFTING or write.deployment.color not in write.raised:
        return
    deployment = write.deployment
    answers = {run.id: run.answer for run in deployment.hooks_run}
    for position, hook in enumerate(deployment.hooks):
        if hook.at == Moment.BEFORE_SHIFT:
            answer = answers.get(f"{deployment.id}/{hook.at}/{deployment.step}/{position}")
            agrees = answer is Outcome.SUCCEEDED or (answer is Outcome.TIMED_OUT and hook.on_timeout == "continue")
            assert agrees, f"weights of step {deployment.step} were asked for, and {hook.target} is {answer}"


def the_whole_traffic_moves_while_nobody_writes(write: Weights) -> None:
    """In a cutover: the application was told, and the time was not over when this was recorded."""
    if not write.goes_forward or write.deployment.cutover.read_only == "off" or write.recorded.live is None:
        return
    if write.deployment.phase is Phase.SHIFTING and write.deployment.color and write.after.share(write.deployment.color) == WHOLE:
        assert write.was_read_only, "the whole traffic was asked for while the application took writes"


def i6_a_hook_is_called_only_as_recorded(call: HookCall) -> None:
    if call.at == Moment.READ_ONLY:  # says a moment that is on the record, however often
        return
    assert call.wrote, f"{call.run} was called and this worker recorded nothing"
    deployment = call.recorded.deployment
    assert deployment is not None, f"{call.run} was called while nothing is in progress"
    assert any(run.id == call.run and run.is_pending for run in deployment.hooks_run), f"{call.run} was called and is not on the record as pending"


def i7_a_way_back_is_told_once(call: HookCall) -> None:
    assert call.at not in _WAYS_BACK or call.times == 1, f"{call.run} was told {call.times} times"


def i8_a_way_back_tells_after_its_weights_and_asks_nobody(call: HookCall) -> None:
    deployment = call.recorded.deployment
    if deployment is None or call.at == Moment.READ_ONLY:
        return
    goes_back = deployment.phase is Phase.REVERTING or deployment.kind is Kind.ROLLBACK
    assert goes_back == (call.at in _WAYS_BACK), f"{call.at} was called in {deployment.phase} of a {deployment.kind}"
    if goes_back:
        whole = _goes_to(deployment)
        assert deployment.asked_at or call.recorded.expected[-1].whole_on is whole, f"{call.at} was told before the weights were asked for"


def i8_a_rollback_waits_for_no_person(one: Preparation) -> None:
    deployment = one.recorded.deployment
    assert deployment is None or deployment.kind is not Kind.ROLLBACK or deployment.phase is not Phase.STAGED, "a rollback waits in staged"


def _wanted_build(deployment: Deployment) -> tuple[Color, Build] | None:
    """Which build a write for this deployment gives traffic to, and where."""
    if deployment.phase is Phase.REVERTING:
        previous = deployment.previous
        return (previous.color, previous.build) if previous and previous.build else None
    return (deployment.color, deployment.build) if deployment.color else None


def _goes_to(deployment: Deployment) -> Color | None:
    if deployment.phase is Phase.REVERTING:
        return deployment.previous.color if deployment.previous else None
    return deployment.color
