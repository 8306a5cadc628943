"""Hooks of a deployment: which there are, what they are given, and what their answers change.

    hooks_asked.py   before and after a step: the rollout waits for them, and turns back on their no
    hooks_told.py    on a way back: told once, after the weights, and nobody waits

Each hook at each step is one `HookRun` on the deployment, by an id that stays the same however often it is asked. It
is written before the hook is called, so that what a dead worker asked is asked again, and what it says is
taken in by a decision of its own; the machine goes on from there with a fresh look.
"""

import json
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.deployments.decision import Moved
from chalicelib.deployments.instructions import CallHook
from chalicelib.deployments.model import Deployment, Phase
from chalicelib.deployments.observation import HookAnswered
from chalicelib.hooks.model import HookRun, Moment, Outcome, Said
from chalicelib.services.definition import Hook

UNANSWERED_AFTER = timedelta(seconds=15)
"""Longer than any call lasts: only then may somebody else ask again."""
_KEPT = 50
"""Runs on the record; those of earlier steps stay on the timeline. More than the hooks of a step and of a way back."""
_TOLD = frozenset({Moment.BEFORE_REVERT, Moment.AFTER_REVERT})


def hooks_of(deployment: Deployment, at: Moment) -> list[tuple[int, Hook]]:
    """With their positions in the definition."""
    return [(position, hook) for position, hook in enumerate(deployment.hooks) if hook.at == at]


def run_of(deployment: Deployment, at: Moment, position: int) -> HookRun | None:
    """The run of this hook at the deployment's current step."""
    return next((run for run in deployment.hooks_run if run.id == _id(deployment, at, position)), None)


def first_call(moved: Moved, at: Moment, position: int, now: datetime) -> Moved:
    """Call it for the first time at this step."""
    deployment = moved.deployment
    run = HookRun(_id(deployment, at, position), at, deployment.step, position, since=now, asked_at=now, again_at=now + UNANSWERED_AFTER)
    kind, does = ("hook-told", "told") if at in _TOLD else ("hook-asked", "asked")
    return called(moved, run).tell(kind, f"{name_of(deployment.hooks[position])} is {does}", hook=run.id)


def next_call(moved: Moved, run: HookRun, now: datetime) -> Moved:
    return called(moved, replace(run, asked=run.asked + 1, asked_at=now, again_at=now + UNANSWERED_AFTER, heard=False))


def called(moved: Moved, run: HookRun) -> Moved:
    deployment = moved.deployment
    return kept(moved, run).do(CallHook(run.id, deployment.hooks[run.position], _payload(deployment, run)))


def kept(moved: Moved, run: HookRun) -> Moved:
    """With this run as it is now."""
    runs = moved.deployment.hooks_run
    if any(one.id == run.id for one in runs):
        return moved.progress(hooks_run=tuple(run if one.id == run.id else one for one in runs))
    return moved.progress(hooks_run=(*runs, run)[-_KEPT:])


def taken_in(moved: Moved, answers: tuple[HookAnswered, ...], now: datetime) -> Moved:
    """What hooks said. An answer to what is not asked any more changes nothing."""
    for answered in answers:
        current = moved.service.deployment
        run = next((one for one in current.hooks_run if one.id == answered.run), None) if current else None
        if run and run.is_pending:
            moved = _heard(moved, run, answered, now)
    return moved


def asked_anew(deployment: Deployment) -> tuple[HookRun, ...]:
    """The runs without those that did not agree at this step: a person goes on, so they are asked from the start."""
    return tuple(run for run in deployment.hooks_run if run.step != deployment.step or run.answer is Outcome.SUCCEEDED)


def is_soon(deployment: Deployment, until: datetime) -> bool:
    """Whether some hook wants to be called again before this moment."""
    return any(run.is_pending and run.at not in _TOLD and run.again_at <= until for run in deployment.hooks_run)


def name_of(hook: Hook) -> str:
    return f"{hook.at} hook {hook.target}"


def _heard(moved: Moved, run: HookRun, answered: HookAnswered, now: datetime) -> Moved:
    said = answered.answer.said
    if run.at in _TOLD:
        outcome = Outcome.SUCCEEDED if said in {Said.SUCCEEDED, Said.IN_PROGRESS} else Outcome.FAILED
        return _over(moved, run, outcome, answered.answer.reason)
    if said is Said.SUCCEEDED:
        return _over(moved, run, Outcome.SUCCEEDED, answered.answer.reason)
    if said is Said.FAILED:
        return _over(moved, run, Outcome.FAILED, answered.answer.reason)
    state = run.state if answered.answer.state is None else answered.answer.state
    return kept(moved, replace(run, state=state, reason=answered.answer.reason, again_at=now + answered.answer.call_back_after, heard=True))


def _over(moved: Moved, run: HookRun, outcome: Outcome, reason: str) -> Moved:
    """It has answered; its state is of no more use."""
    done = kept(moved, replace(run, answer=outcome, reason=reason, state="{}"))
    said = f"{name_of(moved.deployment.hooks[run.position])} {outcome}"
    return done.tell(f"hook-{outcome}", f"{said}: {reason}" if reason else said, hook=run.id, asked=run.asked)


def timed_out(moved: Moved, run: HookRun) -> Moved:
    """Without an answer for as long as it was given."""
    return _over(moved, run, Outcome.TIMED_OUT, run.reason or "it never answered")


def _id(deployment: Deployment, at: Moment, position: int) -> str:
    return f"{deployment.id}/{at}/{deployment.step}/{position}"


def _payload(deployment: Deployment, run: HookRun) -> dict[str, object]:
    """`weight` is the candidate's share in percent that this is about: of the step, or where the way back leads."""
    previous = deployment.previous.build if deployment.previous else None
    weight = 0.0 if deployment.phase is Phase.REVERTING else deployment.current_step.permille / 10
    return {
        "id": run.id, "service": deployment.service, "deployment": deployment.id, "kind": deployment.kind.value,
        "version": deployment.build.version or None, "previous": previous.version if previous else None,
        "at": run.at.value, "step": deployment.step, "steps": deployment.steps, "weight": weight, "state": json.loads(run.state),
    }  # fmt: skip
