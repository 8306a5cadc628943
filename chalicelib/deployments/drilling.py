"""What is different about a rollback drill: scheduled proof that a rollback would work, before one is needed. Pure.

The release that a rollback would go to is put on the idle colour, or found there, checked on staging, given a small share
of production for a while, judged, and everything goes back to what is live. It is a deployment of its own kind that never
has the whole traffic, so `live` stays what it is. It leaves no mark on real rollbacks (no quarantine, no suspended
promotion), asks no hooks, and gives way to whatever else is asked for. `scheduling.py` says when it begins.
"""

from datetime import datetime

from chalicelib.deployments import reverting
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.model import Phase
from chalicelib.deployments.observation import Observation


def without_traffic(moved: Moved, seen: Observation) -> Moved | None:
    """It ends on staging where no traffic is to be shifted to it. None: it goes on to production."""
    deployment = moved.deployment
    if deployment.current_step.permille == 0:
        why = "its weight is 0"
    elif seen.sticky_seconds:
        why = "cookies would hold clients to it, so no traffic was shifted"
    else:
        return None
    return moved.end(Phase.COMPLETED, seen.at, f"the drill passed: {deployment.build.version} is healthy on staging; {why}")


def held(moved: Moved, seen: Observation, reason: str) -> Moved:
    """Its share was held and nothing speaks against it: back to what is live."""
    deployment = moved.deployment
    share = f"{deployment.current_step.permille / 10:g} %"
    passed = moved.progress(healthy_at_end=True)
    return reverting.begin(passed, seen.at, f"the drill passed: {deployment.build.version} served {share} of the traffic; {reason}")


def cut_short(moved: Moved, now: datetime, reason: str) -> Moved:
    """It could not be finished in time. What never had traffic is over; else its weight goes back."""
    message = f"the drill failed: {reason}"
    return reverting.begin(moved, now, message) if moved.deployment.moved else moved.end(Phase.FAILED, now, message)
