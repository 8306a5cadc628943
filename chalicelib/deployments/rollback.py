"""Where a rollback would go."""

from dataclasses import dataclass

from chalicelib.colors import Color
from chalicelib.deployments.model import ADOPTED, Build, Deployment, Kind, Phase
from chalicelib.services.model import Lived, Service

_RETURNS_TO_PREVIOUS = frozenset({Phase.SHIFTING, Phase.WATCHING, Phase.REVERTING, Phase.NEEDS_HUMAN})


@dataclass(frozen=True, slots=True)
class Target:
    """`color` is where it stands already (warm); None means it has to be put on the idle colour first."""

    build: Build
    color: Color | None
    certified: bool
    why: str


def target(service: Service) -> Target | None:
    """What `rollback` without `to` returns to: `previous` during a rollout, else the newest certified release other than
    the live one that is not quarantined; none certified: the newest other one that was live.
    """
    deployment = service.deployment
    if deployment and turns_back(deployment):
        return _previous(service, deployment)
    return _newest(service)


def turns_back(deployment: Deployment) -> bool:
    """Whether a rollback now means turning this deployment back. From `retiring` on it is a deployment of its own, and a drill is not it."""
    return deployment.kind is not Kind.DRILL and deployment.phase in _RETURNS_TO_PREVIOUS and not deployment.retiring


def named(service: Service, version: str) -> Build | None:
    """The newest build of this version that was live."""
    return next((lived.build for lived in reversed(service.lineage) if lived.build.version == version), None)


def standing_color(service: Service, build: Build) -> Color | None:
    """The colour without traffic on which exactly this build still stands."""
    live = service.live.color if service.live else None
    return next((color for color, standing in service.standing.items() if standing == build and color is not live), None)


def is_quarantined(service: Service, build: Build) -> bool:
    return any(entry.covers(build) for entry in service.quarantined)


def _previous(service: Service, deployment: Deployment) -> Target | None:
    if deployment.previous is None:
        return None
    build = deployment.previous.build or ADOPTED
    certified = any(lived.certified for lived in service.lineage if lived.build == build)
    return Target(build, deployment.previous.color, certified, f"it is what {deployment.id} replaces")


def _newest(service: Service) -> Target | None:
    live = service.live.build if service.live else None
    others = [lived for lived in reversed(service.lineage) if lived.build != live and not is_quarantined(service, lived.build)]
    chosen = next((lived for lived in others if lived.certified), None)
    if chosen:
        return _target(service, chosen, "it is the newest certified release other than the live one")
    if others:
        return _target(service, others[0], "none is certified; it is the newest other one that was live")
    adopted = standing_color(service, ADOPTED)
    return Target(ADOPTED, adopted, certified=False, why="it stood there before the service was registered") if adopted else None


def _target(service: Service, lived: Lived, why: str) -> Target:
    return Target(lived.build, standing_color(service, lived.build), lived.certified, why)
