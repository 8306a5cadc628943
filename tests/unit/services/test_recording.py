from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.audit.chain import Entry, replayed
from chalicelib.audit.service import Audit
from chalicelib.colors import Color, Split
from chalicelib.deployments.model import Deployment, Event, Phase, Placement
from chalicelib.errors import Stale
from chalicelib.ledger import codec, keys
from chalicelib.ledger.memory import MemoryLedger
from chalicelib.ledger.port import Change, Expect, Put
from chalicelib.services.model import Chain, Pause, Service
from chalicelib.services.recording import Deed, Told, recorded
from tests.ledger_builders import NOON, a_config, a_definition, a_deployment, a_once, a_release, a_service, at

DEED = Deed(NOON, "ci", "promoted", "it is time")


def first(**changes: Any) -> tuple[Service, Change]:
    return recorded(None, a_service(revision=0, write_id="", **changes), Deed(NOON, "root", "registered"))


def documents_of(change: Change, kind: type) -> list[Any]:
    return [put.document for put in change.puts if isinstance(put.document, kind)]


class TestTheServiceItself:
    def test_that_is_new_must_not_be_there_yet(self):
        service, change = first()

        assert change.puts[0] == Put(service, Expect.NEW)
        assert service.revision == 1

    def test_must_be_of_the_revision_and_epoch_that_were_read(self):
        before, _ = first(epoch=4)

        after, change = recorded(before, replace(before, epoch=5), DEED)

        assert change.puts[0] == Put(after, 1, epoch=4)
        assert (after.revision, after.epoch) == (2, 5)

    def test_is_named_anew_by_every_write(self):
        before, _ = first()

        assert len({before.write_id, *(recorded(before, before, DEED)[0].write_id for _ in range(10))}) == 11

    def test_continues_its_chain(self):
        before, _ = first()

        after, change = recorded(before, replace(before, config_version=1), DEED)

        [entry] = documents_of(change, Entry)
        assert (entry.seq, entry.previous_hash) == (2, before.chain.hash)
        assert after.chain == Chain(2, entry.hash)

    def test_takes_who_did_what_and_why_into_the_entry(self):
        [entry] = documents_of(recorded(first()[0], first()[0], DEED)[1], Entry)

        assert (entry.at, entry.actor, entry.action, entry.reason) == (NOON, "ci", "promoted", "it is time")

    def test_that_lost_the_race_is_stale_and_leaves_no_entry(self):
        ledger, (before, change) = MemoryLedger(), first()
        ledger.commit(change)
        ledger.commit(recorded(before, replace(before, config_version=1), DEED)[1])

        with pytest.raises(Stale) as caught:
            ledger.commit(recorded(before, replace(before, config_version=2), DEED)[1])

        assert keys.service("web") in caught.value.keys
        assert ledger.find(keys.service("web")).config_version == 1
        assert len(ledger.list(keys.audit_of("service/web"), limit=10).items) == 2


