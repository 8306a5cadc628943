"""Decide what a service does next.

`advance` takes what was recorded, what was seen and the pace of things, and
returns the next record, what to do about it and what to tell. It reads nothing and calls
nothing. A phase ends when the world shows that it has ended, never because
we asked, so an instruction that was lost is simply given again.

    staging.py     pending ─▶ preparing ─▶ verifying ─▶ staged       ─▶ failed, aborted
    shifting.py    shifting(step k of n) ─▶ watching                 ─▶ completed
    reverting.py   reverting, needs-human                            ─▶ reverted
    traffic.py     what was seen of the weights, and asking for others
    hooking.py     a team's hooks: asked before and after a step, told of a way back
    drilling.py    a rehearsal of the way back, now and then (scheduling.py)
    sizing.py      how large the colours are, where a runtime has sizes
    cutting_over.py  no writes while an application with a database changes sides
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from chalicelib.deployments import cutting_over, drilling, hooking, hooks_told, reverting, scheduling, shifting, sizing, staging, traffic, waits
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.model import Kind, Phase
from chalicelib.deployments.observation import Observation
from chalicelib.services.model import Service
from chalicelib.settings import Pace

_Handler = Callable[[Moved, Observation, Pace], Moved]

_BY_PHASE: dict[Phase, _Handler] = {
    Phase.PENDING: staging.pending,
    Phase.PREPARING: staging.preparing,
    Phase.VERIFYING: staging.verifying,
    Phase.STAGED: staging.staged,
    Phase.SHIFTING: shifting.shifting,
    Phase.WATCHING: shifting.watching,
    Phase.REVERTING: reverting.reverting,
    Phase.NEEDS_HUMAN: reverting.needs_human,
}

_AT_ONCE = frozenset({Phase.SHIFTING, Phase.REVERTING})
"""Phases whose first step is decided together with entering them: nothing may stand between a rollback and its weights."""


def advance(service: Service, seen: Observation, pace: Pace) -> Moved:
    """The next record of `service` and what to do once it is written. Unchanged and empty when there is nothing to do."""
    if seen.answers:
        return cutting_over.taken_in(hooking.taken_in(Moved(service), seen.answers, seen.at), seen)
    moved = traffic.settle(traffic.fold(Moved(service), seen), seen, pace)
    if moved.service.deployment is None:
        moved = _idle(moved, seen, pace)
    if moved.service.deployment is not None:
        moved = scheduling.rescued(moved, seen)
        moved = hooks_told.tell(_step(moved, seen, pace), seen)
    moved = sizing.settled(moved, seen, pace)
    return _due(cutting_over.leave(moved, seen), seen.at, pace)


def _step(moved: Moved, seen: Observation, pace: Pace) -> Moved:
    before = moved.deployment
    if before.kind is Kind.DRILL and (broken_off := drilling.broken_off(moved, seen)):
        return broken_off
    after = _BY_PHASE[before.phase](moved, seen, pace)
    now_in = after.service.deployment
    if now_in is not None and now_in.phase is not before.phase and now_in.phase in _AT_ONCE:
        return _step(after, seen, pace)
    return after


def _idle(moved: Moved, seen: Observation, pace: Pace) -> Moved:
    """Nothing is in progress: who waits comes next, and the one more look after an end may now have been taken.

    A weight write may have stalled on its way and arrive after the end, so that look comes some minutes later.
    """
    if moved.service.look_again_since and seen.at - moved.service.look_again_since >= pace.look_again:
        moved = moved.having(look_again_since=None)
    if not moved.service.waiting:
        return scheduling.begin_drill(moved, seen)
    first, *rest = moved.service.waiting
    started = replace(first, phase_since=seen.at)
    return moved.having(deployment=started, waiting=tuple(rest), epoch=moved.service.epoch + 1)


def _due(moved: Moved, now: datetime, pace: Pace) -> Moved:
    """When the tick should look next. A moment that has passed means every tick, and is not written anew each time."""
    service = moved.service
    if service.drift and service.drift.restoring:
        return moved.having(due_at=service.drift.at)
    if service.deployment is None:
        if service.waiting or service.read_only or service.giving_up:
            return moved.having(due_at=min(service.due_at or now, now))
        look_again = service.look_again_since + pace.look_again if service.look_again_since else None
        unsettled = service.asked_at if len(service.expected) > 1 else None
        drill = scheduling.next_drill(service)
        return moved.having(due_at=unsettled or look_again or (drill if drill and drill > now else None))  # one that cannot begin yet waits for the next look
    deployment = service.deployment
    if deployment.phase is Phase.STAGED and not staging.goes_on(service, deployment, now):
        return moved.having(due_at=deployment.phase_since + waits.STAGED_FOR)
    return moved.having(due_at=deployment.phase_since)
