"""How a strategy becomes steps: pure arithmetic."""

from dataclasses import replace
from datetime import timedelta

from chalicelib.colors import WHOLE
from chalicelib.deployments.model import Plan, PlannedStep
from chalicelib.services.definition import Rollout, Step

_AT_ONCE = (PlannedStep(WHOLE, timedelta(0)),)


def plan_of(rollout: Rollout, *, strategy: str | None = None) -> Plan:
    """The plan a rollout follows; `strategy` overrides the one declared, for this deployment only."""
    chosen = strategy or rollout.strategy
    return Plan(
        strategy=chosen,
        steps=steps_of(chosen, rollout.steps),
        watch=timedelta(seconds=rollout.watch_seconds),
        deadline=timedelta(seconds=rollout.deadline_seconds),
        automatic=rollout.promotion == "automatic",
        approvals=rollout.approvals,
    )


def with_strategy(plan: Plan, rollout: Rollout, strategy: str | None) -> Plan:
    """Another strategy changes the steps, and nothing else of what was copied when the deployment began."""
    if strategy in (None, plan.strategy):
        return plan
    other = plan_of(rollout, strategy=strategy)
    return replace(plan, strategy=other.strategy, steps=other.steps)


def steps_of(strategy: str, steps: tuple[Step, ...]) -> tuple[PlannedStep, ...]:
    """Rising steps that end with the whole traffic. `linear` repeats its first step; `all-at-once` has one."""
    match strategy:
        case "all-at-once":
            return _AT_ONCE
        case "linear":
            return _linear(steps[0]) if steps else _AT_ONCE
        case "canary":
            return (*(PlannedStep(step.permille, timedelta(seconds=step.hold_seconds)) for step in steps if step.permille < WHOLE), *_AT_ONCE)
        case _:
            raise ValueError(f"no such strategy: {strategy}")


def at_once(plan: Plan) -> Plan:
    """The same plan in one step: for a first release, which has nothing to be compared with, and for a rollback."""
    return replace(plan, steps=_AT_ONCE)


def _linear(first: Step) -> tuple[PlannedStep, ...]:
    hold = timedelta(seconds=first.hold_seconds)
    return (*(PlannedStep(permille, hold) for permille in range(first.permille, WHOLE, first.permille)), *_AT_ONCE)
