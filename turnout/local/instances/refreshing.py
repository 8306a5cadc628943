"""How an instance refresh begins, goes on and ends.

    Pending ─▶ InProgress ─ every old instance gone, enough new ones ready ─▶ (Baking) ─▶ Successful
                   │ ├─ CancelInstanceRefresh ─▶ Cancelling ─ nothing comes or goes ─▶ Cancelled
                   │ └─ RollbackInstanceRefresh, or failed with AutoRollback ─▶ RollbackInProgress ─▶ RollbackSuccessful
                   └─ new instances fail, or nothing moves for an hour ─▶ Failed

Called with `LOCK` held.
"""

from collections.abc import Iterable
from typing import Any

from turnout.local.instances.deciding import Seen
from turnout.local.instances.model import Kept, Refresh, Status, Template, launched_with, now, template_of

STUCK_SECONDS = 3600.0
MOST_FAILURES = 3
"""AWS would launch new instances until it is stuck; here nobody waits an hour to hear of a release that cannot start."""

SKIPS, WAITS = "Ignore", "Wait"


def old_instances(group: Any, template: Template | None, *, only_others: bool) -> frozenset[str]:
    """Of those that are there: all, or only those launched with something else."""
    return frozenset(state.instance_id for state in group.instance_states if not only_others or launched_with(state) != template)


def may_replace(refresh: Refresh, instance: str, *, is_protected: bool) -> bool:
    """Whether it is one of the old ones and may be replaced now."""
    return instance in refresh.old and (not is_protected or refresh.preferences.get("ScaleInProtectedInstances", WAITS) not in {SKIPS, WAITS})


def advance(group: Any, kept: Kept, seen: Iterable[Seen], moving: int, at: float) -> None:
    """After a look: `seen` are the instances that are there, `moving` how many of all come or go."""
    refresh = kept.refresh
    if refresh is None:
        return
    if refresh.status is Status.PENDING:
        refresh.status, refresh.moved_at = Status.IN_PROGRESS, at
    there = list(seen)
    if refresh.status is Status.CANCELLING:
        if not moving:
            refresh.end(Status.CANCELLED, refresh.reason)
        return
    outstanding = [each for each in there if each.id in refresh.old]
    waited_for = [each for each in outstanding if not each.is_protected or refresh.preferences.get("ScaleInProtectedInstances", WAITS) != SKIPS]
    missing = group.desired_capacity - sum(each.is_ready for each in there if each not in waited_for)
    _measure(refresh, max(len(waited_for), min(refresh.total, missing)), at)
    if not waited_for and not moving and missing <= 0:
        _succeed(group, refresh, at)
    elif refresh.failures >= MOST_FAILURES:
        fail(group, refresh, f"{refresh.failures} new instances ended or were unhealthy: see the scaling activities")
    elif at - refresh.moved_at > STUCK_SECONDS:
        fail(group, refresh, "No instance could be replaced for an hour")


def fail(group: Any, refresh: Refresh, reason: str) -> None:
    if refresh.status is Status.ROLLING_BACK:
        refresh.end(Status.ROLLBACK_FAILED, reason)
    elif refresh.preferences.get("AutoRollback"):
        roll_back(group, refresh, f"Automatic rollback: {reason}")
    else:
        refresh.end(Status.FAILED, reason)


def roll_back(group: Any, refresh: Refresh, reason: str) -> None:
    """From here on it is a refresh back to what the group's settings, which were not changed yet, say."""
    refresh.rollback = {
        "RollbackReason": reason,
        "RollbackStartTime": now(),
        "PercentageCompleteOnRollback": refresh.percentage,
        "InstancesToUpdateOnRollback": refresh.to_update,
    }
    refresh.status, refresh.reason, refresh.failures, refresh.baking_since = Status.ROLLING_BACK, reason, 0, None
    refresh.old = old_instances(group, template_of(group), only_others=True)
    refresh.total = refresh.to_update = len(refresh.old)


def _measure(refresh: Refresh, outstanding: int, at: float) -> None:
    if outstanding != refresh.to_update:
        refresh.to_update, refresh.moved_at = outstanding, at
    if refresh.status is Status.ROLLING_BACK:
        before = (refresh.rollback or {}).get("PercentageCompleteOnRollback", 0)
        refresh.percentage = round(before * outstanding / refresh.total) if refresh.total else 0
    elif refresh.total:
        refresh.percentage = max(refresh.percentage, 100 * (refresh.total - outstanding) // refresh.total)


def _succeed(group: Any, refresh: Refresh, at: float) -> None:
    if refresh.status is Status.ROLLING_BACK:
        refresh.percentage = 0
        refresh.end(Status.ROLLED_BACK, refresh.reason)
        return
    refresh.percentage, bake = 100, float(refresh.preferences.get("BakeTime") or 0)
    if refresh.baking_since is None:
        refresh.baking_since = at
    if at - refresh.baking_since < bake:
        refresh.status = Status.BAKING
        return
    if refresh.desired:
        settle(group, refresh.desired)
    refresh.end(Status.SUCCESSFUL)


def settle(group: Any, template: Template) -> None:
    """The desired configuration becomes the group's own."""
    group._set_launch_configuration("", {"LaunchTemplateId": template.id, "Version": str(template.version)}, None)  # noqa: SLF001  # as moto itself sets it
