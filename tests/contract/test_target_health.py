"""What every reader of target health does. moto calls every target healthy at once, so the ALB's states come from a Stubber."""

from datetime import timedelta

import pytest
from botocore.stub import Stubber

from chalicelib.clock import ManualClock
from chalicelib.colors import Color
from chalicelib.errors import NotFound, Unavailable
from chalicelib.health.memory import MemoryTargetHealth
from chalicelib.health.model import Targets
from chalicelib.health.signal import Subject
from chalicelib.health.target_health import AlbTargetHealth
from tests.contract.balancers import TRAFFIC
from tests.contract.breaking import new_clients, throttled

GREEN = TRAFFIC.target_groups.green


class InMemory:
    def __init__(self):
        self.health = MemoryTargetHealth(ManualClock())

    def states(self, *states):
        self.health.script(GREEN, *states)

    def broken(self):
        self.health.unreadable.add(GREEN)


class Stubbed:
    def __init__(self):
        clients = new_clients()
        self.client = clients.look
        self.stubber = Stubber(self.client)
        self.health = AlbTargetHealth(clients)

    def states(self, *states):
        described = [{"Target": {"Id": f"i-{number}"}, "TargetHealth": {"State": state}} for number, state in enumerate(states)]
        self.stubber.add_response("describe_target_health", {"TargetHealthDescriptions": described}, {"TargetGroupArn": GREEN})
        self.stubber.activate()

    def broken(self):
        throttled(self.client, "DescribeTargetHealth")


@pytest.fixture(params=[InMemory, Stubbed])
def world(request):
    return request.param()


class TestTargets:
    def test_counts_by_state(self, world):
        world.states("healthy", "healthy", "unhealthy")

        targets = world.health.read(Subject(TRAFFIC, Color.GREEN))

        assert (targets.healthy, targets.total, targets.states) == (2, 3, {"healthy": 2, "unhealthy": 1})

    @pytest.mark.parametrize("state", ["initial", "unused", "unavailable", "draining", "unhealthy", "unhealthy.draining"])
    def test_nothing_but_healthy_is(self, world, state):
        world.states(state)

        targets = world.health.read(Subject(TRAFFIC, Color.GREEN))

        assert (targets.healthy, targets.total) == (0, 1)

    def test_a_group_without_targets_has_none(self, world):
        world.states()

        assert world.health.read(Subject(TRAFFIC, Color.GREEN)) == Targets(0, 0)

    def test_what_cannot_be_read_is_unavailable(self, world):
        world.broken()

        with pytest.raises(Unavailable):
            world.health.read(Subject(TRAFFIC, Color.GREEN))


class TestAlb:
    def test_tells_why_a_target_is_not_healthy(self):
        world = Stubbed()
        health = {"State": "unhealthy", "Reason": "Target.ResponseCodeMismatch", "Description": "Health checks failed with these codes: [500]"}
        world.stubber.add_response("describe_target_health", {"TargetHealthDescriptions": [{"Target": {"Id": "i"}, "TargetHealth": health}]})
        world.stubber.activate()

        assert world.health.read(Subject(TRAFFIC, Color.GREEN)).reasons == ("Health checks failed with these codes: [500]",)

    def test_a_group_that_is_gone_is_not_found(self):
        world = Stubbed()
        world.stubber.add_client_error("describe_target_health", "TargetGroupNotFound")
        world.stubber.activate()

        with pytest.raises(NotFound):
            world.health.read(Subject(TRAFFIC, Color.GREEN))

    def test_is_asked_once(self):
        world = Stubbed()
        attempts = throttled(world.client, "DescribeTargetHealth")

        with pytest.raises(Unavailable):
            world.health.read(Subject(TRAFFIC, Color.GREEN))
        assert len(attempts) == 1


class TestMemory:
    def test_a_new_version_warms_up_and_a_sick_one_never_does(self):
        clock = ManualClock()
        health = MemoryTargetHealth(clock, warmup=timedelta(seconds=5), sick={"2"})

        health.stand(GREEN, "1")
        assert health.read(Subject(TRAFFIC, Color.GREEN)).states == {"initial": 1}
        clock.move(timedelta(seconds=5))
        assert health.read(Subject(TRAFFIC, Color.GREEN)).healthy == 1
        health.stand(GREEN, "2")
        clock.move(timedelta(seconds=5))
        assert health.read(Subject(TRAFFIC, Color.GREEN)).states == {"unhealthy": 1}
