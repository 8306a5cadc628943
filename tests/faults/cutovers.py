"""Workflows of services whose application takes no writes while it changes sides."""

from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from chalicelib.hooks.model import HookAnswer, Said
from tests.faults.acts import Play, Workflow, promoted
from tests.faults.stage import ROLLOUT, Stage

PARAMETER, HOOK = "/turnout/web/read-only", "turnout-hook-switch"
LIMIT, DRAIN = 20, 2
_HALF = {"steps": [{"weight": 50, "hold_seconds": 2}]}
_BOUNDS = {"limit_seconds": LIMIT, "drain_seconds": DRAIN}
BY_PARAMETER: dict[str, object] = {"cutover": {"read_only": "parameter", "parameter": PARAMETER, **_BOUNDS}}
BY_HOOK: dict[str, object] = {"cutover": {"read_only": "hook", **_BOUNDS}, "hooks": [{"at": "read_only", "lambda": HOOK}]}


def cutting_over(how: dict[str, object], **rollout: object) -> Play:
    def start(stage: Stage) -> None:
        stage.opened(rollout=ROLLOUT | _HALF | rollout, **how)
        stage.live("1.0.0")

    return start


def entered(stage: Stage) -> None:
    """Promoted, and the application has heard of it, or it was not to be."""
    promoted(stage)
    stage.until(lambda: stage.witness.application.moments or stage.phase("1.1.0") not in {Phase.STAGED, Phase.SHIFTING})


def shifted(stage: Stage) -> None:
    """Everything is on the candidate, and read-only is not left yet."""
    entered(stage)
    stage.until(lambda: stage.share(Color.BLUE) == 100 or stage.phase("1.1.0") is not Phase.SHIFTING)


def bad(stage: Stage) -> None:
    entered(stage)
    stage.sick.add("1.1.0")


def bad_once_shifted(stage: Stage) -> None:
    shifted(stage)
    stage.sick.add("1.1.0")


def aborted(stage: Stage) -> None:
    entered(stage)
    stage.ask("abort")


def rolled_back(stage: Stage) -> None:
    entered(stage)
    stage.ask("rollback")


def rolled_back_once_shifted(stage: Stage) -> None:
    shifted(stage)
    stage.ask("rollback")


def rolled_back_unheard(stage: Stage) -> None:
    """The application cannot be told that it may write again; the limit tells it."""
    entered(stage)
    stage.switch.unreachable = True
    stage.ask("rollback")
    stage.wait(LIMIT + 2)
    stage.switch.unreachable = False


def paused(stage: Stage) -> None:
    """Left in the pause, and entered again after it, with a moment of its own."""
    entered(stage)
    stage.ask("pause")
    stage.wait(5)
    stage.ask("resume")


def never_told(stage: Stage) -> None:
    """The limit runs out while the application cannot be told; a person goes on when it can."""
    stage.switch.unreachable = True
    promoted(stage)
    stage.until_over()
    stage.switch.unreachable = False
    stage.ask("promote", version="1.1.0", skip_holds=True)


def never_agrees(stage: Stage) -> None:
    """The hook never says yes, and a person gives up."""
    stage.hooks.answers[HOOK] = lambda _: HookAnswer(Said.NOTHING, "it raised")
    promoted(stage)
    stage.until_over()
    stage.ask("abort")


def agrees_late(stage: Stage) -> None:
    stage.hooks.answers[HOOK] = lambda _: HookAnswer(Said.IN_PROGRESS)
    promoted(stage)
    stage.until(lambda: len(stage.hooks.asked) > 2 or stage.phase("1.1.0") not in {Phase.STAGED, Phase.SHIFTING})
    del stage.hooks.answers[HOOK]


def taken_away(stage: Stage) -> None:
    """Somebody else empties the parameter: it is told again, the same moment."""
    entered(stage)
    stage.switch.texts.clear()


def _cutover(name: str, start: Play, play: Play) -> Workflow:
    return Workflow(name, start, play, may_need_a_person=True)


WORKFLOWS = (
    _cutover("cutover", cutting_over(BY_PARAMETER), promoted),
    _cutover("cutover-all-at-once", cutting_over(BY_PARAMETER, strategy="all-at-once"), promoted),
    _cutover("cutover-bad", cutting_over(BY_PARAMETER), bad),
    _cutover("cutover-bad-once-shifted", cutting_over(BY_PARAMETER, watch_seconds=30), bad_once_shifted),
    _cutover("cutover-abort", cutting_over(BY_PARAMETER), aborted),
    _cutover("cutover-rollback", cutting_over(BY_PARAMETER), rolled_back),
    _cutover("cutover-rollback-once-shifted", cutting_over(BY_PARAMETER, watch_seconds=30), rolled_back_once_shifted),
    _cutover("cutover-rollback-unheard", cutting_over(BY_PARAMETER), rolled_back_unheard),
    _cutover("cutover-pause", cutting_over(BY_PARAMETER), paused),
    _cutover("cutover-limit", cutting_over(BY_PARAMETER), never_told),
    _cutover("cutover-taken-away", cutting_over(BY_PARAMETER), taken_away),
    _cutover("cutover-by-hook", cutting_over(BY_HOOK), promoted),
    _cutover("cutover-by-hook-late", cutting_over(BY_HOOK), agrees_late),
    _cutover("cutover-by-hook-limit", cutting_over(BY_HOOK), never_agrees),
    _cutover("cutover-by-hook-abort", cutting_over(BY_HOOK), aborted),
    _cutover("cutover-by-hook-pause", cutting_over(BY_HOOK), paused),
)
