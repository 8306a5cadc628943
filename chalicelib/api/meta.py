"""What a browser and a monitor ask for, without a token: a page that says what this is, and whether it lives."""

from chalice.app import Response

from chalicelib.api import shapes
from chalicelib.api.call import Call, shown
from chalicelib.api.routes import Routes

routes = Routes(__name__)

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Turnout</title></head>
<body>
<main>
<h1>Turnout</h1>
<p>Continuous delivery by blue and green: releases go to staging, traffic is shifted, watched and put back.</p>
<p>This is its API; the command line tool <code>turnout</code> speaks it. <a href="openapi.json">Its specification (OpenAPI 3.1)</a></p>
</main>
</body>
</html>
"""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_PAGE_HEADERS: dict[str, str | list[str]] = {
    "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=31536000", "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-cache",
}


@routes.public("/", {200: str})
def start_page(_: Call[None]) -> Response:
    """What this is, for a browser."""
    return Response(_PAGE, dict(_PAGE_HEADERS), 200)


@routes.public("/healthz", {200: shapes.HealthzShape})
def healthz(_: Call[None]) -> Response:
    """Whether it answers at all. Touches nothing."""
    return shown({"status": "ok"})
