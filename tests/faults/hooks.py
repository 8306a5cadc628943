"""Workflows of services with hooks: asked before and after a step, told of a way back."""

import json
from collections.abc import Callable
from datetime import timedelta

from chalicelib.hooks.model import HookAnswer, Said
from tests.faults.acts import LONG, Play, Workflow, promoted, shifting, watching
from tests.faults.stage import ROLLOUT, Stage

SMOKE, PAGER, SWEEP = "turnout-hook-smoke", "turnout-hook-pager", "https://hooks.example.com/sweep"
Hook = dict[str, object]

BEFORE: Hook = {"at": "before_shift", "lambda": SMOKE}
AFTER: Hook = {"at": "after_shift", "https": SWEEP}
TOLD: list[Hook] = [{"at": "before_revert", "lambda": PAGER}, {"at": "after_revert", "https": SWEEP}]

Says = Callable[[dict[str, object]], HookAnswer]

YES, NO, SILENCE = HookAnswer(Said.SUCCEEDED), HookAnswer(Said.FAILED, "rows are missing"), HookAnswer(Said.NOTHING, "it raised")


def with_hooks(*hooks: Hook, **rollout: object) -> Play:
    """1.0.0 is live; what comes next has these hooks."""

    def start(stage: Stage) -> None:
        stage.opened(rollout=ROLLOUT | rollout)
        stage.live("1.0.0")
        stage.redefine(hooks=list(hooks))

    return start


def always(answer: HookAnswer) -> Says:
    return lambda _: answer


def in_the_end(payload: dict[str, object]) -> HookAnswer:
    """Two calls for what takes time, and then yes; what it has done so far is its state."""
    state = payload["state"]
    done = int(state.get("done", 0)) if isinstance(state, dict) else 0
    return HookAnswer(Said.SUCCEEDED) if done == 2 else HookAnswer(Said.IN_PROGRESS, "migrating", json.dumps({"done": done + 1}), timedelta(seconds=2))


def from_step(step: int, then: HookAnswer) -> Says:
    return lambda payload: then if payload["step"] == step else YES


def answering(**answers: Says) -> Callable[[Play], Play]:
    """What SMOKE, SWEEP and PAGER say from the beginning."""
    targets = {"smoke": SMOKE, "sweep": SWEEP, "pager": PAGER}

    def with_answers(play: Play) -> Play:
        def answered(stage: Stage) -> None:
            stage.hooks.answers.update({targets[name]: says for name, says in answers.items()})
            play(stage)

        return answered

    return with_answers


def bad_while_asked(stage: Stage) -> None:
    """A hook has not answered yet, and the release goes bad: nobody waits for the hook."""
    shifting(stage)
    stage.sick.add("1.1.0")


def aborted_while_asked(stage: Stage) -> None:
    shifting(stage)
    stage.wait(3)
    stage.ask("abort")


def aborted_before_any_weight(stage: Stage) -> None:
    promoted(stage)
    stage.wait(3)
    stage.ask("abort")


def paused_while_asked(stage: Stage) -> None:
    promoted(stage)
    stage.wait(2)
    stage.ask("pause")
    stage.wait(20)
    stage.ask("resume")


def rolled_back(stage: Stage) -> None:
    watching(stage)
    stage.ask("rollback")


def rolled_back_later(stage: Stage) -> None:
    """A deployment of its own: it asks nobody, and tells."""
    stage.ask("rollback")


def two_live_with_hooks(stage: Stage) -> None:
    with_hooks()(stage)
    stage.live("1.1.0")
    stage.redefine(hooks=[BEFORE, AFTER, *TOLD])


_SHORT: Hook = {"timeout_seconds": 6}

WORKFLOWS = (
    Workflow("hooks-agree", with_hooks(BEFORE, AFTER), answering(smoke=in_the_end, sweep=in_the_end)(promoted)),
    Workflow("hooks-several", with_hooks(BEFORE, BEFORE | {"lambda": PAGER}), promoted),
    Workflow("hook-says-no", with_hooks(BEFORE, *TOLD), answering(smoke=always(NO))(promoted)),
    Workflow("hook-says-no-later", with_hooks(BEFORE, *TOLD), answering(smoke=from_step(2, NO))(promoted)),
    Workflow("hook-says-no-after", with_hooks(AFTER, *TOLD[:1]), answering(sweep=always(NO))(promoted)),
    Workflow("hook-times-out", with_hooks(BEFORE | _SHORT, *TOLD), answering(smoke=always(SILENCE))(promoted)),
    Workflow("hook-times-out-after", with_hooks(AFTER | _SHORT, *TOLD[:1]), answering(sweep=from_step(2, SILENCE))(promoted)),
    Workflow("hook-times-out-and-goes-on", with_hooks(BEFORE | _SHORT | {"on_timeout": "continue"}), answering(smoke=always(SILENCE))(promoted)),
    Workflow("hook-and-bad", with_hooks(AFTER, *TOLD), answering(sweep=always(SILENCE))(bad_while_asked)),
    Workflow("hook-and-abort", with_hooks(AFTER, *TOLD, **LONG), answering(sweep=always(SILENCE))(aborted_while_asked)),
    Workflow("hook-and-abort-unmoved", with_hooks(BEFORE, *TOLD), answering(smoke=always(SILENCE))(aborted_before_any_weight)),
    Workflow("hook-and-pause", with_hooks(BEFORE), answering(smoke=in_the_end)(paused_while_asked)),
    Workflow("hooks-told", with_hooks(*TOLD, watch_seconds=40), answering(pager=always(SILENCE), sweep=always(NO))(rolled_back)),
    Workflow("hooks-told-of-rollback", two_live_with_hooks, answering(pager=always(SILENCE))(rolled_back_later)),
)
