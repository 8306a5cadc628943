"""Waiting until a deployment is where it was asked to go.

Only the deployment that the server answered with counts: that another one
brought the same version is no success of this one. What is asked again and
again is asked with `If-None-Match`, at first soon and then ever more seldom.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from turnout.cli import printing
from turnout.cli.context import Context, Json
from turnout.cli.exits import BY_PHASE, Exit, Failure
from turnout.problems import ApiProblem, Unreachable

FIRST_SECONDS = 0.3
SECOND_SECONDS = 1.0
LONGEST_SECONDS = 5.0
SILENCE_SECONDS = 60.0
"""How long the server may be out of reach before waiting gives up."""


class Goal(StrEnum):
    STAGED = "staged"
    LIVE = "live"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"
    """It was asked to stop: aborted, or its traffic put back."""


_STAGED = frozenset({"staged", "shifting", "watching"})


@dataclass(frozen=True, slots=True)
class Waited:
    """How a wait ended; `deployment` is how it was last seen."""

    deployment: Json
    exit_code: Exit


def outcome(deployment: Json, service: Json, goal: Goal) -> Exit | None:
    """Whether waiting is over, and how it ended; None while it goes on."""
    phase = str(deployment.get("phase"))
    if goal is Goal.WITHDRAWN:
        return _of_withdrawal(phase)
    if goal is Goal.STAGED and phase in _STAGED:
        return Exit.DONE
    if goal is Goal.LIVE and _is_live(deployment, service):
        return Exit.DONE
    return BY_PHASE.get(phase)


def _of_withdrawal(phase: str) -> Exit | None:
    if phase in {"aborted", "reverted", "failed", "superseded"}:
        return Exit.DONE
    return {"completed": Exit.CONFLICT, "needs-human": Exit.NEEDS_HUMAN}.get(phase)


def _is_live(deployment: Json, service: Json) -> bool:
    """All traffic was seen on it, while it is itself what the service is busy with."""
    live = service.get("live") or {}
    busy = service.get("deployment") or {}
    observed = ((service.get("weights") or {}).get("observed") or {}).get(live.get("color"))
    ours = busy.get("id") == deployment.get("id") and deployment.get("phase") in {"shifting", "watching"}
    return ours and observed == 100 and _stands_on(live, deployment)


def _stands_on(live: Json, deployment: Json) -> bool:
    """What stood there before the service was registered has no version: of that, the colour tells."""
    if deployment.get("version") is None:
        return live.get("version") is None and live.get("color") == deployment.get("color")
    return (live.get("version"), live.get("config_version")) == (deployment.get("version"), deployment.get("config_version"))


class Pace:
    """The pauses between two looks: short once, then a second, then longer and longer; `hurry` starts again."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def pause(self) -> float:
        now = self._next
        self._next = SECOND_SECONDS if now < SECOND_SECONDS else min(now * 1.5, LONGEST_SECONDS)
        return now

    def hurry(self) -> None:
        self._next = SECOND_SECONDS


class Patience:
    """How long a wait may still take, and how long the server has been silent. Seconds; `limit` None is for ever."""

    def __init__(self, monotonic: Callable[[], float], limit: float | None) -> None:
        self._now = monotonic
        self._end = None if limit is None else monotonic() + limit
        self._heard_at = monotonic()

    @property
    def left(self) -> float | None:
        return None if self._end is None else max(self._end - self._now(), 0.0)

    def request_seconds(self) -> float:
        """A request must not outlast the wait by much."""
        return 10.0 if self.left is None else min(10.0, max(self.left, 1.0))

    def bounded(self, pause: float) -> float:
        return pause if self.left is None else min(pause, self.left)

    def heard(self) -> None:
        self._heard_at = self._now()

    def bear(self, trouble: ApiProblem | Unreachable) -> None:
        """Raises the trouble where it will not pass or has lasted too long."""
        lasting = isinstance(trouble, ApiProblem) and not trouble.is_passing
        if lasting or self._now() - self._heard_at > SILENCE_SECONDS:
            raise trouble


def wait(context: Context, service: str, deployment: Json, goal: Goal) -> Waited:
    """Looks until the goal is reached, the deployment ended otherwise, time is up, or a person interrupts."""
    watched = context.client.watched(service, "deployments", str(deployment["id"]))
    picture = context.client.watched(service)
    patience, pace, seen = Patience(context.monotonic, context.flags.timeout), Pace(), deployment
    told = ""
    try:
        while True:
            try:
                seen = watched.read(seconds=patience.request_seconds())
                now = picture.read(seconds=patience.request_seconds()) if goal is Goal.LIVE else {}
                patience.heard()
                if (ended := outcome(seen, now, goal)) is not None:
                    return Waited(seen, ended)
                told = _tell(context, service, seen, told, pace)
            except (ApiProblem, Unreachable) as trouble:
                patience.bear(trouble)
            if patience.left == 0:
                return Waited(seen, Exit.TIMED_OUT)
            context.sleep(patience.bounded(pace.pause()))
    except KeyboardInterrupt:
        return Waited(seen, Exit.INTERRUPTED)


def _tell(context: Context, service: str, deployment: Json, told: str, pace: Pace) -> str:
    text = printing.colorless(printing.progress(deployment))
    if text != told:
        pace.hurry()
        context.say(f"{service} {deployment.get('version')} ({deployment.get('id')}): {text}")
    return text


def failure(service: str, waited: Waited) -> Failure | None:
    """What to report of a wait that did not end as was hoped."""
    seen, code = waited.deployment, waited.exit_code
    name = f"{service} {seen.get('version')} ({seen.get('id')})"
    why = f": {seen['outcome']}" if seen.get("outcome") else ""
    phase = str(seen.get("phase"))
    look = f"`turnout watch {service}` shows it"
    match code:
        case Exit.DONE:
            return None
        case Exit.TIMED_OUT:
            return Failure(f"{name} is still {phase} and goes on; {look}", code, "wait-timed-out")
        case Exit.INTERRUPTED:
            return Failure(f"stopped waiting; the deployment {name} goes on: {look}, `turnout abort {service}` stops it", code, "interrupted")
        case Exit.NEEDS_HUMAN:
            return Failure(f"{name} needs a human{why}; `turnout explain {service}` says what holds it", code, phase)
        case _:
            return Failure(f"{name} ended {phase}{why}; `turnout history {service} {seen.get('id')}` has the timeline", code, phase)
