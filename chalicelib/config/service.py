"""Config versions: recorded one after the other, never changed, started by nobody but a deployment."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from chalicelib.access.model import Caller
from chalicelib.clock import Clock
from chalicelib.config.diff import Difference, Value, differences
from chalicelib.config.model import ConfigVersion, Reference, Store
from chalicelib.config.references import SecretIndex
from chalicelib.errors import Invalid, NotFound
from chalicelib.ledger import keys
from chalicelib.ledger.port import Change, Expect, Ledger, Page, Put, Ref
from chalicelib.ledger.retrying import decided_anew, is_repeat
from chalicelib.services.model import Service
from chalicelib.services.recording import Deed, recorded

LARGEST = 3500
"""Bytes of all settings as JSON, which is how Lambda measures its 4 KB; the rest is for the names a colour is told."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,127}")
_RESERVED_PREFIXES = ("TURNOUT_", "AWS_", "LAMBDA_")
_RESERVED = frozenset({"_HANDLER", "_X_AMZN_TRACE_ID", "TZ"})
"""What Lambda sets itself and documents as reserved. `PATH`, `PYTHONPATH` and the like may be set."""

Quietly = Callable[[ConfigVersion], tuple[Put, ...]]


@dataclass(frozen=True, slots=True)
class _Wish:
    set: dict[str, Value]
    unset: tuple[str, ...]
    by: Caller
    reason: str
    quietly: Quietly


class Configs:
    def __init__(self, ledger: Ledger, clock: Clock, index: SecretIndex) -> None:
        self._ledger = ledger
        self._clock = clock
        self._index = index

    def change(
        self, service: str, *, set: Mapping[str, Value], unset: Sequence[str], by: Caller, reason: str = "", quietly: Quietly | None = None
    ) -> ConfigVersion:
        """Record the next version: the newest one with these changes. What changes nothing answers the newest. Raises `Invalid`, `NotFound`.

        A reference is pinned to the version it names, or to the one that is current now.
        `quietly` makes what is to be written with it (an idempotency key); losing that one raises `Stale`.
        """
        _validate(set, unset)
        _refuse_unpinnable(_known(service, self._ledger.find(keys.service(service))), set)
        wish = _Wish(self._pinned(set), tuple(unset), by, reason, quietly or (lambda _: ()))
        return decided_anew(lambda: self._change(service, wish), self._clock, unless=is_repeat)

    def get(self, service: str, number: int) -> ConfigVersion:
        """Number 0 is empty."""
        refs = cast(tuple[Ref[object], ...], (keys.service(service), keys.config(service, number)))
        record, config = cast(tuple[Service | None, ConfigVersion | None], self._ledger.find_many(refs))
        _known(service, record)
        if config is None and number != 0:
            raise NotFound(f"{service} has no config {number}")
        return config or ConfigVersion(service, 0)

    def diff(self, service: str, number: int, *, against: int) -> tuple[Difference, ...]:
        """What `number` has that `against` had not, and the other way round. Raises `NotFound`."""
        after = self.get(service, number)
        return differences(self.get(service, against), after)

    def list(self, service: str, *, limit: int, cursor: str | None) -> Page[ConfigVersion]:
        _known(service, self._ledger.find(keys.service(service)))
        return self._ledger.list(keys.configs(service), limit=limit, cursor=cursor)

    def _change(self, service: str, wish: _Wish) -> ConfigVersion:
        before = _known(service, self._ledger.find(keys.service(service)))
        newest = self._ledger.find(keys.config(service, before.config_version)) if before.config_version else None
        current = newest.values if newest else {}
        values = _changed(current, wish)
        if newest and values == current:
            if puts := wish.quietly(newest):
                self._ledger.commit(Change(puts))
            return newest
        return self._record(before, values, wish)

    def _pinned(self, set: Mapping[str, Value]) -> dict[str, Value]:
        """With every reference pinned. Raises `Invalid` naming each that cannot be."""
        pinned, errors = dict(set), []
        for name, value in set.items():
            if isinstance(value, Reference):
                try:
                    pinned[name] = self._index.pinned(value)
                except NotFound as absent:
                    errors.append({"field": f"set.{name}", "message": absent.detail})
        if errors:
            raise Invalid("; ".join(error["message"] for error in errors), errors=errors)
        return pinned

    def _record(self, before: Service, values: Mapping[str, Value], wish: _Wish) -> ConfigVersion:
        now = self._clock.now()
        settings = {name: value for name, value in values.items() if isinstance(value, str)}
        references = {name: value for name, value in values.items() if isinstance(value, Reference)}
        config = ConfigVersion(before.name, before.config_version + 1, settings, now, wish.by.name, wish.reason, references)
        deed = Deed(now, wish.by.name, "config-changed", wish.reason)
        _, change = recorded(before, replace(before, config_version=config.number), deed, also=(Put(config, Expect.NEW),), quietly=wish.quietly(config))
        self._ledger.commit(change)
        return config


