from dataclasses import replace

import pytest

from chalicelib.access.model import Caller, Role
from chalicelib.audit.service import Audit
from chalicelib.errors import NotFound, Unparsable
from chalicelib.ledger import keys
from chalicelib.ledger.memory import MemoryLedger
from chalicelib.ledger.port import Change, Expect, Put
from chalicelib.services.recording import Deed, recorded
from tests.ledger_builders import a_head, a_service, an_entry, at

ADMIN = Caller("root", Role.ADMIN)
WEB_ONLY = Caller("ci", Role.VIEWER, "web")


def a_ledger_with(*names: str) -> MemoryLedger:
    """One write of each named service after the other."""
    ledger, services = MemoryLedger(), {}
    for number, name in enumerate(names):
        before = services.get(name)
        after = replace(before, epoch=before.epoch + 1) if before else a_service(name)
        services[name], change = recorded(before, after, Deed(at(number), "ci", "changed"))
        ledger.commit(change)
    return ledger


def overwritten(ledger: MemoryLedger, *documents: object) -> None:
    ledger.commit(Change(tuple(Put(document, Expect.ANY) for document in documents)))


class TestListing:
    def test_of_a_service_is_its_chain_newest_first(self):
        audit = Audit(a_ledger_with("web", "shop", "web"))

        page = audit.list(service="web", by=ADMIN, limit=10)

        assert [(entry.chain, entry.seq) for entry in page.items] == [("service/web", 2), ("service/web", 1)]

    def test_of_all_shows_every_chain_to_an_admin(self):
        ledger = a_ledger_with("web", "shop")
        overwritten(ledger, an_entry(1, "tokens", at=at(60)), a_head("tokens"))

        page = Audit(ledger).list(service=None, by=ADMIN, limit=10)

        assert [entry.chain for entry in page.items] == ["tokens", "service/shop", "service/web"]

    @pytest.mark.parametrize("by", [WEB_ONLY, Caller("all", Role.APPROVER), Caller("part", Role.ADMIN, "web*")])
    def test_of_all_shows_tokens_to_nobody_else(self, by):
        ledger = a_ledger_with("web")
        overwritten(ledger, an_entry(1, "tokens"))

        assert [entry.chain for entry in Audit(ledger).list(service=None, by=by, limit=10).items] == ["service/web"]

    def test_of_all_fills_the_page_up_behind_what_its_reader_may_not_see(self):
        audit = Audit(a_ledger_with("web", "shop", "web", "shop", "shop", "web", "shop"))

        first = audit.list(service=None, by=WEB_ONLY, limit=2)
        second = audit.list(service=None, by=WEB_ONLY, limit=2, cursor=first.cursor)

        assert [entry.seq for entry in (*first.items, *second.items)] == [3, 2, 1]
        assert second.cursor is None

    def test_of_all_gives_up_after_some_reads_with_a_cursor_that_goes_on(self):
        audit = Audit(a_ledger_with("web", *("shop",) * 30))

        first = audit.list(service=None, by=WEB_ONLY, limit=1)
        second = audit.list(service=None, by=WEB_ONLY, limit=1, cursor=first.cursor)

        assert first.items == ()
        assert [entry.chain for entry in second.items] == ["service/web"]

    def test_with_a_bad_cursor_is_unparsable(self):
        with pytest.raises(Unparsable):
            Audit(MemoryLedger()).list(service=None, by=ADMIN, limit=10, cursor="x")


class TestVerifying:
    @pytest.mark.parametrize("length", [1, 2, 99, 100, 101, 205])
    def test_a_chain_of_any_length_verifies(self, length):
        assert Audit(a_ledger_with(*("web",) * length)).verify("service/web") is None

    def test_names_the_first_entry_that_was_changed(self):
        ledger = a_ledger_with(*("web",) * 150)
        entry = ledger.list(keys.audit_of("service/web"), limit=100).items[20]

        overwritten(ledger, replace(entry, actor="mallory"))

        assert Audit(ledger).verify("service/web") == entry.seq == 130

    @pytest.mark.parametrize("missing", [1, 2, 3])
    def test_names_the_first_entry_that_is_missing(self, missing):
        ledger = a_ledger_with("web", "web", "web")

        ledger.commit(Change(deletions=(keys.entry("service/web", missing),)))

        assert Audit(ledger).verify("service/web") == missing

    def test_notices_a_history_that_was_rewritten_but_for_its_head(self):
        ledger, forged = a_ledger_with("web", "web"), a_ledger_with("web", "web")
        service = ledger.find(keys.service("web"))
        for seq in (1, 2):
            overwritten(ledger, replace(forged.find(keys.entry("service/web", seq)), actor="ci"))
        overwritten(ledger, replace(service, chain=replace(service.chain, hash="0" * 64)))

        assert Audit(ledger).verify("service/web") == 2

    def test_a_chain_of_no_service_ends_at_its_own_head(self):
        ledger, first = MemoryLedger(), an_entry(1, "tokens")
        overwritten(ledger, first, a_head("tokens", seq=1, hash=first.hash))

        assert Audit(ledger).verify("tokens") is None

    def test_a_chain_that_has_not_begun_verifies(self):
        assert Audit(MemoryLedger()).verify("tokens") is None

    def test_a_service_that_never_was_has_none(self):
        with pytest.raises(NotFound):
            Audit(MemoryLedger()).verify("service/web")

