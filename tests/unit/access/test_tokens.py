import hashlib
from datetime import timedelta

import pytest

from chalicelib.access.model import SYSTEM, Caller, Role
from chalicelib.access.service import LONGEST, Tokens, covers
from chalicelib.audit.chain import replayed
from chalicelib.audit.service import Audit
from chalicelib.clock import ManualClock
from chalicelib.errors import Forbidden, Invalid, NotFound, Stale, Unavailable
from chalicelib.ledger import codec, keys
from chalicelib.ledger.memory import MemoryLedger
from chalicelib.ledger.port import Change, Ledger

DAY = timedelta(days=1)


class Counting:
    """A ledger that counts its reads and loses the first answers to its commits, after (`lost`) or before (`raced`) they happened."""

    def __init__(self, ledger: Ledger, *, lost: int = 0, raced: int = 0) -> None:
        self.reads, self.commits = 0, 0
        self._ledger, self._lost, self._raced = ledger, lost, raced

    def __getattr__(self, name):
        return getattr(self._ledger, name)

    def find(self, ref):
        self.reads += 1
        return self._ledger.find(ref)

    def commit(self, change: Change) -> None:
        self.commits += 1
        if self.commits <= self._raced:
            raise Stale
        self._ledger.commit(change)
        if self.commits <= self._lost:
            raise Stale


def some_tokens(ledger: Ledger | None = None) -> tuple[Tokens, Ledger, ManualClock]:
    ledger, clock = ledger or MemoryLedger(), ManualClock()
    return Tokens(ledger, clock), ledger, clock


def create(tokens: Tokens, *, name="ci", role=Role.DEPLOYER, services="web*", lasting=DAY, by=SYSTEM):
    return tokens.create(name=name, role=role, services=services, lasting=lasting, by=by)


class TestCreating:
    def test_gives_a_text_that_says_who_it_is(self):
        tokens, _, _ = some_tokens()

        token, text = create(tokens)

        assert text.startswith(f"tnt_{token.id}_")
        assert "_" not in token.id
        assert tokens.authenticate(text) == Caller("ci", Role.DEPLOYER, "web*", token.id)

    def test_keeps_only_a_hash_of_the_secret(self):
        tokens, ledger, _ = some_tokens()

        token, text = create(tokens)

        secret = text.removeprefix(f"tnt_{token.id}_")
        assert ledger.find(keys.token(token.id)).secret_sha256 == hashlib.sha256(secret.encode()).hexdigest()
        assert secret not in repr(ledger)

    def test_never_gives_the_same_text_twice(self):
        tokens, _, _ = some_tokens()

        assert len({create(tokens)[1] for _ in range(50)}) == 50

    def test_counts_its_life_from_now(self):
        tokens, _, clock = some_tokens()

        token, _ = create(tokens, lasting=DAY)

        assert (token.created_at, token.expires_at, token.created_by) == (clock.now(), clock.now() + DAY, "turnout")

    @pytest.mark.parametrize("lasting", [timedelta(), timedelta(seconds=-1), timedelta(seconds=0.5), LONGEST + timedelta(seconds=1), timedelta.max])
    def test_refuses_a_life_without_bounds(self, lasting):
        tokens, _, _ = some_tokens()

        with pytest.raises(Invalid) as caught:
            create(tokens, lasting=lasting)

        assert caught.value.extra["errors"][0]["field"] == "expires_in_seconds"

    @pytest.mark.parametrize("lasting", [timedelta(seconds=1), LONGEST])
    def test_allows_the_bounds_themselves(self, lasting):
        assert create(some_tokens()[0], lasting=lasting)[0]

    @pytest.mark.parametrize("services", ["", "Web", "we b", "web?", "[a-z]*", "web/..", "é", "w" * 41, "-web", "1*", "web\n", "*\n"])
    def test_refuses_a_pattern_that_no_service_can_have(self, services):
        tokens, _, _ = some_tokens()

        with pytest.raises(Invalid) as caught:
            create(tokens, services=services)

        assert caught.value.extra["errors"][0]["field"] == "services"

    @pytest.mark.parametrize("name", ["", "x" * 101, "a\nb", "\x00"])
    def test_refuses_a_name_nobody_can_read(self, name):
        with pytest.raises(Invalid):
            create(some_tokens()[0], name=name)

    @pytest.mark.parametrize("services", ["*", "web*"])
    def test_refuses_an_evaluator_of_more_than_one_service(self, services):
        with pytest.raises(Invalid) as caught:
            create(some_tokens()[0], role=Role.EVALUATOR, services=services)

        assert caught.value.extra["errors"][0]["field"] == "services"


