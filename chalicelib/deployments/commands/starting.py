"""A release is put on staging: by itself when it arrives, or because somebody asks for it."""

from dataclasses import replace
from datetime import datetime

from chalicelib.access.model import SYSTEM
from chalicelib.deployments import rollback, staging
from chalicelib.deployments.commands.wish import Wish, new_deployment, refuse_quarantined
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.model import Build, Deployment, Kind, Phase
from chalicelib.deployments.strategies import plan_of
from chalicelib.errors import Conflict
from chalicelib.releases.model import Release
from chalicelib.services.model import Service
from chalicelib.services.recording import deployments_of


def release_arrived(service: Service, release: Release, now: datetime) -> Moved:
    """A new release goes to staging by itself, unless it is quarantined, older than what was deployed, or than the service."""
    build = Build(release.version, release.artifact, service.config_version)
    if rollback.is_quarantined(service, build) or not _is_newest(service, release):
        return Moved(service)
    wish = Wish(replace(SYSTEM, name=release.registered_by), "", now)
    begun = new_deployment(service, Kind.ROLLOUT, build, plan_of(service.definition.rollout), wish, published_at=release.published_at)
    return _enqueue(service, begun, now)


def deploy(service: Service, release: Release, config_version: int, wish: Wish, *, override_quarantine: bool = False) -> Moved:
    """Put a release on staging. The one that is on its way already, or live, stays as it is."""
    build = Build(release.version, release.artifact, config_version)
    if any(one.build == build and one.kind is Kind.ROLLOUT and one.phase is not Phase.REVERTING for one in deployments_of(service)):
        return Moved(service)
    undisturbed = service.deployment is None or service.deployment.kind is Kind.DRILL
    if undisturbed and not service.waiting and service.live and service.live.build == build:
        raise Conflict(f"{service.name} {build.version} with config {config_version} is live already", slug="already-live")
    refuse_quarantined(service, build, override=override_quarantine)
    begun = new_deployment(service, Kind.ROLLOUT, build, plan_of(service.definition.rollout), wish, published_at=release.published_at)
    return _enqueue(service, begun, wish.at)


def _is_newest(service: Service, release: Release) -> bool:
    """Published no earlier, in whole seconds, than the newest deployed one and than the service; equal is newer."""
    published = release.published_at.replace(microsecond=0)
    oldest = max(service.registered_at, service.newest_published_at or service.registered_at)
    return published >= oldest.replace(microsecond=0)


def _enqueue(service: Service, deployment: Deployment, now: datetime) -> Moved:
    """What is not yet shifting gives way to a newer release; behind what is shifting or watching it waits."""
    newest = max(service.newest_published_at or deployment.published_at, deployment.published_at)
    moved = Moved(service).having(last_deployment_number=service.last_deployment_number + 1, epoch=service.epoch + 1, newest_published_at=newest, due_at=now)
    current = service.deployment
    gives_way = current is not None and current.phase.is_before_shift and current.kind is not Kind.ROLLBACK
    message = f"superseded by {deployment.build.version}"
    moved = moved.drop_waiting(tuple(one for one in service.waiting if one.kind is Kind.ROLLOUT), now, message)
    if gives_way:
        moved = moved.end(Phase.SUPERSEDED, now, message)
    if moved.service.deployment is None and not moved.service.waiting:
        return moved.having(deployment=deployment).tell("pending", f"{staging.name_of(deployment)} is to go to staging")
    return moved.having(waiting=(*moved.service.waiting, deployment))
