"""`/v1/services/{service}/releases`: what CI published, and registering by hand."""

from chalice.app import Response

from chalicelib.access.model import Action
from chalicelib.api import kept, once, records
from chalicelib.api.call import Call, listed, shown
from chalicelib.api.requests import ReleaseRequest
from chalicelib.api.routes import Routes
from chalicelib.releases.model import Release

routes = Routes(__name__)


@routes.get("/v1/services/{service}/releases", Action.VIEW, list[kept.ReleaseShape], ("limit", "cursor"))
def list_releases(call: Call[None], service: str) -> Response:
    """The releases of a service."""
    owner = call.plane.services.get(service)
    return listed(call.plane.releases.list(service, **call.paging()), lambda one: records.release(one, owner))


@routes.post("/v1/services/{service}/releases", Action.DEPLOY, ReleaseRequest, {200: kept.ReleaseShape, 201: kept.ReleaseShape})
def register_release(call: Call[ReleaseRequest], service: str) -> Response:
    """Register by hand an object of the artifact bucket or a tag of the service's repository. The same one again is answered with 200."""
    return once.answered(call, lambda: _registered(call, service))


@routes.get("/v1/services/{service}/releases/{version}", Action.VIEW, kept.ReleaseShape)
def get_release(call: Call[None], service: str, version: str) -> Response:
    """One release, with its certification, its quarantine, and what mirrored requests told of it."""
    found, owner = call.plane.releases.get(service, version), call.plane.services.get(service)
    return shown(records.release(found, owner, call.plane.mirroring.of(service, version)))


def _registered(call: Call[ReleaseRequest], service: str) -> Response:
    def body(release: Release) -> kept.ReleaseShape:
        return records.release(release, call.plane.services.get(service))

    release, recorded = call.plane.releases.register(service, call.body.by_hand(), call.caller, quietly=lambda new: once.marks(call, 201, body(new)))
    if not recorded:
        once.keep(call, 200, body(release))
    return shown(body(release), 201 if recorded else 200)
