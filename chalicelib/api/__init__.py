"""The REST API: `install` puts every resource's routes on an app."""

from chalice.app import Chalice

from chalicelib.api import problems
from chalicelib.api.routes import AUTHORIZER, Provider
from chalicelib.api.specification import RESOURCES


def install(app: Chalice, control_plane: Provider) -> None:
    """Register every route with the app, whose authorizer (`authorize`) must be registered already. `control_plane` is asked at each request."""
    if AUTHORIZER not in app.handler_map:
        raise LookupError(f"register the app's authorizer under the name {AUTHORIZER!r} before its routes: they are not to stand open")
    app.register_middleware(problems.translated, "http")
    for resource in RESOURCES:
        resource.control_plane = control_plane
        app.register_blueprint(resource)
