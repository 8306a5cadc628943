"""Shift to what is staged, skip the holds, or go on from where a person was needed."""

from dataclasses import replace

from chalicelib.deployments import approving, hooking, shifting, staging
from chalicelib.deployments.commands.wish import Wish, kept_good, refuse_quarantined, why
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.model import Deployment, Kind, Phase
from chalicelib.deployments.strategies import with_strategy
from chalicelib.errors import Conflict
from chalicelib.services.model import Service


def promote(service: Service, wish: Wish, *, version: str | None, strategy: str | None, skip_holds: bool, override_quarantine: bool = False) -> Moved:
    """Shift to what is staged; when it is shifting already, only `skip_holds` changes anything."""
    deployment = service.deployment
    if service.paused:
        raise Conflict(f"{service.name} is paused by {service.paused.by}; resume it first", slug="paused")
    if deployment is None or deployment.phase is Phase.REVERTING or (version and version != deployment.build.version):
        raise Conflict(_nothing_staged(service, version), slug="not-staged")
    if deployment.kind is Kind.DRILL:
        raise Conflict(f"{service.name} has nothing staged: {deployment.id} is a rollback drill, and what comes next waits for its end", slug="not-staged")
    match deployment.phase:
        case Phase.STAGED:
            return _promoted(service, deployment, wish, strategy, skip_holds=skip_holds, override=override_quarantine)
        case Phase.SHIFTING | Phase.WATCHING:
            return _skipping_holds(service, wish) if skip_holds and not deployment.skip_holds else Moved(service)
        case Phase.NEEDS_HUMAN if skip_holds:
            return _resumed_by_a_person(service, deployment, wish)
        case _:
            raise Conflict(_nothing_staged(service, version), slug="not-staged")


def _promoted(service: Service, deployment: Deployment, wish: Wish, strategy: str | None, *, skip_holds: bool, override: bool) -> Moved:
    refuse_quarantined(service, deployment.build, override=override)
    plan = with_strategy(deployment.plan, service.definition.rollout, strategy)
    approving.refuse_unless_enough(deployment, replace(deployment, plan=plan), wish.by.name, wish.at)
    fields = {"promoted": True, "promoted_by": wish.by.name, "plan": plan, "skip_holds": skip_holds}
    promoted = Moved(service).having(automatic_suspended=False).progress(**fields).tell("promoted", why(wish, f"promoted by {wish.by.name}"))
    return staging.begin_shift(promoted, wish.at)


def _resumed_by_a_person(service: Service, deployment: Deployment, wish: Wish) -> Moved:
    """A person takes it on from where it was held; the verdict goes on, and what they know of already is not held against it."""
    moved = Moved(kept_good(service, deployment)).progress(hooks_run=hooking.asked_anew(deployment))
    if shifting.is_at_whole(service, deployment):
        return moved.enter(Phase.WATCHING, wish.at, why(wish, "taken on by a person"), extensions=0, clock_since=wish.at, judged_since=wish.at)
    fresh = {"skip_holds": True, "step_since": wish.at, "asked_at": None, "confirmed_at": None, "judged_since": wish.at}
    return moved.enter(Phase.SHIFTING, wish.at, why(wish, "taken on by a person"), **fresh)


def _skipping_holds(service: Service, wish: Wish) -> Moved:
    return Moved(service).progress(skip_holds=True).tell("holds-skipped", why(wish, "holds are skipped"))


def _nothing_staged(service: Service, version: str | None) -> str:
    deployment = service.deployment
    if deployment is None:
        return f"{service.name} has nothing staged; deploy a release first"
    return f"{version or deployment.build.version} is not staged: {deployment.build.version} is {deployment.phase}"
