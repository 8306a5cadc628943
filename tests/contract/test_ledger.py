"""What every ledger keeps to: the one in memory, and the one in DynamoDB (on moto)."""

import base64
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError
from moto import mock_aws
from moto.server import DomainDispatcherApplication, create_backend_app
from pynamodb.exceptions import PynamoDBException
from werkzeug.serving import make_server

from chalicelib.deployments.model import Phase
from chalicelib.errors import Conflict, Stale, Unavailable, Unparsable
from chalicelib.ledger import keys
from chalicelib.ledger.dynamodb import DynamoLedger
from chalicelib.ledger.items import table_definition
from chalicelib.ledger.memory import MemoryLedger
from chalicelib.ledger.port import Change, Due, Expect, Ledger, Listing, Put
from tests.ledger_builders import (
    NOON,
    a_config,
    a_deployment,
    a_head,
    a_look,
    a_once,
    a_probe_log,
    a_rejection,
    a_release,
    a_service,
    a_token,
    an_entry,
    an_event,
    at,
    one_of_each,
)

_names = count()


@pytest.fixture(scope="module")
def embedded_aws() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("dynamodb")


@pytest.fixture
def table(embedded_aws) -> str:
    name = f"ledger-{next(_names)}"
    embedded_aws.create_table(**table_definition(name))
    return name


@pytest.fixture
def dynamo(table) -> DynamoLedger:
    return DynamoLedger(table, sleep=lambda _: None)


@pytest.fixture(params=["memory", "dynamodb"])
def ledger(request) -> Ledger:
    return MemoryLedger() if request.param == "memory" else request.getfixturevalue("dynamo")


@pytest.fixture(scope="module")
def one_at_a_time() -> Iterator[str]:
    """moto's transactions are not atomic between threads, DynamoDB's are: this server answers one request at a time."""
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=False)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def no_backoff(monkeypatch):
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)


def put(*documents: object, expecting: Expect | int = Expect.ANY) -> Change:
    return Change(tuple(Put(document, expecting) for document in documents))


def all_of(ledger: Ledger, listing: Listing[Any], limit: int) -> list[Any]:
    found, cursor = [], None
    while True:
        page = ledger.list(listing, limit=limit, cursor=cursor)
        found += page.items
        if (cursor := page.cursor) is None:
            return found


class TestReading:
    def test_gives_back_every_kind_of_document_as_it_was_written(self, ledger):
        documents = one_of_each()

        ledger.commit(put(*documents))

        assert tuple(ledger.find(keys.ref_of(document)) for document in documents) == documents

    def test_finds_nothing_where_nothing_was_written(self, ledger):
        assert ledger.find(keys.service("web")) is None

    def test_finds_nothing_under_an_empty_name(self, ledger):
        adopted = keys.release("web", "")

        assert ledger.find(adopted) is None
        assert ledger.find_many((adopted,)) == (None,)
        assert ledger.find_many((adopted, keys.service("web"))) == (None, None)

    def test_finds_many_in_the_order_asked_for_with_gaps_and_repeats(self, ledger):
        ledger.commit(put(a_service(), a_look()))

        found = ledger.find_many((keys.probe_log("web"), keys.look("web"), keys.service("web"), keys.once("o1"), keys.look("web")))

        assert found == (None, a_look(), a_service(), None, a_look())

    def test_finds_a_hundred_and_no_more(self, ledger):
        releases = [a_release(f"1.0.{number}") for number in range(100)]
        ledger.commit(put(*releases))
        refs = tuple(keys.ref_of(release) for release in releases)

        assert ledger.find_many(refs) == tuple(releases)
        assert ledger.find_many(()) == ()
        with pytest.raises(ValueError, match="100"):
            ledger.find_many((*refs, keys.service("web")))

    def test_lends_nothing_that_its_reader_could_change(self, ledger):
        answer = {"id": "d-000001"}
        ledger.commit(put(a_once(answer=answer)))
        answer["id"] = "changed"

        ledger.find(keys.once("o1")).answer["id"] = "changed as well"

        assert ledger.find(keys.once("o1")).answer == {"id": "d-000001"}

    def test_an_observation_is_written_over_the_one_before(self, ledger):
        ledger.note(a_look())
        ledger.note(a_look(at=at(1)))
        ledger.note(a_probe_log())

        assert ledger.find_many((keys.look("web"), keys.probe_log("web"))) == (a_look(at=at(1)), a_probe_log())


