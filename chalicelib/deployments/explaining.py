"""Say in words what is recorded and seen: why a deployment waits, and what a rollback would do."""

from datetime import datetime

from chalicelib.colors import Split
from chalicelib.deployments import rollback, staging
from chalicelib.deployments.answers import Preflight
from chalicelib.deployments.clocks import elapsed
from chalicelib.deployments.model import Deployment, Kind, Phase
from chalicelib.deployments.rollback import Target
from chalicelib.health.model import Check, Outcome
from chalicelib.services.model import Look, Service


def preflight(service: Service, look: Look | None, now: datetime) -> Preflight:
    """The default rollback, from the last look and its age."""
    age = (now - look.at).total_seconds() if look else None
    refusal = _refusal(service)
    target = rollback.target(service)
    if target is None:
        return Preflight(None, None, None, "", False, None, False, age, refusal or "there is no earlier release to roll back to")
    return Preflight(
        version=target.build.version or None, config_version=target.build.config_version, color=target.color, why=target.why,
        warm=target.color is not None, target_healthy=_healthy(target, look), certified=target.certified, look_age_seconds=age, refusal=refusal,
    )


def explain(service: Service, look: Look | None, now: datetime) -> tuple[Check, ...]:
    """Every condition with its answer, in the order in which they are asked. Empty when nothing is in progress."""
    deployment = service.deployment
    if deployment is None:
        return ()
    found = [_phase(service, deployment, now), _paused(service), _drift(service)]
    if deployment.phase is Phase.STAGED:
        found.append(_promotion(service, deployment))
    if look and look.waits_for:
        found.append(Check("waits-for", Outcome.INCONCLUSIVE, look.waits_for))
    if look and deployment.color:
        found.append(_targets(deployment, look))
        found.append(_weights(service, look))
        found += look.verdict.checks if look.verdict else ()
    return tuple(found)


def _phase(service: Service, deployment: Deployment, now: datetime) -> Check:
    since = int(elapsed(deployment.phase_since, service, now).total_seconds())
    return Check("phase", Outcome.INCONCLUSIVE, f"{deployment.phase} for {since} s: {deployment.outcome or 'just begun'}", {"seconds": float(since)})


def _paused(service: Service) -> Check:
    if service.paused is None:
        return Check("paused", Outcome.HEALTHY, "not paused")
    return Check("paused", Outcome.INCONCLUSIVE, f"paused by {service.paused.by}: {service.paused.reason or 'no reason given'}; resume to go on")


def _drift(service: Service) -> Check:
    if service.drift is None:
        return Check("drift", Outcome.HEALTHY, "the production rule shows what Turnout asked for")
    return Check("drift", Outcome.UNHEALTHY, f"the production rule shows {service.drift.raw}; resume with drift restore or adopt")


def _promotion(service: Service, deployment: Deployment) -> Check:
    if staging.goes_on(service, deployment):
        return Check("promotion", Outcome.HEALTHY, "promoted")
    return Check("promotion", Outcome.INCONCLUSIVE, f"waits for somebody to promote {deployment.build.version}")


def _targets(deployment: Deployment, look: Look) -> Check:
    seen = look.targets.get(deployment.color) if deployment.color else None
    if seen is None:
        return Check("targets", Outcome.INCONCLUSIVE, f"the targets of {deployment.color} could not be read at the last look")
    outcome = Outcome.HEALTHY if seen.healthy else Outcome.INCONCLUSIVE
    return Check("targets", outcome, f"{seen.healthy} of {seen.total} targets of {deployment.color} are healthy", {"healthy": float(seen.healthy)})


def _weights(service: Service, look: Look) -> Check:
    if look.production == service.desired:
        return Check("weights", Outcome.HEALTHY, f"the balancer shows {_shown(look.production)}")
    return Check("weights", Outcome.INCONCLUSIVE, f"asked for {_shown(service.desired)}, the balancer shows {_shown(look.production)}")


def _shown(split: Split | None) -> str:
    return str(split.percentages()) if split else "no split of the two colours"


def _refusal(service: Service) -> str | None:
    deployment = service.deployment
    turning = deployment is not None and rollback.turns_back(deployment) and deployment.kind is Kind.ROLLOUT
    is_rollback = deployment is not None and deployment.kind is Kind.ROLLBACK and deployment.moved
    if is_rollback or (not turning and service.last_move in {"reverted", "rollback"}):
        return "it has been rolled back already; name the version to go to"
    return None


def _healthy(target: Target, look: Look | None) -> bool | None:
    if look is None or target.color is None or target.color not in look.targets:
        return None
    return look.targets[target.color].healthy > 0
