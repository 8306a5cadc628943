"""`/v1/services/{service}/config`: config versions. Recording one starts nothing."""

from chalice.app import Response

from chalicelib.access.model import Action
from chalicelib.api import kept, once, parsing, records
from chalicelib.api.call import Call, listed, shown
from chalicelib.api.requests import ConfigRequest
from chalicelib.api.routes import Routes

routes = Routes(__name__)


@routes.get("/v1/services/{service}/config", Action.VIEW, list[kept.ConfigShape], ("limit", "cursor"))
def list_configs(call: Call[None], service: str) -> Response:
    """The config versions of a service."""
    return listed(call.plane.configs.list(service, **call.paging()), records.config)


@routes.post("/v1/services/{service}/config", Action.DEPLOY, ConfigRequest, {201: kept.ConfigShape})
def change_config(call: Call[ConfigRequest], service: str) -> Response:
    """Record a new version: the newest one with some settings set and some unset."""
    return once.answered(call, lambda: _changed(call, service))


@routes.get("/v1/services/{service}/config/{number}", Action.VIEW, kept.ConfigShape | kept.ConfigDiffShape, ("against",))
def get_config(call: Call[None], service: str, number: str) -> Response:
    """One config version; 0 is empty. With `against`, what is different from that one."""
    against = parsing.number(call.request, "against")
    if against is not None:
        return shown(records.config_diff(int(number), against, call.plane.configs.diff(service, int(number), against=against)))
    return shown(records.config(call.plane.configs.get(service, int(number))))


def _changed(call: Call[ConfigRequest], service: str) -> Response:
    wanted = call.body
    made = call.plane.configs.change(
        service, set=wanted.set, unset=wanted.unset, by=call.caller, reason=wanted.reason,
        quietly=lambda version: once.marks(call, 201, records.config(version)),
    )
    return shown(records.config(made), 201)
