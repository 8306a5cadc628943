"""Why a verdict is what it is: each signal a condition of its own, in one sentence, with its numbers."""

from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from chalicelib.health.model import AlarmState, Check, Outcome
from tests.mirrored import a_mirrored_definition, arrive
from tests.world import World, a_definition

GROUPS = a_definition().traffic.target_groups
ALARM = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:web: failed orders"
CHECKS = {"probe": {"every_seconds": 1, "failures": 3}}
HEALTHY, PENDING = Outcome.HEALTHY, Outcome.INCONCLUSIVE


def explained(world: World) -> dict[str, Check]:
    return {check.name: check for check in world.control.deployments.explain("web")}


def test_alarms_are_a_condition_with_how_many_stand_how():
    world = World()
    world.alarms.make(ALARM)
    world.register(a_definition(checks=CHECKS | {"alarms": [ALARM]}))
    world.live("1.0.0")
    world.alarms.turn(ALARM, AlarmState.INSUFFICIENT_DATA)
    world.shifting("1.1.0")
    world.wait(2)

    found = explained(world)["verdict-alarms"]

    assert (found.outcome, found.reason) == (PENDING, "web: failed orders has too little data")
    assert (found.numbers["insufficient_data"], found.numbers["ok"]) == (1, 0)


def test_latency_is_a_condition_with_what_was_slow_and_what_may_be():
    world = World()
    world.register()
    world.live("1.0.0")
    for color, per_second in ((Color.GREEN, 90), (Color.BLUE, 10)):
        world.metrics.flow(GROUPS.of(color), per_second=per_second, seconds=0.2)
    world.staged("1.1.0")
    world.control.deployments.promote("web", world.asked(), version="1.1.0")
    world.until(lambda: explained(world).get("verdict-latency", Check("", HEALTHY, "")).numbers.get("timed"))

    found = explained(world)["verdict-latency"]

    assert "requests took longer than 0.3 s" in found.reason
    assert (found.numbers["over_seconds"], found.numbers["slow"]) == (0.3, 0)
    assert found.effective


def test_what_could_not_apply_says_so_and_is_no_evidence():
    world = World()
    world.register()
    world.live("1.0.0")
    world.shifting("1.1.0")
    world.wait(3)

    found = explained(world)

    assert not found["verdict-errors"].effective
    assert found["verdict-errors"].reason == "there is no traffic, so metrics do not apply; targets and probes decide"
    assert "nothing to compare with" in found["verdict-latency"].reason
    assert found["verdict-probe"].effective


class TestMirroredTraffic:
    def test_is_a_condition_while_a_candidate_waits_for_it(self):
        world = World()
        world.register(a_mirrored_definition())
        world.live("1.0.0")
        world.upload("1.1.0")
        world.until(lambda: "shadow" in explained(world))

        found = explained(world)["shadow"]

        assert (found.outcome, found.numbers["compared"]) == (PENDING, 0)

    def test_says_how_many_were_compared(self):
        world = World()
        world.register(a_mirrored_definition())
        world.live("1.0.0")
        world.upload("1.1.0")
        world.until(lambda: "shadow" in explained(world))
        world.wait(2)

        arrive(world, ["/", "/items"])

        assert explained(world)["shadow"].numbers["compared"] == 2

    def test_is_asked_of_nothing_that_is_staged(self):
        world = World()
        world.register(a_mirrored_definition())
        world.live("1.0.0")
        world.upload("1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.STAGED)

        assert "shadow" not in explained(world)

    def test_is_no_condition_where_nobody_asked_for_it(self):
        world = World()
        world.register()
        world.live("1.0.0")
        world.upload("1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.VERIFYING)

        assert "shadow" not in explained(world)
