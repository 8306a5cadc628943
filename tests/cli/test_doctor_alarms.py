"""What `turnout doctor` says of the alarms that a service names."""

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from tests.cli.a_patient import faults, told_of
from tests.local.both_ways import client
from turnout.cli.doctor import alarms
from turnout.local import corrections

ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"


@pytest.fixture(autouse=True)
def cloudwatch() -> Iterator[Any]:
    with mock_aws(), corrections.apply():
        made = client("cloudwatch")
        for name in ("errors", "both"):
            made.put_composite_alarm(AlarmName=name, AlarmRule="FALSE")
        yield made


def found(*names: str) -> list[tuple[str, str]]:
    service = told_of({"name": "web", "checks": {"alarms": [ARN + name for name in names]}})
    return [(str(one.outcome), one.said) for one in faults(alarms.named(client("cloudwatch"), service))]


class TestAlarms:
    def test_that_are_there_and_ok_are_well(self):
        assert found("errors", "both") == []

    def test_that_are_not_there_are_named(self):
        [(outcome, said)] = found("errors", "gone")

        assert (outcome, "there is no alarm gone (arn:" in said) == ("problem", True)

    def test_that_are_red_hold_every_release(self, cloudwatch):
        cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="12 errors")

        assert found("errors", "both") == [("problem", "alarm errors is red: 12 errors")]

    def test_that_say_nothing_are_warned_of(self, cloudwatch):
        cloudwatch.set_alarm_state(AlarmName="both", StateValue="INSUFFICIENT_DATA", StateReason="no data")

        assert found("errors", "both") == [("warning", "alarm both has too little data to say anything")]
