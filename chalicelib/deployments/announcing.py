"""Tell the operators what was written: a log line for every change, and a count for what an alarm should ring on."""

from chalicelib import log
from chalicelib.colors import Split
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.instructions import SetWeights
from chalicelib.deployments.model import Deployment, Kind, Phase
from chalicelib.services.model import Service

_COUNTED = {
    Phase.COMPLETED: "DeploymentsCompleted",
    Phase.FAILED: "DeploymentsFailed",
    Phase.REVERTED: "DeploymentsReverted",
    Phase.NEEDS_HUMAN: "DeploymentsNeedingHuman",
}

_DRILLS = {True: "DrillsPassed", False: "DrillsFailed"}


def announce(before: Service, moved: Moved) -> None:
    """After the write and what it led to: what lost its race did not happen, and nothing optional stands before the weights."""
    after = moved.service
    if after == before:
        return
    log.event("service.recorded", service=after.name, told=moved.told[-1].kind if moved.told else "looked", revision=before.revision + 1)
    for deployment in _entered(before, moved):
        log.event(f"deployment.{deployment.phase}", service=after.name, deployment=deployment.id, version=deployment.build.version, outcome=deployment.outcome)
        if name := _count_of(deployment, after):
            log.count(name, service=after.name)
        elif _is_held(deployment, moved):
            log.event("deployment.held", service=after.name, deployment=deployment.id, waits_for=moved.waits_for)
            log.count("DeploymentsNeedingHuman", service=after.name)
    if after.drift and not before.drift:
        log.event("service.drifted", service=after.name, observed=after.drift.raw)
        log.count("ServicesDrifted", service=after.name)


def _count_of(deployment: Deployment, service: Service) -> str | None:
    """A drill that was broken off neither passed nor failed."""
    if deployment.kind is not Kind.DRILL or deployment.phase is Phase.NEEDS_HUMAN:
        return _COUNTED.get(deployment.phase)
    last = service.last_drill
    return _DRILLS.get(last.passed) if deployment.phase.is_final and last and last.passed is not None else None


def _entered(before: Service, moved: Moved) -> list[Deployment]:
    """Those that are in another phase than before."""
    was = before.deployment
    now = moved.service.deployment
    changed = [now] if now and (was is None or (was.id, was.phase) != (now.id, now.phase)) else []
    return [*moved.ended, *changed]


def _is_held(deployment: Deployment, moved: Moved) -> bool:
    """A way back that begins without asking for its weights: `previous` has no healthy target, and the traffic stays on what is bad."""
    if deployment.phase is not Phase.REVERTING or deployment.previous is None or not deployment.moved:
        return False
    is_back = moved.service.expected == (Split.all_on(deployment.previous.color),)
    return not is_back and not any(isinstance(one, SetWeights) for one in moved.instructions)
