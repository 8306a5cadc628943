"""Printing lists: as many as were asked for, page after page, in the shape the API gives them."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from turnout.cli.context import Context, Json

if TYPE_CHECKING:
    from turnout.client import Page

LARGEST_PAGE = 100


def show_list(context: Context, read: "Callable[[int, str | None], Page]", plain: Callable[[list[Json]], Iterable[str]], nothing: str) -> None:
    """`read` takes a limit and a cursor. `nothing` is said where there are none."""
    items, cursor = collect(read, context.flags.limit, context.flags.cursor)
    if items or context.flags.as_json:
        context.show({"items": items, "cursor": cursor}, lambda shown: plain(shown["items"]))
    else:
        context.say(nothing)
    if cursor:
        context.say(f"there are more: --cursor {cursor}")


def collect(read: "Callable[[int, str | None], Page]", limit: int, cursor: str | None) -> tuple[list[Json], str | None]:
    items: list[Json] = []
    while True:
        page = read(min(limit - len(items), LARGEST_PAGE), cursor)
        items += page.items
        cursor = page.cursor
        if not cursor or len(items) >= limit:
            return items, cursor
