"""One fault at every call of the main workflows, on memory; a sample here, all of them with FAULTS=all (`make faults`)."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from chalicelib.audit.chain import replayed
from chalicelib.deployments.model import Phase
from chalicelib.errors import Conflict, Unavailable
from chalicelib.ledger import codec, keys
from tests.faults.plans import Died, Fault, Saboteur
from tests.world import World, a_definition, a_zip

EVERY = 1 if os.environ.get("FAULTS") == "all" else int(os.environ.get("FAULTS_EVERY", "23"))
"""Which share of the plans is played: every one, or a sample."""


@dataclass(frozen=True)
class Workflow:
    """`play` starts it on a world where 1.0.0 is live; `ends` are the versions that may serve production in the end."""

    name: str
    play: Callable[[World], None]
    ends: frozenset[str]


def stubbornly(world: World, work: Callable[[], object]) -> None:
    """A person or CI who asks again when no answer came; a conflict then means that it had been done."""
    for attempt in range(4):
        try:
            work()
        except (Died, Unavailable):
            world.wait(1)
        except Conflict:
            assert attempt > 0
            return
        else:
            return


def upload(world: World, version: str) -> None:
    key = f"web/{version}/app.zip"
    object_version = world.objects.put("artifacts", key, a_zip(version))
    stubbornly(world, lambda: world.control.intake.take("artifacts", key, object_version))
    world.until(lambda: any(one.build.version == version and one.phase is Phase.STAGED for one in world.deployments()), 120)


def good(world: World) -> None:
    upload(world, "1.1.0")
    stubbornly(world, lambda: world.control.deployments.promote("web", world.asked(), version="1.1.0"))


def bad(world: World) -> None:
    upload(world, "1.1.0")
    stubbornly(world, lambda: world.control.deployments.promote("web", world.asked(), version="1.1.0"))
    world.wait(5)
    world.sick.add("1.1.0")


def by_hand(world: World) -> None:
    upload(world, "1.1.0")
    stubbornly(world, lambda: world.control.deployments.promote("web", world.asked(), version="1.1.0"))
    world.wait(8)
    stubbornly(world, lambda: world.control.deployments.rollback("web", world.asked()))


WORKFLOWS = (
    Workflow("good release", good, frozenset({"1.1.0", "1.0.0"})),
    Workflow("bad release", bad, frozenset({"1.0.0"})),
    Workflow("rollback by hand", by_hand, frozenset({"1.0.0"})),
)


def a_world(saboteur: Saboteur) -> World:
    world = World(between=saboteur.between, died=Died)
    saboteur.clock = world.clock
    world.register(a_definition(rollout={"steps": [{"weight": 10, "hold_seconds": 4}], "watch_seconds": 6, "deadline_seconds": 60}))
    world.wait(5)
    world.live("1.0.0")
    saboteur.armed = True
    return world


def clean_calls(workflow: Workflow) -> list[str]:
    saboteur = Saboteur()
    world = a_world(saboteur)
    workflow.play(world)
    world.until(lambda: world.service().deployment is None, 300)
    return saboteur.calls


def plans() -> Iterator[object]:
    number = 0
    for workflow in WORKFLOWS:
        for at, call in enumerate(clean_calls(workflow)):
            for fault in Fault:
                number += 1
                if number % EVERY == 0:
                    yield pytest.param(workflow, at, fault, id=f"{workflow.name}-{at}-{call}-{fault.name}")


@pytest.mark.parametrize(("workflow", "at", "fault"), list(plans()))
def test_ends_well_whatever_call_goes_wrong(workflow: Workflow, at: int, fault: Fault) -> None:
    saboteur = Saboteur(at, fault)
    world = a_world(saboteur)

    workflow.play(world)
    world.until(lambda: world.service().deployment is None, 300)

    assert world.serving() in workflow.ends
    live = world.service().live
    assert live is not None
    assert live.build is not None
    assert live.build.version == world.serving()
    history = reversed(world.ledger.list(keys.audit_of("service/web"), limit=10_000).items)
    state = {name: value for name, value in codec.told(world.service()).items() if name not in {"revision", "chain", "write_id"}}
    assert replayed(history)["service"] == state
