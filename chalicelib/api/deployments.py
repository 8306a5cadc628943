"""`/v1/services/{service}/deployments`: putting a release on staging, the history and the timelines."""

from chalice.app import Response

from chalicelib.access.model import Action
from chalicelib.api import shapes, views
from chalicelib.api.call import Call, listed, shown
from chalicelib.api.commands import DEPLOYMENT, DRY_RUN, answer, asked, deployment
from chalicelib.api.requests import DeployRequest
from chalicelib.api.routes import Routes

routes = Routes(__name__)


@routes.post("/v1/services/{service}/deployments", Action.DEPLOY, DeployRequest, DEPLOYMENT, DRY_RUN)
def deploy(call: Call[DeployRequest], service: str) -> Response:
    """Put a release on staging."""
    wanted = call.body
    led_to = call.plane.deployments.deploy(
        service, asked(call, wanted.reason, deployment),
        version=wanted.version, config_version=wanted.config_version, override_quarantine=wanted.override_quarantine,
    )
    return answer(call, led_to, deployment)


@routes.get("/v1/services/{service}/deployments", Action.VIEW, list[shapes.DeploymentShape], ("limit", "cursor"))
def list_deployments(call: Call[None], service: str) -> Response:
    """The history of deployments."""
    now = call.plane.clock.now()
    return listed(call.plane.deployments.list(service, **call.paging()), lambda one: views.deployment(one, now))


@routes.get("/v1/services/{service}/deployments/{deployment}", Action.VIEW, shapes.DeploymentShape)
def get_deployment(call: Call[None], service: str, deployment: str) -> Response:
    """One deployment."""
    return shown(views.deployment(call.plane.deployments.get(service, deployment), call.plane.clock.now()))


@routes.get("/v1/services/{service}/deployments/{deployment}/events", Action.VIEW, list[shapes.EventShape], ("limit", "cursor"))
def list_events(call: Call[None], service: str, deployment: str) -> Response:
    """The timeline of a deployment."""
    return listed(call.plane.deployments.events(service, deployment, **call.paging()), views.event)
