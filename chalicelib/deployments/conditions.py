"""What holds a deployment now: every condition with its answer, in the order in which they are asked.

Each is one sentence from the record and the last look, and ends with what to do where a
person can do something. Healthy means passed, inconclusive pending, unhealthy failed. A
condition that does not belong to the phase says nothing.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from chalicelib.colors import WHOLE
from chalicelib.deployments import approving, sighted, staging, waits
from chalicelib.deployments.model import Deployment, Kind, Phase
from chalicelib.deployments.situation import HEALTHY, PENDING, UNHEALTHY, Situation, moment, shares
from chalicelib.health.model import Check
from chalicelib.hooks import model as hooks
from chalicelib.services.model import Drift, Look, Service


def of(service: Service, deployment: Deployment, look: Look | None, now: datetime, shadow: Check | None = None) -> tuple[Check, ...]:
    situation = Situation(service, deployment, look, now, shadow)
    return tuple(check for asked in _ASKED for check in asked(situation))


def _phase(at: Situation) -> Iterator[Check]:
    deployment, seconds = at.deployment, at.since(at.deployment.phase_since).total_seconds()
    step = f", step {deployment.step} of {deployment.steps}," if deployment.phase is Phase.SHIFTING else ""
    said = f"{deployment.id} ({at.version}) is {deployment.phase}{step} for {int(seconds)} s: {deployment.outcome or 'just begun'}"
    if deployment.phase is Phase.NEEDS_HUMAN:
        yield Check("phase", UNHEALTHY, f"{said}; a person has to decide: {_exits(at)}", {"seconds": seconds})
    else:
        yield Check("phase", PENDING, said, {"seconds": seconds})


def _exits(at: Situation) -> str:
    name = at.service.name
    return f'"turnout rollback {name}", "turnout abort {name}", "turnout promote {at.command} --skip-holds", or at 100 % "turnout certify {name}"'


def paused(service: Service) -> Check:
    pause = service.paused
    if pause is None:
        return Check("paused", HEALTHY, "not paused")
    said = f"paused by {pause.by} since {moment(pause.at)}: {pause.reason or 'no reason given'}"
    return Check("paused", PENDING, f'{said}; "turnout resume {service.name}" lets it go on')


def drift(service: Service) -> Check:
    found = service.drift
    if found is None:
        return Check("drift", HEALTHY, "production shows nothing but what Turnout asked for")
    if found.standing:
        return _stranger(service, found)
    shown = shares(found.observed) if found.observed else found.raw
    if found.restoring:
        return Check("drift", PENDING, f"somebody else set the production rule to {shown}; that is being written over")
    ways = f'"turnout resume {service.name} --drift restore" writes over it, "--drift adopt" takes it as it is'
    return Check("drift", UNHEALTHY, f"somebody else set the production rule to {shown}, so nothing goes forward; {ways}")


def _stranger(service: Service, found: Drift) -> Check:
    if found.restoring:
        return Check("drift", PENDING, f"{found.said}; that is being put right")
    ways = f'"turnout resume {service.name} --drift restore" puts it back, "--drift adopt" takes what stands there as it is'
    return Check("drift", UNHEALTHY, f"{found.said}, so nothing goes forward; {ways}")


def _paused(at: Situation) -> Iterator[Check]:
    yield paused(at.service)


def _drift(at: Situation) -> Iterator[Check]:
    yield drift(at.service)


def _quarantine(at: Situation) -> Iterator[Check]:
    if not at.is_to_be_promoted:
        return
    bad = next((one for one in at.service.quarantined if one.covers(at.deployment.build)), None)
    if bad is None:
        yield Check("quarantine", HEALTHY, f"{at.version} is not quarantined")
    else:
        way = f'an approver may go on with "turnout promote {at.command} --override-quarantine --reason …"'
        yield Check("quarantine", UNHEALTHY, f"{at.version} proved bad on {moment(bad.at)} and is quarantined; {way}")


def _gates(at: Situation) -> Iterator[Check]:
    if at.is_to_be_promoted:
        yield Check("gates", HEALTHY, "no gate is switched on")


def _approvals(at: Situation) -> Iterator[Check]:
    deployment = at.deployment
    needed, lacking = approving.needed(deployment), approving.missing(deployment, at.now)
    if not at.is_to_be_promoted:
        return
    numbers = {"needed": float(needed), "missing": float(lacking)}
    names = ", ".join(one.approval.by for one in approving.weighed(deployment, at.now) if one.counts)
    if lacking:
        yield Check("approvals", PENDING, approving.sentence(deployment, at.now) + (f"; given by {names}" if names else ""), numbers)
    else:
        yield Check("approvals", HEALTHY, f"approved by {names} ({needed} needed)" if needed else "no approval is needed", numbers)


def _promotion(at: Situation) -> Iterator[Check]:
    if not at.is_to_be_promoted:
        return
    way, once = f'"turnout promote {at.command}"', "" if at.deployment.phase is Phase.STAGED else " once it is staged"
    if not at.deployment.plan.automatic:
        yield Check("promotion", PENDING, f"somebody has to promote it{once}: {way}")
    elif at.service.automatic_suspended:
        yield Check("promotion", PENDING, f"going on by itself is suspended since the last rollback; a person lifts that{once} with {way}")
    else:
        yield Check("promotion", HEALTHY, f"it goes on by itself{once}, when everything else allows it")


def _hooks(at: Situation) -> Iterator[Check]:
    answers = {hooks.Outcome.PENDING: PENDING, hooks.Outcome.SUCCEEDED: HEALTHY}
    for run in at.deployment.hooks_run:
        if run.step == at.deployment.step:
            said = f"{run.answer}, asked {run.asked} times since {run.since:%H:%M:%S}" + (f": {run.reason}" if run.reason else "")
            yield Check(f"hook {run.at} {at.deployment.hooks[run.position].target}", answers.get(run.answer, UNHEALTHY), said, {"asked": float(run.asked)})


def _hold(at: Situation) -> Iterator[Check]:
    deployment = at.deployment
    if deployment.phase is not Phase.SHIFTING or deployment.current_step.permille == WHOLE:
        return
    if deployment.confirmed_at is None:
        yield Check("hold", PENDING, f"the hold of step {deployment.step} of {deployment.steps} begins when the balancer shows its weight")
    elif deployment.skip_holds:
        yield Check("hold", HEALTHY, "holds are skipped; the verdict still counts")
    else:
        yield _held(at, f"step {deployment.step} of {deployment.steps}", waits.hold_of(deployment), f'"turnout promote {at.command} --skip-holds" goes on now')


def _watch(at: Situation) -> Iterator[Check]:
    deployment = at.deployment
    if deployment.phase is not Phase.WATCHING:
        return
    if deployment.retiring:
        yield Check("watch", HEALTHY, "the watch is over; the old colour drains and is then retired")
    else:
        yield _held(at, "the watch", deployment.plan.watch, f'an approver ends it now with "turnout certify {at.service.name}"')


def _held(at: Situation, what: str, whole: timedelta, way: str) -> Check:
    """A clock that runs, or stands still while the service is paused."""
    name = "watch" if at.deployment.phase is Phase.WATCHING else "hold"
    left = max(whole - at.since(at.deployment.clock_since or at.deployment.phase_since), timedelta(0)).total_seconds()
    numbers = {"seconds": whole.total_seconds(), "remaining": left, "extensions": float(at.deployment.extensions)}
    extended = f", extended {at.deployment.extensions} times" if at.deployment.extensions else ""
    if left == 0:
        return Check(name, HEALTHY, f"{what} has lasted its {int(whole.total_seconds())} s{extended}", numbers)
    stands = "; its clock stands still while the service is paused" if at.service.paused else ""
    return Check(name, PENDING, f"{what} lasts another {int(left)} s of {int(whole.total_seconds())} s{extended}{stands}; {way}", numbers)


def _deadline(at: Situation) -> Iterator[Check]:
    bound = waits.bound_of(at.service, at.deployment, at.now)
    if bound is not None:
        left = max(bound.left, timedelta(0)).total_seconds()
        yield Check("deadline", HEALTHY if left else PENDING, f"{bound.what} has {int(left)} s left; then {bound.then}", {"remaining": left})


def _behind(at: Situation) -> Iterator[Check]:
    ends = f"until {at.deployment.id} ({at.version}) is over"
    by_hand = f"; a person has to end that: {_exits(at)}" if at.deployment.phase is Phase.NEEDS_HUMAN and at.deployment.previous else ""
    for one in at.service.waiting:
        what = "the rollback to " if one.kind is Kind.ROLLBACK else ""
        yield Check("behind", PENDING, f"{one.id} ({what}{staging.name_of(one)}) waits in pending {ends}{by_hand}")


_ASKED: tuple[Callable[[Situation], Iterator[Check]], ...] = (
    _phase, _paused, _drift, _quarantine, _gates, _approvals, _promotion, _hooks, _hold, _watch,
    sighted.verdict, sighted.shadow, sighted.targets, sighted.weights, sighted.confirmation, sighted.read_only, sighted.last_pass, _deadline, _behind,
)  # fmt: skip
"""A new condition is a function here."""
