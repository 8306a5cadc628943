"""Application Auto Scaling: what is suspended is said in full, and what a change does not name stays as it was."""

from typing import Any

from moto.applicationautoscaling.models import FakeScalableTarget

from turnout.local.corrections.patches import Patches

NOTHING_SUSPENDED = {"DynamicScalingInSuspended": False, "DynamicScalingOutSuspended": False, "ScheduledScalingSuspended": False}


def correct(patches: Patches) -> None:
    patches.replace(FakeScalableTarget, "__init__", _complete_from_the_start)
    patches.replace(FakeScalableTarget, "update", _changing_what_is_named)


def _complete_from_the_start(original: Any) -> Any:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.suspended_state = NOTHING_SUSPENDED | (self.suspended_state or {})

    return init


def _changing_what_is_named(original: Any) -> Any:
    def update(self: Any, min_capacity: int | None, max_capacity: int | None, suspended_state: dict[str, bool] | None) -> None:
        original(self, min_capacity, max_capacity, self.suspended_state | (suspended_state or {}))

    return update
