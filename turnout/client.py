"""A client of Turnout's REST API: one method per thing that can be asked, plain JSON values in and out.

    client = Client("https://turnout.example", token)
    client.promote("web", version="1.4.2", reason="tested")

Only what is safe to send twice is ever sent again by itself: reads, PUTs
without a condition, and commands, because each carries an `Idempotency-Key`
of its own that makes a repeat answer what the first one did.
"""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError, MaxRetryError, NameResolutionError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as TimedOut

from turnout.problems import ApiProblem, Unreachable

Json = dict[str, Any]

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 35.0  # the gateway gives up at 29


@dataclass(frozen=True, slots=True)
class Page:
    items: list[Json]
    cursor: str | None


class Client:
    """`backoff_seconds` is the first pause before something is sent again; it doubles."""

    def __init__(self, url: str, token: str | None, *, backoff_seconds: float = 0.2) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._backoff = backoff_seconds
        self._http = _pool(self.url)

    # What is there

    def services(self, *, limit: int = 50, cursor: str | None = None) -> Page:
        return self._page("/v1/services", limit=limit, cursor=cursor)

    def service(self, name: str) -> Json:
        return self._get(service_path(name))

    def releases(self, service: str, *, limit: int = 50, cursor: str | None = None) -> Page:
        return self._page(service_path(service, "releases"), limit=limit, cursor=cursor)

    def release(self, service: str, version: str) -> Json:
        return self._get(service_path(service, "releases", version))

    def configs(self, service: str, *, limit: int = 50, cursor: str | None = None) -> Page:
        return self._page(service_path(service, "config"), limit=limit, cursor=cursor)

    def config(self, service: str, number: int) -> Json:
        return self._get(service_path(service, "config", str(number)))

    def config_diff(self, service: str, number: int, against: int) -> Json:
        return self._get(service_path(service, "config", str(number)), {"against": against})

    def deployments(self, service: str, *, limit: int = 50, cursor: str | None = None) -> Page:
        return self._page(service_path(service, "deployments"), limit=limit, cursor=cursor)

    def deployment(self, service: str, deployment: str) -> Json:
        return self._get(service_path(service, "deployments", deployment))

    def events(self, service: str, deployment: str, *, limit: int = 50, cursor: str | None = None) -> Page:
        return self._page(service_path(service, "deployments", deployment, "events"), limit=limit, cursor=cursor)

    def preflight(self, service: str, *, to: str | None = None) -> Json:
        return self._get(service_path(service, "rollback"), {"to": to} if to else None)

    def explain(self, service: str) -> Json:
        return self._get(service_path(service, "explain"))

    def judgements(self, service: str, deployment: str, *, limit: int = 50, cursor: str | None = None) -> Page:
        return self._page(service_path(service, "deployments", deployment, "judgements"), limit=limit, cursor=cursor)

    def replay(self, service: str, *, checks: Json, deployments: int = 50) -> Json:
        """What these checks would have made of past rollouts. Changes nothing."""
        return self._post(service_path(service, "replay"), {"checks": checks, "deployments": deployments})

    def rejections(self, *, limit: int = 50, cursor: str | None = None) -> Page:
        return self._page("/v1/rejections", limit=limit, cursor=cursor)

    def audit(self, *, service: str | None = None, limit: int = 50, cursor: str | None = None) -> Page:
        return self._page("/v1/audit", limit=limit, cursor=cursor, service=service)

    def tokens(self, *, limit: int = 50, cursor: str | None = None) -> Page:
        return self._page("/v1/tokens", limit=limit, cursor=cursor)

    def watched(self, *parts: str) -> "Watched":
        """A resource under `/v1/services/` that is read again and again; of a list, the newest hundred."""
        return Watched(self, service_path(*parts) + ("?limit=100" if parts[-1] == "events" else ""))

    def alive(self) -> tuple[Json, str | None]:
        """What the server says of itself to everybody, and its `Date` when it said so."""
        answer = self._send("GET", "/healthz", repeatable=True)
        return _parsed(answer), answer.headers.get("Date")

    def specification(self) -> Json:
        return self._get("/openapi.json")

    # What can be done

    def define(self, name: str, definition: Json, *, if_match: str | None = None, reason: str | None = None) -> Json:
        """Register a service or change its definition."""
        headers = {"If-Match": if_match} if if_match else {}
        return self._json("PUT", service_path(name), params={"reason": reason}, body=definition, headers=headers, repeatable=not if_match)

    def remove(self, name: str, *, reason: str | None = None) -> None:
        """Take a service out of Turnout's hands; nothing in AWS is touched."""
        self._send("DELETE", service_path(name), params={"reason": reason})

    def command(self, service: str, verb: str, body: Json, *, dry_run: bool = False) -> Json:
        """POST `verb` (promote, rollback, pause, resume, abort, approve, certify, deployments, config) with what is not None in `body`."""
        return self._post(service_path(service, verb), body, dry_run=dry_run)

    def create_token(self, *, name: str, role: str, services: str, expires_in_seconds: int) -> Json:
        return self._post("/v1/tokens", {"name": name, "role": role, "services": services, "expires_in_seconds": expires_in_seconds})

    def revoke_token(self, token_id: str) -> None:
        self._send("DELETE", f"/v1/tokens/{quote(token_id, safe='')}")

    # How it is sent

    def read(self, path: str, *, etag: str | None = None, seconds: float = ANSWER_SECONDS) -> tuple[Json | None, str | None]:
        """The resource and its ETag; None where it is still what `etag` named."""
        answer = self._send("GET", path, headers={"If-None-Match": etag} if etag else {}, seconds=seconds, repeatable=False)
        return (None, etag) if answer.status == 304 else (_parsed(answer), answer.headers.get("ETag"))

    def _get(self, path: str, params: Mapping[str, object] | None = None) -> Json:
        return self._json("GET", path, params=params, repeatable=True)

    def _page(self, path: str, **params: object) -> Page:
        body = self._get(path, params)
        return Page(list(body.get("items", [])), body.get("cursor"))

    def _post(self, path: str, body: Json, *, dry_run: bool = False) -> Json:
        given = {name: value for name, value in body.items() if value is not None}
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._json("POST", path, params={"dry_run": "true"} if dry_run else None, body=given, headers=headers, repeatable=True)

    def _json(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, object] | None = None,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool,
    ) -> Json:
        return _parsed(self._send(method, path, params=params, body=body, headers=headers, repeatable=repeatable))

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, object] | None = None,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = ANSWER_SECONDS,
        repeatable: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        """One request, sent again where that is safe. Raises `ApiProblem` for 4xx and 5xx, `Unreachable` where no answer came."""
        query = urlencode({name: value for name, value in (params or {}).items() if value is not None})
        try:
            answer = self._http.request(
                method,
                f"{self.url}{path}{'?' + query if query else ''}",
                body=None if body is None else json.dumps(body).encode(),
                headers={**self._headers(), **(headers or {})},
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds),
                retries=self._retries(repeatable=repeatable),
                redirect=False,  # a token is shown to the server it belongs to and to no other
            )
        except (HTTPError, LocationParseError) as error:
            raise Unreachable(_why(self.url, error)) from error
        if answer.status >= 400 or 300 <= answer.status < 304:
            raise _problem(answer)
        return answer

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "turnout-cli"}
        return {**headers, "Authorization": f"Bearer {self._token}"} if self._token else headers

    def _retries(self, *, repeatable: bool) -> urllib3.Retry:
        """A connection that was never made is always tried again. Which methods are safe is ours to say, hence `allowed_methods` of any."""
        return urllib3.Retry(
            total=2,
            read=2 if repeatable else 0,
            status_forcelist=[502, 503, 504] if repeatable else [],
            allowed_methods=None,
            backoff_factor=self._backoff,
            raise_on_status=False,
            respect_retry_after_header=False,
        )


