"""How a service goes from the tasks it has to those it should have: pure, one answer for one look.

Tasks of the primary deployment are started as `maximumPercent` allows, and tasks
of older ones are stopped as soon as `minimumHealthyPercent` are healthy without them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    task: T
    is_healthy: bool


@dataclass(frozen=True, slots=True)
class Step(Generic[T]):
    start: int
    stop: tuple[T, ...]


def step(desired: int, percents: tuple[int, int], new: Sequence[Seen[T]], old: Sequence[Seen[T]]) -> Step[T]:
    """`percents` are the minimum healthy and the maximum; `new` and `old` are in the order the tasks were started."""
    least, most = math.ceil(desired * percents[0] / 100), math.floor(desired * percents[1] / 100)
    surplus = _last_to_keep(new)[desired:]
    kept = [seen for seen in new if seen not in surplus]
    start = max(0, min(desired - len(kept), most - len(kept) - len(old)))
    return Step(start, tuple(seen.task for seen in (*surplus, *_to_spare(kept, old, least))))


def _last_to_keep(new: Sequence[Seen[T]]) -> list[Seen[T]]:
    """Healthy ones stay before others, and those that have run longest before younger ones."""
    return sorted(new, key=lambda seen: not seen.is_healthy)


def _to_spare(new: Sequence[Seen[T]], old: Sequence[Seen[T]], least: int) -> list[Seen[T]]:
    """Those that are not healthy are no loss."""
    healthy = [seen for seen in old if seen.is_healthy]
    beyond = max(0, len(healthy) + sum(seen.is_healthy for seen in new) - least)
    return [seen for seen in old if not seen.is_healthy] + healthy[:beyond]