class TestGranting:
    @pytest.mark.parametrize(("maker", "allowed"), [
        (Role.EVALUATOR, ()),
        (Role.VIEWER, (Role.VIEWER,)),
        (Role.DEPLOYER, (Role.VIEWER, Role.DEPLOYER)),
        (Role.APPROVER, (Role.VIEWER, Role.DEPLOYER, Role.APPROVER)),
        (Role.ADMIN, tuple(Role)),
    ])  # fmt: skip
    def test_never_more_than_the_makers_role(self, maker, allowed):
        tokens, ledger, _ = some_tokens()

        for role in Role:
            if role in allowed:
                create(tokens, role=role, services="web", by=Caller("maker", maker))
            else:
                with pytest.raises(Forbidden):
                    create(tokens, role=role, services="web", by=Caller("maker", maker))

        assert len(ledger.list(keys.tokens(), limit=10).items) == len(allowed)

    @pytest.mark.parametrize("services", ["*", "w*", "we*", "shop", "*web"])
    def test_never_more_than_the_makers_services(self, services):
        with pytest.raises(Forbidden):
            create(some_tokens()[0], services=services, by=Caller("maker", Role.ADMIN, "web*"))

    @pytest.mark.parametrize(("pattern", "other", "covered"), [
        ("*", "*", True), ("*", "web", True), ("*", "w*", True), ("web*", "web", True), ("web*", "web*", True), ("web*", "web-1*", True),
        ("web*", "web**", True), ("web**", "web*", True), ("*web", "a*web", True), ("a*b*c", "a*b*c", True), ("a*c", "a*b*c", True),
        ("web*", "*", False), ("web*", "w*", False), ("web", "web*", False), ("web", "web-1", False), ("web*", "*web", False),
        ("a*b*c", "a*c", False), ("*a*", "*b*", False), ("web-*", "web*", False), ("**", "*", True),
    ])  # fmt: skip
    def test_a_pattern_covers_another_when_it_covers_all_its_services(self, pattern, other, covered):
        assert covers(pattern, other) is covered


class TestAuthenticating:
    def test_takes_one_read(self):
        tokens, ledger, _ = some_tokens(Counting(MemoryLedger()))
        _, text = create(tokens)
        ledger.reads = 0

        tokens.authenticate(text)

        assert ledger.reads == 1

    @pytest.mark.parametrize("text", [
        "", "tnt", "tnt_", "tnt__", "tnt_0123456789abcdef_", "Bearer x", "tnt_0123456789abcdef_" + "x" * 42, "tnt_0123456789abcdef_" + "x" * 44,
        "tnt_0123456789ABCDEF_" + "x" * 43, "tnt_0123456789abcdef_" + "x" * 43 + "\n", "TNT_0123456789abcdef_" + "x" * 43, "tnt_../../../../etc_" + "x" * 43,
        "tnt_０１２３４５６７８９abcdef_" + "x" * 43, "é" * 65, "\x00", "x" * 1_000_000,
    ])  # fmt: skip
    def test_reads_nothing_for_what_cannot_be_a_token(self, text):
        tokens, ledger, _ = some_tokens(Counting(MemoryLedger()))

        assert tokens.authenticate(text) is None
        assert ledger.reads == 0

    def test_knows_no_token_that_was_never_made(self):
        assert some_tokens()[0].authenticate("tnt_0123456789abcdef_" + "x" * 43) is None

    def test_refuses_a_wrong_secret(self):
        tokens, _, _ = some_tokens()
        (first, _), (_, second) = create(tokens), create(tokens)

        assert tokens.authenticate(f"tnt_{first.id}_{second[-43:]}") is None

    def test_counts_until_the_token_expires_and_not_longer(self):
        tokens, _, clock = some_tokens()
        _, text = create(tokens, lasting=DAY)

        clock.move(DAY - timedelta(microseconds=1))
        assert tokens.authenticate(text)

        clock.move(timedelta(microseconds=1))
        assert tokens.authenticate(text) is None

    def test_counts_no_more_once_revoked(self):
        tokens, _, _ = some_tokens()
        token, text = create(tokens)

        tokens.revoke(token.id, by=SYSTEM)

        assert tokens.authenticate(text) is None


