"""Before the shift: put the build on the idle colour, check it there, and wait to be promoted. Production is not touched."""

from datetime import datetime, timedelta

from chalicelib.colors import Color, Split
from chalicelib.config.model import fingerprint
from chalicelib.deployments import approving, drilling, mirrored, pinning, traffic
from chalicelib.deployments.clocks import elapsed
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.instructions import PointStaging, Prepare
from chalicelib.deployments.model import Deployment, Kind, Phase
from chalicelib.deployments.observation import Observation
from chalicelib.deployments.strategies import at_once
from chalicelib.deployments.waits import STAGED_FOR
from chalicelib.health.model import Outcome
from chalicelib.runtimes.runtime import Progress
from chalicelib.services.model import Service
from chalicelib.settings import Pace


def pending(moved: Moved, seen: Observation, pace: Pace) -> Moved:
    """Wait until the idle colour may be reused, then begin. A rollback whose target still stands there healthy shifts at once."""
    service, deployment = moved.service, moved.deployment
    idle = idle_color(service)
    if service.standing.get(idle) == deployment.build and not _dead(seen, idle) and (found := _found_there(moved, seen, idle)):
        return found
    if deployment.build.is_adopted:
        return moved.end(Phase.FAILED, seen.at, f"what stood on {idle} before Turnout came is not healthy there any more and cannot be put there again")
    if service.paused and deployment.kind is not Kind.ROLLBACK:
        return moved.wait(_paused(service))
    if seen.split is None or seen.split.share(idle) > 0:
        return moved.wait(f"{idle} is not known to be without traffic")
    if not traffic.is_drained(service, idle, seen, pace):
        return moved.wait(f"{idle} had traffic until a moment ago and is draining")
    standing = {color: build for color, build in service.standing.items() if color is not idle}
    begun = moved.having(standing=standing, giving_up=None).progress(color=idle, previous=service.live, repinned=None)
    entered = begun.enter(Phase.PREPARING, seen.at, f"putting {name_of(deployment)} on {idle}", step_since=seen.at).do(PointStaging(idle))
    return entered if pinning.is_open(entered.deployment) else entered.do(_prepare(entered.deployment, idle))


def preparing(moved: Moved, seen: Observation, pace: Pace) -> Moved:
    """Until exactly this build stands on the colour and the staging rule points there."""
    deployment, color = moved.deployment, _color(moved.deployment)
    if late := _late(moved, seen):
        return late
    if seen.standing and seen.standing.progress is Progress.FAILED:
        return moved.end(Phase.FAILED, seen.at, f"{name_of(deployment)} could not be put on {color}: {seen.standing.reason}")
    if pinning.is_open(deployment):
        moved = pinning.decide(moved, seen)
        return moved if pinning.is_open(moved.deployment) else _put_there(moved, seen, pace).wait(f"{name_of(deployment)} is on its way to {color}")
    if _stands(deployment, seen) and _staging_points_to(color, seen):
        return moved.enter(Phase.VERIFYING, seen.at, f"{name_of(deployment)} stands on {color}; checking it there", ready_at=seen.at)
    return _put_there(moved, seen, pace).wait(f"{name_of(deployment)} is on its way to {color}")


def verifying(moved: Moved, seen: Observation, pace: Pace) -> Moved:
    """Until the ALB itself, seen late enough to mean this build, and the trial on staging find it good."""
    deployment, color = moved.deployment, _color(moved.deployment)
    if late := _late(moved, seen):
        return late
    if seen.standing and not _stands(deployment, seen):
        return _lost(moved, seen, pace)
    if deployment.ready_at is None:
        return moved.progress(ready_at=seen.at)
    if not _staging_points_to(color, seen):
        return moved.do(PointStaging(color)).wait("the staging rule points elsewhere")
    if seen.at < health_counts_from(moved.service, deployment, pace):
        return moved.wait("the ALB may still mean what stood there before")
    return _tried(moved, seen, pace)


