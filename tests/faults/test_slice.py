"""A slice of the fault plans, a few of every workflow; `make faults` plays all of them."""

import pytest

from chalicelib.deployments.model import Phase
from tests.faults.playing import clean, plans_of, played
from tests.faults.workflows import WORKFLOWS, Workflow

EVERY = 2003


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_ends_well_whatever_call_goes_wrong(workflow: Workflow) -> None:
    ending, calls = clean(workflow)
    assert all(Phase(phase).is_final or Phase(phase) is Phase.STAGED for _, _, phase in ending.deployments)

    begin = sum(map(ord, workflow.name)) % EVERY  # another fault at another call in each workflow
    outcomes = [played(plan, ending) for plan in list(plans_of(workflow, calls))[begin % 97 :: EVERY]]

    assert [f"make faults PLAN='{outcome.plan}': {outcome.failure}" for outcome in outcomes if outcome.failure] == []
