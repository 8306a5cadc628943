"""Errors on their way out: every one is a problem document (RFC 9457), made by the one table below.

A problem says what, which one and what to do; what was not foreseen is
logged with its request id and shown without a trace.
"""

import json
import logging
from collections.abc import Callable
from typing import Any

from chalice.app import Request, Response

from chalicelib import errors, log

CONTENT_TYPE = "application/problem+json"

_ALSO: dict[int, dict[str, str | list[str]]] = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "2"}}
"""Headers that belong to a status."""


class Unauthorized(errors.Problem):
    """Nobody the control plane knows. The gateway answers 401 only if this is raised with exactly this text."""

    slug = "unauthorized"

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class UnsupportedMediaType(errors.Unparsable):
    slug = "unsupported-media-type"


TABLE: dict[type[errors.Problem], tuple[int, str]] = {
    errors.Unparsable: (400, "The request cannot be parsed"),
    Unauthorized: (401, "The token is absent, unknown or expired"),
    errors.Forbidden: (403, "Not allowed"),
    errors.NotFound: (404, "Not found"),
    errors.Conflict: (409, "Not possible in this state"),
    errors.PreconditionFailed: (412, "Changed since it was read"),
    UnsupportedMediaType: (415, "The body must be application/json"),
    errors.Invalid: (422, "The request is not valid"),
    errors.Unavailable: (503, "Not available just now"),
}
"""The nearest class in the order of inheritance counts. What is not in it is 500 `internal`."""


def foreseen(problem: errors.Problem, request_id: str) -> Response:
    """The answer to what was raised on purpose; one that has no row is answered as unforeseen."""
    row = next((TABLE[kind] for kind in type(problem).__mro__ if kind in TABLE), None)
    if row is None:
        return unforeseen(problem, request_id)
    status, title = row
    return _answer(status, problem.slug, title, problem.detail, problem.extra)


def unforeseen(error: Exception, request_id: str) -> Response:
    """To be called where `error` is being handled, so that the log has its trace."""
    log.event("request.failed", level=logging.ERROR, request_id=request_id, error=str(error))
    detail = f"something unforeseen happened; nothing more is known to you, but the log has it as request {request_id}"
    return _answer(500, "internal", "Internal error", detail, {"request_id": request_id})


def translated(request: Request, get_response: Callable[[Request], Response]) -> Response:
    """Middleware: what Chalice refuses by itself (another method on a known path) becomes a problem document too."""
    response = get_response(request)
    own = response.body if isinstance(response.body, dict) and set(response.body) == {"Code", "Message"} else None
    if own is None:
        return response
    answer = _answer(response.status_code, _SLUGS.get(own["Code"], "internal"), own["Message"], own["Message"], {})
    answer.headers.update({name: value for name, value in response.headers.items() if name == "Allow"})
    return answer


_SLUGS = {"MethodNotAllowedError": "method-not-allowed"}


def _answer(status: int, slug: str, title: str, detail: str, extra: dict[str, Any]) -> Response:
    document = {**extra, "type": f"/problems/{slug}", "title": title, "status": status, "detail": detail}
    headers: dict[str, str | list[str]] = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(json.dumps(document, default=str), headers | _ALSO.get(status, {}), status)
