"""Take the steps by which an Auto Scaling group comes to run a build.

Whoever takes one asks just before it whether it is still theirs to take, for Auto Scaling fences nothing. None is
waited for: the next look shows how far it is.
"""

from dataclasses import dataclass
from datetime import timedelta

from chalicelib.clock import Clock
from chalicelib.errors import NotFound
from chalicelib.runtimes.autoscaling.group import Group, newest_failure
from chalicelib.runtimes.autoscaling.groups import Refused, ScalingGroups
from chalicelib.runtimes.autoscaling.launch import Launch, Version
from chalicelib.runtimes.autoscaling.rollover import Seen, Step, has_to_refresh, how_far
from chalicelib.runtimes.autoscaling.templates import LaunchTemplates
from chalicelib.runtimes.runtime import Fence, Progress, Standing

SEEN_EVERYWHERE = timedelta(minutes=2)
"""After which Auto Scaling knows a version that EC2 made."""
FAILURE_IS_NEWS = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class GroupSteps:
    groups: ScalingGroups
    templates: LaunchTemplates
    clock: Clock

    def take(self, step: Step, seen: Seen, wanted: Launch, size: int, still_ours: Fence, *, serving: bool = False) -> Standing:
        group, here = seen.group, seen.here
        match step:
            case Step.CANCEL:
                return self._cancel(seen, still_ours)
            case Step.MOVE:
                return self._move(seen, wanted, size, still_ours, serving=serving)
            case Step.GROW:
                return self._grow(group, here, size, still_ours)
            case Step.REFRESH if group.version:
                return self._replace(group, group.version, here, still_ours, serving=serving)
            case Step.FAILED:
                return _failed(f"the instance refresh of {group.name} {_ended(seen)}")
        return _working(how_far(seen, size) + self._newest_failure(seen))

    def _cancel(self, seen: Seen, still_ours: Fence) -> Standing:
        """A group takes no other version while it is refreshed to one. Looks again first: another worker's refresh may have begun since."""
        group, refresh = seen.group, seen.refresh
        now = self.groups.refresh(group.name)
        if refresh is None or now is None or (now.id, now.is_active) != (refresh.id, True) or now.status == "Cancelling":
            return _working(f"waiting for the end of another instance refresh of {group.name}")
        if not still_ours():
            return _taken_over()
        self.groups.cancel_refresh(group.name)
        return _working(f"cancelling another instance refresh of {group.name}")

    def _move(self, seen: Seen, wanted: Launch, size: int, still_ours: Fence, *, serving: bool) -> Standing:
        """Put the group on a version with the build. A version that nobody uses, because whoever made it died, is found again or does no harm."""
        group = seen.group
        try:
            ends = self.templates.ends(group.template or "")
        except NotFound:
            return _failed(f"there is no launch template {group.template}; make it again, or register the service with another")
        version, launch = self.templates.version_with(wanted, ends)
        if not still_ours():
            return _taken_over()
        try:
            self.groups.move(group.name, version, size if size > group.wanted else None)
        except Refused as refused:
            return self._judged(refused, launch)
        if has_to_refresh(seen, wanted):
            return self._replace(group, version, launch, still_ours, serving=serving)
        return _working(f"{group.name} launches {size} instances" if not group.counted else f"{group.name} is put back on a version with the build")

    def _grow(self, group: Group, here: Launch | None, size: int, still_ours: Fence) -> Standing:
        if not still_ours():
            return _taken_over()
        try:
            self.groups.update(group.name, DesiredCapacity=size)
        except Refused as refused:
            return self._judged(refused, here)
        return _working(f"{group.name} is made as large as the other colour, {size} instances")

    def _replace(self, group: Group, version: Version, launch: Launch | None, still_ours: Fence, *, serving: bool) -> Standing:
        """A refresh that succeeds puts the group on its version, so this is fenced as a move is."""
        if not still_ours():
            return _taken_over()
        try:
            self.groups.start_refresh(group.name, version, serving=serving)
        except Refused as refused:
            return self._judged(refused, launch)
        return _working(f"an instance refresh replaces {len(group.counted)} instances of {group.name}")

    def _judged(self, refused: Refused, launch: Launch | None) -> Standing:
        """A refusal is final unless it may come of a version that is too new to be known, or of a refresh that another worker began."""
        is_new = launch is None or launch.made_at is None or self.clock.now() - launch.made_at < SEEN_EVERYWHERE
        reason = f"Auto Scaling refused it: {refused.detail}"
        return _working(reason) if is_new or "instance refresh" in refused.detail.lower() else _failed(reason)

    def _newest_failure(self, seen: Seen) -> str:
        since = self.clock.now() - FAILURE_IS_NEWS
        if seen.here and seen.here.made_at:
            since = max(since, seen.here.made_at)
        failure = newest_failure(self.groups.activities(seen.group.name), since)
        return f"; last failure: {failure}" if failure else ""


def _ended(seen: Seen) -> str:
    return f"ended as {seen.refresh.status}: {seen.refresh.reason or 'no reason given'}" if seen.refresh else ""


def _working(reason: str) -> Standing:
    return Standing(Progress.WORKING, reason=reason)


def _failed(reason: str) -> Standing:
    return Standing(Progress.FAILED, reason=reason)


def _taken_over() -> Standing:
    return _working("another deployment has taken over")
