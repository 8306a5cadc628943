"""The ports: one HTTP server for every listener, opened and closed as listeners come and go."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from turnout.local.alb.model import Listener

log = logging.getLogger(__name__)

Serve = Callable[[Listener, web.BaseRequest], Awaitable[web.StreamResponse]]
Ended = Callable[[Listener, web.BaseRequest, web.StreamResponse], None]
"""Told of every request once its answer was sent, or could not be; also of what was no request."""
HOST = "127.0.0.1"
RETRY_SECONDS = 1.0
DRAIN_SECONDS = 60.0
SHUTDOWN_SECONDS = 1.0


class Port:
    """One listener being served. A change of its rules is served `lag` seconds after it was seen; requests under way keep the rules they began with."""

    def __init__(self, listener: Listener, serve: Serve, lag: float, ended: Ended) -> None:
        self._serve = serve
        self._ended = ended
        self._lag = lag
        self._served = listener
        self._changes: deque[tuple[float, Listener]] = deque()
        self._in_flight = 0
        self._quiet = asyncio.Event()
        self._runner = web.ServerRunner(
            web.Server(self._handle, access_log=log, access_log_class=self._teller, auto_decompress=False, max_line_size=65536, max_field_size=65536),
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
        self.number = listener.port

    async def open(self) -> None:
        """Raises `OSError` when the port is taken."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, self.number, backlog=1024).start()
        except OSError:
            await self._runner.cleanup()
            raise

    def change(self, listener: Listener) -> None:
        newest = self._changes[-1][1] if self._changes else self._served
        if listener is not newest and listener != newest:
            self._changes.append((time.monotonic() + self._lag, listener))

    async def drain(self) -> None:
        """No new connections; requests under way may finish."""
        for site in list(self._runner.sites):
            await site.stop()
        if self._in_flight:
            self._quiet.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), DRAIN_SECONDS)
        await self._runner.cleanup()

    async def close(self) -> None:
        await self._runner.cleanup()

    def _teller(self, *_: object) -> "Teller":
        return Teller(self._told)

    def _told(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        self._ended(self._served, request, response)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        while self._changes and self._changes[0][0] <= time.monotonic():
            self._served = self._changes.popleft()[1]
        self._in_flight += 1
        try:
            return await self._serve(self._served, request)
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._quiet.set()


class Teller(AbstractAccessLogger):
    """What the HTTP server calls at the end of a request."""

    def __init__(self, tell: Callable[[web.BaseRequest, web.StreamResponse], None]) -> None:
        super().__init__(log, "")
        self._tell = tell

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:  # noqa: ARG002  # the server's word
        self._tell(request, response)


class Ports:
    def __init__(self, serve: Serve, lag: float, ended: Ended) -> None:
        self._serve = serve
        self._ended = ended
        self._lag = lag
        self._open: dict[str, Port] = {}
        self._draining: dict[asyncio.Task[None], Port] = {}
        self._retry_at: dict[str, float] = {}

    async def update(self, listeners: list[Listener]) -> None:
        wanted = {listener.arn: listener for listener in listeners}
        for arn, port in list(self._open.items()):
            if arn not in wanted or wanted[arn].port != port.number:
                self._let_go(self._open.pop(arn))
        for arn, listener in wanted.items():
            if arn in self._open:
                self._open[arn].change(listener)
            elif self._retry_at.get(arn, 0) <= time.monotonic():
                await self._open_port(listener)
        self._retry_at = {arn: at for arn, at in self._retry_at.items() if arn in wanted}

    async def close(self) -> None:
        ports, draining = [*self._open.values(), *self._draining.values()], list(self._draining)
        for task in draining:
            task.cancel()
        await asyncio.gather(*draining, return_exceptions=True)
        await asyncio.gather(*(port.close() for port in ports))

    async def _open_port(self, listener: Listener) -> None:
        port = Port(listener, self._serve, self._lag, self._ended)
        try:
            await port.open()
        except OSError as error:
            self._retry_at[listener.arn] = time.monotonic() + RETRY_SECONDS
            log.warning("listener.port_taken port=%s listener=%s: %s; free the port, it is tried again every second", listener.port, listener.arn, error)
        else:
            self._open[listener.arn] = port
            self._retry_at.pop(listener.arn, None)

    def _let_go(self, port: Port) -> None:
        task = asyncio.create_task(port.drain())
        self._draining[task] = port
        task.add_done_callback(lambda done: self._draining.pop(done, None))
