"""Tokens: made, shown once, recognised, taken back."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from fnmatch import fnmatchcase

from chalicelib.access.model import Caller, Role, Token
from chalicelib.audit.chain import Document, Entry, Head, sealed
from chalicelib.clock import Clock
from chalicelib.errors import Forbidden, Invalid, NotFound, Stale
from chalicelib.ledger import codec, keys
from chalicelib.ledger.filtered import filtered_page
from chalicelib.ledger.port import Change, Expect, Ledger, Page, Put
from chalicelib.ledger.retrying import decided_anew, is_repeat

Quietly = Callable[[Token], tuple[Put, ...]]

CHAIN = "tokens"
LONGEST = timedelta(days=366)
_TEXT = re.compile(r"tnt_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)
_PATTERN = re.compile(r"[a-z*][a-z0-9*-]{0,39}", re.ASCII)
_UNTOLD = frozenset({"secret_sha256", "revision"})
"""Fields of a token that the audit leaves out."""
_RANKS = (Role.VIEWER, Role.DEPLOYER, Role.APPROVER, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class _Deed:
    """A change of tokens and what the audit will say of it."""

    action: str
    actor: str
    reason: str
    patch: Document
    change: Change


class Tokens:
    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def create(
        self, *, name: str, role: Role, services: str, lasting: timedelta, by: Caller, quietly: Quietly = lambda _: ()
    ) -> tuple[Token, str]:
        """A new token and its text, which nobody can ask for again. Raises `Invalid`, or `Forbidden` if it would grant more than its maker has.

        `quietly` makes what is to be written with it (an idempotency key); losing that one raises `Stale`.
        """
        _check(name, role, services, lasting)
        _permit(by, role, services)
        now = self._clock.now()
        id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        token = Token(id, name, role, services, _hash(secret), now, by.name, now + lasting)
        told = {field: value for field, value in codec.told(token).items() if field not in _UNTOLD}
        deed = _Deed("token-created", by.name, f"{name}: {role} on {services}", {f"token/{id}": told}, Change((Put(token, Expect.NEW), *quietly(token))))
        self._write(deed, lambda: self._ledger.find(keys.token(id)) == token)
        return token, f"tnt_{id}_{secret}"

    def authenticate(self, text: str) -> Caller | None:
        """Who presents this, with one read; None for whatever is not a token that counts now."""
        if not (parts := _TEXT.fullmatch(text)):
            return None
        id, secret = parts.groups()
        token = self._ledger.find(keys.token(id))
        if token is None or not hmac.compare_digest(token.secret_sha256, _hash(secret)) or token.expires_at <= self._clock.now():
            return None
        return Caller(token.name, token.role, token.services, token.id)

    def list(self, *, by: Caller, limit: int, cursor: str | None = None) -> Page[Token]:
        """Those for services that `by` covers, newest first."""
        return filtered_page(self._ledger, keys.tokens(), lambda token: covers(by.services, token.services), limit=limit, cursor=cursor)

    def revoke(self, id: str, *, by: Caller) -> None:
        """Delete it: it counts no more from the next request on. Raises `NotFound`, or `Forbidden` for a token that `by` could not have made."""
        ref = keys.token(id)
        token = self._ledger.find(ref)
        if token is None:
            raise NotFound(f"there is no token {id!r}; it may have been revoked already")
        _permit(by, token.role, token.services)
        deed = _Deed("token-revoked", by.name, token.name, {f"token/{id}": None}, Change(deletions=(ref,)))
        self._write(deed, lambda: self._ledger.find(ref) is None)

    def _write(self, deed: _Deed, is_done: Callable[[], bool]) -> None:
        """The change with its audit entry. Somebody else may write to the chain at the same moment: then behind theirs.

        An answer may also have been lost: `is_done` tells whether the change was made nevertheless, by us or by somebody who wanted the same.
        """

        def attempt() -> None:
            try:
                self._ledger.commit(self._chained(deed))
            except Stale:
                if not is_done():
                    raise

        decided_anew(attempt, self._clock, unless=is_repeat)

    def _chained(self, deed: _Deed) -> Change:
        found = self._ledger.find(keys.head(CHAIN))
        head = found or Head(CHAIN)
        entry = sealed(Entry(CHAIN, head.seq + 1, self._clock.now(), deed.actor, deed.action, deed.reason, deed.patch, head.hash))
        moved = Head(CHAIN, entry.seq, entry.hash, head.revision + 1)
        chained = (Put(entry, Expect.NEW), Put(moved, head.revision if found else Expect.NEW))
        return replace(deed.change, puts=(*deed.change.puts, *chained))


def covers(pattern: str, other: str) -> bool:
    """Whether every service that `other` covers is covered by `pattern`.

    A star of `other` stands for anything, so only a star of `pattern` can stand for it.
    """
    return fnmatchcase(other, pattern)


def _check(name: str, role: Role, services: str, lasting: timedelta) -> None:
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise Invalid("a token's name has 1 to 100 printable characters", field="name")
    if not _PATTERN.fullmatch(services):
        raise Invalid("services is a service's name or a pattern such as web*: lower-case letters, digits, - and *", field="services")
    if role is Role.EVALUATOR and "*" in services:
        raise Invalid("an evaluator's token is for exactly one service; name it without *", field="services")
    if not timedelta(seconds=1) <= lasting <= LONGEST:
        raise Invalid(f"a token lasts from 1 second to {LONGEST.days} days ({LONGEST // timedelta(seconds=1)} seconds)", field="expires_in_seconds")


def _permit(maker: Caller, role: Role, services: str) -> None:
    """No token grants more than its maker has. Only an admin has what an evaluator has."""
    wanted = Role.ADMIN if role is Role.EVALUATOR else role
    if maker.role not in _RANKS or _RANKS.index(wanted) > _RANKS.index(maker.role):
        raise Forbidden(f"{maker.name} is {maker.role} and has no say over tokens for {role}; ask somebody whose role is as high")
    if not covers(maker.services, services):
        raise Forbidden(f"{maker.name} is limited to services {maker.services!r} and has no say over tokens for {services!r}; choose fewer services")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
