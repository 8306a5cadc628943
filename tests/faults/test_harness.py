"""What the proof rests on: every port is behind the saboteur and the witness, every invariant is asked, every call and fault is tried."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from chalicelib.bootstrap import Adapters
from chalicelib.clock import ManualClock
from tests.faults import invariants, record_invariants, traffic_invariants
from tests.faults.plans import CONDITIONAL, MAY_LAG, Fault, Plan, applies
from tests.faults.saboteur import Saboteur
from tests.faults.seen import Seen
from tests.faults.stage import STATE_BY_PORT, Stage
from tests.faults.workflows import WORKFLOWS

NO_PORT = {"side_by_side"}
"""How questions are asked, which reaches nothing."""
NAMES = {"target_health": "targets"}
NEVER_COPIED = {"clock", "pace", "on_ready", "on_size", "otherwise", "_clock", "_lock"}


def reached_by(root: object) -> Iterator[object]:
    """Every object of ours that can be reached without going through the saboteur or the witness."""
    seen: set[int] = set()
    left = [root]
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if is_stood_before(one):
            continue
        yield one
        left += [value for value in parts_of(one) if type(value).__module__.startswith(("chalicelib", "tests"))]


def is_stood_before(one: object) -> bool:
    return type(one).__module__ == Saboteur.__module__ or isinstance(one, Seen)


def parts_of(one: object) -> list[Any]:
    named = [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
    return [*vars(one).values()] if hasattr(one, "__dict__") else [getattr(one, name) for name in named if hasattr(one, name)]


def memory_adapters(root: object) -> set[str]:
    return {type(one).__name__ for one in reached_by(root) if type(one).__name__.startswith("Memory") or isinstance(one, ManualClock)}


class TestTheSaboteur:
    def test_stands_before_every_port_of_the_control_plane(self) -> None:
        assert memory_adapters(Stage().control) == set()

    def test_would_be_missed_where_he_does_not(self) -> None:
        stage = Stage()
        object.__setattr__(stage.control.passes, "queues", stage.queues)

        assert memory_adapters(stage.control) == {"MemoryQueues"}

    def test_is_given_each_of_the_adapters_by_name(self) -> None:
        names: list[str] = []

        class Noting(Saboteur):
            def between(self, name: str, adapter: Any) -> Any:
                names.append(name)
                return super().between(name, adapter)

        Stage(saboteur=Noting())

        assert set(names) == {NAMES.get(one.name, one.name) for one in fields(Adapters)} - NO_PORT

    def test_lets_the_witness_see_what_others_do_too(self) -> None:
        assert memory_adapters(Stage().others) == {"ManualClock"}


class TestAStageAsAnother:
    @pytest.mark.parametrize("port", sorted({NAMES.get(one.name, one.name) for one in fields(Adapters)} - NO_PORT - {"clock"}))
    def test_has_all_that_changes_of_each_adapter(self, port: str) -> None:
        adapter = getattr(Stage(), port)

        names = vars(adapter).keys() if hasattr(adapter, "__dict__") else set(type(adapter).__slots__)

        assert set(names) - NEVER_COPIED == set(STATE_BY_PORT[port])


class TestTheInvariants:
    def test_each_of_the_eleven_has_its_functions(self) -> None:
        assert sorted(invariants.names_by_number()) == list(range(1, 12))

    def test_all_of_them_are_asked_of_something(self) -> None:
        written = {name for module in (record_invariants, traffic_invariants) for name in vars(module) if name.startswith("i") and "_" in name and name[1].isdigit()}

        assert written == {one.__name__ for one in invariants.ALL if one.__name__[1].isdigit()}


class TestTheWorkflows:
    def test_call_everything_that_may_lag_or_is_conditional(self) -> None:
        called = set()
        for name in ("reference-alone", "cutover", "hooks-told", "first-good", "redefine"):
            stage = Stage()
            WORKFLOWS[name].start(stage)
            stage.saboteur.armed = True
            WORKFLOWS[name].play(stage)
            stage.until_over()
            called |= {call.name for call in stage.saboteur.calls}

        assert called >= (MAY_LAG | CONDITIONAL) - {"ledger.list"}  # which is only shown
        assert called >= {"hooks.call", "hooks.survey", "switch.set", "secrets.pinned", "router.set_weights", "objects.fetch", "metrics.read", "probe.ask"}


@pytest.mark.parametrize("fault", Fault)
def test_a_plan_is_told_in_one_line_and_understood(fault: Fault) -> None:
    plan = Plan("cutover", 17, fault)

    assert Plan.parse(str(plan)) == plan
    assert any(applies(fault, call) for call in MAY_LAG | CONDITIONAL)
