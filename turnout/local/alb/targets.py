"""Which target of a group gets a request: healthy ones in turn; all of them when none is healthy (ELB fails open)."""

from collections.abc import Callable

from turnout.local.alb.model import Group, State, Target


class Turns:
    def __init__(self, state_of: Callable[[str, Target], State]) -> None:
        self._state_of = state_of
        self._turn_by_group: dict[str, int] = {}

    def next(self, group: Group) -> Target | None:
        """None for a group without targets: the balancer answers 503."""
        healthy = [target for target in group.targets if self._state_of(group.arn, target) is State.HEALTHY]
        candidates = healthy or group.targets
        if not candidates:
            return None
        turn = self._turn_by_group.get(group.arn, -1) + 1
        self._turn_by_group[group.arn] = turn
        return candidates[turn % len(candidates)]
