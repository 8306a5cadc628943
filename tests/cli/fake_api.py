"""A stand-in for the REST API on loopback: answers what it was told to, and remembers what it was asked."""

import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class FakeApi:
    """`on` gives the answers to a question, in turn; the last one stays."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: dict[tuple[str, str], list[tuple[int, Any]]] = field(default_factory=dict)

    def on(self, method: str, path: str, *answers: Any) -> "FakeApi":
        self.answers[method, path] = [answer if isinstance(answer, tuple) else (200, answer) for answer in answers]
        return self

    def problem(self, method: str, path: str, status: int, slug: str, detail: str = "it cannot be", **extra: Any) -> "FakeApi":
        return self.on(method, path, (status, a_problem(status, slug, detail, **extra)))

    def last(self, method: str) -> Asked:
        return [asked for asked in self.asked if asked.method == method][-1]

    def count(self, method: str, path: str) -> int:
        return sum((asked.method, asked.path) == (method, path) for asked in self.asked)

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        told = self.answers.get((method, path))
        if not told:
            return 404, a_problem(404, "not-found", f"there is no {path}")
        return told.pop(0) if len(told) > 1 else told[0]


def a_problem(status: int, slug: str, detail: str = "it cannot be", **extra: Any) -> dict[str, Any]:
    return {"type": f"/problems/{slug}", "title": slug, "status": status, "detail": detail, **extra}


def serve(api: FakeApi) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server


def _handler(api: FakeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            api.asked.append(Asked(self.command, parts.path, query, dict(self.headers), json.loads(raw) if raw else None))
            status, body = api.answer(self.command, parts.path)
            if status == 0:  # hang up without a word
                self.close_connection = True
                return
            self._answer(status, body)

        def _answer(self, status: int, body: Any) -> None:
            sent = body if isinstance(body, bytes) else b"" if status == 204 else json.dumps(body).encode()
            tag = f'"{hashlib.sha256(sent).hexdigest()[:16]}"'
            if status == 200 and self.headers.get("If-None-Match") == tag:
                status, sent = 304, b""
            self.send_response(status)
            self.send_header("ETag", tag)
            self.send_header("Content-Type", "application/problem+json" if status >= 400 else "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PUT = do_DELETE = _any

        def log_message(self, *arguments: Any) -> None:
            pass

    return Handler
