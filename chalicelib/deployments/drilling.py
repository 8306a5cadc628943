"""What is different about a rollback drill: scheduled proof that a rollback would work, before one is needed. Pure.

The release that a rollback would go to is put on the idle colour, or found there, checked on staging, given a small share
of production for a while, judged, and everything goes back to what is live. It is a deployment of its own kind that never
has the whole traffic, so `live` stays what it is. It leaves no mark on real rollbacks (no quarantine, no suspended
promotion), asks no hooks, and gives way to whatever else is asked for. `scheduling.py` says when it begins.
"""

from datetime import datetime

from chalicelib.colors import Split
from chalicelib.deployments import reverting
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.model import Kind, Phase
from chalicelib.deployments.observation import Observation
from chalicelib.services.model import Service

_WITH_TRAFFIC = frozenset({Phase.SHIFTING, Phase.REVERTING})


def broken_off(moved: Moved, seen: Observation) -> Moved | None:
    """It ends before its time for whatever else there is to do. None: it goes on."""
    service, deployment = moved.service, moved.deployment
    if deployment.phase not in _WITH_TRAFFIC or deployment.previous is None:
        return None
    rollback_waits = any(one.kind is Kind.ROLLBACK for one in service.waiting)
    if service.drift and not service.drift.standing and not rollback_waits:
        left = moved.having(expected=(*service.expected, Split.all_on(deployment.previous.color)))  # what restoring is to write
        return left.end(Phase.ABORTED, seen.at, f"the drill was broken off: {service.drift.said}; the weights stay as they are")
    if deployment.phase is Phase.SHIFTING and (why := _gives_way(service)):
        return _back(moved, seen.at, Phase.ABORTED, f"the drill was broken off: {why}")
    return without_traffic(moved, seen) if deployment.phase is Phase.SHIFTING and not deployment.moved else None


def without_traffic(moved: Moved, seen: Observation) -> Moved | None:
    """It ends on staging where no traffic is to be shifted to it. None: it goes on to production."""
    deployment = moved.deployment
    if deployment.current_step.permille == 0:
        why = "its weight is 0"
    elif seen.rules is None:
        return moved.wait("whether cookies hold clients is not known: the production rule cannot be read")
    elif seen.sticky_seconds:
        why = "cookies would hold clients to it, so no traffic was shifted"
    else:
        return None
    return moved.drilled(passed=True).end(Phase.COMPLETED, seen.at, f"the drill passed: {deployment.build.version} is healthy on staging; {why}")


def held(moved: Moved, seen: Observation, reason: str) -> Moved:
    """Its share was held and nothing speaks against it: back to what is live."""
    deployment = moved.deployment
    share = f"{deployment.current_step.permille / 10:g} %"
    passed = moved.drilled(passed=True).progress(healthy_at_end=True)
    return reverting.begin(passed, seen.at, f"the drill passed: {deployment.build.version} served {share} of the traffic; {reason}")


def cut_short(moved: Moved, now: datetime, reason: str) -> Moved:
    """It could not be finished in time. What never had traffic is over; else its weight goes back."""
    return _back(moved.drilled(passed=False), now, Phase.FAILED, f"the drill failed: {reason}")


def _back(moved: Moved, now: datetime, otherwise: Phase, message: str) -> Moved:
    return reverting.begin(moved, now, message) if moved.deployment.moved else moved.end(otherwise, now, message)


def _gives_way(service: Service) -> str | None:
    if service.paused:
        return f"{service.name} was paused"
    return f"{service.waiting[0].build.version} is next" if service.waiting else None
