"""Documents to JSON values and back, and the rule by which two versions of the code share a ledger.

While a new version is deployed, the one before runs beside it, and may be gone back to. So every
document says which format wrote it, and a format is read by its neighbours:

    written by    read by this code (FORMAT = n)
    … n           as it is; what was added since has its default
    n + 1         as far as it is known here; the rest is carried along and written back
    n + 2 …       refused (`Unreadable`): nothing is decided from it, nothing is written over it

`tests/formats` keeps records of every format and plays them to their end.
"""

from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from threading import Event
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from chalicelib.errors import Unreadable
from chalicelib.formats import FORMAT, UNKNOWN, Carrying
from chalicelib.services.model import Service
from chalicelib.services.parts import Part

T = TypeVar("T")
Values = dict[str, Any]

STAMP = "format"
_UNSTAMPED = 1

_met_unknown = Event()
"""Nothing can be carried before something was read that is not known here: until then writing is spared the search for it."""


def dump(document: object) -> Values:
    """The document as JSON values, what it carries and the format included; `load` makes it again."""
    values: Values = _adapter(type(document)).dump_python(document, mode="json")
    for part, there in _carrying(document, values):
        there.update(getattr(part, UNKNOWN))
    values[STAMP] = FORMAT
    return values


def told(document: object) -> Values:
    """The document as the audit tells of it: without nulls, which in a merge patch mean "remove"."""
    values: Values = _adapter(type(document)).dump_python(document, mode="json", exclude_none=True)
    for part, there in _carrying(document, values):
        there.update(_without_nulls(getattr(part, UNKNOWN)))
    return values


def load(kind: type[T], values: Values) -> T:
    """The document of this kind that `dump` made these values of. Raises `Unreadable` for what another format wrote and no neighbour."""
    known = dict(values)
    written_by = known.pop(STAMP, _UNSTAMPED)
    if written_by > FORMAT + 1:
        raise Unreadable(_named(kind, values), written_by, FORMAT)
    try:
        document: T = _adapter(kind).validate_python(known, extra="forbid")
    except ValidationError:
        document = _load_with_unknown(kind, known, written_by)
    if written_by != FORMAT and isinstance(document, Service):
        object.__setattr__(document, "written_by", written_by)
    return document


def _load_with_unknown(kind: type[T], values: Values, written_by: int) -> T:
    try:
        document: T = _adapter(kind).validate_python(values, extra="ignore")
    except ValidationError as error:
        raise Unreadable(_named(kind, values), written_by, FORMAT) from error
    for part, there in _parts(document, values):
        if unknown := {name: value for name, value in there.items() if name not in _attributes(part)}:
            object.__setattr__(part, UNKNOWN, unknown)  # frozen, but only just made and nobody else's yet
            _met_unknown.set()
    return document


def _carrying(document: object, values: Values) -> list[tuple[object, Values]]:
    """The parts that carry something, each with the values that were made of it."""
    if not _met_unknown.is_set():
        return []
    return [(part, there) for part, there in _parts(document, values) if getattr(part, UNKNOWN, None)]


def _parts(document: object, values: Any) -> Iterator[tuple[object, Values]]:
    """The document and everything within it that can carry what is unknown, each beside its values."""
    match document:
        case Carrying() | Part():
            yield document, values
            for name, attribute in _attributes(document).items():
                yield from _parts(getattr(document, attribute), values.get(name))
        case tuple():
            for one, its in zip(document, values, strict=True):
                yield from _parts(one, its)
        case dict():
            for one, its in zip(document.values(), values.values(), strict=True):
                yield from _parts(one, its)


def _attributes(part: object) -> dict[str, str]:
    """The attributes of a part by what they are called in JSON."""
    kind: Any = type(part)  # `Any`, as in `_adapter`
    return _named_attributes(kind)


@cache
def _named_attributes(kind: Any) -> dict[str, str]:
    if issubclass(kind, Part):
        return {field.alias or name: name for name, field in kind.model_fields.items()}
    return {field.name: field.name for field in fields(kind) if field.name != UNKNOWN}


def _without_nulls(value: Any) -> Any:
    match value:
        case dict():
            return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
        case list():
            return [_without_nulls(inner) for inner in value]
        case _:
            return value


def _named(kind: type[T], values: Values) -> str:
    identity = next((str(values[name]) for name in ("name", "id", "version", "number", "service", "chain") if name in values), "")
    return f"{kind.__name__.lower()} {identity}".rstrip()


def _adapter(kind: Any) -> TypeAdapter[Any]:
    """`Any`, because a class that may be any class does not pass for hashable."""
    return _made(kind)


@cache
def _made(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
