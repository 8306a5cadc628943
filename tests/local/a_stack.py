"""A stack in this process, with a small app and data plane of its own, for tests of what lies between them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from chalice.app import AuthResponse, Chalice, Response

from turnout.local import stack
from turnout.local.control_plane import Loaded
from turnout.local.handlers import NAMES


@dataclass
class Deliveries:
    """What each handler was given. `failing[name]` is how many more deliveries it refuses; messages in `poisoned` it never takes."""

    events: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in NAMES})
    contexts: list[Any] = field(default_factory=list)
    failing: dict[str, int] = field(default_factory=dict)
    poisoned: set[str] = field(default_factory=set)

    def handler(self, name: str) -> Callable[[dict[str, Any], Any], Any]:
        def handle(event: dict[str, Any], context: Any) -> Any:
            self.events[name].append(event)
            self.contexts.append(context)
            if self.failing.get(name, 0) > 0:
                self.failing[name] -= 1
                raise RuntimeError(f"{name} does not feel like it")
            if self.poisoned & {record.get("body") for record in event.get("Records", [])}:
                return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}
            return None

        return handle


def an_app() -> Chalice:
    app = Chalice(app_name="small", configure_logs=False)

    @app.authorizer()
    def authorize(request: Any) -> AuthResponse:
        if request.token == "Bearer unknown":
            raise RuntimeError("Unauthorized")
        if request.token == "Bearer broken":
            raise ValueError("the ledger is away")
        return AuthResponse(routes=["*"] if request.token == "Bearer good" else [], principal_id="p", context={"role": "admin"})

    @app.route("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.route("/echo/{word}", methods=["GET", "POST"], authorizer=authorize, content_types=["application/json"])
    def echo(word: str) -> dict[str, Any]:
        request: Any = app.current_request
        query = request.query_params
        return {"word": word, "query": {name: query.getlist(name) for name in query} if query else None, "body": request.json_body if request.raw_body else None}

    @app.route("/fail")
    def fail() -> None:
        raise ValueError("oh")

    @app.route("/teapot")
    def teapot() -> Response:
        return Response(body="short and stout", status_code=418, headers={"Content-Type": "text/plain", "Set-Cookie": ["a=1", "b=2"]})

    return app


class Idle:
    """A data plane on which every target is healthy and every function answers the same."""

    def health(self, target_group_arn: str, target_id: str, port: int | None) -> tuple[str, str | None, str | None]:
        return "healthy", None, None

    def invoke(self, function: str, qualifier: str | None, payload: bytes) -> Any:
        return SimpleNamespace(status=200, function_error=None, payload=payload, log_tail="", executed_version="1")


@dataclass(frozen=True)
class Running:
    info: dict[str, Any]
    deliveries: Deliveries


@contextmanager
def a_running_stack(directory: Path) -> Iterator[Running]:
    deliveries, stop, ready = Deliveries(), threading.Event(), threading.Event()
    module = SimpleNamespace(app=an_app(), **{name: deliveries.handler(name) for name in NAMES})
    parts = stack.Parts(load=lambda: Loaded(module, "good"), data_plane=lambda options, endpoint_url: _idle())
    info: dict[str, Any] = {}

    def announced(said: dict[str, Any]) -> None:
        info.update(said)
        ready.set()

    options = stack.Options(port=0, tick=0.2, state_dir=directory)
    thread = threading.Thread(target=stack.run, args=(options,), kwargs={"ready": announced, "stop": stop, "parts": parts})
    thread.start()
    try:
        assert ready.wait(30)
        yield Running(info, deliveries)
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


@contextmanager
def _idle() -> Iterator[Idle]:
    yield Idle()
