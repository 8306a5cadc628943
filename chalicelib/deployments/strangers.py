"""Somebody else put something on the colour that is live: an alias or a task definition was moved by hand, or by a template. Pure.

It is drift like weights that nobody asked for: nothing goes forward, and a person says what becomes of it. `restore`
puts the live build back where it stood; `adopt` takes what stands there as it is, of which nothing is known then.
"""

from dataclasses import replace

from chalicelib.deployments.decision import Moved
from chalicelib.deployments.instructions import Prepare
from chalicelib.deployments.model import ADOPTED, Placement
from chalicelib.deployments.observation import Observation
from chalicelib.errors import Conflict
from chalicelib.runtimes.runtime import Progress, Standing
from chalicelib.services.model import Drift

_TELLS = frozenset({Progress.READY, Progress.EMPTY})
"""What is on its way or failed on its way says nothing about what serves."""


def noticed(moved: Moved, seen: Observation) -> Moved:
    """Compare what was seen on the live colour with what is live. A drift that is known already is settled first."""
    live = moved.service.live
    there = _on_live(moved, seen)
    if moved.service.drift or live is None or live.build is None or there is None or there.progress not in _TELLS or there.holds(live.build):
        return moved
    found = f"{there.version} with config {there.config_version}" if there.version else there.reason or "nothing that Turnout put there"
    raw = f"{live.color} runs {found}, not {live.build.version} with config {live.build.config_version}"
    noted = moved.having(drift=Drift(seen.at, seen.split, raw, standing=True))
    return noted.tell("drifted", f"somebody else changed what is live: {raw}") if noted.service.deployment else noted


def restored(moved: Moved, seen: Observation) -> Moved:
    """Put the live build back, step by step, until it is seen there."""
    live, there = moved.service.live, _on_live(moved, seen)
    if live is None or live.build is None or (there is not None and there.holds(live.build)):
        return moved.having(drift=None)
    if there is None:
        return moved.wait(f"what stands on {live.color} cannot be read")
    return moved.do(Prepare(live.color, live.build, {})).wait(f"{live.build.version} is being put back on {live.color}")


def restoring(moved: Moved, drift: Drift) -> Moved:
    """Raises `Conflict` while a deployment is in progress: both would use the same runtime."""
    if moved.service.deployment:
        detail = f"{moved.service.deployment.id} is in progress; abort it or roll back first, then {drift.raw.split(', ')[0]} can be put right"
        raise Conflict(detail, slug="not-restorable")
    return moved.having(drift=replace(drift, restoring=True))


def adopted(moved: Moved) -> Moved:
    """What stands on the live colour is live, whatever it is. Raises `Conflict` where a deployment would be said to have put it there."""
    service, live = moved.service, moved.service.live
    if live is None:
        return moved.having(drift=None)
    deployment = service.deployment
    if deployment and deployment.color is live.color:
        raise Conflict(f"{deployment.id} is not what stands on {live.color} any more; roll back or abort it", slug="not-adoptable")
    unknown = Placement(live.color, None)
    taken = moved.having(drift=None, live=unknown, standing={**service.standing, live.color: ADOPTED})
    return taken.progress(previous=unknown) if deployment and deployment.previous else taken


def _on_live(moved: Moved, seen: Observation) -> Standing | None:
    """None where it was not looked at, or at another colour than is live by now."""
    live = moved.service.live
    return seen.live[1] if seen.live and live and seen.live[0] is live.color else None
