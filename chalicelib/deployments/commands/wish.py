"""A wish, and what several commands need: a new deployment, quarantine and its lifting."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chalicelib.access.model import Caller
from chalicelib.deployments import rollback
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.model import Build, Deployment, Kind, Phase, Plan
from chalicelib.errors import Conflict
from chalicelib.services.model import Service


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wishes it, why and when."""

    by: Caller
    reason: str
    at: datetime


def why(wish: Wish, what: str) -> str:
    return f"{what}: {wish.reason}" if wish.reason else what


def new_deployment(service: Service, kind: Kind, build: Build, plan: Plan, wish: Wish, *, published_at: datetime | None = None) -> Deployment:
    return Deployment(
        id=f"d-{service.last_deployment_number + 1:06}", service=service.name, kind=kind, build=build, plan=plan,
        checks=service.definition.checks, hooks=service.definition.hooks, cutover=service.definition.cutover, phase=Phase.PENDING,
        started_at=wish.at, phase_since=wish.at, published_at=published_at or wish.at, requested_by=wish.by.name, reason=wish.reason,
    )


def in_progress(moved: Moved, begun: Deployment, **fields: Any) -> Moved:
    """`begun` is in progress from now on, with these fields of the service changed: its number is taken, and whoever still works for
    the one before is not in charge any more.
    """
    service = moved.service
    return moved.having(deployment=begun, last_deployment_number=service.last_deployment_number + 1, epoch=service.epoch + 1, **fields)


def refuse_quarantined(service: Service, build: Build, *, override: bool) -> None:
    if not override and rollback.is_quarantined(service, build):
        raise Conflict(f"{service.name} {build.version} is quarantined: it was rolled back. An approver may override that with a reason", slug="quarantined")


def kept_good(service: Service, deployment: Deployment) -> Service:
    """A person vouches for it: its own quarantine is lifted."""
    return replace(service, quarantined=tuple(entry for entry in service.quarantined if entry.deployment != deployment.id))
