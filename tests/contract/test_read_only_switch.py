"""What every read-only switch promises, whatever it is made of."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.clock import ManualClock
from chalicelib.cutover.memory import MemorySwitch
from chalicelib.cutover.ssm import SsmSwitch
from chalicelib.cutover.switch import Reading, ReadOnlySwitch
from chalicelib.errors import Unavailable
from tests.contract.breaking import new_clients, throttled

PARAMETER = "/turnout/web/read-only"
NOON = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


class Memory:
    def __init__(self) -> None:
        self.switch = MemorySwitch(ManualClock())

    def says(self) -> str:
        return self.switch.texts[PARAMETER]

    def put(self, text: str) -> None:
        self.switch.texts[PARAMETER] = text


class Ssm:
    def __init__(self) -> None:
        self.switch = SsmSwitch(new_clients())
        self.ssm: Any = boto3.client("ssm")

    def says(self) -> str:
        value: str = self.ssm.get_parameter(Name=PARAMETER)["Parameter"]["Value"]
        return value

    def put(self, text: str) -> None:
        self.ssm.put_parameter(Name=PARAMETER, Value=text, Type="String")


@pytest.fixture(params=[Memory, Ssm])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Memory | Ssm]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield request.param()


@pytest.fixture
def switch(world: Memory | Ssm) -> ReadOnlySwitch:
    return world.switch


class TestReadOnlySwitch:
    def test_says_writable_before_anything_was_written(self, switch: ReadOnlySwitch):
        assert switch.read(PARAMETER) == Reading(None)

    def test_says_until_when(self, switch: ReadOnlySwitch):
        switch.set(PARAMETER, NOON, deployment="d-000001")

        assert switch.read(PARAMETER) == Reading(NOON)

    def test_says_it_in_words_that_an_application_can_read(self, world: Memory | Ssm):
        world.switch.set(PARAMETER, NOON, deployment="d-000001")

        assert json.loads(world.says()) == {"read_only_until": "2026-01-01T12:00:00.123456+00:00", "deployment": "d-000001"}

    def test_is_written_over(self, switch: ReadOnlySwitch):
        switch.set(PARAMETER, NOON, deployment="d-000001")
        switch.set(PARAMETER, NOON, deployment="d-000001")
        switch.set(PARAMETER, NOON + timedelta(seconds=1), deployment="d-000002")

        assert switch.read(PARAMETER) == Reading(NOON + timedelta(seconds=1))

    def test_says_writable_again(self, world: Memory | Ssm):
        world.switch.set(PARAMETER, NOON, deployment="d-000001")
        world.switch.set(PARAMETER, None, deployment="d-000001")

        assert world.switch.read(PARAMETER) == Reading(None)
        assert json.loads(world.says()) == {"read_only_until": None}

    @pytest.mark.parametrize(
        "text", ["on", "{}", "[]", "null", '{"read_only_until": true}', '{"read_only_until": "soon"}', '{"read_only_until": "2026-01-01T12:00:00"}']
    )
    def test_what_somebody_else_wrote_is_no_moment(self, world: Memory | Ssm, text: str):
        world.put(text)

        assert world.switch.read(PARAMETER) == Reading(None)


class TestUnreachable:
    def test_memory(self):
        switch = MemorySwitch(ManualClock(), unreachable=True)

        with pytest.raises(Unavailable):
            switch.read(PARAMETER)

    @pytest.mark.parametrize("operation", ["PutParameter", "GetParameter"])
    def test_ssm_is_asked_once(self, operation: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with mock_aws():
            clients = new_clients()
            attempts = throttled(clients.switches, operation, "ThrottlingException", json=True)
            switch = SsmSwitch(clients)

            with pytest.raises(Unavailable):
                switch.set(PARAMETER, NOON, deployment="d-000001") if operation == "PutParameter" else switch.read(PARAMETER)

        assert len(attempts) == 1
