"""Which deployments are compared with what is live, and what a comparison is about. Pure."""

from chalicelib.deployments.model import Deployment, Kind, Phase
from chalicelib.mirroring.model import Comparison
from chalicelib.services.model import Service

_OPEN = frozenset({Phase.VERIFYING, Phase.STAGED})


def is_open(service: Service) -> bool:
    """Whether its candidate is to be compared: on staging, checked or waiting, before any weight, with something live beside it."""
    deployment = service.deployment
    if not service.registered or service.paused or service.drift or deployment is None or deployment.color is None:
        return False
    return is_wanted(service, deployment) and deployment.phase in _OPEN and not deployment.moved and deployment.ready_at is not None


def is_wanted(service: Service, deployment: Deployment) -> bool:
    """A first release has nothing to be compared with, and a way back waits for nobody."""
    return deployment.checks.shadow.enabled and deployment.kind is Kind.ROLLOUT and service.live is not None


def is_of(comparison: Comparison, service: Service, deployment: Deployment) -> bool:
    """Whether it says something of this deployment as it stands: the same candidate beside the same live release."""
    live = service.live.build.version if service.live and service.live.build else ""
    return (comparison.deployment, comparison.color, comparison.live_version) == (deployment.id, deployment.color, live)
