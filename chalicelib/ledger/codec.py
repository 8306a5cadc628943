"""Documents to JSON values and back.

What is unknown is ignored on reading, even by models that refuse it from a
person, so that one version of the code can read what the next one wrote.
"""

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


def dump(document: object) -> dict[str, Any]:
    """The document as JSON values; `load` makes it again."""
    values: dict[str, Any] = _adapter(type(document)).dump_python(document, mode="json")
    return values


def told(document: object) -> dict[str, Any]:
    """The document as the audit tells of it: without nulls, which in a merge patch mean "remove"."""
    values: dict[str, Any] = _adapter(type(document)).dump_python(document, mode="json", exclude_none=True)
    return values


def load(kind: type[T], values: dict[str, Any]) -> T:
    """The document of this kind that `dump` made these values of."""
    document: T = _adapter(kind).validate_python(values, extra="ignore")
    return document


def _adapter(kind: Any) -> TypeAdapter[Any]:
    """`Any`, because a class that may be any class does not pass for hashable."""
    return _made(kind)


@cache
def _made(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