def _lost(moved: Moved, seen: Observation, pace: Pace) -> Moved:
    """Somebody else put something there. What was found standing has to be prepared from the start: its references were never looked at."""
    deployment, color = moved.deployment, _color(moved.deployment)
    again, gone = moved.progress(ready_at=None, trial_failures=0, smoke_passed=False), f"{color} does not hold {name_of(deployment)} any more"
    if pinning.is_open(deployment):
        standing = {each: build for each, build in moved.service.standing.items() if each is not color}
        return again.having(standing=standing).enter(Phase.PREPARING, seen.at, gone)
    return _put_there(again, seen, pace).wait(gone)


def staged(moved: Moved, seen: Observation, _pace: Pace) -> Moved:
    """Wait for promotion, at most 14 days."""
    service, deployment = moved.service, moved.deployment
    if goes_on(service, deployment, seen.at):
        ended = drilling.without_traffic(moved, seen) if deployment.kind is Kind.DRILL else None
        return ended or begin_shift(moved, seen.at)
    if elapsed(deployment.phase_since, service, seen.at) >= STAGED_FOR:
        return moved.end(Phase.ABORTED, seen.at, f"nobody promoted it for {STAGED_FOR.days} days")
    if service.paused:
        return moved.wait(_paused(service))
    return moved.wait(approving.sentence(deployment, seen.at) or f"promote {deployment.build.version} to go on")


def goes_on(service: Service, deployment: Deployment, now: datetime) -> bool:
    """Whether a staged deployment shifts now: promoted by a person, or by itself where the service says so and enough approved."""
    suspended = service.automatic_suspended and deployment.kind is Kind.ROLLOUT
    by_itself = deployment.plan.automatic and not suspended and not approving.missing(deployment, now)
    return not service.paused and (deployment.promoted or by_itself)


def begin_shift(moved: Moved, now: datetime) -> Moved:
    """An empty live colour has nothing to be compared with and is shifted at once; so is a rollback."""
    deployment = moved.deployment
    alone = moved.service.live is None or deployment.kind is Kind.ROLLBACK
    plan = at_once(deployment.plan) if alone else deployment.plan
    fresh = {"plan": plan, "step": 1, "step_since": now, "confirmed_at": None, "asked_at": None, "extensions": 0}
    fresh |= {"approvals": approving.settled(deployment, now)}
    return moved.enter(Phase.SHIFTING, now, f"shifting to {name_of(deployment)}", **fresh)


def idle_color(service: Service) -> Color:
    """The colour that does not hold production. A new service's production is blue, so its first release goes to green."""
    if service.live is not None:
        return service.live.color.other
    whole = service.desired.whole_on
    return whole.other if whole else Color.GREEN


def health_counts_from(service: Service, deployment: Deployment, pace: Pace) -> datetime:
    """The ALB does not see an alias move: before this moment its answer may mean what stood there before."""
    since = deployment.ready_at or deployment.phase_since
    return since + timedelta(seconds=service.site.health_delay_seconds) + pace.health_margin


def name_of(deployment: Deployment) -> str:
    config = f" with config {deployment.build.config_version}" if deployment.build.config_version else ""
    return f"{deployment.build.version or 'the adopted release'}{config}"


def _found_there(moved: Moved, seen: Observation, idle: Color) -> Moved | None:
    """Nothing has to be put there: a rollback goes on to production at once, a drill is to show first that it could."""
    deployment, service = moved.deployment, moved.service
    found = moved.having(giving_up=None).progress(color=idle, previous=service.live)
    if deployment.kind is Kind.ROLLBACK:
        return begin_shift(found, seen.at)
    if deployment.kind is Kind.DRILL and not service.paused:
        return found.enter(Phase.VERIFYING, seen.at, f"{name_of(deployment)} stands on {idle} still; checking it there", ready_at=seen.at, step_since=seen.at)
    return None


