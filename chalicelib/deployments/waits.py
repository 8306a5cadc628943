"""How long a phase may take, and how long a step is held: the machine's own bounds, for those who want to know what is left."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.deployments.clocks import elapsed
from chalicelib.deployments.model import Deployment, Kind, Phase
from chalicelib.services.model import Service

STAGED_FOR = timedelta(days=14)
_SHORTEST_EXTENSION = timedelta(seconds=1)


_DECIDES = "a person has to decide, and the weights stay"
_THEN = {Kind.ROLLOUT: _DECIDES, Kind.ROLLBACK: _DECIDES, Kind.DRILL: "everything goes back"}


@dataclass(frozen=True, slots=True)
class Bound:
    """`what` ends after another `left`, and then it is `then`."""

    what: str
    left: timedelta
    then: str


def hold_of(deployment: Deployment) -> timedelta:
    """How long the step is held; an extension of no hold is a second, so that something can be seen."""
    hold = deployment.current_step.hold
    return max(hold, _SHORTEST_EXTENSION) if deployment.extensions else hold


def longest_retiring(deployment: Deployment) -> timedelta:
    """Where cookies hold clients to the old colour, it is drained for as long as they last."""
    return deployment.plan.deadline + timedelta(seconds=deployment.sticky_seconds or 0)


def longest_watch(deployment: Deployment) -> timedelta:
    """A watch whose weights cannot be seen any more does not go on for ever."""
    return 2 * deployment.plan.watch + deployment.plan.deadline


def bound_of(service: Service, deployment: Deployment, now: datetime) -> Bound | None:
    """What bounds the phase; None for one that waits for a person or for another deployment."""
    phase, deadline = deployment.phase, deployment.plan.deadline
    in_phase = elapsed(deployment.phase_since, service, now)
    in_step = elapsed(deployment.step_since or deployment.phase_since, service, now)
    bounds = {
        Phase.PREPARING: Bound("getting it ready on staging", deadline - in_step, "it has failed"),
        Phase.VERIFYING: Bound("getting it ready on staging", deadline - in_step, "it has failed"),
        Phase.STAGED: Bound("waiting in staged", STAGED_FOR - in_phase, "it is aborted"),
        Phase.SHIFTING: Bound(f"step {deployment.step} of {deployment.steps}", deadline - in_step, _THEN[deployment.kind]),
        Phase.WATCHING: Bound("the watch with its extension", longest_watch(deployment) - in_phase, "a person has to decide"),
        Phase.REVERTING: Bound("going back", deadline - (now - deployment.phase_since), "a person has to decide"),
    }
    return Bound("retiring the old colour", longest_retiring(deployment) - in_step, "a person has to decide") if deployment.retiring else bounds.get(phase)
