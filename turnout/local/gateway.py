"""API Gateway's part: HTTP in front of the Chalice app, its authorizer asked first, every refusal a problem document.

Chalice's own local server takes 44 ms a request and answers refusals in a
form of its own; its `LocalGateway` (matching, authorizer, events) is used as it is.
"""

import asyncio
import base64
import json
import logging
import socket
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from aiohttp import web
from chalice.app import Chalice
from chalice.config import Config
from chalice.local import CustomLocalChalice, LocalGateway, LocalGatewayException, RouteMatcher
from multidict import CIMultiDict

log = logging.getLogger(__name__)

BODY_LIMIT = 10 * 1024 * 1024
SECONDS_TO_ANSWER = 29
WORKERS = 48
_SLUGS = {
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
    500: "internal",
    503: "unavailable",
    504: "timeout",
}
_HOP_BY_HOP = {"connection", "content-length", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"}
_PROBLEM = "application/problem+json"


class Gateway:
    """Serves an app on a socket that is already bound, from a thread of its own."""

    def __init__(self, app: Chalice, listening: socket.socket) -> None:
        app.__class__ = CustomLocalChalice  # keeps the current request for each thread; one attribute is shared otherwise
        self._routes = Routes(app)
        self._socket = listening
        self._loop = asyncio.new_event_loop()
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="api")
        self._thread = threading.Thread(target=self._loop.run_forever, name="gateway", daemon=True)
        self._runner: web.ServerRunner | None = None

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result()

    def stop(self) -> None:
        """Closes the port and every connection. A request that is being answered is not waited for long."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _serve(self) -> None:
        self._runner = web.ServerRunner(Server(self._answer, access_log=None), shutdown_timeout=1)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket, backlog=512).start()

    async def _close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        try:
            body = await _read(request)
        except _TooLarge:
            return _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A request body may have at most {BODY_LIMIT} bytes.")
        except web.RequestPayloadError:
            return _problem(HTTPStatus.BAD_REQUEST, "The request body is not encoded as its headers say.")
        call = self._loop.run_in_executor(self._pool, self._routes.answer, request.method, request.raw_path, Headers(request.headers.items()), body)
        try:
            return await asyncio.wait_for(call, SECONDS_TO_ANSWER)
        except TimeoutError:
            return _problem(HTTPStatus.GATEWAY_TIMEOUT, f"There was no answer within {SECONDS_TO_ANSWER} seconds.")


class Protocol(web.RequestHandler):
    """One connection. What aiohttp refuses before there is a request to answer is a problem document as well."""

    __slots__ = ()

    def handle_error(self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None) -> web.StreamResponse:
        super().handle_error(request, status, exc, message)  # logs it, and refuses where an answer has begun already
        what = (message or "").partition(":")[0].strip()  # the rest quotes the request
        answer = _problem(HTTPStatus(status), f"The request cannot be read: {what}." if what else "The request could not be answered.")
        answer.force_close()
        return answer


class Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return Protocol(self, loop=self._loop, **self._kwargs)


class _TooLarge(Exception):
    pass


async def _read(request: web.BaseRequest) -> bytes:
    if (request.content_length or 0) > BODY_LIMIT:
        raise _TooLarge
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise _TooLarge
    return bytes(body)


class Headers(dict[str, str]):
    """Of a header that is sent more than once the last value counts; `all` has every one."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.all: dict[str, list[str]] = {}
        for name, value in pairs:
            self.all.setdefault(name.lower(), []).append(value)
        super().__init__({name: values[-1] for name, values in self.all.items()})


class ProxyGateway(LocalGateway):
    """Fills in what API Gateway's events have and Chalice's local ones lack."""

    def _generate_lambda_event(self, method: str, path: str, headers: Any, body: Any) -> Any:
        event = super()._generate_lambda_event(method, path, headers, body)
        several = event["multiValueQueryStringParameters"]
        return event | {
            "httpMethod": method,
            "path": event["requestContext"]["path"],
            "resource": event["requestContext"]["resourcePath"],
            "multiValueHeaders": headers.all,
            "queryStringParameters": {name: values[-1] for name, values in several.items()} if several else None,
        }


