"""What people and CI may ask for, as pure functions: a service and a wish to the service as it then is.

They raise `Conflict` when the state does not allow it, and answer an unchanged
service when everything is so already. None of them touches traffic: that is
`machine.advance`'s, which the caller runs on what comes out.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.access.model import SYSTEM, Caller
from chalicelib.colors import Color
from chalicelib.deployments import approving, hooking, reverting, rollback, shifting, staging, traffic
from chalicelib.deployments.clocks import moved_on
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.model import Build, Deployment, Kind, Phase, Plan
from chalicelib.deployments.strategies import at_once, plan_of, with_strategy
from chalicelib.errors import Conflict
from chalicelib.releases.model import Release
from chalicelib.services.model import Pause, Service
from chalicelib.services.recording import deployments_of


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wishes it, why and when."""

    by: Caller
    reason: str
    at: datetime


def release_arrived(service: Service, release: Release, now: datetime) -> Moved:
    """A new release goes to staging by itself, unless it is quarantined, older than what was deployed, or than the service."""
    build = Build(release.version, release.artifact, service.config_version)
    if rollback.is_quarantined(service, build) or not _is_newest(service, release):
        return Moved(service)
    wish = Wish(replace(SYSTEM, name=release.registered_by), "", now)
    begun = _begun(service, Kind.ROLLOUT, build, plan_of(service.definition.rollout), wish, published_at=release.published_at)
    return _enqueue(service, begun, now)


def deploy(service: Service, release: Release, config_version: int, wish: Wish, *, override_quarantine: bool = False) -> Moved:
    """Put a release on staging. The one that is on its way already, or live, stays as it is."""
    build = Build(release.version, release.artifact, config_version)
    if any(one.build == build and one.kind is Kind.ROLLOUT and one.phase is not Phase.REVERTING for one in deployments_of(service)):
        return Moved(service)
    if service.deployment is None and service.live and service.live.build == build:
        raise Conflict(f"{service.name} {build.version} with config {config_version} is live already", slug="already-live")
    _refuse_quarantined(service, build, override=override_quarantine)
    begun = _begun(service, Kind.ROLLOUT, build, plan_of(service.definition.rollout), wish, published_at=release.published_at)
    return _enqueue(service, begun, wish.at)


def promote(service: Service, wish: Wish, *, version: str | None, strategy: str | None, skip_holds: bool, override_quarantine: bool = False) -> Moved:
    """Shift to what is staged; when it is shifting already, only `skip_holds` changes anything."""
    deployment = service.deployment
    if service.paused:
        raise Conflict(f"{service.name} is paused by {service.paused.by}; resume it first", slug="paused")
    if deployment is None or deployment.phase is Phase.REVERTING or (version and version != deployment.build.version):
        raise Conflict(_nothing_staged(service, version), slug="not-staged")
    match deployment.phase:
        case Phase.STAGED:
            return _promoted(service, deployment, wish, strategy, skip_holds=skip_holds, override=override_quarantine)
        case Phase.SHIFTING | Phase.WATCHING:
            return _skipping_holds(service, wish) if skip_holds and not deployment.skip_holds else Moved(service)
        case Phase.NEEDS_HUMAN if skip_holds:
            return _resumed_by_a_person(service, deployment, wish)
        case _:
            raise Conflict(_nothing_staged(service, version), slug="not-staged")


def roll_back(service: Service, wish: Wish, *, to: Build | None) -> Moved:
    """Turn the rollout that is under way back, or bring back an earlier build as a deployment of its own.

    `to` is None for the default target. The answer is the deployment that leads there: see `answer_to_rollback`.
    """
    deployment = service.deployment
    if deployment and (deployment.retiring or _is_rollback_at_whole(service, deployment, to)):
        return _bring_back(_finished(service, wish), wish, to)
    if deployment and rollback.turns_back(deployment):
        return _turn_back(service, deployment, wish, to)
    return _bring_back(Moved(service), wish, to)