class TestCommitting:
    def test_all_happens_or_nothing(self, ledger):
        ledger.commit(put(a_release()))

        with pytest.raises(Stale):
            ledger.commit(Change((Put(a_config(), Expect.NEW), Put(a_release(), Expect.NEW)), deletions=(keys.release("web", "1.4.2"),)[:0]))

        assert ledger.find(keys.config("web", 1)) is None

    def test_puts_and_deletions_happen_together(self, ledger):
        ledger.commit(put(a_token(), a_head()))

        ledger.commit(Change((Put(a_head(revision=2), 1),), deletions=(keys.token("t1"),)))

        assert ledger.find_many((keys.token("t1"), keys.head("tokens"))) == (None, a_head(revision=2))

    def test_a_lost_put_keeps_what_was_to_be_deleted(self, ledger):
        ledger.commit(put(a_token(), a_head()))

        with pytest.raises(Stale) as caught:
            ledger.commit(Change((Put(a_head(revision=2), 7),), deletions=(keys.token("t1"),)))

        assert caught.value.keys == (keys.head("tokens"),)
        assert ledger.find(keys.token("t1")) == a_token()

    def test_deleting_what_is_not_there_changes_nothing(self, ledger):
        ledger.commit(Change(deletions=(keys.token("t1"),)))

        assert ledger.find(keys.token("t1")) is None

    def test_new_means_that_nothing_is_there_yet(self, ledger):
        ledger.commit(put(a_release(), expecting=Expect.NEW))

        with pytest.raises(Stale) as caught:
            ledger.commit(put(a_release(), expecting=Expect.NEW))

        assert caught.value.keys == (keys.release("web", "1.4.2"),)

    def test_any_writes_over_whatever_is_there(self, ledger):
        ledger.commit(put(a_deployment()))
        ledger.commit(put(a_deployment(phase=Phase.FAILED)))

        assert ledger.find(keys.deployment("web", "d-000001")).phase is Phase.FAILED

    @pytest.mark.parametrize("seen", [0, 2, 3])
    def test_a_revision_must_be_the_one_that_is_there(self, ledger, seen):
        ledger.commit(put(a_head(revision=1)))

        with pytest.raises(Stale):
            ledger.commit(put(a_head(revision=seen + 1), expecting=seen))

        ledger.commit(put(a_head(revision=2), expecting=1))
        assert ledger.find(keys.head("tokens")).revision == 2

    def test_a_revision_of_nothing_is_stale(self, ledger):
        with pytest.raises(Stale):
            ledger.commit(put(a_head(), expecting=1))

    def test_a_writer_of_another_epoch_loses_even_with_the_right_revision(self, ledger):
        ledger.commit(put(a_service(revision=5, epoch=2)))
        after = a_service(revision=6, epoch=2, write_id="mine")

        with pytest.raises(Stale) as caught:
            ledger.commit(Change((Put(after, 5, epoch=1),)))
        ledger.commit(Change((Put(after, 5, epoch=2),)))

        assert caught.value.keys == (keys.service("web"),)
        assert ledger.find(keys.service("web")) == after

    def test_names_exactly_the_documents_whose_expectation_did_not_hold(self, ledger):
        ledger.commit(put(a_service(), a_config(1), a_token()))
        change = Change(
            (
                Put(a_release(), Expect.NEW), Put(a_config(1), Expect.NEW), Put(a_config(2), Expect.NEW),
                Put(a_service(revision=9, write_id="mine"), 8), Put(a_once(), Expect.ANY),
            ),
            deletions=(keys.token("t1"),),
        )

        with pytest.raises(Stale) as caught:
            ledger.commit(change)

        assert caught.value.keys == (keys.config("web", 1), keys.service("web"))

    def test_a_service_that_is_our_own_write_is_success_and_not_a_lost_race(self, ledger):
        change = Change((Put(a_service(write_id="mine"), Expect.NEW), Put(an_entry(), Expect.NEW)))
        ledger.commit(change)

        ledger.commit(change)

        assert len(all_of(ledger, keys.audit_of("service/web"), 10)) == 1

    def test_our_own_write_is_known_behind_deletions_as_well(self, ledger):
        ledger.commit(put(a_config()))
        change = Change((Put(a_release(), Expect.ANY), Put(a_service(write_id="mine"), Expect.NEW)), deletions=(keys.config("web", 1),))
        ledger.commit(change)

        ledger.commit(change)

        assert ledger.find(keys.config("web", 1)) is None

    def test_a_service_without_a_write_id_is_nobodys_own(self, ledger):
        ledger.commit(put(a_service(write_id=""), expecting=Expect.NEW))

        with pytest.raises(Stale):
            ledger.commit(put(a_service(write_id=""), expecting=Expect.NEW))

    def test_a_change_of_nothing_is_no_change(self, ledger):
        ledger.commit(Change())

    def test_a_hundred_puts_go_and_more_are_refused(self, ledger):
        configs = [a_config(number) for number in range(1, 102)]

        ledger.commit(put(*configs[:100], expecting=Expect.NEW))

        with pytest.raises(ValueError, match="100"):
            ledger.commit(put(*configs))

    def test_one_change_does_one_thing_to_a_document(self, ledger):
        with pytest.raises(ValueError, match="one thing"):
            ledger.commit(put(a_config(), a_config()))
        with pytest.raises(ValueError, match="one thing"):
            ledger.commit(Change((Put(a_token(), Expect.NEW),), deletions=(keys.token("t1"),)))

    def test_a_stale_write_is_a_conflict(self):
        assert issubclass(Stale, Conflict)


