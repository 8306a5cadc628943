"""`/v1/tokens`: API tokens. A token's text is shown once, in the answer that made it."""

from datetime import timedelta

from chalice.app import Response

from chalicelib.access.model import Action
from chalicelib.api import kept, once, records
from chalicelib.api.call import Call, listed, shown
from chalicelib.api.requests import TokenRequest
from chalicelib.api.routes import Routes

routes = Routes(__name__)


@routes.get("/v1/tokens", Action.ADMINISTER, list[kept.TokenShape], ("limit", "cursor"))
def list_tokens(call: Call[None]) -> Response:
    """The tokens for services that the caller's token covers, without what makes them work."""
    return listed(call.plane.tokens.list(by=call.caller, **call.paging()), records.token)


@routes.post("/v1/tokens", Action.ADMINISTER, TokenRequest, {200: kept.NewTokenShape, 201: kept.NewTokenShape})
def create_token(call: Call[TokenRequest]) -> Response:
    """Make a token. A repeat under the same idempotency key is answered with 200 and no text, which is kept nowhere."""
    return once.answered(call, lambda: _created(call))


@routes.delete("/v1/tokens/{token}", Action.ADMINISTER)
def revoke_token(call: Call[None], token: str) -> Response:
    """Take a token back; it counts for nothing from the next request on."""
    call.plane.tokens.revoke(token, by=call.caller)
    return Response("", {}, 204)


def _created(call: Call[TokenRequest]) -> Response:
    wanted = call.body
    lasting = timedelta(seconds=wanted.expires_in_seconds)
    token, text = call.plane.tokens.create(
        name=wanted.name, role=wanted.role, services=wanted.services, lasting=lasting, by=call.caller,
        quietly=lambda made: once.marks(call, 200, records.new_token(made, None)),
    )
    return shown(records.new_token(token, text), 201, **{"Cache-Control": "no-store"})
