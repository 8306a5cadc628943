"""Hooks of a way back, a revert's and a rollback's alike: told, not asked.

One after another, each once, and never in the decision that asks for weights: nothing may stand between
a rollback and those. What comes of it is told on the timeline and changes nothing.
"""

from chalicelib.colors import Color, Split
from chalicelib.deployments import hooking
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.instructions import SetWeights
from chalicelib.deployments.model import Deployment, Kind, Phase
from chalicelib.deployments.observation import Observation
from chalicelib.hooks.model import Moment
from chalicelib.services.model import Service


def tell(moved: Moved, seen: Observation) -> Moved:
    """The next hook that has to be told; a command, which looks at the traffic alone, leaves that to the pass it leads to."""
    deployment = moved.service.deployment
    asks_for_weights = any(isinstance(one, SetWeights) for one in moved.instructions)
    if deployment is None or seen.only_traffic or asks_for_weights:
        return moved
    untold = _untold(moved.service, deployment)
    return hooking.first_call(moved, *untold[0], seen.at) if untold else moved


def owes(moved: Moved) -> bool:
    """Whether somebody has still to be told before the deployment may end."""
    return bool(_untold(moved.service, moved.deployment))


def _untold(service: Service, deployment: Deployment) -> list[tuple[Moment, int]]:
    return [
        (at, position)
        for at in _reached(service, deployment)
        for position, _ in hooking.hooks_of(deployment, at)
        if hooking.run_of(deployment, at, position) is None
    ]


def _reached(service: Service, deployment: Deployment) -> tuple[Moment, ...]:
    """The first once the weights were asked for, the second once they are back."""
    color = _goes_back_to(deployment)
    if color is not None and service.expected == (Split.all_on(color),):
        return (Moment.BEFORE_REVERT, Moment.AFTER_REVERT)
    return (Moment.BEFORE_REVERT,) if color is not None and deployment.asked_at else ()


def _goes_back_to(deployment: Deployment) -> Color | None:
    if deployment.phase is Phase.REVERTING:
        return deployment.previous.color if deployment.previous else None
    is_rollback = deployment.kind is Kind.ROLLBACK and deployment.phase in {Phase.SHIFTING, Phase.WATCHING}
    return deployment.color if is_rollback else None