class TestListing:
    def test_is_newest_first(self, ledger):
        versions = ("1.0.0", "0.9.0", "2.0.0")
        ledger.commit(put(*(a_release(version, registered_at=at(minute)) for minute, version in enumerate(versions))))

        assert [release.version for release in all_of(ledger, keys.releases("web"), 10)] == ["2.0.0", "0.9.0", "1.0.0"]

    def test_sorts_by_time_and_not_by_the_text_of_it(self, ledger):
        moments = (NOON, NOON + timedelta(microseconds=1), NOON.replace(microsecond=500_000), at(1).astimezone())
        ledger.commit(put(*(a_release(str(number), registered_at=moment) for number, moment in enumerate(moments))))

        assert [release.version for release in all_of(ledger, keys.releases("web"), 1)] == ["3", "2", "1", "0"]

    @pytest.mark.parametrize("limit", [1, 2, 5, 6, 7])
    def test_of_the_same_moment_shows_each_once_whatever_the_page(self, ledger, limit):
        ledger.commit(put(*(a_service(f"web-{number}") for number in range(6))))

        assert [service.name for service in all_of(ledger, keys.services(), limit)] == [f"web-{number}" for number in (5, 4, 3, 2, 1, 0)]

    @pytest.mark.parametrize(("limit", "pages"), [(3, 2), (6, 1), (7, 1), (5, 2)])
    def test_has_no_cursor_on_its_last_page(self, ledger, limit, pages):
        ledger.commit(put(*(a_config(number) for number in range(1, 7))))

        page, turned = ledger.list(keys.configs("web"), limit=limit), 1
        while page.cursor:
            page, turned = ledger.list(keys.configs("web"), limit=limit, cursor=page.cursor), turned + 1

        assert turned == pages

    def test_of_nothing_is_an_empty_last_page(self, ledger):
        for listing in (keys.services(), keys.rejections()):
            page = ledger.list(listing, limit=10)
            assert (page.items, page.cursor) == ((), None)

    @pytest.mark.parametrize("listing", [keys.releases("web"), keys.configs("web")])
    def test_goes_on_where_it_was_when_something_came_meanwhile(self, ledger, listing):
        for number in range(1, 5):
            ledger.commit(put(a_release(str(number), registered_at=at(number)), a_config(number)))
        page = ledger.list(listing, limit=2)

        ledger.commit(put(a_release("5", registered_at=at(5)), a_config(5)))
        rest = ledger.list(listing, limit=2, cursor=page.cursor)

        numbers = [str(getattr(document, "version", None) or document.number) for document in (*page.items, *rest.items)]
        assert numbers == ["4", "3", "2", "1"]

    @pytest.mark.parametrize("listing", [keys.tokens(), keys.deployments("web")])
    def test_goes_on_when_what_it_stopped_at_is_gone(self, ledger, listing):
        for number in range(1, 5):
            ledger.commit(put(a_token(f"t{number}", created_at=at(number)), a_deployment(f"d-{number:06}")))
        page = ledger.list(listing, limit=2)

        ledger.commit(Change(deletions=(keys.token("t3"), keys.deployment("web", "d-000003"))))
        rest = ledger.list(listing, limit=2, cursor=page.cursor)

        assert [document.id[-1] for document in rest.items] == ["2", "1"]

    def test_by_sort_key_reads_one_partition(self, ledger):
        ledger.commit(put(an_event("000000000002-00"), an_event("000000000001-01"), an_event("000000000001-00"), an_event(deployment="d-000009")))

        events = all_of(ledger, keys.events("web", "d-000001"), 2)

        assert [event.id for event in events] == ["000000000002-00", "000000000001-01", "000000000001-00"]

    @pytest.mark.parametrize("limit", [1, 2, 3])
    def test_of_a_chain_leaves_out_its_head(self, ledger, limit):
        ledger.commit(put(*(an_entry(seq, "tokens") for seq in (1, 2, 3)), a_head("tokens")))

        assert [entry.seq for entry in all_of(ledger, keys.audit_of("tokens"), limit)] == [3, 2, 1]

    def test_of_all_chains_is_in_the_order_of_time(self, ledger):
        ledger.commit(put(an_entry(1, at=at(1)), an_entry(2, at=at(3)), an_entry(1, "tokens", at=at(2)), a_head("tokens")))

        assert [(entry.chain, entry.seq) for entry in all_of(ledger, keys.audit(), 2)] == [("service/web", 2), ("tokens", 1), ("service/web", 1)]

    def test_of_services_leaves_out_those_that_were_removed(self, ledger):
        ledger.commit(put(a_service("web"), a_service("shop")))
        ledger.commit(put(a_service("web", registered=False, revision=2), expecting=1))

        assert [service.name for service in all_of(ledger, keys.services(), 10)] == ["shop"]
        assert ledger.find(keys.service("web")).registered is False

    def test_shows_more_than_a_page_of_large_documents(self, ledger):
        settings = {"LARGE": "x" * 50_000}
        ledger.commit(put(*(a_config(number, settings=settings) for number in range(1, 51))))

        page = ledger.list(keys.configs("web"), limit=49)

        assert [config.number for config in page.items] == list(range(50, 1, -1))
        assert len(ledger.list(keys.configs("web"), limit=49, cursor=page.cursor).items) == 1


