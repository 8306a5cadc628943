"""Roll back, and abort."""

from dataclasses import replace

from chalicelib.colors import Split
from chalicelib.deployments import reverting, rollback, shifting, staging
from chalicelib.deployments.commands.wish import Wish, in_progress, new_deployment, why
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.model import Build, Deployment, Kind, Phase
from chalicelib.deployments.strategies import at_once, plan_of
from chalicelib.errors import Conflict
from chalicelib.services.model import Service

_GAVE_WAY = "gave way to a rollback; its watch was over, and it had not the whole traffic any more"


def roll_back(service: Service, wish: Wish, *, to: Build | None) -> Moved:
    """Turn the rollout that is under way back, or bring back an earlier build as a deployment of its own.

    `to` is None for the default target. The answer is the deployment that leads there: see `answer_to_rollback`.
    """
    deployment = service.deployment
    if deployment and _is_on_its_way(deployment, to):
        return Moved(service)
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
    return reverting.begin(Moved(service), wish.at, why(wish, "aborted"))


def answer_to_rollback(moved: Moved) -> Deployment | None:
    """The deployment a rollback is answered with: the one of kind rollback if it made or found one, else the one that turns back. It may be over already."""
    current = moved.service.deployment or (moved.ended[-1] if moved.ended else None)
    return next((one for one in moved.service.waiting if one.kind is Kind.ROLLBACK), current)


def as_seen(moved: Moved, split: Split | None) -> Moved:
    """Success is only reported of what has the whole traffic in the look that came with the command; the rest gave way, certified or not."""
    unseen = {one.id for one in moved.ended if one.phase is Phase.COMPLETED and one.color and split != Split.all_on(one.color)}
    ended = tuple(replace(one, phase=Phase.SUPERSEDED, outcome=_GAVE_WAY) if one.id in unseen else one for one in moved.ended)
    by_id = {one.id: one for one in ended}
    told = tuple(
        replace(one, deployment=by_id[one.deployment.id], kind=Phase.SUPERSEDED.value, message=_GAVE_WAY)
        if one.deployment.id in unseen and one.kind == Phase.COMPLETED else one for one in moved.told
    )
    return replace(moved, ended=ended, told=told)


def _is_on_its_way(deployment: Deployment, to: Build | None) -> bool:
    """Asked for again: the same request may come twice."""
    goes_there = deployment.kind is Kind.ROLLBACK and deployment.build == to
    return goes_there and not deployment.retiring and deployment.phase not in {Phase.REVERTING, Phase.NEEDS_HUMAN}


def _turn_back(service: Service, deployment: Deployment, wish: Wish, to: Build | None) -> Moved:
    if deployment.kind is Kind.ROLLBACK and to is None:
        raise Conflict(f"{service.name} has been rolled back already by {deployment.id}; name the version to go to", slug="already-rolled-back")
    target = rollback.target(service)
    if target is None:
        raise Conflict(f"{deployment.id} is the first release of {service.name}: there is nothing to roll back to", slug="nothing-to-roll-back-to")
    turned = Moved(service)
    if deployment.phase is not Phase.REVERTING:
        turned = reverting.begin(turned.quarantine(deployment.build, deployment.id, wish.at), wish.at, why(wish, f"rolled back by {wish.by.name}"))
        turned = turned.having(epoch=service.epoch + 1)
    if to is None or to == target.build:
        return turned
    return _queued(turned, wish, to, f"gave way to a rollback to {to.version}")


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
    if current and current.kind is Kind.DRILL and current.moved and current.build != build:
        return _after_the_drill(moved, wish, build)
    if current:
        moved = moved.end(Phase.SUPERSEDED, wish.at, message)
    moved = moved.drop_waiting(moved.service.waiting, wish.at, message)
    if service.live and service.live.build:
        moved = moved.quarantine(service.live.build, "rollback", wish.at)
    begun = new_deployment(moved.service, Kind.ROLLBACK, build, at_once(plan_of(service.definition.rollout)), wish)
    asked_for = why(wish, f"rollback to {staging.name_of(begun)} asked for by {wish.by.name}")
    return in_progress(moved, begun, automatic_suspended=True).tell("pending", asked_for)


def _after_the_drill(moved: Moved, wish: Wish, to: Build) -> Moved:
    """Another release than `to` stands on the idle colour and has some traffic: that goes back first."""
    service, drill = moved.service, moved.deployment
    if service.live and service.live.build:
        moved = moved.quarantine(service.live.build, "rollback", wish.at)
    if drill.phase is not Phase.REVERTING:
        moved = reverting.begin(moved, wish.at, why(wish, f"gave way to a rollback to {to.version}")).having(epoch=service.epoch + 1)
    return _queued(moved.having(automatic_suspended=True), wish, to, f"gave way to a rollback to {to.version}")


def _queued(moved: Moved, wish: Wish, to: Build, message: str) -> Moved:
    """A rollback that begins when what is in progress has gone back; the one that waits already, if it is that."""
    waiting = next((one for one in moved.service.waiting if one.kind is Kind.ROLLBACK), None)
    if waiting and waiting.build == to:
        return moved
    moved = moved.drop_waiting(moved.service.waiting, wish.at, message)
    begun = new_deployment(moved.service, Kind.ROLLBACK, to, at_once(plan_of(moved.service.definition.rollout)), wish)
    return moved.having(waiting=(begun, *moved.service.waiting), last_deployment_number=moved.service.last_deployment_number + 1)


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


def _finished(service: Service, wish: Wish) -> Moved:
    """It has the whole traffic and gives way to a rollback; certified only if its watch had ended healthy."""
    deployment = Moved(service).deployment
    moved = Moved(service).certify(deployment) if deployment.healthy_at_end else Moved(service)
    return moved.end(Phase.COMPLETED, wish.at, "completed; a rollback follows")


def _ended(service: Service, phase: Phase, wish: Wish, what: str) -> Moved:
    return Moved(service).end(phase, wish.at, why(wish, what)).having(epoch=service.epoch + 1)
