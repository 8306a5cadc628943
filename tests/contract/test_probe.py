"""What every probe does; the real one against a server on this machine."""

import socket
import time
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from chalicelib.health.memory import MemoryProbe
from chalicelib.health.probe import MOST_BODY_BYTES, HttpUrlProbe
from chalicelib.health.signal import Answer

SECOND = timedelta(seconds=1)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stopping = Event()

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.seen.append((self.client_address, self.command, dict(self.headers)))
        match self.path:
            case "/redirect":
                self.answer(302, b"", Location="/")
            case "/large":
                self.answer(200, b"x" * (4 * MOST_BODY_BYTES))
            case "/broken":
                self.answer(500, b"no")
            case "/trickle":
                self.trickle()
            case "/silent":
                self.stopping.wait(10)
                self.close_connection = True
            case _:
                self.answer(200, b"hello", **{"X-Release": "1.4.2"})

    do_POST = do_GET
    do_HEAD = do_GET

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def trickle(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        while not self.stopping.wait(0.02):
            try:
                self.wfile.write(b".")
            except OSError:
                break
        self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 32

    def handle_error(self, *_):
        """A probe that goes away in the middle of an answer is what is tested here."""


@contextmanager
def a_server():
    server = _Server(("127.0.0.1", 0), _Handler)
    server.seen = []
    _Handler.stopping.clear()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        _Handler.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


class InMemory:
    def __init__(self, url):
        self.url = url
        self.probe = MemoryProbe(answers={
            f"{url}/": Answer(200, "1.4.2", "hello", SECOND),
            f"{url}/broken": Answer(500, None, "no", SECOND),
            f"{url}/redirect": Answer(302, None, "", SECOND),
        })  # fmt: skip


class OverHttp:
    def __init__(self, url):
        self.url = url
        self.probe = HttpUrlProbe()


@pytest.fixture
def server():
    with a_server() as server:
        yield server


@pytest.fixture
def url(server):
    return f"http://127.0.0.1:{server.server_port}"


@pytest.fixture(params=[InMemory, OverHttp])
def world(request, url):
    return request.param(url)


def ask(world, path, method="GET", timeout=5 * SECOND):
    return world.probe.ask(method, f"{world.url}{path}", header="X-Release", timeout=timeout)


class TestAsking:
    def test_tells_status_release_and_body(self, world):
        answer = ask(world, "/")

        assert (answer.status, answer.release, answer.body, answer.error) == (200, "1.4.2", "hello", "")

    def test_an_error_is_an_answer_too(self, world):
        answer = ask(world, "/broken")

        assert (answer.status, answer.release, answer.body) == (500, None, "no")

    def test_follows_no_redirect(self, world):
        assert ask(world, "/redirect").status == 302

    def test_no_answer_is_an_answer_with_its_error(self, world):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # taken, but nobody listens
            answer = world.probe.ask("GET", f"http://127.0.0.1:{taken.getsockname()[1]}/", header="X-Release", timeout=SECOND)

        assert answer.status is None
        assert answer.error


class TestOverHttp:
    @pytest.mark.parametrize("url", ["http://", "http://[", "http://256.256.256.256:1/", "gopher://x/", "http://a..b/"])
    def test_never_raises(self, url):
        answer = HttpUrlProbe().ask("GET", url, header="X-Release", timeout=SECOND)

        assert answer.status is None
        assert answer.error

    def test_reads_no_more_than_64_kilobytes(self, url):
        assert len(ask(OverHttp(url), "/large").body) == MOST_BODY_BYTES

    @pytest.mark.parametrize("path", ["/trickle", "/silent"])
    def test_gives_up_when_its_time_is_over(self, url, path):
        answer = ask(OverHttp(url), path, timeout=timedelta(seconds=0.3))

        assert answer.status is None
        assert answer.error
        assert answer.took < 5 * SECOND

    @pytest.mark.parametrize("method", ["HEAD", "POST"])
    def test_asks_with_any_method(self, server, url, method):
        assert ask(OverHttp(url), "/", method).status == 200
        assert server.seen[0][1] == method

    def test_asks_as_itself_over_a_new_connection_each_time(self, server, url):
        world = OverHttp(url)

        ask(world, "/")
        ask(world, "/")

        addresses = {address for address, _, _ in server.seen}
        assert len(addresses) == 2
        assert {headers["User-Agent"] for _, _, headers in server.seen} == {"turnout-probe"}

    def test_uses_no_proxy(self, url, monkeypatch):
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

        assert ask(OverHttp(url), "/").status == 200

    def test_tells_how_long_it_took(self, url):
        began = time.monotonic()

        answer = ask(OverHttp(url), "/")

        assert 0 < answer.took.total_seconds() <= time.monotonic() - began
