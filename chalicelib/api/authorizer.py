"""Who calls: the token of the request made into a caller, for the gateway and back again.

The gateway's authorizer only proves who somebody is; what they may do is
decided where it is asked for, from the one table in `access/model.py`.
"""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from chalice.app import AuthResponse

from chalicelib.access.model import Caller, Role
from chalicelib.api.problems import Unauthorized


class Authenticating(Protocol):
    def authenticate(self, text: str) -> Caller | None:
        """The caller whose token this is; None for any that is not known and valid."""


def identify(tokens: Authenticating, header: str | None) -> Caller:
    """The caller behind an `Authorization` header. Raises `Unauthorized`."""
    bearer = re.fullmatch(r"\s*(?i:bearer) +(tnt_[\x21-\x7e]{1,512})\s*", header or "")
    caller = tokens.authenticate(bearer[1]) if bearer else None
    if caller is None:
        raise Unauthorized
    return caller


def allowance(caller: Caller) -> AuthResponse:
    """What the authorizer answers the gateway: in principle everything, and who it is."""
    context = {"name": caller.name, "role": caller.role.value, "services": caller.services, "token": caller.token}
    return AuthResponse(routes=["*"], principal_id=caller.name, context=context)


def caller_of(request_context: Mapping[str, Any]) -> Caller:
    """The caller that the authorizer passed on. Raises `Unauthorized` where none did: a route never opens by accident."""
    passed = request_context.get("authorizer") or {}
    try:
        return Caller(passed["name"], Role(passed["role"]), passed["services"], passed["token"])
    except (KeyError, ValueError) as error:
        raise Unauthorized from error
