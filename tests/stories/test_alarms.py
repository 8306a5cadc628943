"""Releases of a service that names CloudWatch alarms: red ones send them back, whatever else says nothing certifies nothing."""

import pytest

from chalicelib.deployments.model import Phase
from chalicelib.errors import Invalid
from chalicelib.health.model import AlarmState, Outcome
from chalicelib.ledger import keys
from tests.world import ALICE, World, a_definition

ALARM = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:web: failed orders"
OTHER = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:slow"
CHECKS = {"probe": {"every_seconds": 1, "failures": 3}, "alarms": [ALARM]}


def a_world(**checks: object) -> World:
    """A service with one alarm, OK, and 1.0 live."""
    world = World()
    world.alarms.make(ALARM)
    world.alarms.make(OTHER)
    world.register(a_definition(checks=CHECKS | checks))
    world.live("1.0")
    return world


def heeding(world: World, *alarms: str) -> tuple[str, ...]:
    return world.control.services.heeding(alarms)


def said(world: World) -> str:
    look = world.ledger.find(keys.look("web"))
    assert look is not None
    assert look.verdict is not None
    return next((check.reason for check in look.verdict.checks if check.name == "alarms"), "")


class TestAnAlarmThatTurnsRed:
    def test_sends_a_release_back_during_a_step(self):
        world = a_world()
        deployment = world.shifting("2.0")
        world.wait(2)

        world.alarms.turn(ALARM, AlarmState.ALARM, "12 failed orders")

        world.until(lambda: world.phase("2.0") is Phase.REVERTED)
        assert world.share(deployment.color) == 0
        assert "alarm web: failed orders turned red: 12 failed orders" in world.deployment("2.0").outcome

    def test_sends_it_back_in_the_watch_as_well(self):
        world = a_world()
        world.watching("2.0")
        world.wait(2)

        world.alarms.turn(ALARM, AlarmState.ALARM)

        world.until(lambda: world.phase("2.0") is Phase.REVERTED)

    def test_is_acted_on_with_its_event_and_not_with_the_next_tick(self):
        world = a_world()
        world.shifting("2.0")
        world.wait(2)
        world.queues.due.clear()

        world.alarms.turn(ALARM, AlarmState.ALARM)
        world.control.passes.changed(heeding(world, ALARM))

        assert world.queues.due == ["web"]
        world.control.passes.run("web")
        assert world.phase("2.0") is Phase.REVERTING


class TestAnAlarmThatWasRedBefore:
    def test_neither_sends_a_release_back_nor_lets_it_go_on(self):
        world = a_world()
        world.alarms.turn(ALARM, AlarmState.ALARM)
        deployment = world.shifting("2.0")

        world.wait(15)

        assert (world.phase("2.0"), world.share(deployment.color)) == (Phase.SHIFTING, 10)
        assert "was red before the first weight" in said(world)

    def test_lets_it_go_on_once_it_is_clear_and_counts_from_then_on(self):
        world = a_world()
        world.alarms.turn(ALARM, AlarmState.ALARM)
        world.shifting("2.0")
        world.wait(5)

        world.alarms.turn(ALARM, AlarmState.OK)
        world.until(lambda: world.share(world.deployment("2.0").color) == 50)
        world.alarms.turn(ALARM, AlarmState.ALARM)

        world.until(lambda: world.phase("2.0") is Phase.REVERTED)


class TestAnAlarmThatSaysNothing:
    def test_holds_a_step_for_one_extension_and_then_leaves_it_to_targets_and_probes(self):
        world = a_world()
        world.alarms.turn(ALARM, AlarmState.INSUFFICIENT_DATA)
        world.shifting("2.0")

        world.until(lambda: world.phase("2.0") is Phase.COMPLETED, 300)
        assert not any(one.certified for one in world.service().lineage if one.build.version == "2.0"), "it had too little data all through the watch"

    def test_because_it_cannot_be_read_is_never_a_pass(self):
        world = a_world()
        deployment = world.shifting("2.0")
        world.alarms.unreadable = True

        world.wait(40)

        assert (world.phase("2.0"), world.share(deployment.color)) == (Phase.SHIFTING, 10)

    def test_because_it_was_deleted_is_never_a_pass(self):
        world = a_world()
        deployment = world.shifting("2.0")
        world.alarms.delete(ALARM)

        world.wait(40)

        assert (world.phase("2.0"), world.share(deployment.color)) == (Phase.SHIFTING, 10)
        assert "there is no alarm" in said(world)


class TestAlarmsThatAreOk:
    def test_are_part_of_what_certifies_a_release(self):
        world = a_world()
        world.watching("2.0")
        world.wait(2)

        look = world.ledger.find(keys.look("web"))

        assert look is not None
        assert look.verdict is not None
        assert ("alarms", Outcome.HEALTHY) in [(check.name, check.outcome) for check in look.verdict.checks]


class TestTheServicesThatAnAlarmConcerns:
    def test_are_those_that_name_it_each_once(self):
        world = a_world(alarms=[ALARM, OTHER])
        world.register(a_definition("shop", checks={"alarms": [ALARM]}))

        assert sorted(heeding(world, ALARM, OTHER)) == ["shop", "web"]
        assert heeding(world, OTHER) == ("web",)
        assert heeding(world) == ()

    def test_change_with_the_definition_and_end_with_the_service(self):
        world = a_world()

        world.redefine(checks=CHECKS | {"alarms": [OTHER]})
        assert (heeding(world, ALARM), heeding(world, OTHER)) == ((), ("web",))
        world.redefine(checks=CHECKS | {"alarms": []})
        assert heeding(world, OTHER) == ()
        world.redefine(checks=CHECKS)
        world.control.services.remove("web", by=ALICE)
        assert heeding(world, ALARM) == ()

    def test_are_all_told_however_many_they_are(self):
        world = World()
        world.alarms.make(ALARM)
        names = [f"web-{number}" for number in range(101)]
        for name in names:
            world.register(a_definition(name, checks={"alarms": [ALARM]}))

        assert sorted(heeding(world, ALARM)) == sorted(names)


class TestNamingAnAlarm:
    def test_that_is_not_there_is_refused_by_name(self):
        world = World()
        world.alarms.make(ALARM)

        with pytest.raises(Invalid, match=r"there is no alarm .*slow") as refused:
            world.register(a_definition(checks={"alarms": [ALARM, OTHER]}))

        assert "checks.alarms.1" in str(refused.value.extra)

    def test_that_has_gone_since_does_not_stand_in_the_way_of_other_changes(self):
        world = a_world()
        world.alarms.delete(ALARM)

        assert world.redefine(checks=CHECKS | {"when_quiet": "hold"}).definition.checks.when_quiet == "hold"