def _tried(moved: Moved, seen: Observation, pace: Pace) -> Moved:
    deployment, color, trial = moved.deployment, _color(moved.deployment), seen.trial
    if trial and trial.outcome is Outcome.UNHEALTHY:
        return _failed_trial(moved, trial.reason, seen.at)
    if trial and trial.outcome is Outcome.HEALTHY and deployment.trial_failures:
        moved = moved.progress(trial_failures=0)
    targets = seen.targets.get(color)
    if targets is None or targets.healthy == 0 or targets.healthy < targets.total:
        shown = "cannot be read" if targets is None else f"{targets.healthy} of {targets.total} healthy"
        return moved.wait(f"targets of {color}: {shown}")
    if trial is None or trial.outcome is not Outcome.HEALTHY:
        return moved.wait(trial.reason if trial else "staging has not been tried yet")
    compared = mirrored.asked(moved.service, deployment, seen.comparison, since=health_counts_from(moved.service, deployment, pace), now=seen.at, pace=pace)
    if compared and compared.outcome is not Outcome.HEALTHY:
        bad = compared.outcome is Outcome.UNHEALTHY
        return moved.end(Phase.FAILED, seen.at, compared.reason) if bad else moved.progress(smoke_passed=True).wait(compared.reason)
    good = moved.having(standing=traffic.placed(moved.service, color, deployment.build))  # from here on it is warm
    told = f"; {compared.reason}" if compared else ""
    passed = good.enter(Phase.STAGED, seen.at, f"{name_of(deployment)} is healthy on staging{told}")
    return begin_shift(passed, seen.at) if deployment.kind is Kind.ROLLBACK else passed


def _failed_trial(moved: Moved, reason: str, now: datetime) -> Moved:
    """Consecutive failures, not closer together than probes are."""
    deployment = moved.deployment
    every = timedelta(seconds=deployment.checks.probe.every_seconds)
    if deployment.trial_at and now - deployment.trial_at < every:
        return moved.wait(reason)
    failures = deployment.trial_failures + 1
    if failures >= deployment.checks.probe.failures:
        return moved.end(Phase.FAILED, now, f"{reason} ({failures} times in a row)")
    return moved.progress(trial_failures=failures, trial_at=now).tell("trial-failed", reason).wait(reason)


def _late(moved: Moved, seen: Observation) -> Moved | None:
    """`deadline_seconds` bounds preparing and verifying together."""
    deployment = moved.deployment
    if elapsed(deployment.step_since or deployment.phase_since, moved.service, seen.at) < deployment.plan.deadline:
        return None
    cause = seen.trial.reason if seen.trial and seen.trial.outcome is not Outcome.HEALTHY else deployment.outcome
    return moved.end(Phase.FAILED, seen.at, f"still {deployment.phase} after {int(deployment.plan.deadline.total_seconds())} s: {cause}")


def _put_there(moved: Moved, seen: Observation, pace: Pace) -> Moved:
    """Never onto a colour that is not known to be without production traffic, and drained: somebody else may have given it some meanwhile."""
    color = _color(moved.deployment)
    if not traffic.is_drained(moved.service, color, seen, pace):
        return moved
    staging = () if _staging_points_to(color, seen) else (PointStaging(color),)
    return moved.do(*staging, _prepare(moved.deployment, color))


def _stands(deployment: Deployment, seen: Observation) -> bool:
    repinned = None if deployment.repinned is None else fingerprint(deployment.repinned)  # None: it was found standing, with whatever it has
    return seen.standing is not None and seen.standing.holds(deployment.build, repinned=repinned)


def _prepare(deployment: Deployment, color: Color) -> Prepare:
    return Prepare(color, deployment.build, deployment.id, deployment.repinned or {})


def _staging_points_to(color: Color, seen: Observation) -> bool:
    return seen.rules is not None and seen.rules.staging.split == Split.all_on(color)


def _dead(seen: Observation, color: Color) -> bool:
    return color in seen.targets and seen.targets[color].healthy == 0


def _color(deployment: Deployment) -> Color:
    if deployment.color is None:
        raise ValueError(f"{deployment.id} is {deployment.phase} and has no colour")
    return deployment.color


def _paused(service: Service) -> str:
    pause = service.paused
    return f"paused by {pause.by}: {pause.reason or 'no reason given'}; resume to go on" if pause else ""
