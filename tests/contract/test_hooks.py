"""What every caller of hooks does; the one for HTTPS against a server on this machine that it takes for a public one."""

import io
import json
import time
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from chalicelib.errors import NotFound
from chalicelib.hooks import https
from chalicelib.hooks.answering import MOST_BYTES
from chalicelib.hooks.either import EitherHooks
from chalicelib.hooks.https import HttpsHooks
from chalicelib.hooks.lambda_ import LambdaHooks
from chalicelib.hooks.memory import MemoryHooks
from chalicelib.hooks.model import HookAnswer, Said
from chalicelib.services.definition import Hook
from tests.contract.breaking import new_clients, throttled
from tests.contract.certificates import serving, trusting

HOST, PUBLIC = "hooks.example.com", "93.184.215.14"
BY_LAMBDA = Hook.model_validate({"at": "before_shift", "lambda": "turnout-hook-smoke"})
BY_HTTPS = Hook.model_validate({"at": "before_shift", "https": f"https://{HOST}/smoke?of=web"})
PAYLOAD = {"id": "d-000001/before_shift/1/0", "state": {"row": 7}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, self.headers["Host"], json.loads(body)))
        status, raw = self.server.answer
        if status is None:
            self.trickle()
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Location", f"https://{HOST}/elsewhere")
        self.end_headers()
        self.wfile.write(raw)

    def trickle(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        while not self.server.stopping.wait(0.05):
            try:
                self.wfile.write(b" ")
            except OSError:
                break
        self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Callers that hang up, and such as do not like our certificate, are what is tested here."""


@contextmanager
def a_server(directory, host=HOST):
    server = _Server(("127.0.0.1", 0), _Handler)
    server.socket = serving(host, directory).wrap_socket(server.socket, server_side=True)
    server.seen, server.answer, server.stopping = [], (200, b"{}"), Event()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


class InMemory:
    def __init__(self, _server, _directory):
        self.hook, self.hooks = BY_LAMBDA, MemoryHooks()

    def answers(self, raw):
        self.hooks.answers[self.hook.target] = lambda _: raw

    def is_missing(self):
        self.hooks.missing.add(self.hook.target)

    @property
    def given(self):
        return self.hooks.asked[-1]


class ByLambda:
    def __init__(self, _server, _directory):
        clients = new_clients()
        self.hook, self.hooks = BY_LAMBDA, LambdaHooks(clients)
        self.client, self.look = clients.hooks, clients.lambda_look
        self.stubber = Stubber(self.client)
        self.given = PAYLOAD  # the stubber checks that

    def answers(self, raw, **more):
        response = {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(raw), len(raw)), **more}
        expected = {"FunctionName": "turnout-hook-smoke", "InvocationType": "RequestResponse", "Payload": json.dumps(PAYLOAD).encode()}
        self.stubber.add_response("invoke", response, expected)
        self.stubber.activate()

    def is_missing(self):
        self.stubber.add_client_error("invoke", "ResourceNotFoundException", "Function not found")
        self.stubber.activate()
        stubber = Stubber(self.look)
        stubber.add_client_error("get_function_configuration", "ResourceNotFoundException", "Function not found")
        stubber.activate()


class ByHttps:
    def __init__(self, server, directory):
        self.hook, self.server, self.addresses = BY_HTTPS, server, (PUBLIC,)
        self.reached = []
        self.hooks = HttpsHooks(resolve=self.resolve, reached_at=self.reach, trust=trusting(directory))

    def resolve(self, _host):
        if not self.addresses:
            raise OSError("no such host")
        return self.addresses

    def reach(self, address):
        self.reached.append(address)
        return "127.0.0.1", self.server.server_port

    def answers(self, raw, status=200):
        self.server.answer = (status, raw)

    def is_missing(self):
        self.addresses = ()

    @property
    def given(self):
        return self.server.seen[-1][2]


@pytest.fixture
def server(tmp_path):
    with a_server(tmp_path) as server:
        yield server


@pytest.fixture(params=[InMemory, ByLambda, ByHttps])
def world(request, server, tmp_path):
    return request.param(server, tmp_path)


@pytest.fixture
def by_https(server, tmp_path):
    return ByHttps(server, tmp_path)


@pytest.fixture
def by_lambda():
    return ByLambda(None, None)


def call(world):
    return world.hooks.call(world.hook, PAYLOAD)


class TestCalling:
    def test_gives_the_payload_and_tells_the_answer(self, world):
        world.answers(b'{"status": "in_progress", "reason": "row 8", "state": {"row": 8}, "call_back_after_seconds": 60}')

        assert call(world) == HookAnswer(Said.IN_PROGRESS, "row 8", '{"row":8}', timedelta(seconds=60))
        assert world.given == PAYLOAD

    @pytest.mark.parametrize("raw", [b"", b"null", b"<html>", b'{"status": "perhaps"}', b" " * (MOST_BYTES + 1)])
    def test_what_is_no_answer_says_nothing(self, world, raw):
        world.answers(raw)

        answer = call(world)

        assert answer.said is Said.NOTHING
        assert answer.reason

    def test_nobody_there_says_nothing(self, world):
        world.is_missing()

        answer = call(world)

        assert answer.said is Said.NOTHING
        assert answer.reason

    def test_may_be_the_same_twice(self, world):
        for _ in range(2):
            world.answers(b'{"status": "succeeded"}')

        assert call(world) == call(world)


class TestSurveying:
    def test_refuses_what_is_not_there(self, world):
        world.is_missing()

        with pytest.raises(NotFound):
            world.hooks.survey(world.hook)


class TestByLambda:
    def test_a_function_that_raised_has_not_answered(self, by_lambda):
        by_lambda.answers(b'{"errorMessage": "oh", "status": "succeeded"}', FunctionError="Unhandled")

        answer = call(by_lambda)

        assert answer.said is Said.NOTHING
        assert "oh" in answer.reason

    @pytest.mark.parametrize("code", ["KMSAccessDeniedException", "InvalidRuntimeException", "EC2AccessDeniedException"])
    def test_whatever_lambda_has_against_the_function_stops_nothing(self, by_lambda, code):
        by_lambda.stubber.add_client_error("invoke", code, "no")
        by_lambda.stubber.activate()

        assert call(by_lambda).said is Said.NOTHING

    def test_throttling_says_nothing(self, by_lambda):
        throttled(by_lambda.client, "Invoke")

        assert call(by_lambda).said is Said.NOTHING

    def test_waits_ten_seconds_and_tries_once(self, by_lambda):
        config = by_lambda.client.meta.config

        assert config.connect_timeout + config.read_timeout <= 10
        assert config.retries["total_max_attempts"] == 1


class TestByHttps:
    def test_reaches_the_address_that_was_checked_with_the_hosts_name(self, by_https):
        by_https.answers(b'{"status": "succeeded"}')

        assert call(by_https).said is Said.SUCCEEDED
        assert by_https.reached == [PUBLIC]
        assert by_https.server.seen == [("/smoke?of=web", HOST, PAYLOAD)]

    @pytest.mark.parametrize("addresses", [("127.0.0.1",), ("169.254.169.254",), ("::1",), ("10.0.0.1",), (PUBLIC, "10.0.0.1"), ("64:ff9b::a9fe:a9fe",)])
    def test_reaches_nothing_but_public_addresses(self, by_https, addresses):
        by_https.addresses = addresses

        assert "public" in call(by_https).reason
        with pytest.raises(NotFound):
            by_https.hooks.survey(BY_HTTPS)
        assert by_https.reached == []

    def test_resolves_anew_for_every_call(self, by_https):
        by_https.answers(b'{"status": "succeeded"}')
        call(by_https)
        by_https.addresses = ("169.254.169.254",)

        assert call(by_https).said is Said.NOTHING
        assert by_https.reached == [PUBLIC]

    @pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500, 503])
    def test_no_other_status_than_success_is_an_answer(self, by_https, status):
        by_https.answers(b'{"status": "succeeded"}', status)

        assert str(status) in call(by_https).reason
        assert len(by_https.server.seen) == 1

    def test_believes_no_certificate_of_another_host(self, tmp_path):
        with a_server(tmp_path, host="other.example.com") as server:
            answer = call(ByHttps(server, tmp_path))

        assert "match" in answer.reason
        assert server.seen == []

    def test_believes_no_certificate_that_nobody_signed(self, by_https):
        by_https.hooks = HttpsHooks(resolve=by_https.resolve, reached_at=by_https.reach)

        assert "certificate" in call(by_https).reason

    def test_gives_up_on_what_trickles(self, by_https, monkeypatch):
        monkeypatch.setattr(https, "_IN_ALL", 0.5)
        by_https.answers(b"", None)
        began = time.monotonic()

        assert call(by_https).said is Said.NOTHING
        assert time.monotonic() - began < 3

    def test_allows_three_seconds_to_connect_and_five_in_all(self):
        assert (https._TO_CONNECT, https._IN_ALL) == (3, 5)


class TestEither:
    def test_goes_to_the_one_of_its_kind(self):
        by_lambda, by_https = MemoryHooks(), MemoryHooks()
        either = EitherHooks(by_lambda, by_https)

        either.call(BY_LAMBDA, {"id": "1"})
        either.call(BY_HTTPS, {"id": "2"})

        assert (by_lambda.asked, by_https.asked) == ([{"id": "1"}], [{"id": "2"}])

    def test_surveys_with_the_one_of_its_kind(self):
        by_https = MemoryHooks(missing={BY_HTTPS.target})

        EitherHooks(MemoryHooks(), by_https).survey(BY_LAMBDA)
        with pytest.raises(NotFound):
            EitherHooks(MemoryHooks(), by_https).survey(BY_HTTPS)
