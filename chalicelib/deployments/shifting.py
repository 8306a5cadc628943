"""The shift and the watch: weight, hold, verdict, step by step; then the whole traffic, watched, the old colour warm."""

from datetime import datetime, timedelta

from chalicelib.colors import WHOLE, Color, Split
from chalicelib.deployments import confirming, cutting_over, drilling, hooks_asked, reverting, sizing, stickiness, traffic, waits
from chalicelib.deployments.clocks import elapsed
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.model import Deployment, Kind, Phase
from chalicelib.deployments.observation import Observation
from chalicelib.health.model import Outcome
from chalicelib.hooks.model import Moment
from chalicelib.services.model import Service
from chalicelib.settings import Pace


def shifting(moved: Moved, seen: Observation, pace: Pace) -> Moved:
    """One step: its weight seen on the balancer, held, and judged."""
    moved = stickiness.told(moved, seen)
    deployment = moved.deployment
    wanted = Split.giving(_color(deployment), deployment.current_step.permille)
    if deployment.moved and (bad := _bad(seen)):
        return reverting.turn_back(moved, seen, bad)
    if seen.split != wanted or moved.service.expected != (wanted,):  # somebody else may have set just that
        return _stuck(moved, seen.at) or _raise(moved, wanted, seen, pace)
    if deployment.confirmed_at is None:
        if asked := hooks_asked.ask(moved, Moment.BEFORE_SHIFT, seen.at):  # its weight was there before anybody asked for it
            return _stuck(moved, seen.at) or asked
        moved = moved.progress(confirmed_at=seen.at, clock_since=seen.at)
    if deployment.current_step.permille == WHOLE:
        return moved.enter(Phase.WATCHING, seen.at, f"{deployment.build.version} has the whole traffic; watching it", extensions=0, clock_since=seen.at)
    if asked := hooks_asked.ask(moved, Moment.AFTER_SHIFT, seen.at):
        return _stuck(moved, seen.at) or asked
    return _hold(moved, seen, pace)


def watching(moved: Moved, seen: Observation, pace: Pace) -> Moved:
    """At 100 %: the verdict goes on until the watch is over; then the old colour is retired."""
    moved = stickiness.told(moved, seen)
    deployment = moved.deployment
    ended_by_a_person = deployment.certify is not None
    if not (deployment.retiring or ended_by_a_person) and (bad := _bad(seen)):
        return reverting.turn_back(moved, seen, bad)
    if seen.split != Split.all_on(_color(deployment)):
        return _overdue(moved, seen.at) or _raise(confirming.forgotten(moved), Split.all_on(_color(deployment)), seen, pace)
    moved = confirming.confirm(moved, _color(deployment), seen, pace)
    if deployment.retiring:
        return _retire(moved, seen, pace)
    if deployment.certify is not None:
        return _over(moved, seen.at, healthy=deployment.certify, message="the watch was ended by a person")
    return hooks_asked.ask(moved, Moment.AFTER_SHIFT, seen.at) or _watch(moved, seen)


def is_at_whole(service: Service, deployment: Deployment) -> bool:
    """Whether the last confirmed weights give this deployment's colour everything."""
    return deployment.color is not None and service.expected == (Split.all_on(deployment.color),)


def _bad(seen: Observation) -> str | None:
    return seen.verdict.reason if seen.verdict and seen.verdict.outcome is Outcome.UNHEALTHY else None


def _raise(moved: Moved, wanted: Split, seen: Observation, pace: Pace) -> Moved:
    """Ask for the wanted weights if everything allows it. A rollback is held by nothing but a dead target."""
    service, deployment = moved.service, moved.deployment
    color = _color(deployment)
    if deployment.kind is Kind.ROLLBACK:
        return traffic.ask_back(moved, color, seen, pace)
    if service.paused:
        return moved.wait("paused: no weight is raised")
    if asked := hooks_asked.ask(moved, Moment.BEFORE_SHIFT, seen.at):
        return asked
    if lacking := _lacking(moved, wanted, seen):
        return moved.wait(lacking)
    asked = traffic.ask(moved, wanted, seen, pace)
    return cutting_over.first(moved, asked, seen, pace) if wanted.share(color) == WHOLE else asked


def _lacking(moved: Moved, wanted: Split, seen: Observation) -> str:
    """What the candidate has not that the wanted weight asks of it; empty for nothing."""
    deployment, color = moved.deployment, _color(moved.deployment)
    if seen.standing is None or not seen.standing.holds(deployment.build):
        return f"{color} is not known to hold {deployment.build.version}"
    if sizing.is_missing(moved, seen):
        return f"{color} is not known to have its provisioned concurrency"
    if wanted.share(color) == WHOLE and not _is_large_enough(moved.service, color, seen):
        return f"{color} has fewer healthy targets than the live colour"
    return ""


def _is_large_enough(service: Service, color: Color, seen: Observation) -> bool:
    """The whole traffic needs at least as many healthy targets as it has now."""
    if service.live is None:
        return True
    if color.other not in seen.targets or color not in seen.targets:
        return False
    return seen.targets[color].healthy >= seen.targets[color.other].healthy


