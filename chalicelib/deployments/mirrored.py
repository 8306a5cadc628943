"""What mirrored traffic says before a candidate counts as staged."""

from datetime import datetime, timedelta

from chalicelib.deployments.clocks import elapsed
from chalicelib.deployments.model import Deployment
from chalicelib.health.model import Check
from chalicelib.mirroring import verdict
from chalicelib.mirroring.model import Comparison
from chalicelib.mirroring.scope import is_of, is_wanted
from chalicelib.services.model import Service
from chalicelib.settings import Pace


def asked(service: Service, deployment: Deployment, comparison: Comparison | None, *, since: datetime, now: datetime, pace: Pace) -> Check | None:
    """None where nobody asked for a comparison. `since` is when the candidate could first be compared.

    It waits for half at most of what was left of the deadline then: what is not known must not end a deployment that everything else finds good.
    """
    if not is_wanted(service, deployment):
        return None
    mine = comparison if comparison and is_of(comparison, service, deployment) else None
    waited = elapsed(since, service, now)
    spent = elapsed(deployment.step_since or deployment.phase_since, service, now) - waited
    within = min(pace.shadow_within, max(deployment.plan.deadline - spent, timedelta(0)) / 2)
    return verdict.check(mine, deployment.checks, waited=waited, within=within)
