"""Weights: what was seen of them, and asking for others.

`expected` on the record is a set: the last confirmed split and every one asked
for since. What is seen inside it converges to the last; what is seen outside it is
drift: somebody else moved the weights.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.colors import WHOLE, Color, Split
from chalicelib.deployments import strangers
from chalicelib.deployments.decision import Moved, lived
from chalicelib.deployments.instructions import Prepare, SetWeights
from chalicelib.deployments.model import ADOPTED, Build, Phase, Placement
from chalicelib.deployments.observation import Observation
from chalicelib.services.model import Drift, Lived, Service
from chalicelib.settings import Pace

_LOOK_IS_FRESH = timedelta(seconds=60)


def fold(moved: Moved, seen: Observation) -> Moved:
    """Take in what the production rule shows: empty colours, drift, and weights that have arrived; and what stands on the live colour."""
    return strangers.noticed(_weights(moved, seen) if seen.rules else moved, seen)


def _weights(moved: Moved, seen: Observation) -> Moved:
    split = seen.split
    if split is None or split not in moved.service.expected:
        return _empties(_drifted(moved, seen), split, seen.at)
    return _empties(_confirmed(moved, split, seen.at), split, seen.at)


def settle(moved: Moved, seen: Observation, pace: Pace) -> Moved:
    """Two things that belong to no phase: writing our weights over somebody else's where a person asked for it, and
    taking what is seen as it is where the last split asked for never arrived and nobody is left to ask again.
    """
    service, drift = moved.service, moved.service.drift
    if drift and drift.restoring:
        return strangers.restored(moved, seen, drift) if drift.standing else _restore(moved, drift, seen, pace)
    nobody_asks = service.deployment is None or service.deployment.phase is Phase.PENDING
    if not nobody_asks or len(service.expected) == 1 or seen.split not in service.expected or service.asked_at is None:
        return moved
    if seen.at - service.asked_at < max(pace.settle, 2 * pace.act_within):
        return moved.wait("weights that were asked for may still be on their way")
    return _whole(moved.having(expected=(seen.split,)), seen.split, seen.at)


def ask(moved: Moved, split: Split, seen: Observation, pace: Pace) -> Moved:
    """Ask for `split`, unless a colour it would raise has no healthy target, or the last request may still be on its way.

    For forward steps: anything that cannot be read makes it wait.
    """
    service = moved.service
    if service.drift:
        return moved.wait(f"{service.drift.said}; resume with drift restore or adopt")
    if seen.split is None:
        return moved.wait("the production rule cannot be read")
    for color in Color:
        if split.share(color) > seen.split.share(color) and not healthy(seen, color):
            return moved.wait(f"{color} has no healthy target")
    return _asked(moved, split, seen.at, pace, unstick=False)


def ask_back(moved: Moved, color: Color, seen: Observation, pace: Pace) -> Moved:
    """Ask for everything to go back to `color`: the whole wanted end, never stopped by drift or by what cannot be read.

    It holds only where a look, this one or one in the last 60 s, found no healthy target there. Stickiness is switched off with
    it, also where nobody could see whether it is on.
    """
    if _known_dead(seen, color):
        return moved.wait(f"{color} has no healthy target to go back to; it goes as soon as there is one")
    return _asked(moved, Split.all_on(color), seen.at, pace, unstick=seen.rules is None or seen.sticky_seconds > 0)


def healthy(seen: Observation, color: Color) -> bool:
    return color in seen.targets and seen.targets[color].healthy > 0


def is_drained(service: Service, color: Color, seen: Observation, pace: Pace) -> bool:
    """Whether nothing can still be on its way to `color`: seen without weight for as long as connections and cookies last."""
    since = service.empty_since.get(color)
    if since is None or seen.split is None or seen.split.share(color) > 0:
        return False
    lasting = max(timedelta(seconds=max(service.site.drain_seconds, seen.sticky_seconds)), pace.drain_floor)
    return seen.at - since >= lasting


def _asked(moved: Moved, split: Split, now: datetime, pace: Pace, *, unstick: bool) -> Moved:
    deployment, service = moved.deployment, moved.service
    on_its_way = service.desired == split and deployment.asked_at is not None and now - deployment.asked_at < pace.ask_again
    if on_its_way:
        return moved.wait(f"weights {split.percentages()} have been asked for and are not seen yet")
    expected = service.expected if service.desired == split else (*service.expected, split)
    drift = replace(service.drift, restoring=False) if service.drift else None  # a restore that was under way is overtaken
    asked = moved.having(expected=expected, asked_at=now, drift=drift).progress(asked_at=now, moved=True)
    without = " without stickiness" if unstick else ""
    told = asked.tell("weights-asked", f"asked for {_percent(split)}{without}", weights=split.percentages())
    others = tuple(one for one in told.instructions if not isinstance(one, SetWeights | Prepare))
    return replace(told, instructions=others).do(SetWeights(split, unstick=unstick))


def _confirmed(moved: Moved, split: Split, now: datetime) -> Moved:
    """What was asked for has arrived. At the whole traffic on one colour, what stands there is live."""
    if split != moved.service.desired:
        return moved
    return _whole(_restored(moved) if len(moved.service.expected) == 1 else _arrived(moved, split), split, now)


def _arrived(moved: Moved, split: Split) -> Moved:
    drift = moved.service.drift if moved.service.drift and moved.service.drift.standing else None
    arrived = moved.having(expected=(split,), drift=drift)
    if arrived.service.deployment is None:
        return arrived
    return arrived.tell("weights-confirmed", f"the balancer reports {_percent(split)}", weights=split.percentages())


def _whole(moved: Moved, split: Split, now: datetime) -> Moved:
    """What has the whole traffic is live, whoever gave it that. Not a new service's first colour, where nothing was ever put, nor a
    candidate that was given it in the middle of its plan: less is asked for next.
    """
    service, deployment, color = moved.service, moved.service.deployment, split.whole_on
    if color is None or (service.live is None and color not in service.standing):
        return moved
    passing = deployment is not None and deployment.color is color and deployment.phase is Phase.SHIFTING and deployment.current_step.permille < WHOLE
    return moved if passing else live_on(moved, color, now)


def _restore(moved: Moved, drift: Drift, seen: Observation, pace: Pace) -> Moved:
    desired = moved.service.desired
    for color in Color:
        raised = seen.split is None or desired.share(color) > seen.split.share(color)
        if raised and not healthy(seen, color):
            return moved.wait(f"{color} has no healthy target, so its weight is not restored yet")
    if drift.asked_at and seen.at - drift.asked_at < pace.ask_again:
        return moved.wait("the expected weights have been written and are not seen yet")
    return moved.having(drift=replace(drift, asked_at=seen.at), asked_at=seen.at).do(SetWeights(desired))


def _restored(moved: Moved) -> Moved:
    drift = moved.service.drift
    settled = drift and drift.restoring and not drift.standing
    return moved.having(drift=None) if settled else moved


def live_on(moved: Moved, color: Color, now: datetime) -> Moved:
    """What stands on `color` is live from now on, unless it is already."""
    service = moved.service
    if service.live and service.live.color is color:
        return moved
    build = service.standing.get(color, ADOPTED)
    left = {service.live.color: ADOPTED} if service.live and service.live.build is None else {}
    placement = Placement(color, None if build.is_adopted else build)
    lineage = service.lineage if build.is_adopted else lived(service.lineage, Lived(build, now))
    drift = None if service.drift and service.drift.standing else service.drift  # it was about the colour that was live
    return moved.having(live=placement, standing={**service.standing, **left}, lineage=lineage, drift=drift)


def _drifted(moved: Moved, seen: Observation) -> Moved:
    """A drift that is known is not reported again unless it changed; while it is being put right it is expected."""
    known = moved.service.drift
    raw = seen.rules.production.raw if seen.rules else ""
    if known and (known.restoring or known.standing or (known.observed, known.raw) == (seen.split, raw)):
        return moved
    noted = moved.having(drift=Drift(seen.at, seen.split, raw))
    if noted.service.deployment is None:
        return noted
    shown = _percent(seen.split) if seen.split else "something that is no split of the two colours"
    return noted.tell("drifted", f"the production rule shows {shown}, and nobody here asked for that")


def _empties(moved: Moved, split: Split | None, now: datetime) -> Moved:
    """Since when each colour has been seen without weight. What is not known to be empty is not."""
    before = moved.service.empty_since
    after = {color: before.get(color, now) for color in Color if split is not None and split.share(color) == 0}
    return moved.having(empty_since=after) if after != before else moved


def _known_dead(seen: Observation, color: Color) -> bool:
    if color in seen.targets:
        return seen.targets[color].healthy == 0
    last = seen.last
    read_at = last.targets_at.get(color) if last else None
    if last is None or read_at is None or seen.at - read_at > _LOOK_IS_FRESH:
        return False
    return last.targets[color].healthy == 0


def _percent(split: Split) -> str:
    return ", ".join(f"{color} {split.share(color) / 10:g} %" for color in Color)


def placed(service: Service, color: Color, build: Build) -> dict[Color, Build]:
    """What stands on the colours once `build` stands on `color`."""
    return {**service.standing, color: build}
