"""Routes: each declares who may use it and what it takes and answers; its view is then one sentence.

Every request goes the same way: the caller (401), the permission of role and
pattern (403), what is named in the path (404), the body (400, 415, 422), and only then
the one call of the view, which may find a conflict (409). Chalice's
middleware never sees what a view raises, so errors are translated here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar
from uuid import uuid4

from chalice.app import Blueprint, Chalice, Request, Response
from pydantic import BaseModel

from chalicelib.access.model import Action, permit
from chalicelib.api import caching, parsing, problems
from chalicelib.api.authorizer import caller_of
from chalicelib.api.call import Call
from chalicelib.errors import Invalid, Problem

if TYPE_CHECKING:
    from chalicelib.bootstrap import ControlPlane

B = TypeVar("B")
M = TypeVar("M", bound=BaseModel)
P = ParamSpec("P")

Provider = Callable[[], "ControlPlane"]
View = Callable[Concatenate[Call[B], P], Response]

class Declares(Protocol[B]):
    """A decorator that declares a view and leaves it as it is."""

    def __call__(self, view: View[B, P], /) -> View[B, P]: ...


AUTHORIZER = "authorize"
"""The name of the app's authorizer; every route that is not public is behind it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path, as declared. `action` None: public. `answers` are the shapes of the answers by status."""

    method: str
    path: str
    action: Action | None
    view: Callable[..., Response]
    body: type[BaseModel] | None = None
    answers: Mapping[int, Any] = field(default_factory=dict)
    query: tuple[str, ...] = ()
    named_by: str | None = None

    @property
    def name(self) -> str:
        return self.view.__name__

    @property
    def summary(self) -> str:
        return (self.view.__doc__ or "").strip()


class Routes(Blueprint):
    """A resource's routes. `control_plane` must be set before it is registered with an app."""

    def __init__(self, import_name: str) -> None:
        super().__init__(import_name)
        self.endpoints: list[Endpoint] = []
        self.control_plane: Provider | None = None

    def public(self, path: str, answers: Mapping[int, Any]) -> Declares[None]:
        return self._declared(lambda view: Endpoint("GET", path, None, view, answers=answers))

    def get(self, path: str, action: Action, answer: Any, query: tuple[str, ...] = ()) -> Declares[None]:
        return self._declared(lambda view: Endpoint("GET", path, action, view, answers={200: answer}, query=query))

    def post(self, path: str, action: Action, body: type[M], answers: Mapping[int, Any], query: tuple[str, ...] = ()) -> Declares[M]:
        return self._declared(lambda view: Endpoint("POST", path, action, view, body, answers, query))

    def put(self, path: str, action: Action, body: type[M], answers: Mapping[int, Any], *, named_by: str, query: tuple[str, ...] = ()) -> Declares[M]:
        """`named_by` is the body's field that repeats the last name in the path, and may be left out."""
        return self._declared(lambda view: Endpoint("PUT", path, action, view, body, answers, query, named_by))

    def delete(self, path: str, action: Action, query: tuple[str, ...] = ()) -> Declares[None]:
        return self._declared(lambda view: Endpoint("DELETE", path, action, view, answers={204: None}, query=query))

    def register(self, app: Chalice, options: dict[str, Any]) -> None:
        """Anew for every app: Chalice's own deferred registrations are used up by the first one (it pops their arguments)."""
        super().register(app, options)
        if self.control_plane is None:
            raise RuntimeError("a blueprint of routes is registered by api.install, which gives it the control plane")
        for endpoint in self.endpoints:
            authorizer = app.handler_map[AUTHORIZER] if endpoint.action else None
            served = _served(endpoint, app, self.control_plane)
            # No content type is refused by Chalice, whose refusal is no problem document: parsing.py does it.
            app.route(endpoint.path, methods=[endpoint.method], name=f"api_{endpoint.name}", authorizer=authorizer, content_types=[])(served)

    def _declared(self, declare: Callable[[Callable[..., Response]], Endpoint]) -> Declares[Any]:
        def declared(view: View[Any, P]) -> View[Any, P]:
            self.endpoints.append(declare(view))
            return view

        return declared


def _served(endpoint: Endpoint, app: Chalice, control_plane: Provider) -> Callable[..., Response]:
    """The view as Chalice calls it: with the path's parameters by name."""

    def served(**params: str) -> Response:
        assert app.current_request is not None
        return respond(endpoint, app.current_request, parsing.decoded(params), control_plane)

    served.__name__ = endpoint.name
    return served


def respond(endpoint: Endpoint, request: Request, params: dict[str, str], control_plane: Provider) -> Response:
    """The answer, whatever happens."""
    request_id = getattr(request.lambda_context, "aws_request_id", None) or uuid4().hex
    try:
        return _answer(endpoint, request, params, control_plane)
    except Problem as problem:
        return problems.foreseen(problem, request_id)
    except Exception as error:  # noqa: BLE001  # the outermost edge: nobody behind it could say anything better to the caller
        return problems.unforeseen(error, request_id)


def _answer(endpoint: Endpoint, request: Request, params: dict[str, str], control_plane: Provider) -> Response:
    call: Call[None] = Call(request, params, control_plane)
    if endpoint.action is not None:
        permit(caller_of(request.context), endpoint.action, params.get("service"))
        parsing.check_path(params)
    try:
        response = endpoint.view(_with_body(endpoint, call), **params)
    except Invalid:
        if endpoint.method != "PUT":
            call.check_existence()  # 404 goes before 422, and is only looked for where it could
        raise
    if endpoint.method != "GET":
        return response
    return caching.unless_known(caching.tagged(response), request.headers.get("if-none-match"))


def _with_body(endpoint: Endpoint, call: Call[None]) -> Call[Any]:
    if endpoint.body is None:
        return call
    values = parsing.json_object(call.request)
    if any(values.get(name) for name in getattr(endpoint.body, "for_approvers", ())):
        permit(call.caller, Action.APPROVE, call.params.get("service"))
    if "dry_run" not in endpoint.query and parsing.flag(call.request, "dry_run"):
        raise Invalid("only commands can be tried with dry_run; leave it out", field="dry_run")
    body = parsing.validated(endpoint.body, _named(endpoint, call.params, values))
    parsing.idempotency_key(call.request)
    return Call(call.request, call.params, call.control_plane, values, body, f"{endpoint.method} {endpoint.path.format(**call.params)}")


def _named(endpoint: Endpoint, params: dict[str, str], values: dict[str, Any]) -> dict[str, Any]:
    """The body with the name that the path says already. Raises `Invalid` if it says another."""
    if endpoint.named_by is None:
        return values
    name = list(params.values())[-1]
    if values.get(endpoint.named_by, name) != name:
        raise Invalid(f"{endpoint.named_by} is another one than in the path, {name!r}; leave it out or make them equal", field=endpoint.named_by)
    return {**values, endpoint.named_by: name}

