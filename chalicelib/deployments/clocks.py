"""How long something has been going on: hold and watch clocks stand still while the service is paused."""

from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.deployments.model import Deployment
from chalicelib.services.model import Service


def elapsed(since: datetime, service: Service, now: datetime) -> timedelta:
    """Since `since`, not counting the pause that is on. Pauses that are over moved the clocks on when they ended."""
    until = min(now, service.paused.at) if service.paused else now
    return max(until - since, timedelta(0))


def moved_on(deployment: Deployment, pause_began: datetime, now: datetime) -> Deployment:
    """The deployment with its clocks moved on by a pause that ends now."""

    def shifted(moment: datetime | None) -> datetime | None:
        return moment + (now - max(moment, pause_began)) if moment else None

    return replace(
        deployment,
        phase_since=shifted(deployment.phase_since) or now,
        step_since=shifted(deployment.step_since),
        confirmed_at=shifted(deployment.confirmed_at),
        clock_since=shifted(deployment.clock_since),
        hooks_run=tuple(replace(run, since=shifted(run.since) or now) if run.is_pending else run for run in deployment.hooks_run),
    )
