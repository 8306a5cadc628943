"""The API of a control plane in memory, asked the way the gateway asks it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from chalice.app import AuthRequest, AuthResponse, Chalice
from chalice.test import Client

from chalicelib.access.model import Role
from chalicelib.api import install
from chalicelib.api.authorizer import allowance, identify
from chalicelib.api.problems import Unauthorized
from tests.world import ALICE, World, a_definition


@dataclass
class Answer:
    status: int
    raw: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def slug(self) -> str:
        return str(self.json["type"]).removeprefix("/problems/")

    @property
    def fields(self) -> list[str]:
        return [error["field"] for error in self.json.get("errors", [])]


def an_app(control_plane: Callable[[], Any]) -> Chalice:
    """An app as `app.py` makes it, with nothing but the routes."""
    app = Chalice("turnout", configure_logs=False)

    @app.authorizer(ttl_seconds=0)
    def authorize(request: AuthRequest) -> AuthResponse:
        return allowance(identify(control_plane().tokens, request.token))

    install(app, control_plane)
    return app


@dataclass
class Api:
    """`tokens` by role, made on first use."""

    world: World = field(default_factory=World)
    tokens: dict[tuple[Role, str], str] = field(default_factory=dict)
    plane: Any = None

    def __post_init__(self) -> None:
        self.plane = self.plane or self.world.control
        self.app = an_app(lambda: self.plane)
        self._client = Client(self.app, project_dir=str(Path(__file__).parent))

    def token(self, role: Role = Role.ADMIN, services: str = "*") -> str:
        if (role, services) not in self.tokens:
            covered = "web" if role is Role.EVALUATOR and services == "*" else services
            _, text = self.world.control.tokens.create(name=f"{role}", role=role, services=covered, lasting=timedelta(days=30), by=ALICE)
            self.tokens[role, services] = text
        return self.tokens[role, services]

    def __call__(self, method: str, path: str, body: Any = None, *, role: Role | None = Role.ADMIN, services: str = "*", **more: str) -> Answer:
        """`body` is sent as JSON; bytes are sent as they are. `role` None sends no token. `more` are headers, with _ for -."""
        headers = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in more.items()}
        if role is not None:
            headers.setdefault("authorization", f"Bearer {self.token(role, services)}")
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        try:
            answer = self._client.http.request(method, path, headers=headers, body=raw)
        except Unauthorized as error:  # the gateway makes 401 of exactly this text
            return Answer(401, json.dumps({"type": "/problems/unauthorized", "detail": str(error)}).encode(), {})
        return Answer(answer.status_code, answer.body, answer.headers)

    def ledger(self) -> dict[Any, Any]:
        """Everything that is recorded, to compare."""
        return dict(self.world.ledger._kept)  # type: ignore[attr-defined]


def an_api(*names: str) -> Api:
    """With these services registered; `web` if none are named."""
    api = Api()
    for name in names or ("web",):
        api.world.register(a_definition(name))
    return api
