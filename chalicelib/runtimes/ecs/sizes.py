"""How many tasks the colours have, and what scales them in: desired counts, and Application Auto Scaling's scalable targets."""

from typing import Any

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import translated
from chalicelib.colors import Color
from chalicelib.errors import NotFound
from chalicelib.runtimes.ecs.cluster import Cluster
from chalicelib.runtimes.ecs.rollout import absence
from chalicelib.runtimes.runtime import Size
from chalicelib.services.running import EcsRuntime

_DESIRED_COUNT = "ecs:service:DesiredCount"
_HELD = ("DynamicScalingInSuspended", "ScheduledScalingSuspended")


class Sizes:
    def __init__(self, clients: Clients, cluster: Cluster) -> None:
        self._clients = clients
        self._cluster = cluster

    def of_both(self, runtime: EcsRuntime) -> dict[Color, Size]:
        """A service that is gone has no tasks, and nothing scales it."""
        services, targets = self._cluster.services(runtime), self.targets(runtime, *Color)
        return {color: _size(services[color].get("desiredCount", 0), targets.get(color)) for color in Color}

    def bring(self, runtime: EcsRuntime, color: Color, *, at_least: int, at_most: int | None, held: bool) -> None:
        """Scale-in is suspended before the size is seen to and resumed after it, so that it undoes nothing in between.

        Either write to a scalable target makes Application Auto Scaling bring the desired count within its bounds.
        """
        service = self._cluster.services(runtime)[color]
        if missing := absence(runtime, color, service):
            raise NotFound(missing)
        target = self.targets(runtime, color).get(color)
        changed = target if target is not None and _is_held(target) is not held else None
        desired = service["desiredCount"]
        if changed and held:
            self._suspend(runtime, color, changed, held=True)
            desired = min(max(desired, changed["MinCapacity"]), changed["MaxCapacity"])
        most = desired if at_most is None else max(at_most, target["MinCapacity"] if target else 0)
        wanted = max(at_least, min(desired, most))
        if wanted != desired:
            with translated(f"scaling {runtime.services.of(color)} to {wanted}"):
                self._clients.ecs_update.update_service(cluster=runtime.cluster, service=runtime.services.of(color), desiredCount=wanted)
        if changed and not held:
            self._suspend(runtime, color, changed, held=False)

    def targets(self, runtime: EcsRuntime, *colors: Color) -> dict[Color, dict[str, Any]]:
        """The scalable targets of these colours, as far as they have one."""
        by_id = {_resource(runtime, color): color for color in colors}
        with translated(f"reading the scalable targets of {runtime.cluster}"):
            found = self._clients.application_autoscaling_look.describe_scalable_targets(
                ServiceNamespace="ecs", ResourceIds=list(by_id), ScalableDimension=_DESIRED_COUNT
            )["ScalableTargets"]
        return {by_id[each["ResourceId"]]: each for each in found if each["ResourceId"] in by_id}

    def _suspend(self, runtime: EcsRuntime, color: Color, target: dict[str, Any], *, held: bool) -> None:
        """All three are sent, for one that is left out may mean false: scaling out stays as somebody has set it."""
        with translated(f"{'suspending' if held else 'resuming'} the scale-in of {runtime.services.of(color)}"):
            self._clients.application_autoscaling.register_scalable_target(
                ServiceNamespace="ecs", ResourceId=_resource(runtime, color), ScalableDimension=_DESIRED_COUNT,
                SuspendedState={**(target.get("SuspendedState") or {}), **dict.fromkeys(_HELD, held)},
            )  # fmt: skip


def _resource(runtime: EcsRuntime, color: Color) -> str:
    return f"service/{runtime.cluster}/{runtime.services.of(color)}"


def _size(wanted: int, target: dict[str, Any] | None) -> Size:
    return Size(wanted) if target is None else Size(wanted, target["MinCapacity"], _is_held(target))


def _is_held(target: dict[str, Any]) -> bool:
    suspended = target.get("SuspendedState") or {}
    return all(suspended.get(name, False) for name in _HELD)
