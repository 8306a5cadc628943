"""Which version each reference of a config is put on a colour with: decided once, before anything is put there.

A version that cannot be read any more (Secrets Manager took its last staging
label away) would leave the application without its secret, so the current one
takes its place, and the timeline says so. What cannot be found out holds a
rollout, which may wait; a rollback goes on with what its config pins.
"""

from chalicelib.config.model import Pin, Reference
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.model import Deployment, Kind
from chalicelib.deployments.observation import Observation


def is_open(deployment: Deployment) -> bool:
    """Whether the pins are still to be looked at. A deployment without config has none."""
    return deployment.repinned is None and deployment.build.config_version > 0


def replaced(pins: tuple[Pin, ...]) -> dict[str, Reference]:
    """What is used instead of a pin that cannot be read any more."""
    return {pin.name: pin.used for pin in pins if pin.used is not None and pin.is_replaced}


def decide(moved: Moved, seen: Observation) -> Moved:
    """With the answer, or waiting for it."""
    if seen.pins is None:
        return moved.wait("the references of its config have not been looked at yet")
    unknown = [pin for pin in seen.pins if pin.used is None]
    if unknown and moved.deployment.kind is Kind.ROLLOUT:
        return moved.wait("; ".join(_unknown(pin) for pin in unknown))
    decided = moved.progress(repinned=replaced(seen.pins))
    for pin in seen.pins:
        if pin.used is None:
            decided = decided.tell("reference-unknown", f"{_unknown(pin)}; it is put there as it is pinned")
        elif pin.is_replaced:
            decided = decided.tell("reference-replaced", said(pin))
    return decided


def said(pin: Pin) -> str:
    """In a sentence, what became of a pinned version."""
    if pin.used is None:
        return _unknown(pin)
    return f"{lost(pin)}; its current one, {pin.used.version}, is used"


def lost(pin: Pin) -> str:
    return f"{pin.name}: version {pin.pinned.version} of {pin.pinned.store}:{pin.pinned.name} cannot be read any more"


def _unknown(pin: Pin) -> str:
    return f"{pin.name}: {pin.pinned.text} could not be looked at ({pin.problem})"
