"""Hooks before and after a step: asked one after another, each until it answers; the rollout waits for them.

A hook's no is not an unhealthy verdict: the rollout turns back, and the release is not quarantined.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.deployments import hooking, reverting
from chalicelib.deployments.clocks import elapsed
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.model import Kind, Phase
from chalicelib.hooks.model import HookRun, Moment, Outcome
from chalicelib.services.definition import Hook


def ask(moved: Moved, at: Moment, now: datetime) -> Moved | None:
    """None once every hook of this moment has agreed to this step. A rollback asks nobody."""
    deployment = moved.deployment
    if deployment.kind is Kind.ROLLBACK:
        return None
    for position, hook in hooking.hooks_of(deployment, at):
        run = hooking.run_of(moved.deployment, at, position)
        if run is None:
            return hooking.first_call(moved, at, position, now).wait(f"{hooking.name_of(hook)} has been asked")
        if run.is_pending and _is_over(moved, hook, run, now):
            moved = hooking.timed_out(moved, run)
            run = replace(run, answer=Outcome.TIMED_OUT, reason=f"no answer within {hook.timeout_seconds} s")
        if run.is_pending:
            return _again(moved, hook, run, now)
        if _refuses(hook, run):
            return _turned_back(moved, f"{hooking.name_of(hook)} {run.answer}: {run.reason or 'no reason given'}", now)
    return None if moved.deployment is deployment else moved.wait("hooks were given up")


def _again(moved: Moved, hook: Hook, run: HookRun, now: datetime) -> Moved:
    waits = moved.wait(f"{hooking.name_of(hook)} has not answered yet: {run.reason or 'asked'}")
    is_last = _is_late(moved, hook, run, now) and not _was_asked_at_the_end(hook, run)
    return hooking.next_call(waits, run, now) if is_last or now >= run.again_at else waits


def _is_over(moved: Moved, hook: Hook, run: HookRun, now: datetime) -> bool:
    """Its time is over, and it was asked once more since: time in which nobody asked proves nothing."""
    return _is_late(moved, hook, run, now) and _was_asked_at_the_end(hook, run) and (run.heard or now >= run.again_at)


def _is_late(moved: Moved, hook: Hook, run: HookRun, now: datetime) -> bool:
    return elapsed(run.since, moved.service, now) >= timedelta(seconds=hook.timeout_seconds)


def _was_asked_at_the_end(hook: Hook, run: HookRun) -> bool:
    return run.asked_at - run.since >= timedelta(seconds=hook.timeout_seconds)


def _refuses(hook: Hook, run: HookRun) -> bool:
    return run.answer is Outcome.FAILED or (run.answer is Outcome.TIMED_OUT and hook.on_timeout == "fail")


def _turned_back(moved: Moved, reason: str, now: datetime) -> Moved:
    """A first release that has no weight yet has nothing to turn back from: it ends as it is."""
    deployment = moved.deployment
    if deployment.previous is None and not deployment.moved:
        return moved.end(Phase.REVERTED, now, reason)
    return reverting.begin(moved, now, reason)