class TestWhatComesWithIt:
    def test_are_the_deployments_that_changed_and_only_those(self):
        before, _ = first(deployment=a_deployment("d-000001"), waiting=(a_deployment("d-000002"),))

        after = replace(before, deployment=replace(before.deployment, phase=Phase.PREPARING))

        assert documents_of(recorded(before, after, DEED)[1], Deployment) == [after.deployment]

    def test_are_the_deployments_that_ended(self):
        before, _ = first(deployment=a_deployment())
        ended = a_deployment(phase=Phase.ABORTED)

        _, change = recorded(before, replace(before, deployment=None), DEED, ended=(ended,))

        assert documents_of(change, Deployment) == [ended]

    def test_are_the_lines_of_the_timeline_in_their_order(self):
        before, _ = first(deployment=a_deployment())
        told = tuple(Told(before.deployment, "noted", f"line {number}", {"number": number}) for number in range(12))

        events = documents_of(recorded(before, before, DEED, told=told)[1], Event)

        assert [event.message for event in sorted(events, key=lambda event: event.id)] == [f"line {number}" for number in range(12)]
        assert {(event.actor, event.deployment, event.at) for event in events} == {("ci", "d-000001", NOON)}

    def test_later_lines_sort_behind_earlier_ones(self):
        before, _ = first(deployment=a_deployment())
        after, earlier = recorded(before, before, DEED, told=(Told(before.deployment, "noted", "1"),) * 3)

        _, later = recorded(after, after, DEED, told=(Told(before.deployment, "noted", "2"),))

        assert max(event.id for event in documents_of(earlier, Event)) < documents_of(later, Event)[0].id

    def test_is_in_the_audit_unless_it_is_put_quietly(self):
        before, _ = first()

        _, change = recorded(before, before, DEED, also=(Put(a_config(3), Expect.NEW), Put(a_release(), Expect.NEW)), quietly=(Put(a_once(), Expect.ANY),))

        [entry] = documents_of(change, Entry)
        assert entry.patch == {"configversion/3": codec.told(a_config(3)), "release/1.4.2": codec.told(a_release())}
        assert Put(a_once(), Expect.ANY) in change.puts


MOVES: dict[str, Any] = {
    "pause": lambda service: replace(service, paused=Pause(NOON, "ci", "lunch")),
    "resume": lambda service: replace(service, paused=None),
    "place": lambda service: replace(service, live=Placement(Color.BLUE, None), standing=service.standing | {Color.GREEN: a_deployment().build}),
    "clear": lambda service: replace(service, live=None, standing={}, empty_since={}),
    "shift": lambda service: replace(service, expected=(*service.expected, Split(900, 100))),
    "settle": lambda service: replace(service, expected=service.expected[-1:], empty_since={Color.GREEN: NOON}),
    "start": lambda service: replace(service, deployment=a_deployment("d-000009", phase=Phase.PREPARING), epoch=service.epoch + 1),
    "advance": lambda service: replace(service, deployment=service.deployment and replace(service.deployment, phase=Phase.SHIFTING, step=1, color=Color.GREEN)),
    "wait": lambda service: replace(service, waiting=(a_deployment("d-000010"),)),
    "end": lambda service: replace(service, deployment=None, waiting=()),
    "define": lambda service: replace(service, definition=a_definition(rollout={"strategy": "linear", "steps": [{"weight": 25, "hold_seconds": 0}]})),
    "due": lambda service: replace(service, due_at=at(service.revision)),
    "idle": lambda service: replace(service, due_at=None),
    "remove": lambda service: replace(service, registered=False),
    "return": lambda service: replace(service, registered=True),
}


class TestHistory:
    @settings(max_examples=60)
    @given(st.lists(st.sampled_from(sorted(MOVES)), max_size=12))
    def test_verifies_and_replays_to_the_current_state(self, moves):
        ledger = MemoryLedger()
        service, change = first()
        ledger.commit(change)
        for move in moves:
            service, change = recorded(service, MOVES[move](service), Deed(at(service.revision), "ci", move))
            ledger.commit(change)

        entries = ledger.list(keys.audit_of("service/web"), limit=100).items
        current = codec.told(ledger.find(keys.service("web")))

        assert ledger.find(keys.service("web")) == service
        assert replayed(reversed(entries))["service"] == {name: value for name, value in current.items() if name not in {"revision", "chain", "write_id"}}
        assert Audit(ledger).verify("service/web") is None

    def test_replays_to_the_deployments_that_ended_as_well(self):
        service, change = first(deployment=a_deployment())
        ended = a_deployment(phase=Phase.FAILED, ended_at=at(9), outcome="it was late")

        _, second = recorded(service, replace(service, deployment=None), DEED, ended=(ended,))

        documents = replayed(documents_of(change, Entry) + documents_of(second, Entry))
        assert documents["deployment/d-000001"] == codec.told(ended)
        assert "deployment" not in documents["service"]