def abort(service: Service, wish: Wish) -> Moved:
    """Before the shift: over, production untouched. Later: turn back. With nothing to turn back to, a person's abort ends it."""
    deployment = service.deployment
    if deployment is None or deployment.phase is Phase.REVERTING or deployment.retiring:
        raise Conflict(f"{service.name} has nothing in progress that could be aborted", slug="nothing-in-progress")
    if deployment.phase.is_before_shift or (deployment.previous is None and not deployment.moved):
        return _ended(service, Phase.ABORTED, wish, "aborted")
    if deployment.kind is Kind.ROLLBACK and deployment.moved:
        raise Conflict(f"{deployment.id} is a rollback and has moved weights, so it cannot be aborted; roll back to a named version", slug="rollback-moved")
    if deployment.previous is None and deployment.phase is Phase.NEEDS_HUMAN:
        return _ended(service, Phase.ABORTED, wish, "aborted; there is nothing to go back to, the weights stay")
    return reverting.begin(Moved(service), wish.at, _why(wish, "aborted"))


def certify(service: Service, wish: Wish, *, certified: bool) -> Moved:
    """End the watch now. Only at 100 %, seen."""
    deployment = service.deployment
    at_whole = deployment is not None and deployment.moved and shifting.is_at_whole(service, deployment)
    if deployment is None or deployment.phase not in {Phase.WATCHING, Phase.NEEDS_HUMAN} or not at_whole:
        raise Conflict(f"{service.name} has no deployment at 100 % whose watch could be ended", slug="not-at-100-percent")
    if deployment.retiring:
        return Moved(service)
    kept = _kept_good(service, deployment) if certified else service
    message = _why(wish, "certified" if certified else "the watch is ended without certifying")
    moved = Moved(kept).progress(certify=certified, phase=Phase.WATCHING).tell("certify", message)
    return moved if deployment.phase is Phase.WATCHING else moved.progress(phase_since=wish.at, clock_since=wish.at)


def pause(service: Service, wish: Wish) -> Moved:
    """No new preparing, promotion or weight increase; hold and watch clocks stop. Everything that goes back goes on."""
    if service.paused:
        return Moved(service)
    moved = Moved(service).having(paused=Pause(wish.at, wish.by.name, wish.reason))
    return moved.tell("paused", _why(wish, "paused")) if service.deployment else moved


def resume(service: Service, wish: Wish, *, drift: str | None) -> Moved:
    """Go on; `drift` says what becomes of weights that somebody else set: write ours over them, or take them as they are."""
    moved = _settle_drift(Moved(service), drift) if drift else Moved(service)
    if service.paused is None:
        return moved
    resumed = moved.having(paused=None)
    if service.deployment is None:
        return resumed
    went_on = resumed.having(deployment=moved_on(resumed.deployment, service.paused.at, wish.at))
    return went_on.tell("resumed", _why(wish, "resumed"))


def answer_to_rollback(moved: Moved) -> Deployment | None:
    """The deployment a rollback is answered with: the one of kind rollback if it made or found one, else the one that turns back."""
    return next((one for one in moved.service.waiting if one.kind is Kind.ROLLBACK), moved.service.deployment)


def _is_newest(service: Service, release: Release) -> bool:
    """Published no earlier, in whole seconds, than the newest deployed one and than the service; equal is newer."""
    published = release.published_at.replace(microsecond=0)
    oldest = max(service.registered_at, service.newest_published_at or service.registered_at)
    return published >= oldest.replace(microsecond=0)


def _begun(service: Service, kind: Kind, build: Build, plan: Plan, wish: Wish, *, published_at: datetime | None = None) -> Deployment:
    return Deployment(
        id=f"d-{service.last_deployment_number + 1:06}", service=service.name, kind=kind, build=build, plan=plan,
        checks=service.definition.checks, hooks=service.definition.hooks, cutover=service.definition.cutover, phase=Phase.PENDING,
        started_at=wish.at, phase_since=wish.at, published_at=published_at or wish.at, requested_by=wish.by.name, reason=wish.reason,
    )


