"""Who may do what: tokens, roles and the one table that decides.

viewer < deployer < approver < admin        evaluator stands beside them
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from chalicelib.errors import Forbidden


class Role(StrEnum):
    VIEWER = "viewer"
    DEPLOYER = "deployer"
    APPROVER = "approver"
    ADMIN = "admin"
    EVALUATOR = "evaluator"


class Action(StrEnum):
    """What a route does, as far as permission goes."""

    VIEW = "view"
    DEPLOY = "deploy"
    APPROVE = "approve"
    ADMINISTER = "administer"
    EVALUATE = "evaluate"


_ALLOWED = {
    Role.VIEWER: {Action.VIEW},
    Role.DEPLOYER: {Action.VIEW, Action.DEPLOY},
    Role.APPROVER: {Action.VIEW, Action.DEPLOY, Action.APPROVE},
    Role.ADMIN: set(Action),
    Role.EVALUATOR: {Action.EVALUATE},
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who has proved who they are. `services` is a pattern such as `web*`."""

    name: str
    role: Role
    services: str = "*"
    token: str = ""

    def sees(self, service: str) -> bool:
        return fnmatchcase(service, self.services)


SYSTEM = Caller("turnout", Role.ADMIN)


def permit(caller: Caller, action: Action, service: str | None = None) -> None:
    """The one rule: the role allows the action, and the pattern covers the service, if it is about one.

    Raises `Forbidden`, saying which of the two is missing.
    """
    if action not in _ALLOWED[caller.role]:
        raise Forbidden(f"{caller.name} is {caller.role} and may not {action}; ask for a token of a role that may")
    if service is not None and not caller.sees(service):
        raise Forbidden(f"{caller.name} is limited to services {caller.services!r}, and {service!r} is none of them")


@dataclass(frozen=True, slots=True)
class Token:
    """An API token: `tnt_<id>_<secret>`. Only a hash of the secret is kept."""

    id: str
    name: str
    role: Role
    services: str
    secret_sha256: str
    created_at: datetime
    created_by: str
    expires_at: datetime
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Once:
    """An idempotency key and the answer it got, kept 24 hours, written in the transaction of the change it made.

    `id` is a hash of token, path and key; `body_sha256` tells a repeat from another request under the same key.
    """

    id: str
    body_sha256: str
    status: int
    answer: dict[str, object]
    expires_at: datetime
