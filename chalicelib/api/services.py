"""`/v1/services`: what is declared, and the live picture."""

from typing import Any

from chalice.app import Response

from chalicelib.access.model import Action
from chalicelib.api import caching, parsing, shapes, views
from chalicelib.api.call import Call, listed, shown
from chalicelib.api.routes import Routes
from chalicelib.services.definition import Definition
from chalicelib.services.service import Picture

routes = Routes(__name__)


@routes.get("/v1/services", Action.VIEW, list[shapes.ServiceShape], ("limit", "cursor"))
def list_services(call: Call[None]) -> Response:
    """The services that the token covers."""
    now = call.plane.clock.now()
    return listed(call.plane.services.list(by=call.caller, **call.paging()), lambda picture: views.service(picture.service, picture.look, now))


@routes.get("/v1/services/{service}", Action.VIEW, shapes.ServiceShape)
def get_service(call: Call[None], service: str) -> Response:
    """One service: its definition and its live picture."""
    picture = call.plane.services.picture(service)
    return _picture(call, picture)


@routes.put("/v1/services/{service}", Action.ADMINISTER, Definition, {200: shapes.ServiceShape, 201: shapes.ServiceShape}, named_by="name", query=("reason",))
def put_service(call: Call[Definition], service: str) -> Response:
    """Register a service, or declare it anew."""
    services = call.plane.services
    expected = caching.expected_revision(call.request.headers.get("if-match"), lambda: services.get(service).definition_revision)
    _, created = services.register(service, call.body, if_match=expected, by=call.caller, reason=parsing.reason(call.request))
    picture = services.picture(service)
    return _picture(call, picture, 201 if created else 200)


@routes.delete("/v1/services/{service}", Action.ADMINISTER, ("reason",))
def delete_service(call: Call[None], service: str) -> Response:
    """Forget a service. Nothing in AWS is touched, and its history is kept."""
    call.plane.services.remove(service, by=call.caller, reason=parsing.reason(call.request))
    return Response("", {}, 204)


def _picture(call: Call[Any], picture: Picture, status: int = 200) -> Response:
    shape = views.service(picture.service, picture.look, call.plane.clock.now())
    return caching.tagged(shown(shape, status), picture.service.definition_revision)