def _enqueue(service: Service, deployment: Deployment, now: datetime) -> Moved:
    """What is not yet shifting gives way to a newer release; behind what is shifting or watching it waits."""
    newest = max(service.newest_published_at or deployment.published_at, deployment.published_at)
    moved = Moved(service).having(last_deployment_number=service.last_deployment_number + 1, epoch=service.epoch + 1, newest_published_at=newest, due_at=now)
    current = service.deployment
    gives_way = current is not None and current.phase.is_before_shift and current.kind is Kind.ROLLOUT
    message = f"superseded by {deployment.build.version}"
    moved = moved.drop_waiting(tuple(one for one in service.waiting if one.kind is Kind.ROLLOUT), now, message)
    if gives_way:
        moved = moved.end(Phase.SUPERSEDED, now, message)
    if moved.service.deployment is None and not moved.service.waiting:
        return moved.having(deployment=deployment).tell("pending", f"{staging.name_of(deployment)} is to go to staging")
    return moved.having(waiting=(*moved.service.waiting, deployment))


def _promoted(service: Service, deployment: Deployment, wish: Wish, strategy: str | None, *, skip_holds: bool, override: bool) -> Moved:
    _refuse_quarantined(service, deployment.build, override=override)
    plan = with_strategy(deployment.plan, service.definition.rollout, strategy)
    approving.refuse_unless_enough(deployment, replace(deployment, plan=plan), wish.by.name, wish.at)
    fields = {"promoted": True, "promoted_by": wish.by.name, "plan": plan, "skip_holds": skip_holds}
    promoted = Moved(service).having(automatic_suspended=False).progress(**fields).tell("promoted", _why(wish, f"promoted by {wish.by.name}"))
    return staging.begin_shift(promoted, wish.at)


def _resumed_by_a_person(service: Service, deployment: Deployment, wish: Wish) -> Moved:
    """A person takes it on from where it was held; the verdict goes on."""
    moved = Moved(_kept_good(service, deployment)).progress(hooks_run=hooking.asked_anew(deployment))
    if shifting.is_at_whole(service, deployment):
        return moved.enter(Phase.WATCHING, wish.at, _why(wish, "taken on by a person"), extensions=0, clock_since=wish.at)
    return moved.enter(Phase.SHIFTING, wish.at, _why(wish, "taken on by a person"), skip_holds=True, step_since=wish.at, asked_at=None)


def _turn_back(service: Service, deployment: Deployment, wish: Wish, to: Build | None) -> Moved:
    target = rollback.target(service)
    if target is None:
        raise Conflict(f"{deployment.id} is the first release of {service.name}: there is nothing to roll back to", slug="nothing-to-roll-back-to")
    if deployment.kind is Kind.ROLLBACK and to is None:
        raise Conflict(f"{service.name} has been rolled back already by {deployment.id}; name the version to go to", slug="already-rolled-back")
    turned = Moved(service)
    if deployment.phase is not Phase.REVERTING:
        turned = reverting.begin(turned.quarantine(deployment.build, deployment.id, wish.at), wish.at, _why(wish, f"rolled back by {wish.by.name}"))
        turned = turned.having(epoch=service.epoch + 1)
    if to is None or to == target.build:
        return turned
    waiting = next((one for one in service.waiting if one.kind is Kind.ROLLBACK), None)
    if waiting and waiting.build == to:
        return turned
    turned = turned.drop_waiting(service.waiting, wish.at, f"gave way to a rollback to {to.version}")
    return _numbered(turned, turned.service.waiting, _begun(turned.service, Kind.ROLLBACK, to, at_once(deployment.plan), wish))


def _bring_back(moved: Moved, wish: Wish, to: Build | None) -> Moved:
    """A deployment of kind rollback; what was pending to staged is superseded."""
    service = moved.service
    current = service.deployment
    build = to or _default_target(service)
    if current and current.kind is Kind.ROLLBACK and current.build == build:
        return moved
    if service.live and service.live.build == build:
        raise Conflict(f"{service.name} {build.version} is live already", slug="already-live")
    message = f"gave way to a rollback to {build.version or 'what stood there before'}"
    if current:
        moved = moved.end(Phase.SUPERSEDED, wish.at, message)
    moved = moved.drop_waiting(moved.service.waiting, wish.at, message)
    if service.live and service.live.build:
        moved = moved.quarantine(service.live.build, "rollback", wish.at)
    begun = _begun(moved.service, Kind.ROLLBACK, build, at_once(plan_of(service.definition.rollout)), wish)
    fresh = {"last_deployment_number": moved.service.last_deployment_number + 1, "epoch": moved.service.epoch + 1, "automatic_suspended": True}
    return moved.having(deployment=begun, **fresh).tell("pending", _why(wish, f"rollback to {staging.name_of(begun)} asked for by {wish.by.name}"))


