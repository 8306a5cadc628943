"""`/openapi.json`: the one resource that knows all others."""

from functools import cache
from typing import Any

from chalice.app import Response

from chalicelib.api import audit, commands, config, deployments, health, judgements, meta, releases, services, tokens
from chalicelib.api.call import Call, shown
from chalicelib.api.routes import Routes

routes = Routes(__name__)

RESOURCES: tuple[Routes, ...] = (
    meta.routes, services.routes, releases.routes, config.routes, deployments.routes, commands.routes, health.routes, judgements.routes,
    audit.routes, tokens.routes, routes,
)


@routes.public("/openapi.json", {200: dict[str, Any]})
def specification(_: Call[None]) -> Response:
    """The specification of this API."""
    return shown(_document())


@cache
def _document() -> dict[str, Any]:
    from chalicelib.api import openapi  # only this one request needs what makes schemas

    return openapi.document(endpoint for resource in RESOURCES for endpoint in resource.endpoints)
