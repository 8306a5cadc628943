"""The workflows that are played with everything going wrong. A workflow is a few lines: where it starts, what happens, what is put up with at its end."""

from tests.faults import approvals, configs, cutovers, drills, exits, hooks, rollouts, sizes, ways_back
from tests.faults.acts import GROUPS, RULE, Workflow

__all__ = ["GROUPS", "RULE", "WORKFLOWS", "Workflow"]

WORKFLOWS = {one.name: one for group in (rollouts, ways_back, approvals, hooks, cutovers, configs, exits, drills, sizes) for one in group.WORKFLOWS}
