"""Answers in pages, where moto gives everything at once."""

from collections.abc import Sequence
from typing import Any, TypeVar

from moto.ecs.exceptions import InvalidParameterException

T = TypeVar("T")


def page(found: Sequence[T], given: dict[str, Any], *, most: int = 100) -> tuple[Sequence[T], dict[str, str]]:
    """What `maxResults` and `nextToken` ask for, and the next token where there is more."""
    size, token = int(given.get("maxResults") or most), str(given.get("nextToken") or "0")
    if not 1 <= size <= most:
        raise InvalidParameterException(f"maxResults must be between 1 and {most}.")
    if not token.isdecimal():
        raise InvalidParameterException("Invalid token.")
    end = int(token) + size
    return found[int(token) : end], {"nextToken": str(end)} if end < len(found) else {}
