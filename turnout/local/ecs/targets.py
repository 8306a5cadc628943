"""A task's place in the target groups of the embedded load balancer, by the calls that the API makes."""

from typing import Any

from turnout.local.ecs.tasks import HERE


class Targets:
    """The target groups of one account and region."""

    def __init__(self, *, region: str, account: str) -> None:
        self._region, self._account = region, account

    def register(self, groups: tuple[str, ...], port: int) -> None:
        """Raises what moto raises for a group that is gone."""
        for arn in groups:
            self._backend().register_targets(arn, [_target(port)])

    def deregister(self, groups: tuple[str, ...], port: int) -> None:
        """A group that is gone is no concern of a task that goes."""
        for arn in groups:
            if arn in self._backend().target_groups:
                self._backend().deregister_targets(arn, [_target(port)])

    def delay_seconds(self, groups: tuple[str, ...]) -> float:
        """The longest deregistration delay."""
        known = [self._backend().target_groups.get(arn) for arn in groups]
        return max((float(group.attributes.get("deregistration_delay.timeout_seconds") or 0) for group in known if group), default=0.0)

    def _backend(self) -> Any:
        from moto.elbv2.models import elbv2_backends

        return elbv2_backends[self._account][self._region]


def _target(port: int) -> dict[str, Any]:
    return {"Id": HERE, "Port": port}
