"""When the next rollback drill begins, and what it begins with. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.access.model import SYSTEM
from chalicelib.deployments import rollback, traffic
from chalicelib.deployments.commands.wish import Wish, in_progress, new_deployment
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.model import Kind, Phase, Plan, PlannedStep
from chalicelib.deployments.observation import Observation
from chalicelib.deployments.strategies import at_once, plan_of
from chalicelib.services.model import LastDrill, Service

_GOING_BACK = frozenset({Phase.REVERTING, Phase.NEEDS_HUMAN})


def next_drill(service: Service) -> datetime | None:
    """The first one is due at once. None while there can be none: nothing to go back to, or something else comes first."""
    every = service.definition.drill.every_hours
    busy = service.deployment or service.waiting or service.paused or service.drift or service.read_only or service.look_again_since
    if every == "off" or busy or service.live is None or service.live.build is None:
        return None
    target = rollback.target(service)
    if target is None or target.build.is_adopted:
        return None
    return service.last_drill.at + timedelta(hours=every) if service.last_drill else service.lineage[-1].live_at


def begin_drill(moved: Moved, seen: Observation) -> Moved:
    """The drill as the deployment in progress, if it is time for one and the rule shows what it should."""
    service = moved.service
    at, target = next_drill(service), rollback.target(service)
    unfit = seen.only_traffic or (seen.split,) != service.expected
    if at is None or target is None or at > seen.at or unfit:
        return moved
    wish = Wish(SYSTEM, f"scheduled; {target.why}", seen.at)
    begun = replace(new_deployment(service, Kind.DRILL, target.build, _plan(service), wish), hooks=())
    last_drill = LastDrill(seen.at, begun.id, target.build.version, Phase.PENDING)
    return in_progress(moved, begun, last_drill=last_drill).tell("pending", f"rollback drill: would {target.build.version} serve?")


def rescued(moved: Moved, seen: Observation) -> Moved:
    """A rollback waits until the drill's weight is back, and what is live turns out to be dead: what the drill tried takes the whole
    traffic, and the rollback comes after it. Nothing else has a healthy target that a weight may be raised on.
    """
    service, drill = moved.service, moved.deployment
    waits = any(one.kind is Kind.ROLLBACK for one in service.waiting)
    if drill.kind is not Kind.DRILL or drill.phase not in _GOING_BACK or drill.color is None or not waits:
        return moved
    if service.live is None or traffic.healthy(seen, service.live.color) or not traffic.healthy(seen, drill.color) or service.live.color not in seen.targets:
        return moved
    reason = f"nothing on {service.live.color} is healthy any more"
    wish = Wish(SYSTEM, reason, seen.at)
    begun = new_deployment(service, Kind.ROLLBACK, drill.build, at_once(plan_of(service.definition.rollout)), wish)
    over = moved.end(Phase.SUPERSEDED, seen.at, f"{drill.build.version} takes the whole traffic: {reason}")
    return in_progress(over, begun, automatic_suspended=True).tell("pending", f"rollback to {drill.build.version}: {reason}")


def _plan(service: Service) -> Plan:
    declared = service.definition.drill
    step = PlannedStep(declared.permille, timedelta(seconds=declared.hold_seconds))
    return replace(plan_of(service.definition.rollout), strategy="drill", steps=(step,), automatic=True, approvals=0)
