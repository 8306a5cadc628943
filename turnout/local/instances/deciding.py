"""How many instances a group launches, and which it terminates. Pure.

Without a refresh a group is brought to its desired capacity. A refresh keeps between `least` and `most` of it in
service meanwhile: old instances go as far as new ones are ready, and new ones come as far as there is room.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DEFAULT_LEAST_PERCENT = 90


@dataclass(frozen=True, slots=True)
class Seen:
    """One instance that is Pending or InService. `lost`: what is wrong with it; such a one is replaced, protected or not.

    `is_old`: the refresh may replace it now. `is_ready`: in service, healthy and warm.
    """

    id: str
    version: int
    launched_at: float
    is_ready: bool = True
    is_old: bool = False
    is_protected: bool = False
    lost: str = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """Of how many instances a refresh keeps in service, and how many there may be, for a desired capacity."""

    least: int
    most: int

    @classmethod
    def of(cls, preferences: Mapping[str, Any], desired: int) -> "Pace":
        """Where the bounds leave no room, a new instance is launched first if all have to stay or a maximum was named; else an old one goes first."""
        share = preferences.get("MinHealthyPercentage")
        least = math.ceil(desired * (DEFAULT_LEAST_PERCENT if share is None else int(share)) / 100)
        named = preferences.get("MaxHealthyPercentage")
        most = max(desired, math.floor(desired * int(named or 100) / 100))
        if least < desired or most > desired:
            return cls(least, most)
        return cls(desired, desired + 1) if named is not None or share == 100 else cls(desired - 1, desired)


@dataclass(frozen=True, slots=True)
class Plan:
    """`terminate` has a cause by instance id."""

    launch: int
    terminate: Mapping[str, str]


def plan(seen: Sequence[Seen], desired: int, pace: Pace | None = None) -> Plan:
    lost = {each.id: each.lost for each in seen if each.lost}
    staying = [each for each in seen if not each.lost]
    replaced = _replaced(staying, pace) if pace else []
    staying = [each for each in staying if each not in replaced]
    most = pace.most if pace else desired
    surplus = _surplus(staying, len(staying) - most)
    renewed = sum(not each.is_old for each in staying) if pace else len(staying)
    causes = {each.id: "in response to an instance refresh" for each in replaced} | {each.id: "in response to a scale in" for each in surplus}
    return Plan(max(0, min(most - len(staying), desired - renewed)), lost | causes)


def _replaced(staying: Sequence[Seen], pace: Pace) -> list[Seen]:
    """Old ones that serve nothing go at once; of the others, so many that `least` are left."""
    old = [each for each in staying if each.is_old]
    room = max(0, sum(each.is_ready for each in staying) - pace.least)
    return [*(each for each in old if not each.is_ready), *[each for each in old if each.is_ready][:room]]


def _surplus(staying: Sequence[Seen], number: int) -> list[Seen]:
    """Oldest launch template version first, then oldest instance; never a protected one, which keeps the group larger than desired."""
    free = sorted((each for each in staying if not each.is_protected), key=lambda each: (not each.is_old, each.version, each.launched_at))
    return free[: max(0, number)]
