"""Target-group stickiness: cookies hold clients to a colour whatever the weights say. Pure.

It defeats a shift and a rollback, so it is read with every look. A shift goes on and is
planned for it: the old colour is drained for as long as the cookies last, and that takes longer than the
deadline where they do. A rollback switches it off in the same write as its weights. There it stays off: to put it
back is nobody's here, for a cookie that is still valid would take its client to the release that was rolled back.
"""

from chalicelib.deployments.decision import Moved
from chalicelib.deployments.observation import Observation


def told(moved: Moved, seen: Observation) -> Moved:
    """Say it on the timeline when it is first seen, and whenever it changes."""
    known = moved.deployment.sticky_seconds or 0
    if seen.rules is None or known == seen.sticky_seconds:
        return moved
    noted = moved.progress(sticky_seconds=seen.sticky_seconds)
    if seen.sticky_seconds == 0:
        return noted.tell("not-sticky", "target-group stickiness is off: cookies no longer hold clients to a colour")
    drain = f"at 100 % the old colour is drained for {seen.sticky_seconds} s; a rollback switches it off in the same write, and it stays off"
    return noted.tell("sticky", f"target-group stickiness is on: cookies hold clients to a colour. {drain}", sticky_seconds=seen.sticky_seconds)
