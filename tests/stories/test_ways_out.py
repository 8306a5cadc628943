"""What waits for a person has ways out: rollback, abort, promote with `skip_holds`, and certify."""

import pytest

from chalicelib.deployments.model import Phase
from tests.world import World, a_definition

GROUPS = a_definition().traffic.target_groups


@pytest.fixture
def world() -> World:
    """1.1.0 has everything, its watch is over, and requests reach the old colour still: it is not retired, and a person has to decide."""
    made = World()
    made.register(a_definition(rollout={"steps": [{"weight": 50, "hold_seconds": 2}], "watch_seconds": 5, "deadline_seconds": 30}))
    made.wait(5)
    made.live("1.0.0")
    made.watching("1.1.0")
    made.metrics.flow(GROUPS.blue, per_second=90)
    made.metrics.flow(GROUPS.green, per_second=10)
    made.until(lambda: made.phase("1.1.0") is Phase.NEEDS_HUMAN)
    return made


class TestARetiringThatNeedsAPerson:
    def test_is_ended_by_certifying(self, world: World) -> None:
        world.control.deployments.certify("web", world.asked())
        world.metrics.flow(GROUPS.green, per_second=0)

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED, 40)

    def test_has_its_whole_time_again_once_a_person_takes_it_on(self, world: World) -> None:
        world.control.deployments.promote("web", world.asked(), skip_holds=True)
        world.wait(10)
        world.metrics.flow(GROUPS.green, per_second=0)

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED, 40)

    def test_is_turned_back_by_an_abort(self, world: World) -> None:
        world.control.deployments.abort("web", world.asked())
        world.metrics.flow(GROUPS.blue, per_second=0)

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED, 40)
        assert world.serving() == "1.0.0"

    def test_is_turned_back_by_a_rollback_and_never_called_completed(self, world: World) -> None:
        world.control.deployments.rollback("web", world.asked())
        world.metrics.flow(GROUPS.blue, per_second=0)

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED, 40)
        assert world.serving() == "1.0.0"
