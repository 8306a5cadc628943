"""What every reader of alarms does. moto knows neither composite alarms' types nor when a state began, so CloudWatch's answers come from a Stubber."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.stub import ANY, Stubber

from chalicelib.clock import ManualClock
from chalicelib.errors import Unavailable
from chalicelib.health.cloudwatch_alarms import CloudWatchAlarms
from chalicelib.health.memory import MemoryAlarms
from chalicelib.health.model import Alarm, AlarmState
from chalicelib.health.signal import Subject
from tests.contract.balancers import TRAFFIC
from tests.contract.breaking import new_clients, throttled

AT = datetime(2026, 1, 1, tzinfo=UTC)
TYPES = ["MetricAlarm", "CompositeAlarm"]


def arn(name: str, region: str = "us-east-1") -> str:
    return f"arn:aws:cloudwatch:{region}:123456789012:alarm:{name}"


def asked(*names: str) -> Subject:
    return Subject(TRAFFIC, alarms=tuple(arn(name) for name in names))


def described(name: str, state: str = "OK", **more: object) -> dict[str, object]:
    return {"AlarmName": name, "AlarmArn": arn(name), "StateValue": state, "StateReason": "so", "StateTransitionedTimestamp": AT} | more


class InMemory:
    def __init__(self):
        self.clock = ManualClock(AT)
        self.alarms = MemoryAlarms(self.clock)

    def there(self, **states):
        for name, state in states.items():
            self.alarms.make(arn(name), AlarmState.INSUFFICIENT_DATA)
            self.alarms.turn(arn(name), AlarmState(state), "so")

    def broken(self):
        self.alarms.unreadable = True


class Stubbed:
    def __init__(self):
        clients = new_clients()
        self.client = clients.cloudwatch
        self.stubber = Stubber(self.client)
        self.alarms = CloudWatchAlarms(clients)

    def there(self, **states):
        found = [described(name, state) for name, state in states.items()]
        self.answer({"MetricAlarms": found[:1], "CompositeAlarms": found[1:]}, {"AlarmNames": ANY, "AlarmTypes": TYPES})

    def answer(self, answer, expected):
        self.stubber.add_response("describe_alarms", answer, expected)
        self.stubber.activate()

    def broken(self):
        return throttled(self.client, "DescribeAlarms", json=True)


@pytest.fixture(params=[InMemory, Stubbed])
def world(request):
    return request.param()


class TestAlarms:
    def test_are_told_in_the_order_of_the_question(self, world):
        world.there(one="OK", two="ALARM")

        two, one = world.alarms.read(asked("two", "one"))

        assert (one.arn, one.state) == (arn("one"), AlarmState.OK)
        assert two == Alarm(arn("two"), AlarmState.ALARM, AT, "so")

    def test_one_that_is_not_there_is_told_as_missing(self, world):
        world.there(one="OK")

        assert [each.state for each in world.alarms.read(asked("one", "gone"))] == [AlarmState.OK, AlarmState.MISSING]

    def test_that_cannot_be_read_are_unavailable(self, world):
        world.broken()

        with pytest.raises(Unavailable):
            world.alarms.read(asked("one"))


class TestCloudWatch:
    def test_is_asked_by_name_however_many_services_name_an_alarm(self):
        world = Stubbed()
        world.answer({"MetricAlarms": [described("a:b")]}, {"AlarmNames": ["a:b"], "AlarmTypes": TYPES})

        assert [each.state for each in world.alarms.read(asked("a:b", "a:b"))] == [AlarmState.OK, AlarmState.OK]

    def test_knows_an_alarm_of_the_same_name_elsewhere_for_another(self):
        world = Stubbed()
        world.there(one="OK")

        [found] = world.alarms.read(Subject(TRAFFIC, alarms=(arn("one", "eu-west-1"),)))

        assert found.state is AlarmState.MISSING

    def test_tells_the_last_update_where_a_change_was_never_noted(self):
        world = Stubbed()
        noted = described("one", StateUpdatedTimestamp=AT + timedelta(hours=1))
        del noted["StateTransitionedTimestamp"]
        world.answer({"MetricAlarms": [noted]}, {"AlarmNames": ["one"], "AlarmTypes": TYPES})

        assert world.alarms.read(asked("one"))[0].since == AT + timedelta(hours=1)

    def test_is_asked_for_every_page_and_for_a_hundred_names_at_a_time(self):
        world = Stubbed()
        names = [f"{number:03}" for number in range(101)]
        world.answer({"MetricAlarms": [described(name) for name in names[:50]], "NextToken": "more"}, {"AlarmNames": names[:100], "AlarmTypes": TYPES})
        world.answer({"MetricAlarms": [described(name) for name in names[50:100]]}, {"AlarmNames": names[:100], "AlarmTypes": TYPES, "NextToken": "more"})
        world.answer({"CompositeAlarms": [described(names[100])]}, {"AlarmNames": names[100:], "AlarmTypes": TYPES})

        assert {each.state for each in world.alarms.read(asked(*names))} == {AlarmState.OK}

    def test_is_asked_once(self):
        world = Stubbed()
        attempts = world.broken()

        with pytest.raises(Unavailable):
            world.alarms.read(asked("one"))
        assert len(attempts) == 1

    def test_refusing_is_not_an_answer(self):
        world = Stubbed()
        throttled(world.client, "DescribeAlarms", "AccessDenied", 403, json=True)

        with pytest.raises(Unavailable, match="policy"):
            world.alarms.read(asked("one"))


class TestMemory:
    def test_an_alarm_that_stays_as_it_is_keeps_its_moment(self):
        world = InMemory()
        world.there(one="ALARM")
        world.clock.move(timedelta(minutes=1))

        world.alarms.turn(arn("one"), AlarmState.ALARM)
        assert world.alarms.read(asked("one"))[0].since == AT
        world.alarms.turn(arn("one"), AlarmState.OK)
        assert world.alarms.read(asked("one"))[0].since == AT + timedelta(minutes=1)
        world.alarms.delete(arn("one"))
        assert world.alarms.read(asked("one"))[0].state is AlarmState.MISSING
