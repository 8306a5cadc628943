"""One request on its way to a use case, and the answer on its way back."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from chalice.app import Request, Response

from chalicelib.access.model import Caller
from chalicelib.api import parsing
from chalicelib.api.authorizer import caller_of
from chalicelib.ledger.port import Page

if TYPE_CHECKING:
    from chalicelib.bootstrap import ControlPlane

B = TypeVar("B")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[B]):
    """`body` is the parsed body, `values` the same as it came; `params` are from the path, decoded; `target` is method and path."""

    request: Request
    params: dict[str, str]
    control_plane: Callable[[], "ControlPlane"]
    values: dict[str, Any] = field(default_factory=dict)
    body: B = None  # type: ignore[assignment]  # a call without a body is a Call[None]
    target: str = ""

    @property
    def plane(self) -> "ControlPlane":
        """Built on first use: a public route does without."""
        return self.control_plane()

    @property
    def caller(self) -> Caller:
        return caller_of(self.request.context)

    @property
    def is_dry_run(self) -> bool:
        return parsing.flag(self.request, "dry_run")

    def paging(self) -> dict[str, Any]:
        """`limit` and `cursor`, as every `list` takes them."""
        limit, cursor = parsing.paging(self.request)
        return {"limit": limit, "cursor": cursor}

    def check_existence(self) -> None:
        """Raises `NotFound` unless the service and the deployment that the path names exist."""
        if service := self.params.get("service"):
            if deployment := self.params.get("deployment"):
                self.plane.deployments.get(service, deployment)
            else:
                self.plane.services.get(service)



def listed(page: Page[T], show: Callable[[T], Mapping[str, Any]]) -> Response:
    return shown({"items": [show(item) for item in page.items], "cursor": page.cursor})


def shown(body: Mapping[str, Any], status: int = 200, **headers: str) -> Response:
    """A JSON answer. Whoever caches it asks again each time, which costs nothing if nothing changed."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    fixed = {"Content-Type": "application/json", "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(text, {**fixed, **headers}, status)
