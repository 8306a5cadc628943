"""One request from end to end: rule, group, target, answer, counts."""

import asyncio
import html
import http
import random
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from turnout.local.alb import access_log, choosing, events, proxy, rules
from turnout.local.alb.checking import Invoke
from turnout.local.alb.metrics import Metrics
from turnout.local.alb.model import FixedResponse, Forward, Group, Listener, Redirect, Target
from turnout.local.alb.targets import Turns

SERVER = "awselb/2.0"
Headers = list[tuple[str, str]]


class Refused(Exception):
    """The balancer answers by itself, with an error."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Exchange:
    listener: Listener
    request: web.BaseRequest
    asked: rules.Asked
    entry: access_log.Entry

    @property
    def balancer(self) -> str:
        return self.listener.load_balancer


class Server:
    """`groups` are the target groups as they are now."""

    def __init__(
        self,
        *,
        invoke: Invoke,
        session: Callable[[], aiohttp.ClientSession],
        address_of: proxy.AddressOf,
        turns: Turns,
        metrics: Metrics,
        groups: Callable[[], dict[str, Group]],
    ) -> None:
        self._invoke = invoke
        self._address_of = address_of
        self._session = session
        self._turns = turns
        self._metrics = metrics
        self._groups = groups
        self._random = random.Random()  # noqa: S311  # a share of traffic is no secret

    async def serve(self, listener: Listener, request: web.BaseRequest) -> web.StreamResponse:
        try:
            asked = _asked(request)
            entry = access_log.entry(listener, request, _target(request), _trace(request.headers.get("X-Amzn-Trace-Id", "")))
            request[access_log.ENTRY] = entry
            exchange = Exchange(listener, request, asked, entry)
            if request.headers.get("Expect", "").lower() == "100-continue":
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return await self._act(exchange)
        except Refused as refused:
            self._metrics.refused(listener.load_balancer, refused.status)
            return _error(refused.status)

    async def _act(self, exchange: Exchange) -> web.StreamResponse:
        listener, asked = exchange.listener, exchange.asked
        rule = rules.first_match(listener.rules, asked)
        action = rule.action if rule else None
        if rule:
            exchange.entry.matched(rule)
        match action:
            case Forward():
                cookies = exchange.request.cookies if action.sticky_seconds is not None else {}
                return await self._forward(exchange, choosing.choose(action, rule.arn if rule else "", cookies, self._random))
            case FixedResponse():
                self._metrics.count(listener.load_balancer, "HTTP_Fixed_Response_Count")
                return _response(action.status, None, [("Content-Type", f"{action.content_type}; charset=utf-8")], action.body.encode())
            case Redirect():
                self._metrics.count(listener.load_balancer, "HTTP_Redirect_Count")
                exchange.entry.redirect = rules.location(action, asked, listener.port)
                return _response(action.status, None, [("Location", exchange.entry.redirect)], b"")
        raise Refused(503)

    async def _forward(self, exchange: Exchange, choice: choosing.Choice) -> web.StreamResponse:
        group = self._groups().get(choice.group or "")
        target = self._turns.next(group) if group else None
        if group:
            exchange.entry.chosen(group, target)
        if group is None or target is None:
            raise Refused(503)
        self._metrics.chosen(exchange.balancer, group)
        if group.is_lambda:
            reply = await self._ask_function(exchange, group, target.id)
            return _response(reply.status, reply.reason, [*reply.headers, *(("Set-Cookie", cookie) for cookie in choice.set_cookies)], reply.body)
        return await self._ask_process(exchange, group, target, choice.set_cookies)

    async def _ask_process(self, exchange: Exchange, group: Group, target: Target, cookies: tuple[str, ...]) -> web.StreamResponse:
        asked = exchange.asked
        path_and_query = f"{asked.path}?{asked.query}" if asked.query else asked.path
        onward = proxy.Onward(self._address_of(target.id, target.port), path_and_query, _forwarded_headers(exchange), cookies)
        exchange.entry.handed_over()
        try:
            answered = await proxy.forward(self._session(), exchange.request, onward)
        except proxy.NoAnswer as failure:
            if not failure.connected:
                self._metrics.count(exchange.balancer, "TargetConnectionErrorCount", group)
            raise Refused(failure.status) from failure
        self._metrics.answered(exchange.balancer, group, answered.status, answered.seconds)
        exchange.entry.answered(answered.status, answered.seconds)
        return answered.response

    async def _ask_function(self, exchange: Exchange, group: Group, function: str) -> events.Reply:
        asked, headers = exchange.asked, _forwarded_headers(exchange)
        body = await self._whole_body(exchange, group)
        if body and not any(name.lower() == "content-length" for name, _ in headers):
            headers.append(("content-length", str(len(body))))
        multi = group.multi_value_headers
        event = events.event(asked.method, asked.path, asked.query, headers, body, group=group.arn, multi_value=multi)
        exchange.entry.handed_over()
        began = time.perf_counter()
        result = await self._invoke(function, event)
        seconds = time.perf_counter() - began
        try:
            reply = events.reply_of(result, multi_value=multi)
        except events.InvalidAnswer as error:
            self._metrics.count(exchange.balancer, "LambdaUserError", group)
            exchange.entry.failed(access_log.lambda_failure(result), seconds)
            raise Refused(502) from error
        self._metrics.answered(exchange.balancer, group, reply.status, seconds)
        exchange.entry.answered(reply.status, seconds)
        return reply

    async def _whole_body(self, exchange: Exchange, group: Group) -> bytes:
        """Bounded: a function takes 1 MB. Raises `Refused`."""
        body = bytearray()
        if not exchange.request.body_exists:
            return b""
        try:
            async for part in exchange.request.content.iter_any():
                body += part
                if len(body) > events.BODY_LIMIT:
                    break
        except (aiohttp.ClientError, asyncio.IncompleteReadError, web.RequestPayloadError) as error:
            raise Refused(400) from error
        if len(body) > events.BODY_LIMIT:
            self._metrics.count(exchange.balancer, "LambdaUserError", group)
            exchange.entry.error = "LambdaRequestTooLarge"
            raise Refused(413)
        return bytes(body)


def _asked(request: web.BaseRequest) -> rules.Asked:
    path, _, query = _target(request).partition("?")
    source = request.transport.get_extra_info("peername")[0] if request.transport else "127.0.0.1"
    headers = [(name.decode("latin-1"), value.decode("utf-8", "surrogateescape")) for name, value in request.raw_headers]
    return rules.Asked(request.method, path or "/", query, request.headers.get("Host", ""), headers, source)


def _target(request: web.BaseRequest) -> str:
    """Path and query, undecoded; a client may send a whole URL."""
    return re.sub(r"^https?://[^/?]*", "", request.raw_path)


def _forwarded_headers(exchange: Exchange) -> Headers:
    """Without what belongs to the client's own connection, with what ALB adds."""
    asked = exchange.asked
    ours = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", "x-amzn-trace-id")
    before = {name.lower(): value for name, value in asked.headers if name.lower() in ours}
    kept = [(name, value) for name, value in asked.headers if name.lower() not in events.HOP_BY_HOP and name.lower() not in ours]
    sources = [before["x-forwarded-for"]] if "x-forwarded-for" in before else []
    return [
        *kept,
        ("X-Forwarded-For", ", ".join([*sources, asked.source_ip])),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Port", str(exchange.listener.port)),
        ("X-Amzn-Trace-Id", exchange.entry.trace),
    ]


def _trace(before: str) -> str:
    """A trace that has begun keeps its root; the balancer then names itself beside it."""
    ours = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    return f"Self={ours};{before}" if "Root=" in before else f"Root={ours}{';' + before if before else ''}"


def _response(status: int, reason: str | None, headers: Headers, body: bytes) -> web.Response:
    response = web.Response(status=status, reason=reason, body=body)
    for name, value in headers:
        response.headers.add(name, value)
    response.headers.setdefault("Server", SERVER)
    return response


def _error(status: int) -> web.Response:
    title = html.escape(f"{status} {http.HTTPStatus(status).phrase}")
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    return _response(status, None, [("Content-Type", "text/html")], page.encode())
