"""ETags: what a GET answers is named by its content, what a PUT would replace by its definition's revision.

The tag of a service is `"<definition revision>-<content>"`. `If-None-Match`
compares the whole of it, `If-Match` only the revision, because the picture
around a definition changes with every look at the world.
"""

import hashlib
import re
from collections.abc import Callable

from chalice.app import Response

from chalicelib.errors import NotFound, PreconditionFailed


def tagged(response: Response, revision: int | None = None) -> Response:
    """The response with its tag, unless it has one. `revision` is of the definition it shows, if it shows one."""
    if "ETag" not in response.headers:
        digest = hashlib.sha256(response.body.encode()).hexdigest()[:24]
        response.headers["ETag"] = f'"{digest}"' if revision is None else f'"{revision}-{digest}"'
    return response


def unless_known(response: Response, if_none_match: str | None) -> Response:
    """304 instead, when the caller has exactly this answer already."""
    if if_none_match is None or not _names(if_none_match, str(response.headers["ETag"])):
        return response
    return Response("", {name: value for name, value in response.headers.items() if name != "Content-Type"}, 304)


def expected_revision(if_match: str | None, current: Callable[[], int]) -> int | None:
    """The revision a PUT may replace, None for whichever. Raises `PreconditionFailed` if none can be meant.

    `current` is only asked where the header names more than one; whether the
    revision still stands is for the write itself to find out.
    """
    if if_match is None:
        return None
    revisions = {int(number) for number in re.findall(r'(?<!W/)"(\d{1,9})(?:-[0-9a-f]*)?"', if_match)}
    if len(revisions) == 1:
        return revisions.pop()
    return _standing(current, revisions if if_match.strip() != "*" else None)


def _standing(current: Callable[[], int], revisions: set[int] | None) -> int:
    """The current revision, if it is one of these (None: any at all)."""
    try:
        standing = current()
    except NotFound as missing:
        raise PreconditionFailed("If-Match names a revision, and there is no such service yet; leave it out to register it") from missing
    if revisions is not None and standing not in revisions:
        raise PreconditionFailed(f"the definition is at revision {standing}, and If-Match names none that stands; read it again")
    return standing


def _names(asked: str, tag: str) -> bool:
    return asked.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in asked.split(",")]
