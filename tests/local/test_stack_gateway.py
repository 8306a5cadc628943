"""What stands in front of the app: matching, the authorizer, and refusals as problem documents."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest

from tests.local.a_stack import an_app
from turnout.local import gateway
from turnout.local.gateway import Gateway

GOOD = {"Authorization": "Bearer good", "Content-Type": "application/json"}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    served = Gateway(an_app(), listening)
    served.start()
    yield listening.getsockname()[1]
    served.stop()


@pytest.fixture
def connection(port: int) -> Iterator[HTTPConnection]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    yield connection
    connection.close()


def ask(connection: HTTPConnection, method: str, path: str, headers: dict[str, str] = GOOD, body: bytes | None = None) -> tuple[int, str, bytes]:
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.headers.get("Content-Type", ""), answer.read()


class TestARequest:
    def test_reaches_its_route_with_everything_it_brings(self, connection: HTTPConnection) -> None:
        status, kind, body = ask(connection, "POST", "/echo/a%20b?x=1&x=2&y=%2F", body=b'{"n": 1}')

        assert (status, kind) == (200, "application/json")
        assert json.loads(body) == {"word": "a%20b", "query": {"x": ["1", "2"], "y": ["/"]}, "body": {"n": 1}}

    def test_shares_its_connection_with_the_next(self, connection: HTTPConnection) -> None:
        assert ask(connection, "GET", "/healthz")[0] == 200
        used = connection.sock

        assert ask(connection, "GET", "/healthz")[0] == 200
        assert connection.sock is used

    def test_for_the_head_of_a_get_route_has_no_body(self, connection: HTTPConnection) -> None:
        connection.request("HEAD", "/healthz")
        answer = connection.getresponse()

        assert (answer.status, answer.read(), answer.headers["Content-Length"]) == (200, b"", str(len(b'{"status":"ok"}')))

    def test_is_never_mixed_up_with_another(self, port: int) -> None:
        def words(thread: int) -> set[bool]:
            with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
                return {json.loads(ask(connection, "GET", f"/echo/w{thread}-{number}")[2])["word"] == f"w{thread}-{number}" for number in range(25)}

        with ThreadPoolExecutor(8) as threads:
            assert set().union(*threads.map(words, range(8))) == {True}

    def test_gets_every_header_of_the_answer(self, connection: HTTPConnection) -> None:
        connection.request("GET", "/teapot")
        answer = connection.getresponse()

        assert (answer.status, answer.read()) == (418, b"short and stout")
        assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]


class TestARefusal:
    @pytest.mark.parametrize(
        ("method", "path", "headers", "status"),
        [
            ("GET", "/echo/a", {}, 401),
            ("GET", "/echo/a", {"Authorization": "Bearer unknown"}, 401),
            ("GET", "/echo/a", {"Authorization": "Bearer other"}, 403),
            ("GET", "/echo/a", {"Authorization": "Bearer broken"}, 503),
            ("GET", "/nothing", {}, 404),
            ("GET", "/nothing", GOOD, 404),
            ("GET", "/nothing", {"Authorization": "Bearer \xff"}, 404),
            ("GET", "/healthz;x=1", GOOD, 404),
            ("GET", "/healthz%23x", GOOD, 404),
            ("GET", "/echo/" + "a" * 9000, GOOD, 400),
            ("GET", "/healthz", {"X": "a" * 9000}, 400),
            ("GET", "/healthz", {f"X-{number}": "1" for number in range(200)}, 400),
            ("POST", "/echo/a", GOOD | {"Content-Encoding": "gzip"}, 400),
            ("GET", "//evil/healthz", GOOD, 404),
            ("DELETE", "/healthz", GOOD, 405),
            ("POST", "/echo/a", GOOD | {"Content-Type": "text/plain"}, 415),
            ("GET", "/fail", {}, 500),
        ],
    )
    def test_is_a_problem_document(self, connection: HTTPConnection, method: str, path: str, headers: dict[str, str], status: int) -> None:
        answered, kind, body = ask(connection, method, path, headers, b"{}" if method == "POST" else None)

        assert (answered, kind) == (status, "application/problem+json")
        problem = json.loads(body)
        assert set(problem) == {"type", "title", "status", "detail"}
        assert problem["status"] == status
        assert problem["type"].startswith("/problems/")

    @pytest.mark.parametrize("sent", [b"rubbish", b"GET /healthz HTTP/1.1\r\nX: a\x00b", b"GET /\xff HTTP/1.1", b"GET http://[/ HTTP/1.1"])
    def test_of_what_is_no_request_is_a_problem_document(self, port: int, sent: bytes) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(sent + b"\r\n\r\n")
            answer = HTTPResponse(connection)
            answer.begin()

            assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
            assert json.loads(answer.read())["type"] == "/problems/bad-request"

    def test_keeps_what_a_path_says_after_a_semicolon(self, connection: HTTPConnection) -> None:
        assert json.loads(ask(connection, "GET", "/echo/a;x=1")[2])["word"] == "a%3Bx=1"

    @pytest.mark.parametrize("headers", [{}, {"Content-Length": str(gateway.BODY_LIMIT + 1)}])
    def test_meets_a_body_that_is_too_large(self, connection: HTTPConnection, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        if not headers:
            monkeypatch.setattr(gateway, "BODY_LIMIT", 100)
        status, kind, _ = ask(connection, "POST", "/echo/a", GOOD | headers, b"x" * 200)

        assert (status, kind) == (413, "application/problem+json")

    def test_meets_a_request_that_takes_too_long(self, connection: HTTPConnection, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(gateway, "SECONDS_TO_ANSWER", 0)

        assert ask(connection, "GET", "/healthz")[:2] == (504, "application/problem+json")


def test_every_slug_is_one_word_for_a_program() -> None:
    slugs: dict[int, Any] = gateway._SLUGS
    assert all(slug == slug.lower() and " " not in slug for slug in slugs.values())
