"""Say in words what is recorded and seen: why a deployment waits."""

from datetime import datetime

from chalicelib.deployments import conditions, idleness
from chalicelib.deployments.idleness import Lately
from chalicelib.health.model import Check
from chalicelib.services.model import Look, Service


def explain(service: Service, look: Look | None, lately: Lately, now: datetime, shadow: Check | None = None) -> tuple[Check, ...]:
    """Every condition that holds what is in progress; with nothing in progress, why the newest release is not live."""
    if service.deployment is None:
        return idleness.of(service, lately)
    return conditions.of(service, service.deployment, look, now, shadow)
