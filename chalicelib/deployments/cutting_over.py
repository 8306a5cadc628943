"""The read-only cutover: an application with a database takes no writes while the whole traffic changes sides. Pure.

    enter   record `read-only until T`, then tell the application, then read it back      (T = now + limit_seconds, never later)
    drain   `drain_seconds` for the writes that are under way
    shift   the weights to 100 %, begun before T minus a margin or not at all
    leave   once the weights are read back and the candidate answers through production

What is written is always a moment, which the application enforces, so it ends at T whatever crashed. Everything that
is not on its way through these four leaves at once: a way back, a pause, a person's decision to be made. A rollback enters
none and waits for none. Where the time runs out before the weights moved, a person decides, with production writable.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.deployments import hooking
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.instructions import CallHook, EnterReadOnly, Instruction, LeaveReadOnly, SetWeights
from chalicelib.deployments.model import Deployment, Kind, Phase
from chalicelib.deployments.observation import Observation
from chalicelib.health.model import Outcome
from chalicelib.hooks.model import Moment, Said
from chalicelib.services.definition import Cutover
from chalicelib.services.model import ReadOnly, Service
from chalicelib.settings import Pace


def first(moved: Moved, asked: Moved, seen: Observation, pace: Pace) -> Moved:
    """`asked` gives the candidate everything; where the service cuts over read-only, that comes first. Not entered for what would wait anyway."""
    if not _applies(moved.service, moved.deployment):
        return asked
    current = moved.service.read_only
    if current is None:
        return _entered(moved, seen.at) if any(isinstance(one, SetWeights) for one in asked.instructions) else asked
    if current.leaving or current.deployment != moved.deployment.id:
        return moved.wait("an earlier read-only is being left")
    last_moment = current.until - margin(moved.deployment.cutover, pace)
    if seen.at >= last_moment:
        return _ran_out(moved, current, seen.at)
    return _drained(moved, current, seen) or _bounded(asked, last_moment)


def leave(moved: Moved, seen: Observation) -> Moved:
    """Leave what is not needed any more, until that was read back; at T it has ended by itself."""
    current = moved.service.read_only
    if current is None or seen.only_traffic:
        return moved
    if seen.at >= current.until:
        return _over(moved, "read-only-ended", f"read-only ended by itself at {_shown(current)}", seen.at)
    if not current.leaving and _is_needed(moved.service, current, seen):
        return moved
    if current.leaving and seen.switch is not None and seen.switch.until is None:
        return _left(moved, seen.at)
    return moved.having(read_only=replace(current, leaving=True)).do(_tell(moved.service, current, None))


def taken_in(moved: Moved, seen: Observation) -> Moved:
    """What the hook said that stands in for a parameter: only a yes counts, everything else is asked again until T."""
    for answered in seen.answers:
        current = moved.service.read_only
        if current is None or answered.answer.said is not Said.SUCCEEDED:
            continue
        if answered.run == _run(current, current.until) and not current.leaving and current.entered_at is None:
            moved = moved.having(read_only=replace(current, entered_at=seen.at))
        elif answered.run == _run(current, None) and current.leaving:
            moved = _left(moved, seen.at)
    return moved


def margin(cutover: Cutover, pace: Pace) -> timedelta:
    """What a weight write may take. A short limit has a short one, or nothing could ever begin."""
    return min(pace.cutover_margin, timedelta(seconds=cutover.limit_seconds) / 4)


def _applies(service: Service, deployment: Deployment) -> bool:
    """Only what replaces something, going forward: nobody writes to an empty live colour."""
    is_on = deployment.cutover.read_only != "off"
    return is_on and deployment.kind is Kind.ROLLOUT and deployment.phase is Phase.SHIFTING and service.live is not None


def _entered(moved: Moved, now: datetime) -> Moved:
    deployment = moved.deployment
    hook = next((hook for _, hook in hooking.hooks_of(deployment, Moment.READ_ONLY)), None)
    until = now + timedelta(seconds=deployment.cutover.limit_seconds)
    current = ReadOnly(until, deployment.id, deployment.cutover.parameter or "", hook=None if deployment.cutover.parameter else hook)
    begun = moved.having(read_only=current).tell("read-only", f"read-only until {_shown(current)}", until=until.isoformat())
    return begun.do(_tell(moved.service, current, until)).wait("the application is being told to be read-only")


def _drained(moved: Moved, current: ReadOnly, seen: Observation) -> Moved | None:
    """None once it was read back, and writes had the time to end. Whoever takes it away has it told again, until the same moment."""
    says_something_else = seen.switch is not None and seen.switch.until != current.until
    if says_something_else or (current.entered_at is None and seen.switch is None):
        told_again = moved.having(read_only=replace(current, entered_at=None)).do(_tell(moved.service, current, current.until))
        return told_again.wait("the application is being told to be read-only")
    if current.entered_at is None:
        return moved.having(read_only=replace(current, entered_at=seen.at)).wait("writes that are under way have time to end")
    if seen.at - current.entered_at < timedelta(seconds=moved.deployment.cutover.drain_seconds):
        return moved.wait("writes that are under way have time to end")
    return None


def _bounded(asked: Moved, last_moment: datetime) -> Moved:
    bounded = tuple(replace(one, before=last_moment) if isinstance(one, SetWeights) else one for one in asked.instructions)
    return replace(asked, instructions=bounded)


def _ran_out(moved: Moved, current: ReadOnly, now: datetime) -> Moved:
    """What was asked for in time may still be on its way; it is not asked for again."""
    if moved.deployment.asked_at and now < current.until:
        return moved.wait("the weights were asked for and are not seen yet; the time to ask again is over")
    return moved.enter(Phase.NEEDS_HUMAN, now, f"read-only until {_shown(current)} ran out before the weights moved; production is writable")


def _is_needed(service: Service, current: ReadOnly, seen: Observation) -> bool:
    """From entering until the candidate has everything and answers."""
    deployment = service.deployment
    if deployment is None or deployment.id != current.deployment or service.paused or deployment.retiring:
        return False
    if deployment.phase is Phase.WATCHING:
        return seen.trial is None or seen.trial.outcome is not Outcome.HEALTHY
    return deployment.phase is Phase.SHIFTING


def _tell(service: Service, current: ReadOnly, until: datetime | None) -> Instruction:
    """None: that it may write again. The hook gets what every hook gets, and until when."""
    if current.hook is None:
        return EnterReadOnly(current.parameter, until, current.deployment) if until else LeaveReadOnly(current.parameter, current.deployment)
    mine = service.deployment if service.deployment and service.deployment.id == current.deployment else None
    previous = mine.previous.build if mine and mine.previous else None
    payload: dict[str, object] = {
        "id": _run(current, until), "service": service.name, "deployment": current.deployment, "kind": Kind.ROLLOUT.value,
        "version": mine.build.version if mine else None, "previous": previous.version if previous else None, "at": Moment.READ_ONLY.value,
        "step": mine.step if mine else None, "steps": mine.steps if mine else None, "weight": mine.current_step.permille / 10 if mine else None,
        "state": {}, "read_only_until": until.isoformat() if until else None,
    }  # fmt: skip
    return CallHook(_run(current, until), current.hook, payload)


def _run(current: ReadOnly, until: datetime | None) -> str:
    """The same however often it is told."""
    return f"{current.deployment}/{Moment.READ_ONLY}/{current.until.isoformat()}/{'enter' if until else 'leave'}"


def _left(moved: Moved, now: datetime) -> Moved:
    return _over(moved, "read-only-left", "the application is told that it may write again", now)


def _over(moved: Moved, kind: str, message: str, now: datetime) -> Moved:
    """Writes that were refused until the application heard of it were refused as asked: the candidate's errors count from then on."""
    over = moved.having(read_only=None)
    if over.service.deployment is None:
        return over
    heard = now + timedelta(seconds=over.deployment.cutover.drain_seconds)  # which is longer than its reading interval
    return over.progress(judged_since=heard).tell(kind, message)


def _shown(current: ReadOnly) -> str:
    return f"{current.until:%H:%M:%S} UTC"