class TestRevoking:
    def test_of_what_is_not_there_is_not_found(self):
        tokens, _, _ = some_tokens()
        token, _ = create(tokens)
        tokens.revoke(token.id, by=SYSTEM)

        for id in (token.id, "nobody"):
            with pytest.raises(NotFound):
                tokens.revoke(id, by=SYSTEM)

    @pytest.mark.parametrize("by", [Caller("low", Role.VIEWER), Caller("elsewhere", Role.ADMIN, "shop*")])
    def test_needs_as_much_as_creating(self, by):
        tokens, _, _ = some_tokens()
        token, text = create(tokens)

        with pytest.raises(Forbidden):
            tokens.revoke(token.id, by=by)

        assert tokens.authenticate(text)

    def test_leaves_the_others(self):
        tokens, _, clock = some_tokens()
        made = []
        for name in ("a", "b", "c"):
            made.append(create(tokens, name=name)[0])
            clock.move(DAY)

        tokens.revoke(made[1].id, by=SYSTEM)

        assert [token.name for token in tokens.list(by=SYSTEM, limit=10).items] == ["c", "a"]


class TestListing:
    @pytest.mark.parametrize(("services", "shown"), [("*", ["all", "shops", "web"]), ("shop*", ["shops"]), ("we*", ["web"]), ("other", [])])
    def test_shows_the_tokens_for_services_that_the_caller_covers(self, services, shown):
        tokens, _, _ = some_tokens()
        for name, pattern in [("all", "*"), ("shops", "shop-*"), ("web", "web")]:
            create(tokens, name=name, services=pattern)

        listed = tokens.list(by=Caller("chief", Role.ADMIN, services), limit=10)

        assert sorted(token.name for token in listed.items) == shown


class TestAuditOfTokens:
    def test_tells_who_made_and_revoked_what(self):
        tokens, ledger, _ = some_tokens()
        token, _ = create(tokens)
        tokens.revoke(token.id, by=Caller("root", Role.ADMIN))

        revoked, created = ledger.list(keys.audit_of("tokens"), limit=10).items

        assert (created.seq, created.actor, created.action) == (1, "turnout", "token-created")
        assert (revoked.seq, revoked.actor, revoked.action) == (2, "root", "token-revoked")

    def test_verifies_and_replays_to_the_tokens_that_are_there(self):
        tokens, ledger, _ = some_tokens()
        made = [create(tokens, name=f"ci-{number}")[0] for number in range(4)]
        tokens.revoke(made[2].id, by=SYSTEM)

        documents = replayed(reversed(ledger.list(keys.audit_of("tokens"), limit=100).items))

        there = {token.id: codec.told(token) for token in tokens.list(by=SYSTEM, limit=100).items}
        assert Audit(ledger).verify("tokens") is None
        assert documents == {f"token/{id}": {name: value for name, value in token.items() if name not in {"secret_sha256", "revision"}} for id, token in there.items()}

    def test_holds_neither_the_secret_nor_its_hash(self):
        tokens, ledger, _ = some_tokens()

        token, text = create(tokens)

        told = repr(ledger.list(keys.audit_of("tokens"), limit=10).items)
        assert token.secret_sha256 not in told
        assert text[-43:] not in told

    @pytest.mark.parametrize("raced", [1, 4])
    def test_goes_behind_an_entry_that_came_first(self, raced):
        ledger = Counting(MemoryLedger(), raced=raced)
        tokens, _, _ = some_tokens(ledger)

        _, text = create(tokens)

        assert tokens.authenticate(text)
        assert ledger.commits == raced + 1

    def test_gives_up_when_five_more_tries_lost_too(self):
        ledger = Counting(MemoryLedger(), raced=99)
        tokens, _, _ = some_tokens(ledger)

        with pytest.raises(Unavailable):
            create(tokens)

        assert ledger.commits == 6

    def test_takes_a_write_whose_answer_was_lost_for_done(self):
        ledger = Counting(MemoryLedger(), lost=1)
        tokens, _, _ = some_tokens(ledger)

        token, text = create(tokens)

        assert tokens.authenticate(text)
        assert [entry.seq for entry in ledger.list(keys.audit_of("tokens"), limit=10).items] == [1]
        assert token.name == "ci"

    def test_takes_a_revocation_whose_answer_was_lost_for_done(self):
        inner = MemoryLedger()
        token, text = create(Tokens(inner, ManualClock()))

        Tokens(Counting(inner, lost=1), ManualClock()).revoke(token.id, by=SYSTEM)

        assert Tokens(inner, ManualClock()).authenticate(text) is None
        assert len(inner.list(keys.audit_of("tokens"), limit=10).items) == 2
