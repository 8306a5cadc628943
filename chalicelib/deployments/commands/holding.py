"""Pause, resume with what becomes of a drift, and the end of a watch."""

from dataclasses import replace

from chalicelib.colors import Color
from chalicelib.deployments import shifting, strangers, traffic
from chalicelib.deployments.clocks import moved_on
from chalicelib.deployments.commands.wish import Wish, kept_good, why
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.model import Deployment, Phase
from chalicelib.errors import Conflict
from chalicelib.services.model import Pause, Service


def pause(service: Service, wish: Wish) -> Moved:
    """No new preparing, promotion or weight increase; hold and watch clocks stop. Everything that goes back goes on."""
    if service.paused:
        return Moved(service)
    moved = Moved(service).having(paused=Pause(wish.at, wish.by.name, wish.reason))
    return moved.tell("paused", why(wish, "paused")) if service.deployment else moved


def resume(service: Service, wish: Wish, *, drift: str | None) -> Moved:
    """Go on; `drift` says what becomes of weights that somebody else set: write ours over them, or take them as they are."""
    moved = _settle_drift(Moved(service), drift) if drift else Moved(service)
    if (drift or service.paused) and service.deployment is None and service.definition.drill.every_hours != "off":
        moved = moved.having(due_at=wish.at)  # a drill may have been due meanwhile
    return _unpaused(moved, service.paused, wish) if service.paused else moved


def certify(service: Service, wish: Wish, *, certified: bool) -> Moved:
    """End the watch now. Only at 100 %, seen."""
    deployment = service.deployment
    if deployment is None or deployment.phase not in {Phase.WATCHING, Phase.NEEDS_HUMAN} or not _has_whole(service, deployment):
        raise Conflict(f"{service.name} has no deployment at 100 % whose watch could be ended", slug="not-at-100-percent")
    if deployment.retiring:
        return Moved(service)
    kept = kept_good(service, deployment) if certified else service
    message = why(wish, "certified" if certified else "the watch is ended without certifying")
    moved = Moved(kept).progress(certify=certified, phase=Phase.WATCHING).tell("certify", message)
    return moved if deployment.phase is Phase.WATCHING else moved.progress(phase_since=wish.at, clock_since=wish.at)


def _unpaused(moved: Moved, pause: Pause, wish: Wish) -> Moved:
    resumed = moved.having(paused=None)
    if resumed.service.deployment is None:
        return resumed
    return resumed.having(deployment=moved_on(resumed.deployment, pause.at, wish.at)).tell("resumed", why(wish, "resumed"))


def _has_whole(service: Service, deployment: Deployment) -> bool:
    """It asked for the traffic, nothing less is expected, and it is live: the whole was seen there."""
    is_live = service.live is not None and service.live.color is deployment.color
    return deployment.moved and is_live and shifting.is_at_whole(service, deployment)


def _settle_drift(moved: Moved, drift: str) -> Moved:
    found = moved.service.drift
    if found is None:
        raise Conflict(f"{moved.service.name} has not drifted", slug="not-drifted")
    if found.standing:
        return strangers.restoring(moved, found) if drift == "restore" else strangers.adopted(moved)
    if drift == "restore":
        return moved.having(drift=replace(found, restoring=True))
    deployment = moved.service.deployment
    converges = deployment is not None and deployment.phase is Phase.SHIFTING
    if found.observed is None or (found.observed.whole_on is None and not converges):
        raise Conflict("what the rule shows cannot be lived with: everything has to be on one colour; use restore", slug="not-adoptable")
    if found.observed.whole_on and not converges:
        return _adopted_live(moved, found.observed.whole_on).having(drift=None, expected=(found.observed,))
    return moved.having(drift=None, expected=(found.observed,))


def _adopted_live(moved: Moved, color: Color) -> Moved:
    """Somebody else put everything on `color`: what stands there is live now."""
    deployment = moved.service.deployment
    if deployment is not None and deployment.color is not None:
        raise Conflict(f"{deployment.id} uses the colours; abort it first, or use restore", slug="not-adoptable")
    return traffic.live_on(moved, color, moved.service.drift.at if moved.service.drift else moved.service.registered_at)
