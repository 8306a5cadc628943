"""What happened, by whom and why; and what was refused."""

from chalice.app import Response

from chalicelib.access.model import Action, permit
from chalicelib.api import kept, parsing, records
from chalicelib.api.call import Call, listed
from chalicelib.api.routes import Routes

routes = Routes(__name__)


@routes.get("/v1/audit", Action.VIEW, list[kept.EntryShape], ("limit", "cursor", "service"))
def list_audit(call: Call[None]) -> Response:
    """The audit chains: of one service, or of all that the token covers."""
    service = parsing.query(call.request, "service")
    permit(call.caller, Action.VIEW, service)
    return listed(call.plane.audit.list(service=parsing.service_filter(call.request), by=call.caller, **call.paging()), records.entry)


@routes.get("/v1/rejections", Action.VIEW, list[kept.RejectionShape], ("limit", "cursor"))
def list_rejections(call: Call[None]) -> Response:
    """The uploads that were refused, each with its reason."""
    return listed(call.plane.releases.rejections(by=call.caller, **call.paging()), records.rejection)
