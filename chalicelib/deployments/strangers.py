"""Somebody else put something on the colour that is live: an alias or a task definition was moved by hand, or by a template. Pure.

It is drift like weights that nobody asked for: nothing goes forward, and a person says what becomes of it. `restore`
puts the live build back where it stood; `adopt` takes what stands there as it is, of which nothing is known then.
"""

from dataclasses import replace

from chalicelib.colors import Color
from chalicelib.deployments import pinning
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.instructions import Prepare
from chalicelib.deployments.model import ADOPTED, Build, Phase, Placement
from chalicelib.deployments.observation import Observation
from chalicelib.errors import Conflict
from chalicelib.runtimes.runtime import Progress, Standing
from chalicelib.services.model import Drift

_TELLS = frozenset({Progress.READY, Progress.EMPTY})
"""What is on its way or failed on its way says nothing about what serves."""
_MAY_RESTORE = frozenset({Phase.STAGED, Phase.WATCHING, Phase.NEEDS_HUMAN})
"""A deployment here asks nothing of the runtime itself, and no weights are to be moved in a hurry."""


def noticed(moved: Moved, seen: Observation) -> Moved:
    """Compare what was seen on the live colour with what is live. A drift of the weights is settled first; one of what is live ends when it is right again."""
    live, there, drift = moved.service.live, _on_live(moved, seen), moved.service.drift
    if live is None or live.build is None or there is None or there.progress not in _TELLS:
        return moved
    if there.holds(live.build):
        return moved.having(drift=None) if drift and drift.standing else moved
    raw = _said(live.color, live.build, there)
    if drift and (not drift.standing or drift.restoring or drift.raw == raw):
        return moved
    noted = moved.having(drift=Drift(seen.at, seen.split, raw, standing=True))
    return noted.tell("drifted", f"somebody else changed what is live: {raw}") if noted.service.deployment else noted


def restored(moved: Moved, seen: Observation, drift: Drift) -> Moved:
    """Put the live build back, step by step, until it is seen there. What has come up meanwhile goes first, and a person decides again."""
    live, deployment = moved.service.live, moved.service.deployment
    if deployment and deployment.phase not in _MAY_RESTORE:
        return moved.having(drift=replace(drift, restoring=False))
    if live is None or live.build is None:
        return moved.having(drift=None)
    if live.build.config_version and seen.pins is None:
        return moved.wait("the references of its config have not been looked at yet")
    prepare = Prepare(live.color, live.build, f"restore-{drift.at:%Y%m%dT%H%M%S}", pinning.replaced(seen.pins or ()), serving=True)
    return moved.do(prepare).wait(f"{live.build.version} is being put back on {live.color}")


def restoring(moved: Moved, drift: Drift) -> Moved:
    """Raises `Conflict` while a deployment in progress may use the runtime too, or moves weights."""
    deployment = moved.service.deployment
    if deployment and deployment.phase not in _MAY_RESTORE:
        detail = f"{deployment.id} is {deployment.phase}; abort it or roll back first, then what is live can be put back ({drift.raw})"
        raise Conflict(detail, slug="not-restorable")
    return moved.having(drift=replace(drift, restoring=True))


def adopted(moved: Moved) -> Moved:
    """What stands on the live colour is live, whatever it is. Raises `Conflict` where a deployment would be said to have put it there."""
    service, live = moved.service, moved.service.live
    if live is None:
        return moved.having(drift=None)
    deployment = service.deployment
    if deployment and deployment.color is live.color:
        raise Conflict(f"{deployment.id} is not what stands on {live.color} any more; put it back, roll back or abort it", slug="not-adoptable")
    unknown = Placement(live.color, None)
    taken = moved.having(drift=None, live=unknown, standing={**service.standing, live.color: ADOPTED})
    return taken.progress(previous=unknown) if deployment and deployment.previous else taken


def _said(color: Color, build: Build, there: Standing) -> str:
    wanted = f"{build.version} with config {build.config_version}"
    if there.version:
        return f"{color} runs {there.version} with config {there.config_version}, not {wanted}"
    return f"{color} does not run {wanted}: {there.reason or 'nothing stands there'}"


def _on_live(moved: Moved, seen: Observation) -> Standing | None:
    """None where it was not looked at, or at another colour than is live by now."""
    live = moved.service.live
    return seen.live[1] if seen.live and live and seen.live[0] is live.color else None