def _cursor(values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


class TestCursor:
    @pytest.mark.parametrize("text", [
        "", "x", "null", "é", "\x00", "====", "bm90IGpzb24", "a" * 5000, "{}", "..", "%00",
        _cursor(None), _cursor([]), _cursor({}), _cursor("services"), _cursor(1), _cursor([[[[]]]]),
        _cursor({"of": "services"}), _cursor({"of": "services", "after": []}), _cursor({"of": "services", "after": ["a", "b"]}),
        _cursor({"of": "services", "after": ["a", "b", 3]}), _cursor({"of": "services", "after": ["", "b", "c"]}),
        _cursor({"of": "services", "after": ["a", "b", "c", "d"]}), _cursor({"of": "services", "after": ["\ud800", "b", "c"]}),
        _cursor({"of": "tokens", "after": ["a", "b", "c"]}), _cursor({"of": ["services"], "after": ["a", "b", "c"]}),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(), base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ])  # fmt: skip
    def test_that_is_none_of_ours_is_unparsable(self, ledger, text):
        with pytest.raises(Unparsable):
            ledger.list(keys.services(), limit=10, cursor=text)

    def test_of_another_list_is_unparsable(self, ledger):
        ledger.commit(put(*(a_release(str(number)) for number in range(3)), *(a_config(number) for number in (1, 2, 3))))
        cursor = ledger.list(keys.releases("web"), limit=1).cursor

        for listing in (keys.releases("shop"), keys.services(), keys.configs("web"), keys.audit_of("service/web")):
            with pytest.raises(Unparsable):
                ledger.list(listing, limit=1, cursor=cursor)

    def test_is_safe_in_a_query_string(self, ledger):
        ledger.commit(put(*(a_release(f"1.0-{number}") for number in range(3))))

        assert set(ledger.list(keys.releases("web"), limit=1).cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

    def test_forged_to_point_into_another_partition_still_reads_its_own_list(self, ledger):
        ledger.commit(put(*(a_config(number) for number in (1, 2, 3)), a_rejection("z")))
        forged = _cursor({"of": "configs#web", "after": ["00000003", "rejections", "z"]})

        page = ledger.list(keys.configs("web"), limit=10, cursor=forged)

        assert [config.number for config in page.items] == [2, 1]


class TestDue:
    def test_is_what_has_a_time_that_has_come(self, ledger):
        ledger.commit(put(a_service("early", due_at=at(-60)), a_service("now", due_at=NOON), a_service("late", due_at=at(0.000001)), a_service("idle")))

        assert ledger.due(NOON) == (Due("early", at(-60), probed=False), Due("now", NOON, probed=False))

    def test_ends_when_the_time_is_taken_away(self, ledger):
        ledger.commit(put(a_service(due_at=NOON)))
        ledger.commit(put(a_service(revision=2), expecting=1))

        assert ledger.due(at(3600)) == ()

    def test_moves_with_the_time(self, ledger):
        ledger.commit(put(a_service(due_at=NOON)))
        ledger.commit(put(a_service(revision=2, due_at=at(60)), expecting=1))

        assert ledger.due(NOON) == ()
        assert [due.due_at for due in ledger.due(at(60))] == [at(60)]

    def test_never_is_a_service_that_was_removed(self, ledger):
        ledger.commit(put(a_service(due_at=NOON, registered=False)))

        assert ledger.due(NOON) == ()

    @pytest.mark.parametrize("phase", list(Phase))
    def test_tells_whether_its_candidate_is_probed(self, ledger, phase):
        ledger.commit(put(a_service(due_at=NOON, deployment=a_deployment(phase=phase))))

        assert [due.probed for due in ledger.due(NOON)] == [phase.is_probed]

    def test_is_found_however_many_there_are(self, ledger):
        for fifty in range(3):
            ledger.commit(put(*(a_service(f"web-{fifty}-{number}", due_at=at(-number)) for number in range(50))))

        assert len({due.service for due in ledger.due(NOON)}) == 150


class TestClaim:
    def test_is_taken_by_one(self, ledger):
        assert ledger.claim("probe/web", now=NOON, lasting=timedelta(seconds=55))
        assert not ledger.claim("probe/web", now=at(1), lasting=timedelta(seconds=55))
        assert ledger.claim("probe/shop", now=at(1), lasting=timedelta(seconds=55))

    def test_ends_by_itself(self, ledger):
        ledger.claim("probe/web", now=NOON, lasting=timedelta(seconds=55))

        assert not ledger.claim("probe/web", now=at(54.999999), lasting=timedelta(seconds=55))
        assert ledger.claim("probe/web", now=at(55), lasting=timedelta(seconds=55))

    def test_may_be_given_back(self, ledger):
        ledger.claim("probe/web", now=NOON, lasting=timedelta(seconds=55))

        ledger.release("probe/web")
        ledger.release("probe/web")

        assert ledger.claim("probe/web", now=NOON, lasting=timedelta(seconds=55))

    def test_that_nobody_holds_is_given_back_without_effect(self, ledger):
        ledger.release("probe/web")

        assert ledger.claim("probe/web", now=NOON, lasting=timedelta(seconds=55))


class TestRace:
    def race(self, ledger: Ledger, writers: int, attempt: Callable[[int], None]) -> Counter[str]:
        start, outcomes = threading.Barrier(writers), Counter()

        def run(number: int) -> None:
            start.wait()
            try:
                attempt(number)
                outcomes["won"] += 1
            except Stale:
                outcomes["lost"] += 1

        threads = [threading.Thread(target=run, args=(number,)) for number in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return outcomes

    @pytest.fixture(params=["memory", "dynamodb"])
    def shared(self, request) -> Ledger:
        if request.param == "memory":
            return MemoryLedger()
        host, name = request.getfixturevalue("one_at_a_time"), f"race-{next(_names)}"
        boto3.client("dynamodb", endpoint_url=host).create_table(**table_definition(name))
        return DynamoLedger(name, host=host)

    def test_of_writers_who_read_the_same_revision_exactly_one_wins(self, shared):
        shared.commit(put(a_service()))

        def attempt(number: int) -> None:
            written = a_service(revision=2, write_id=f"writer-{number}")
            shared.commit(Change((Put(written, 1, epoch=0), Put(an_entry(actor=f"writer-{number}"), Expect.NEW))))

        outcomes = self.race(shared, 8, attempt)

        assert outcomes == {"won": 1, "lost": 7}
        service, entry = shared.find_many((keys.service("web"), keys.entry("service/web", 1)))
        assert service.write_id == entry.actor

    def test_of_writers_of_the_same_new_document_exactly_one_wins(self, shared):
        outcomes = self.race(shared, 8, lambda number: shared.commit(put(a_config(created_by=str(number)), expecting=Expect.NEW)))

        assert outcomes == {"won": 1, "lost": 7}

    def test_of_claimants_exactly_one_wins(self, shared):
        won: list[int] = []

        self.race(shared, 8, lambda number: won.append(number) if shared.claim("probe/web", now=NOON, lasting=timedelta(minutes=1)) else None)

        assert len(won) == 1

    def test_writers_who_look_again_all_get_their_turn(self, shared):
        shared.commit(put(a_head(revision=1)))

        def attempt(number: int) -> None:
            while True:
                seen = shared.find(keys.head("tokens"))
                try:
                    return shared.commit(put(replace(seen, revision=seen.revision + 1), expecting=seen.revision))
                except Stale:
                    continue

        self.race(shared, 4, attempt)

        assert shared.find(keys.head("tokens")).revision == 5


class TestOtherVersionsOfTheCode:
    """One version reads what the next one wrote: a deployment of the control plane, or its rollback, is under way."""

    def rewritten(self, table: str, client: Any, change: Callable[[dict[str, Any]], None]) -> None:
        key = {"pk": {"S": "service#web"}, "sk": {"S": "state"}}
        item = client.get_item(TableName=table, Key=key)["Item"]
        body = json.loads(item["body"]["S"])
        change(body)
        client.put_item(TableName=table, Item=item | {"body": {"S": json.dumps(body)}, "of_the_next_version": {"M": {"x": {"N": "1"}}}})

    def test_fields_of_the_next_one_are_ignored_on_every_level(self, dynamo, table, embedded_aws):
        service = a_service(deployment=a_deployment())
        dynamo.commit(put(service))

        def change(body: dict[str, Any]) -> None:
            for part in (body, body["site"], body["definition"], body["definition"]["rollout"], body["definition"]["rollout"]["steps"][0], body["deployment"]["checks"]):
                part["of_the_next_version"] = {"x": 1}

        self.rewritten(table, embedded_aws, change)

        assert dynamo.find(keys.service("web")) == service
        assert dynamo.list(keys.services(), limit=10).items == (service,)

    def test_fields_that_the_last_one_did_not_know_have_their_default(self, dynamo, table, embedded_aws):
        dynamo.commit(put(a_service()))

        self.rewritten(table, embedded_aws, lambda body: [body.pop(name) for name in ("config_version", "lineage", "registered", "quarantined")])

        assert dynamo.find(keys.service("web")) == a_service()


def answering(status: int, body: dict[str, Any]) -> AWSResponse:
    class Raw(BytesIO):
        def stream(self, **_: Any) -> Iterator[bytes]:
            yield self.read()

    return AWSResponse("https://dynamodb", status, {"content-type": "application/x-amz-json-1.0"}, Raw(json.dumps(body).encode()))


def refusing(code: str, status: int = 400, **more: Any) -> AWSResponse:
    return answering(status, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no", **more})


class TestDynamoDBItself:
    """What only a table of its own can show: calls, lost answers, refusals."""

    def on_send(self, ledger: DynamoLedger, operation: str, hook: Callable[..., Any]) -> None:
        ledger._connection.client.meta.events.register_first(f"before-send.dynamodb.{operation}", hook)

    def calls(self, ledger: DynamoLedger) -> list[str]:
        made: list[str] = []
        ledger._connection.client.meta.events.register_first("before-call.dynamodb", lambda model, **_: made.append(model.name))
        return made

    def test_reads_a_service_and_what_belongs_to_it_with_one_call(self, dynamo):
        made = self.calls(dynamo)

        dynamo.find_many((keys.service("web"), keys.look("web"), keys.probe_log("web"), keys.once("o1")))

        assert made == ["BatchGetItem"]

    def test_commits_with_one_call_and_ticks_with_one(self, dynamo):
        made = self.calls(dynamo)

        dynamo.commit(put(*one_of_each()))
        dynamo.due(NOON)
        dynamo.list(keys.services(), limit=10)
        dynamo.claim("probe/web", now=NOON, lasting=timedelta(minutes=1))
        dynamo.note(a_look())

        assert made == ["TransactWriteItems", "Query", "Query", "PutItem", "PutItem"]

    def test_reads_consistently_but_for_its_indexes(self, dynamo):
        consistent: list[tuple[str, bool]] = []

        def record(model: Any, params: dict[str, Any], **_: Any) -> None:
            body = json.loads(params["body"])
            asked = next(iter(body["RequestItems"].values())) if "RequestItems" in body else body
            consistent.append((model.name, asked.get("ConsistentRead", False)))

        dynamo._connection.client.meta.events.register("before-call.dynamodb", record)
        dynamo.find(keys.service("web"))
        dynamo.find_many((keys.service("web"),))
        dynamo.list(keys.configs("web"), limit=1)
        dynamo.list(keys.services(), limit=1)
        dynamo.due(NOON)

        assert consistent == [("GetItem", True), ("BatchGetItem", True), ("Query", True), ("Query", False), ("Query", False)]

    def test_asks_again_for_keys_that_were_left_unprocessed(self, dynamo, table):
        dynamo.commit(put(a_service(), a_look()))
        left = {"UnprocessedKeys": {table: {"ConsistentRead": True, "Keys": [{"pk": {"S": "service#web"}, "sk": {"S": name}} for name in ("state", "look")]}}, "Responses": {}}
        answers = [answering(200, left), answering(200, left)]
        self.on_send(dynamo, "BatchGetItem", lambda **_: answers.pop() if answers else None)

        assert dynamo.find_many((keys.look("web"), keys.service("web"))) == (a_look(), a_service())

    def test_gives_up_on_keys_that_stay_unprocessed(self, dynamo, table):
        left = {"UnprocessedKeys": {table: {"Keys": [{"pk": {"S": "service#web"}, "sk": {"S": "look"}}]}}, "Responses": {}}
        self.on_send(dynamo, "BatchGetItem", lambda **_: answering(200, left))

        with pytest.raises(Unavailable):
            dynamo.find_many((keys.look("web"),))

    def test_knows_its_own_write_when_the_answer_to_it_was_lost(self, dynamo, table, no_backoff):
        dynamo.commit(put(a_service()))
        written = a_service(revision=2, write_id="mine")
        change = Change((Put(written, 1, epoch=0), Put(an_entry(), Expect.NEW)))
        sent: list[int] = []

        def lose_the_first_answer(**_: Any) -> AWSResponse | None:
            sent.append(1)
            if len(sent) > 1:
                return None
            DynamoLedger(table).commit(change)
            return refusing("InternalServerError", 500)

        self.on_send(dynamo, "TransactWriteItems", lose_the_first_answer)
        dynamo.commit(change)

        assert len(sent) == 2
        assert dynamo.find(keys.service("web")) == written

    def test_tells_somebody_elses_write_from_its_own(self, dynamo, table, no_backoff):
        dynamo.commit(put(a_service()))
        sent: list[int] = []

        def let_somebody_else_win(**_: Any) -> None:
            if not sent:
                sent.append(1)
                DynamoLedger(table).commit(put(a_service(revision=2, write_id="theirs"), expecting=1))

        self.on_send(dynamo, "TransactWriteItems", let_somebody_else_win)
        with pytest.raises(Stale) as caught:
            dynamo.commit(Change((Put(a_service(revision=2, write_id="mine"), 1), Put(an_entry(), Expect.NEW))))

        assert caught.value.keys == (keys.service("web"),)

    def test_holds_a_claim_whose_answer_was_lost(self, dynamo, table, no_backoff, embedded_aws):
        requests: list[Any] = []

        def lose_the_first_answer(request: Any, **_: Any) -> AWSResponse | None:
            requests.append(request)
            if len(requests) > 1:
                return None
            embedded_aws.put_item(TableName=table, Item=json.loads(request.body)["Item"])
            return refusing("InternalServerError", 500)

        self.on_send(dynamo, "PutItem", lose_the_first_answer)

        assert dynamo.claim("probe/web", now=NOON, lasting=timedelta(minutes=1))
        assert len(requests) == 2

    def test_gives_back_only_its_own_claim(self, dynamo, table):
        other = DynamoLedger(table)
        dynamo.claim("probe/web", now=NOON, lasting=timedelta(seconds=55))
        other.claim("probe/web", now=at(60), lasting=timedelta(seconds=55))

        dynamo.release("probe/web")

        assert not dynamo.claim("probe/web", now=at(61), lasting=timedelta(seconds=55))

    def test_takes_a_transaction_in_conflict_with_another_for_a_lost_race(self, dynamo):
        reasons = [{"Code": "None"}, {"Code": "TransactionConflict", "Message": "ongoing"}]
        self.on_send(dynamo, "TransactWriteItems", lambda **_: refusing("TransactionCanceledException", CancellationReasons=reasons))

        with pytest.raises(Stale) as caught:
            dynamo.commit(put(a_config(), a_service(write_id="mine"), expecting=Expect.NEW))

        assert caught.value.keys == (keys.service("web"),)

    def test_keeps_reasons_and_documents_together_behind_deletions(self, dynamo):
        reasons = [{"Code": "None"}, {"Code": "None"}, {"Code": "ConditionalCheckFailed"}]
        self.on_send(dynamo, "TransactWriteItems", lambda **_: refusing("TransactionCanceledException", CancellationReasons=reasons))

        with pytest.raises(Stale) as caught:
            dynamo.commit(Change((Put(a_config(1), Expect.NEW), Put(a_config(2), Expect.NEW)), deletions=(keys.token("t1"),)))

        assert caught.value.keys == (keys.config("web", 2),)

    def test_a_transaction_that_is_cancelled_because_the_table_is_busy_is_unavailable(self, dynamo):
        reasons = [{"Code": "ThrottlingError"}, {"Code": "None"}]
        self.on_send(dynamo, "TransactWriteItems", lambda **_: refusing("TransactionCanceledException", CancellationReasons=reasons))

        with pytest.raises(Unavailable):
            dynamo.commit(put(a_config(1), a_config(2)))

    @pytest.mark.parametrize("refusal", [
        ("ProvisionedThroughputExceededException", 400), ("ThrottlingException", 400), ("RequestLimitExceeded", 400),
        ("InternalServerError", 500), ("ServiceUnavailable", 503), ("SomethingNew", 500),
    ])  # fmt: skip
    @pytest.mark.parametrize("call", [
        lambda ledger: ledger.find(keys.service("web")), lambda ledger: ledger.find_many((keys.service("web"),)),
        lambda ledger: ledger.list(keys.services(), limit=1), lambda ledger: ledger.due(NOON), lambda ledger: ledger.commit(put(a_service())),
        lambda ledger: ledger.note(a_look()), lambda ledger: ledger.claim("probe/web", now=NOON, lasting=timedelta(minutes=1)),
    ])  # fmt: skip
    def test_a_table_that_does_not_answer_is_unavailable(self, dynamo, no_backoff, call, refusal):
        self.on_send(dynamo, "*", lambda **_: refusing(*refusal))

        with pytest.raises(Unavailable) as caught:
            call(dynamo)

        assert caught.value.__cause__ is not None

    def test_gives_up_after_three_attempts(self, dynamo, no_backoff):
        sent: list[int] = []

        def throttle(**_: Any) -> AWSResponse:
            sent.append(1)
            return refusing("ThrottlingException")

        self.on_send(dynamo, "GetItem", throttle)
        with pytest.raises(Unavailable):
            dynamo.find(keys.service("web"))

        assert len(sent) == 3

    def test_a_timeout_is_unavailable(self, dynamo, no_backoff):
        def time_out(**_: Any) -> None:
            raise ReadTimeoutError(endpoint_url="https://dynamodb")

        self.on_send(dynamo, "TransactWriteItems", time_out)

        with pytest.raises(Unavailable):
            dynamo.commit(put(a_service()))

    def test_an_endpoint_that_is_not_there_is_unavailable(self, no_backoff):
        with pytest.raises(Unavailable):
            DynamoLedger("nowhere", host="http://127.0.0.1:9").find(keys.service("web"))

    def test_a_mistake_of_ours_is_not_called_an_outage(self, dynamo):
        with pytest.raises(PynamoDBException) as caught:
            dynamo.commit(put(a_config(settings={"TOO_LARGE": "x" * 500_000})))

        assert caught.value.cause_response_code == "ValidationException"

    def test_a_cursor_that_the_table_refuses_is_unparsable(self, dynamo):
        dynamo.commit(put(*(a_release(str(number)) for number in range(3))))
        cursor = dynamo.list(keys.releases("web"), limit=1).cursor
        self.on_send(dynamo, "Query", lambda **_: refusing("ValidationException"))

        with pytest.raises(Unparsable):
            dynamo.list(keys.releases("web"), limit=1, cursor=cursor)

    def test_an_unread_page_of_what_is_due_is_read(self, dynamo, table):
        dynamo.commit(put(a_service("web", due_at=at(-2)), a_service("shop", due_at=at(-1))))
        last = {"pk": {"S": "service#web"}, "sk": {"S": "state"}, "due": {"S": "due"}, "due_at": {"S": at(-2).isoformat(timespec="microseconds")}}
        first = {"Items": [last | {"service": {"S": "web"}, "probed": {"BOOL": False}}], "Count": 1, "ScannedCount": 1, "LastEvaluatedKey": last}
        answers = [answering(200, first)]
        self.on_send(dynamo, "Query", lambda **_: answers.pop() if answers else None)

        assert [due.service for due in dynamo.due(NOON)] == ["web", "shop"]

    def test_nothing_but_the_key_stays_of_what_is_not_due_and_not_listed(self, dynamo, table, embedded_aws):
        dynamo.commit(put(a_service(registered=False, due_at=NOON), a_config()))

        items = embedded_aws.scan(TableName=table)["Items"]

        assert all(not item.keys() & {"due", "due_at", "probed", "listing", "listed_at"} for item in items)

    def test_what_ends_by_itself_says_when_in_whole_seconds(self, dynamo, table, embedded_aws):
        dynamo.commit(put(a_once(expires_at=at(86400))))
        dynamo.claim("probe/web", now=at(0.5), lasting=timedelta(seconds=55))

        expiries = {item["pk"]["S"]: item["expires"]["N"] for item in embedded_aws.scan(TableName=table)["Items"]}

        assert expiries == {"once#o1": str(int(at(86400).timestamp())), "claim#probe/web": str(int(at(56).timestamp()))}

    def test_two_ledgers_of_one_process_keep_to_their_tables(self, dynamo, embedded_aws):
        embedded_aws.create_table(**table_definition("another"))
        another = DynamoLedger("another")

        dynamo.commit(put(a_service()))

        assert another.find(keys.service("web")) is None