def _known(name: str, service: Service | None) -> Service:
    if service is None or not service.registered:
        raise NotFound(f"there is no service {name}")
    return service


def _refuse_unpinnable(service: Service, set: Mapping[str, Value]) -> None:
    """ECS gives a container what a parameter is when the task starts, in whatever version: two tasks of one release could differ."""
    if service.definition.runtime.kind != "ecs":
        return
    said = "ECS cannot pin a version of an SSM parameter; keep it in Secrets Manager, or set it as it is if it is no secret"
    errors = [{"field": f"set.{name}", "message": said} for name, value in set.items() if isinstance(value, Reference) and value.store is Store.SSM]
    if errors:
        raise Invalid(said, errors=errors)


def _changed(current: Mapping[str, Value], wish: _Wish) -> dict[str, Value]:
    """The settings after the wish. Raises `Invalid` for what cannot be unset and for more than fits."""
    absent = [name for name in wish.unset if name not in current]
    if absent:
        raise Invalid(f"not set, so it cannot be unset: {', '.join(absent)}", field="unset")
    values = {name: value for name, value in current.items() if name not in wish.unset} | wish.set
    texts = {name: value.text if isinstance(value, Reference) else value for name, value in values.items()}
    size = len(json.dumps(texts, ensure_ascii=False, separators=(",", ":")).encode())
    if size > LARGEST:
        raise Invalid(f"all settings together would be {size:,} bytes and may be {LARGEST:,}; keep large values somewhere else", field="set")
    return values


def _validate(set: Mapping[str, Value], unset: Sequence[str]) -> None:
    """Raises `Invalid` with everything that is wrong whatever is set now."""
    errors = [{"field": f"set.{name}", "message": problem} for name, value in set.items() if (problem := _name_problem(name) or _value_problem(value))]
    errors += [{"field": "unset", "message": f"{name} is both set and unset"} for name in unset if name in set]
    if not set and not unset:
        errors.append({"field": "set", "message": "nothing is set and nothing unset"})
    if errors:
        raise Invalid("; ".join(error["message"] for error in errors), errors=errors)


def _name_problem(name: str) -> str | None:
    if name in _RESERVED or name.upper().startswith(_RESERVED_PREFIXES):
        return f"{name} is reserved by the runtime or by Turnout"
    if not _NAME.fullmatch(name):
        return f"{name[:140]!a} is no name of a setting: 2 to 128 letters, digits and _, beginning with a letter"
    return None


def _value_problem(value: Value) -> str | None:
    if isinstance(value, Reference):
        return None if value.name.strip() else "a reference needs the name of a secret"
    if "\0" in value:
        return "a value may not contain NUL"
    if any("\ud800" <= character <= "\udfff" for character in value):
        return "a value must be Unicode text, and this one has half a character"
    return None