class Routes:
    """Answers one request as API Gateway and the app behind it would."""

    def __init__(self, app: Chalice) -> None:
        self._app = app
        self._matcher = RouteMatcher(list(app.routes))
        self._gateway = ProxyGateway(app, Config(config_from_disk={"app_name": app.app_name}))

    def answer(self, method: str, path: str, headers: Headers, body: bytes) -> web.Response:
        path = path.replace(";", "%3B").replace("#", "%23")  # Chalice's matcher cuts them off, with what follows
        if path.startswith("//") or self._route(path) is None:  # the former would be taken for a host
            return _nothing_at(path)
        asked = "GET" if method == "HEAD" and not self._has("HEAD", path) else method
        try:
            found = self._gateway.handle_request(asked, path, headers, body.decode(errors="replace") if body else None)  # type: ignore[arg-type]
        except LocalGatewayException as refusal:
            answer = _refused(refusal)
        except Exception as error:  # noqa: BLE001  # the edge of the gateway: what an authorizer raised; logged there
            answer = _authorizer_failed(error)
        else:
            answer = _http(found)
        if method == "HEAD":
            answer.headers["Content-Length"] = str(len(answer.body or b""))  # type: ignore[arg-type]
            answer.body = None
        return answer

    def _has(self, method: str, path: str) -> bool:
        route = self._route(path)
        return route is not None and method in self._app.routes[route]

    def _route(self, path: str) -> str | None:
        try:
            return str(self._matcher.match_route(path).route)
        except ValueError:
            return None


def _refused(refusal: LocalGatewayException) -> web.Response:
    match refusal.CODE:
        case 401:
            return _unauthorized()
        case 403:
            return _problem(HTTPStatus.FORBIDDEN, "This token does not allow it.")
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The authorizer gave no answer.")


def _nothing_at(path: str) -> web.Response:
    return _problem(HTTPStatus.NOT_FOUND, f"There is nothing at {path.partition('?')[0]}.")


def _authorizer_failed(error: Exception) -> web.Response:
    """An authorizer says "Unauthorized" by raising it; anything else is no answer, and may be one the next time."""
    if str(error) == "Unauthorized":
        return _unauthorized()
    log.error("gateway.failed", exc_info=error)
    return _problem(HTTPStatus.SERVICE_UNAVAILABLE, "The request could not be authorized just now; try again.")


def _unauthorized() -> web.Response:
    answer = _problem(HTTPStatus.UNAUTHORIZED, "A valid token is needed: send it as `Authorization: Bearer …`.")
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _http(found: Mapping[str, Any]) -> web.Response:
    status, body = int(found["statusCode"]), found.get("body") or ""
    if status >= HTTPStatus.BAD_REQUEST and (told := _told_by_chalice(body)):
        return _problem(HTTPStatus(status), told)
    pairs = [*(found.get("headers") or {}).items(), *((name, value) for name, values in (found.get("multiValueHeaders") or {}).items() for value in values)]
    headers = CIMultiDict((name, value) for name, value in pairs if name.lower() not in _HOP_BY_HOP)
    headers.setdefault("Content-Type", "application/json")  # as API Gateway has it
    return web.Response(status=status, body=_bytes(found, body), headers=headers)


def _bytes(found: Mapping[str, Any], body: str | bytes) -> bytes:
    if found.get("isBase64Encoded"):
        return base64.b64decode(body)
    return body if isinstance(body, bytes) else body.encode()


def _told_by_chalice(body: str | bytes) -> str | None:
    """The message of an error that Chalice made by itself: `{"Code", "Message"}` and nothing else."""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return str(found["Message"]) if isinstance(found, dict) and set(found) == {"Code", "Message"} else None


def _problem(status: HTTPStatus, detail: str) -> web.Response:
    slug = _SLUGS.get(status, status.phrase.lower().replace(" ", "-"))
    document = {"type": f"/problems/{slug}", "title": status.phrase, "status": int(status), "detail": detail}
    return web.Response(status=status, body=json.dumps(document).encode(), headers={"Content-Type": _PROBLEM})