def _hold(moved: Moved, seen: Observation, pace: Pace) -> Moved:
    deployment = moved.deployment
    held = elapsed(deployment.clock_since or seen.at, moved.service, seen.at)
    hold = waits.hold_of(deployment)
    if moved.service.paused:
        return moved.wait("paused: the hold's clock stands still")
    if stuck := _stuck(moved, seen.at):
        return stuck
    if deployment.skip_holds:
        return _next_step(moved, seen, pace, "the hold was skipped")
    if held < hold:
        return moved.wait(f"step {deployment.step} of {deployment.steps} is held for {int(hold.total_seconds())} s")
    if seen.verdict and seen.verdict.outcome is Outcome.HEALTHY:
        return _next_step(moved, seen, pace, seen.verdict.reason)
    reason = seen.verdict.reason if seen.verdict else "nothing could be judged"
    extended = moved.progress(extensions=deployment.extensions + 1, clock_since=seen.at)  # anew from now: time in which nobody looked proves nothing
    return extended.tell("extended", f"step {deployment.step} goes on for another hold: {reason}")


def _next_step(moved: Moved, seen: Observation, pace: Pace, reason: str) -> Moved:
    fresh = {"step_since": seen.at, "confirmed_at": None, "asked_at": None, "extensions": 0}
    if observed := confirming.observed_at_step(seen.verdict, moved.deployment.current_step.permille):
        moved = moved.tell("traffic-observed", observed)
    if moved.deployment.kind is Kind.DRILL:
        return drilling.held(moved, seen, reason)
    after = moved.progress(step=moved.deployment.step + 1, **fresh)
    deployment = after.deployment
    told = after.tell("step", f"step {deployment.step} of {deployment.steps}: {reason}")
    return _raise(told, Split.giving(_color(deployment), deployment.current_step.permille), seen, pace)


def _stuck(moved: Moved, now: datetime, *, bound: timedelta | None = None) -> Moved | None:
    """`deadline_seconds` bounds each step with its extensions; then a person decides, and the weights stay."""
    deployment = moved.deployment
    if elapsed(deployment.step_since or deployment.phase_since, moved.service, now) < (bound or deployment.plan.deadline):
        return None
    message = f"step {deployment.step} of {deployment.steps} could not be finished within its deadline"
    return drilling.cut_short(moved, now, message) if deployment.kind is Kind.DRILL else _held(moved, now, message)


def _overdue(moved: Moved, now: datetime) -> Moved | None:
    """A watch whose weights cannot be seen any more does not go on for ever."""
    deployment = moved.deployment
    if elapsed(deployment.phase_since, moved.service, now) < waits.longest_watch(deployment):
        return None
    return _held(moved, now, "the watch cannot end: the balancer does not show the whole traffic here")


def _held(moved: Moved, now: datetime, message: str) -> Moved:
    """The old colour is not being retired any more: a person may still turn back, end the watch or watch once more."""
    return moved.enter(Phase.NEEDS_HUMAN, now, message, retiring=False)


def _watch(moved: Moved, seen: Observation) -> Moved:
    deployment = moved.deployment
    watched = elapsed(deployment.clock_since or deployment.phase_since, moved.service, seen.at)
    if moved.service.paused or watched < deployment.plan.watch:
        return moved.wait(f"watched for {int(watched.total_seconds())} s")
    return _watched(moved, seen)


def _watched(moved: Moved, seen: Observation) -> Moved:
    """The watch is over: certified if healthy; without a clear answer one extension, then over without a certificate."""
    deployment = moved.deployment
    if seen.verdict and seen.verdict.outcome is Outcome.HEALTHY:
        return _over(moved, seen.at, healthy=True, message=seen.verdict.reason)
    reason = seen.verdict.reason if seen.verdict else "nothing could be judged"
    if deployment.extensions == 0:
        return moved.progress(extensions=1, clock_since=seen.at).tell("extended", f"the watch goes on once more: {reason}")
    return _over(moved, seen.at, healthy=False, message=f"the watch is over without a clear answer: {reason}")


def _over(moved: Moved, now: datetime, *, healthy: bool, message: str) -> Moved:
    fields = {"retiring": True, "healthy_at_end": healthy, "step_since": now, "outcome": message}
    return moved.progress(**fields).tell("retiring", message, healthy=healthy)


def _retire(moved: Moved, seen: Observation, pace: Pace) -> Moved:
    """The old colour is done with once it is drained and the weights have been read back long enough after the last record."""
    deployment, old = moved.deployment, _color(moved.deployment).other
    if moved.service.is_drifted:
        return _stuck(moved, seen.at) or moved.wait("the production rule drifted")
    settled = seen.at - (deployment.step_since or deployment.phase_since) >= pace.settle
    if not settled or not traffic.is_drained(moved.service, old, seen, pace):
        return _stuck(moved, seen.at, bound=waits.longest_retiring(deployment)) or moved.wait(f"{old} is draining")
    moved = confirming.settle(moved, _color(deployment), seen, pace)
    if confirming.is_open(moved.deployment):
        return _stuck(moved, seen.at, bound=waits.longest_retiring(deployment)) or moved
    if deployment.healthy_at_end:
        moved = moved.certify(deployment)
    certified = "certified" if deployment.healthy_at_end else "not certified"
    return moved.end(Phase.COMPLETED, seen.at, f"{deployment.build.version or 'the adopted release'} is live, {certified}")


def _color(deployment: Deployment) -> Color:
    if deployment.color is None:
        raise ValueError(f"{deployment.id} is {deployment.phase} and has no colour")
    return deployment.color
