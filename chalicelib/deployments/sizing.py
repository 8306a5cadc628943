"""How large the colours are, where a runtime has sizes: none shrinks while weights move, and what is done with is made small again. Pure.

A size is a number of tasks or instances, or a function's provisioned concurrency.

From when the first weight is to be given until the watch is over nothing scales either colour in, the old one keeps the size it had at 100 %, and
the candidate is made as large. A way back is not held for that: its instructions come after its weights. When the deployment
has ended, both scale freely again and the idle colour keeps `idle_size` or `idle_provisioned`; the record names it until that was seen,
so that a scale-down that was lost is asked for again.
"""

from dataclasses import replace
from math import ceil

from chalicelib.colors import WHOLE, Color
from chalicelib.deployments import traffic
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.instructions import Resize
from chalicelib.deployments.model import ADOPTED, Deployment, Kind, Phase
from chalicelib.deployments.observation import Observation
from chalicelib.runtimes.runtime import Size
from chalicelib.services.model import Service
from chalicelib.services.running import Runtime
from chalicelib.settings import Pace

_HELD = frozenset({Phase.SHIFTING, Phase.WATCHING, Phase.REVERTING, Phase.NEEDS_HUMAN})
_PUT_THERE = frozenset({Phase.VERIFYING, Phase.STAGED, Phase.SHIFTING})


def matters(service: Service) -> bool:
    """Whether the sizes are to be looked at: also where nothing is in progress, for a worker that came too late may have changed one."""
    runtime, deployment = service.definition.runtime, service.deployment
    if not runtime.has_sizes:
        return False
    return deployment is None or service.giving_up is not None or _is_held(runtime, deployment) or _may_lack_its_size(runtime, deployment)


def settled(moved: Moved, seen: Observation, pace: Pace) -> Moved:
    runtime, deployment = moved.service.definition.runtime, moved.service.deployment
    if not runtime.has_sizes:
        return moved.having(giving_up=None) if moved.service.giving_up else moved
    if seen.sizes is None:
        return moved
    if deployment is not None and _is_held(runtime, deployment):
        return _held(moved, deployment, seen.sizes)
    if deployment is not None and _may_lack_its_size(runtime, deployment):
        return _made_up_for(moved, deployment, runtime, seen.sizes)
    return _given_up(moved, seen, seen.sizes, pace)


def is_missing(moved: Moved, seen: Observation) -> bool:
    """Whether a rollout's first weight would meet a candidate whose size is not even asked for, or cannot be read."""
    runtime, deployment = moved.service.definition.runtime, moved.deployment
    if deployment.color is None or not (runtime.has_sizes and _may_lack_its_size(runtime, deployment)):
        return False
    return seen.sizes is None or seen.sizes[deployment.color].wanted < runtime.first_size


def _is_held(runtime: Runtime, deployment: Deployment) -> bool:
    """Already while the first weight waits: it may wait for the very size that the candidate has not kept on staging."""
    waits_for_targets = deployment.phase is Phase.SHIFTING and not runtime.sized_after_build
    return (deployment.moved or waits_for_targets) and not deployment.retiring and deployment.phase in _HELD


def _may_lack_its_size(runtime: Runtime, deployment: Deployment) -> bool:
    """Whether the build may stand there without its size: whoever put it there died before the next call, or was not answered.

    Not a rollback, which is never held for size, nor a drill, which goes to what a rollback would find.
    """
    return runtime.sized_after_build and deployment.kind is Kind.ROLLOUT and deployment.phase in _PUT_THERE and not deployment.moved


def _made_up_for(moved: Moved, deployment: Deployment, runtime: Runtime, sizes: dict[Color, Size]) -> Moved:
    """A size that was lost on its way is asked for again before the first weight, and what is on its way holds that."""
    color = deployment.color
    if color is None or sizes[color].wanted >= runtime.first_size:
        return moved
    return moved.do(Resize(color, held=False, at_least=max(sizes[color.other].wanted, runtime.first_size)))


def _held(moved: Moved, deployment: Deployment, sizes: dict[Color, Size]) -> Moved:
    if deployment.color is None:
        return moved
    candidate, old = deployment.color, deployment.color.other
    if deployment.full_size is None:
        deployment = replace(deployment, full_size=sizes[old].wanted)
        moved = moved.having(deployment=deployment)
    full = deployment.full_size or 0
    beside = max(full, sizes[old].wanted)
    if deployment.kind is Kind.DRILL:
        beside = ceil(beside * deployment.current_step.permille / WHOLE)
    for color, least in ((candidate, beside), (old, full)):
        if sizes[color].held is False or sizes[color].wanted < least:
            moved = moved.do(Resize(color, held=True, at_least=least))
    return moved


def _given_up(moved: Moved, seen: Observation, sizes: dict[Color, Size], pace: Pace) -> Moved:
    """Never a colour that has, or had until a moment ago, traffic: whoever moved weights there may need it."""
    idle = moved.service.giving_up
    if idle is None:
        return _left_over(moved, sizes)
    if not traffic.is_drained(moved.service, idle, seen, pace):
        return moved.wait(f"{idle} is made small once it is drained")
    most = _most(moved.service, idle, sizes[idle])
    wanted = tuple(
        resize
        for resize, is_done in (
            (Resize(idle, held=False, at_most=_kept(moved.service, idle)), not sizes[idle].held and sizes[idle].wanted <= most),
            (Resize(idle.other, held=False), not sizes[idle.other].held),
        )
        if not is_done
    )
    return moved.do(*wanted).wait(f"{idle} is being made small") if wanted else moved.having(giving_up=None)


def _left_over(moved: Moved, sizes: dict[Color, Size]) -> Moved:
    """Where nothing is in progress and Turnout moved weights before, nothing is held and the idle colour is small."""
    service = moved.service
    if service.deployment is not None or service.waiting or service.live is None or service.last_move is None:
        return moved
    idle = service.live.color.other
    is_left = any(size.held for size in sizes.values()) or sizes[idle].wanted > _most(service, idle, sizes[idle])
    return moved.having(giving_up=idle) if is_left else moved


def _most(service: Service, idle: Color, size: Size) -> int:
    """How large an idle colour may be: its autoscaler's minimum is the team's own word."""
    return max(_kept(service, idle), size.least)


def _kept(service: Service, idle: Color) -> int:
    """What stood there before Turnout came cannot be put there again, so one of it stays for a rollback."""
    runtime = service.definition.runtime
    return max(runtime.kept_idle, 1) if service.standing.get(idle) == ADOPTED and not runtime.stands_at_zero else runtime.kept_idle