class Watched:
    """A resource that is asked for again and again; `body` is how it was last seen."""

    def __init__(self, client: Client, path: str) -> None:
        self.body: Json = {}
        self._client = client
        self._path = path
        self._etag: str | None = None

    def read(self, *, seconds: float = ANSWER_SECONDS) -> Json:
        """How it is now; costs the server next to nothing while it stays the same."""
        body, self._etag = self._client.read(self._path, etag=self._etag, seconds=seconds)
        if body is not None:
            self.body = body
        return self.body


def service_path(*parts: str) -> str:
    return "/v1/services/" + "/".join(quote(part, safe="") for part in parts)


def _pool(url: str) -> urllib3.PoolManager:
    """Through the proxy that the environment names for this address, if it does."""
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if proxy and not proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy)
    return urllib3.PoolManager()


def items(read: Callable[..., Page], *arguments: str, **options: Any) -> Iterator[Json]:
    """Everything that a list has, page after page, as far as somebody goes on asking: `items(client.events, "web", "d-000012")`."""
    cursor: str | None = None
    while True:
        page = read(*arguments, limit=100, cursor=cursor, **options)
        yield from page.items
        if not page.cursor:
            return
        cursor = page.cursor


def _parsed(answer: urllib3.BaseHTTPResponse) -> Json:
    body = _decoded(answer.data)
    if body is None:
        raise Unreachable("the answer is no JSON object; is this address really a Turnout server's?")
    return body


def _decoded(raw: bytes) -> Json | None:
    try:
        body = json.loads(raw)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _problem(answer: urllib3.BaseHTTPResponse) -> ApiProblem:
    """Also of an answer that is no problem document: a gateway or a proxy may have given it."""
    document = _decoded(answer.data) or {}
    slug = str(document.get("type") or "").rpartition("/")[2] or f"http-{answer.status}"
    detail = str(document.get("detail") or document.get("title") or document.get("message") or f"the server answered {answer.status}; try again later")
    errors = document.get("errors")
    return ApiProblem(answer.status, slug, detail, tuple(errors) if isinstance(errors, list) else (), document if "type" in document else None)


def _why(url: str, error: Exception) -> str:
    reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    match reason:
        case NameResolutionError():
            return f"there is no host named {urlsplit(url).hostname!r}; check the address {url} (--url, TURNOUT_URL or the profile)"
        case SSLError():
            return f"the connection to {url} is not trusted ({reason}); check the address and the certificate"
        case NewConnectionError():
            return f"nothing answers at {url}; check that the server runs and the address is right"
        case TimedOut():
            return f"{url} did not answer in time; try again"
        case LocationParseError() | _:
            return f"cannot talk to {url} ({reason}); check the address and try again"
