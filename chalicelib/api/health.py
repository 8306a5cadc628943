"""How a service is judged, and what it waits for."""

from chalice.app import Response

from chalicelib.access.model import Action
from chalicelib.api import shapes, views
from chalicelib.api.call import Call, shown
from chalicelib.api.routes import Routes

routes = Routes(__name__)


@routes.get("/v1/services/{service}/health", Action.VIEW, shapes.HealthShape)
def get_health(call: Call[None], service: str) -> Response:
    """The last verdict, with the numbers it was made from."""
    return shown(views.health(call.plane.services.picture(service).look))


@routes.get("/v1/services/{service}/explain", Action.VIEW, shapes.ExplanationShape)
def explain(call: Call[None], service: str) -> Response:
    """Why it waits: every gate and condition with its answer."""
    return shown({"service": service, "items": [views.condition(one) for one in call.plane.deployments.explain(service)], "cursor": None})