def _default_target(service: Service) -> Build:
    if service.last_move in {"reverted", "rollback"}:
        raise Conflict(f"{service.name} has been rolled back already; name the version to go to", slug="already-rolled-back")
    target = rollback.target(service)
    if target is None:
        raise Conflict(f"{service.name} has no earlier release to roll back to", slug="nothing-to-roll-back-to")
    return target.build


def _is_rollback_at_whole(service: Service, deployment: Deployment, to: Build | None) -> bool:
    """From one rollback to another version nothing is turned back: what was rolled away from proved bad."""
    return deployment.kind is Kind.ROLLBACK and to is not None and deployment.moved and shifting.is_at_whole(service, deployment)


def _numbered(moved: Moved, waiting: tuple[Deployment, ...], begun: Deployment) -> Moved:
    return moved.having(waiting=(begun, *waiting), last_deployment_number=moved.service.last_deployment_number + 1)


def _finished(service: Service, wish: Wish) -> Moved:
    """It has the whole traffic and gives way to a rollback; certified only if its watch had ended healthy."""
    deployment = Moved(service).deployment
    moved = Moved(service).certify(deployment) if deployment.healthy_at_end else Moved(service)
    return moved.end(Phase.COMPLETED, wish.at, "completed; a rollback follows")


def _ended(service: Service, phase: Phase, wish: Wish, what: str) -> Moved:
    return Moved(service).end(phase, wish.at, _why(wish, what)).having(epoch=service.epoch + 1)


def _kept_good(service: Service, deployment: Deployment) -> Service:
    """A person vouches for it: its own quarantine is lifted."""
    return replace(service, quarantined=tuple(entry for entry in service.quarantined if entry.deployment != deployment.id))


def _settle_drift(moved: Moved, drift: str) -> Moved:
    found = moved.service.drift
    if found is None:
        raise Conflict(f"{moved.service.name} has not drifted", slug="not-drifted")
    if drift == "restore":
        return moved.having(drift=replace(found, restoring=True))
    deployment = moved.service.deployment
    converges = deployment is not None and deployment.phase is Phase.SHIFTING
    if found.observed is None or (found.observed.whole_on is None and not converges):
        raise Conflict("what the rule shows cannot be lived with: everything has to be on one colour; use restore", slug="not-adoptable")
    if found.observed.whole_on and not converges:
        return _adopted_live(moved, found.observed.whole_on).having(drift=None, expected=(found.observed,))
    return moved.having(drift=None, expected=(found.observed,))


def _adopted_live(moved: Moved, color: Color) -> Moved:
    """Somebody else put everything on `color`: what stands there is live now."""
    deployment = moved.service.deployment
    if deployment is not None and deployment.color is not None:
        raise Conflict(f"{deployment.id} uses the colours; abort it first, or use restore", slug="not-adoptable")
    return traffic.live_on(moved, color, moved.service.drift.at if moved.service.drift else moved.service.registered_at)


def _refuse_quarantined(service: Service, build: Build, *, override: bool) -> None:
    if not override and rollback.is_quarantined(service, build):
        raise Conflict(f"{service.name} {build.version} is quarantined: it was rolled back. An approver may override that with a reason", slug="quarantined")


def _skipping_holds(service: Service, wish: Wish) -> Moved:
    return Moved(service).progress(skip_holds=True).tell("holds-skipped", _why(wish, "holds are skipped"))


def _nothing_staged(service: Service, version: str | None) -> str:
    deployment = service.deployment
    if deployment is None:
        return f"{service.name} has nothing staged; deploy a release first"
    return f"{version or deployment.build.version} is not staged: {deployment.build.version} is {deployment.phase}"


def _why(wish: Wish, what: str) -> str:
    return f"{what}: {wish.reason}" if wish.reason else what
