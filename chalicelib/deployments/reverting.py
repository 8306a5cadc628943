"""The way back: everything to the release that was live before, at once; and what is left when there is no way back."""

from datetime import datetime

from chalicelib.colors import Split
from chalicelib.deployments import confirming, hooks_told, traffic
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.model import Kind, Phase
from chalicelib.deployments.observation import Observation
from chalicelib.settings import Pace


def turn_back(moved: Moved, seen: Observation, reason: str) -> Moved:
    """An unhealthy verdict. The release is quarantined, and goes back by itself but once: a bad rollback needs a person,
    and so does a first release, which has nothing to go back to.
    """
    deployment = moved.deployment
    if deployment.kind is Kind.DRILL:
        return begin(moved.drilled(passed=False).tell("unhealthy", reason), seen.at, f"the drill failed: {reason}")
    judged = moved.quarantine(deployment.build, deployment.id, seen.at).tell("unhealthy", reason)
    if deployment.kind is Kind.ROLLBACK:
        return judged.enter(Phase.NEEDS_HUMAN, seen.at, f"the rollback itself is unhealthy: {reason}")
    if deployment.previous is None:
        return judged.enter(Phase.NEEDS_HUMAN, seen.at, f"unhealthy, and there is no release to go back to: {reason}")
    return begin(judged, seen.at, reason)


def begin(moved: Moved, now: datetime, reason: str) -> Moved:
    """Enter reverting. After any rollback nothing is promoted by itself until a person promotes; a drill is none."""
    suspended = moved.service.automatic_suspended or moved.deployment.kind is not Kind.DRILL
    fresh = {"step_since": now, "asked_at": None, "confirmed_at": None, "retiring": False}
    return moved.having(automatic_suspended=suspended).enter(Phase.REVERTING, now, reason, **fresh)


def reverting(moved: Moved, seen: Observation, pace: Pace) -> Moved:
    """Until the balancer shows everything on the previous colour, read back long enough after the last record."""
    deployment = moved.deployment
    if deployment.previous is None:
        return moved.enter(Phase.NEEDS_HUMAN, seen.at, f"there is no release to go back to: {deployment.outcome}")
    color = deployment.previous.color
    if seen.split != Split.all_on(color) or moved.service.expected != (Split.all_on(color),):
        return _late(moved, seen.at) or traffic.ask_back(confirming.forgotten(moved), color, seen, pace)
    if deployment.confirmed_at is None:
        moved = moved.progress(confirmed_at=seen.at)
    last = max(deployment.asked_at or deployment.phase_since, deployment.phase_since)
    if seen.at - last < pace.settle or hooks_told.owes(moved):
        return moved.wait("weights are back; reading them once more")
    hurries = deployment.kind is Kind.DRILL and moved.service.waiting
    moved = moved if hurries else confirming.settle(moved, color, seen, pace)
    if confirming.is_open(moved.deployment) and not hurries:
        return _late(moved, seen.at) or moved
    passed = deployment.kind is Kind.DRILL and deployment.healthy_at_end
    return moved.end(Phase.COMPLETED if passed else Phase.REVERTED, seen.at, deployment.outcome)


def needs_human(moved: Moved, seen: Observation, _pace: Pace) -> Moved:
    """Hold. A first release that went bad has nowhere to go, so the next release may start."""
    deployment = moved.deployment
    if deployment.previous is None and moved.service.waiting:
        return moved.end(Phase.SUPERSEDED, seen.at, f"{moved.service.waiting[0].build.version} takes its place: {deployment.outcome}")
    return moved.wait(f"a person has to decide: {deployment.outcome}")


def _late(moved: Moved, now: datetime) -> Moved | None:
    deployment = moved.deployment
    if now - deployment.phase_since < deployment.plan.deadline:
        return None
    return moved.enter(Phase.NEEDS_HUMAN, now, f"could not go back within its deadline: {deployment.outcome}")
