"""What must always be true, as functions over what really happened. Each raises `AssertionError` with what it found.

`ON_WEIGHTS`, `ON_PREPARE`, `ON_RESIZE`, `ON_HOOK`, `ON_TOLD` and `ON_COMMIT` are asked at every write of the production rule, every build put on a
colour, every change of a size, every hook that is called, everything an application is told about read-only and every change of the record; `ON_STEP` after
every step, `ON_REDELIVERY` when something was dealt with a second time, `ON_COMING_TWICE` when it came twice at once. A name begins with the number of the design's invariant.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from tests.faults import record_invariants as record
from tests.faults import traffic_invariants as traffic

ON_WEIGHTS = (
    traffic.i1_no_weight_is_raised_where_the_last_look_found_nothing_healthy, traffic.i1_a_forward_step_raises_only_what_was_seen_healthy,
    traffic.i3_what_is_raised_runs_the_digest_that_passed, traffic.i5_weights_move_only_from_the_shift_on, traffic.i6_only_what_was_recorded_is_acted_on,
    traffic.i8_nothing_slow_stands_between_a_way_back_and_its_weights, traffic.a_pause_or_drift_stops_what_goes_forward,
    traffic.hooks_agree_before_a_weight_is_raised, traffic.the_whole_traffic_moves_while_nobody_writes,
)
ON_PREPARE = (
    traffic.i2_a_colour_is_reused_only_when_drained, traffic.i2_a_colour_is_reused_only_by_what_is_preparing_there,
    traffic.i2_nothing_is_prepared_while_paused, traffic.i3_config_goes_with_the_release, traffic.i8_a_rollback_waits_for_no_person,
)
ON_RESIZE = (
    traffic.i2_a_colour_is_made_small_only_when_drained, traffic.i2_nothing_is_made_small_or_let_go_while_weights_move,
)
ON_HOOK = (
    traffic.i6_a_hook_is_called_only_as_recorded, traffic.i7_a_way_back_is_told_once, traffic.i8_a_way_back_tells_after_its_weights_and_asks_nobody,
)
ON_TOLD = (record.i10_only_a_recorded_moment_is_told,)
ON_COMMIT = (
    record.i3_what_passes_was_seen_standing_healthy_and_answering, record.i3_nothing_is_promoted_without_its_approvals,
    record.i5_what_was_aborted_before_the_shift_never_moved, record.i6_every_write_is_conditional_on_what_was_there,
    record.i6_another_deployment_is_another_epoch, record.i7_nothing_is_on_the_record_twice, record.i9_every_change_is_in_the_chain,
    record.i9_the_chain_replays_to_the_state, record.i10_read_only_is_recorded_with_its_limit_and_never_made_longer,
    record.i11_success_is_only_reported_for_what_serves, record.i11_live_is_what_the_last_look_showed_whole,
)
ON_CHANGE = (record.i9_nothing_of_a_service_is_written_without_its_record,)
ON_STEP = (record.i3_what_serves_was_verified, record.i4_no_phase_outlasts_its_bound, record.i10_the_application_is_never_read_only_past_the_limit)
ON_REDELIVERY = (record.i7_what_is_delivered_again_changes_nothing, record.i7_nothing_is_begun_twice)
ON_COMING_TWICE = (record.i7_what_comes_twice_at_once_is_done_once,)

ALL: tuple[Callable[[Any], None], ...] = (*ON_WEIGHTS, *ON_PREPARE, *ON_RESIZE, *ON_HOOK, *ON_TOLD, *ON_COMMIT, *ON_CHANGE, *ON_STEP, *ON_REDELIVERY, *ON_COMING_TWICE)


def asked(about: tuple[Callable[[Any], None], ...], fact: object) -> None:
    for invariant in about:
        invariant(fact)


def names_by_number() -> dict[int, list[str]]:
    """The functions of each of the design's invariants."""
    names: dict[int, list[str]] = defaultdict(list)
    for function in ALL:
        if numbered := re.match(r"i(\d+)_", function.__name__):
            names[int(numbered[1])].append(function.__name__)
    return dict(names)
