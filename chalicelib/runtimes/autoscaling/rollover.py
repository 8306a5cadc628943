"""Decide the next step by which an Auto Scaling group comes to run a build. Pure.

    another refresh under way ─▶ CANCEL
    on another version        ─▶ MOVE      a version with this build, and as many instances as the other colour has
    too small                 ─▶ GROW
    instances of before       ─▶ REFRESH   replaces them all at once: this colour is idle
    not all in service        ─▶ WAIT

Each step is given again until the group shows that it was taken. The build stands when no refresh is under way, all
instances run it and enough are in service. A refresh that failed is final for the attempt that its version names.
"""

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.runtimes.autoscaling.group import Group, Launches, Refresh, in_service, outdated
from chalicelib.runtimes.autoscaling.launch import Launch


class Step(StrEnum):
    CANCEL = "cancel"
    MOVE = "move"
    GROW = "grow"
    REFRESH = "refresh"
    WAIT = "wait"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Seen:
    group: Group
    refresh: Refresh | None
    launches: Launches

    @property
    def here(self) -> Launch | None:
        """What the group launches now; None where that is not a known version."""
        return self.launches.get(self.group.version) if self.group.version else None

    @property
    def refreshed_to(self) -> Launch | None:
        if self.refresh is None:
            return None
        return self.launches.get(self.refresh.version) if self.refresh.version else self.here


def next_step(seen: Seen, wanted: Launch, size: int) -> Step:
    is_on_it, refresh = wanted.is_as(seen.here), seen.refresh
    replaced = is_on_it and not outdated(seen.group, seen.launches, wanted)
    if refresh and refresh.is_active:
        return _while_refreshing(seen, wanted, size, is_on_it=is_on_it)
    if replaced and seen.group.wanted >= size and in_service(seen.group) >= size:
        return Step.DONE
    if refresh and refresh.has_failed:
        if seen.refreshed_to == wanted:
            return Step.FAILED
        # For an earlier attempt: in a version of its own this one's failure will be told from that.
        is_on_it = is_on_it and seen.refreshed_to != seen.here
    if not is_on_it:
        return Step.MOVE
    if seen.group.wanted < size:
        return Step.GROW
    return Step.WAIT if replaced else Step.REFRESH


def _while_refreshing(seen: Seen, wanted: Launch, size: int, *, is_on_it: bool) -> Step:
    """A group that is refreshed to another version takes no new one; one that has been refreshed to the wanted one is about to be done."""
    if not is_on_it or not wanted.is_as(seen.refreshed_to):
        return Step.CANCEL
    return Step.GROW if seen.group.wanted < size else Step.WAIT


def has_to_refresh(seen: Seen, wanted: Launch) -> bool:
    """Whether a group that is moved needs its instances replaced: not those that run this already, unless a refresh of them has failed."""
    has_failed = seen.refresh is not None and seen.refresh.has_failed
    return bool(outdated(seen.group, seen.launches, wanted) or (has_failed and seen.group.counted))


def how_far(seen: Seen, size: int) -> str:
    """For a person: how many are in service, and of what replaces the others."""
    told = f"{in_service(seen.group)} of {max(size, seen.group.wanted)} instances of {seen.group.name} are in service"
    if seen.refresh and seen.refresh.is_active:
        told += f"; instance refresh {seen.refresh.status}, {seen.refresh.percent} %"
    return told
