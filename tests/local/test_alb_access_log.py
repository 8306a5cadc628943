"""What the load balancer writes into its access logs, read by the control plane's own parser."""

import contextlib
import gzip
import itertools
import json
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from chalicelib.mirroring.access_log import Request, lines, source_of
from tests.local.stage import ACCOUNT, Listening, Stage, eventually, fixed, forward, free_port, path_pattern
from turnout.local import corrections
from turnout.local.alb import access_log

PERIOD = 0.3
FIELDS = 33
SOURCE = """
import time

def handler(event, context):
    if event["path"] == "/raise":
        raise RuntimeError("no")
    if event["path"] == "/nonsense":
        return "nonsense"
    if event["path"] == "/slow":
        time.sleep(0.5)
    status = 500 if event["path"] == "/bad" else 200
    return {"statusCode": status, "headers": {"content-type": "text/plain"}, "body": "x" * 100}
"""
_buckets = (f"balancer-logs-{number}" for number in itertools.count(1))


@dataclass(frozen=True)
class Logged:
    """The log of one test, in a bucket of its own."""

    stage: Stage
    bucket: str
    prefix: str = ""

    def switch(self, enabled: str = "true") -> "Logged":
        told = {"enabled": enabled, "bucket": self.bucket, "prefix": self.prefix}
        attributes = [{"Key": f"access_logs.s3.{key}", "Value": value} for key, value in told.items()]
        self.stage.client("elbv2").modify_load_balancer_attributes(LoadBalancerArn=self.stage.balancer(), Attributes=attributes)
        return self

    def keys(self) -> list[str]:
        listed = self.stage.client("s3").list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return [each["Key"] for each in sorted(listed, key=lambda each: each["LastModified"]) if source_of(each["Key"])]

    def files(self) -> list[bytes]:
        return [self.stage.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in self.keys()]

    def content(self) -> bytes:
        return b"".join(self.files())

    def raw(self, path: str) -> list[str]:
        """The fields of the line with this in its request, as they stand there."""
        [line] = [line for line in gzip.decompress(self.content()).decode().splitlines() if path in line]
        return re.findall(r'"(?:[^"\\]|\\.)*"|\S+', line)

    def requests(self, path: str) -> list[Request]:
        return [request for request in lines(self.content()) if request.path == path]

    def one(self, path: str) -> Request:
        """The line of one request, once it has been written."""
        [request] = eventually(lambda: self.requests(path))
        return request


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with corrections.apply():
        stage = Stage.opened(tmp_path_factory.mktemp("logs"), log_period=PERIOD)
        yield stage
        stage.close()


@pytest.fixture
def log(stage: Stage) -> Iterator[Logged]:
    log = a_log(stage).switch()
    yield log
    log.switch("false")


def a_log(stage: Stage, prefix: str = "") -> Logged:
    bucket = next(_buckets)
    place: dict[str, Any] = {} if stage.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": stage.region}}
    stage.client("s3").create_bucket(Bucket=bucket, **place)
    return Logged(stage, bucket, prefix)


@pytest.fixture(scope="module")
def listening(stage: Stage) -> Listening:
    return stage.serving(stage.function(SOURCE))


def group_of(listening: Listening) -> str:
    [rule] = listening.stage.client("elbv2").describe_rules(ListenerArn=listening.arn)["Rules"]
    arn: str = rule["Actions"][0]["ForwardConfig"]["TargetGroups"][0]["TargetGroupArn"]
    return arn


@contextlib.contextmanager
def a_process(*, answers: bool = True) -> Iterator[int]:
    """A target that answers, or that hangs up on everything but health checks."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if not answers and self.path != "/health":
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(201)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"there")

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def settled(listening: Listening, log: Logged) -> None:
    """Until what was switched counts."""

    def logged() -> bool:
        listening.ask("/settled")
        return any(line.path == "/settled" for line in lines(log.content()))

    eventually(logged)


class TestALine:
    def test_is_written_for_a_function(self, listening: Listening, log: Logged) -> None:
        settled(listening, log)
        before = datetime.now(UTC)

        answer = listening.ask("/a%20b/c?q=1&q=%2F", headers={"User-Agent": 'say "hi" \\ ü'.encode().decode("latin-1"), "Host": "www.example.com"})
        request = log.one("/a%20b/c")

        assert before <= request.at <= datetime.now(UTC)
        assert (request.type, request.method, request.scheme, request.host, request.port) == ("http", "GET", "http", "www.example.com", listening.port)
        assert (request.query, request.elb_status, request.target_status) == ("q=1&q=%2F", 200, 200)
        assert request.target_group_arn == group_of(listening)
        assert request.user_agent == 'say "hi" \\ ü'
        assert request.seconds is not None
        assert 0 <= request.seconds < 5
        assert answer.status == 200

    def test_has_every_field_in_its_place(self, listening: Listening, log: Logged) -> None:
        settled(listening, log)

        listening.ask("/fields", "POST", b"12345", {"User-Agent": "t", "X-Amzn-Trace-Id": "Root=1-5f84c7a5-0123456789abcdef01234567"})
        log.one("/fields")
        fields = log.raw("/fields")

        balancer = listening.stage.balancer().rsplit(":loadbalancer/", 1)[-1]
        assert len(fields) == FIELDS
        assert (fields[0], fields[2], fields[4]) == ("http", balancer, "-")
        assert re.fullmatch(r"127\.0\.0\.1:\d+", fields[3])
        assert all(re.fullmatch(r"\d+\.\d{3}", each) for each in fields[5:8])
        assert fields[12:16] == [f'"POST http://127.0.0.1:{listening.port}/fields HTTP/1.1"', '"t"', "-", "-"]
        assert fields[17].endswith(';Root=1-5f84c7a5-0123456789abcdef01234567"')
        assert fields[18:21] == ['"-"', '"-"', "0"]
        assert fields[21] <= fields[1]
        assert fields[22:29] == ['"forward"', '"-"', '"-"', '"-"', '"200"', '"-"', '"-"']
        assert re.fullmatch(r"TID_[0-9a-f]{32}", fields[29])
        assert fields[30:] == ['"-"'] * 3

    def test_counts_the_bytes_of_request_and_answer(self, listening: Listening, log: Logged) -> None:
        settled(listening, log)
        asked = f"POST /bytes HTTP/1.1\r\nHost: 127.0.0.1:{listening.port}\r\nContent-Length: 7\r\n\r\n1234567".encode()

        with socket.create_connection(("127.0.0.1", listening.port), timeout=5) as client:
            client.sendall(asked)
            answered = b""
            while not answered.endswith(b"x" * 100):
                answered += client.recv(4096)
        log.one("/bytes")

        assert log.raw("/bytes")[10:12] == [str(len(asked)), str(len(answered))]

    def test_is_written_for_head_and_for_a_target_that_fails(self, listening: Listening, log: Logged) -> None:
        settled(listening, log)

        listening.ask("/head", "HEAD")
        listening.ask("/bad")

        assert (log.one("/head").method, log.one("/head").target_status) == ("HEAD", 200)
        assert (log.one("/bad").elb_status, log.one("/bad").target_status) == (500, 500)

    @pytest.mark.parametrize(("path", "reason"), [("/raise", "LambdaUnhandled"), ("/nonsense", "LambdaInvalidResponse")])
    def test_says_why_a_function_gave_no_answer(self, listening: Listening, log: Logged, path: str, reason: str) -> None:
        settled(listening, log)

        listening.ask(path)
        request = log.one(path)

        assert (request.elb_status, request.target_status) == (502, None)
        assert request.seconds is not None
        assert log.raw(path)[24] == f'"{reason}"'

    def test_is_written_for_a_request_whose_client_left(self, listening: Listening, log: Logged) -> None:
        settled(listening, log)

        with socket.create_connection(("127.0.0.1", listening.port), timeout=5) as client:
            client.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")

        assert log.one("/slow").elb_status == 460

    def test_is_written_for_what_was_no_request_and_is_skipped_by_the_parser(self, listening: Listening, log: Logged) -> None:
        settled(listening, log)

        with socket.create_connection(("127.0.0.1", listening.port), timeout=5) as client:
            client.sendall(b"what is this\r\n\r\n")
            assert b" 400 " in client.recv(1000)

        malformed = f'"- http://127.0.0.1:{listening.port}- -"'
        eventually(lambda: malformed.encode() in gzip.decompress(log.content()))
        found = lines(log.content())
        assert all(request.path == "/settled" for request in found)
        assert found.skipped == 1
        assert log.raw(malformed)[5:10] == ["-1", "-1", "-1", "400", "-"]

    def test_is_written_for_what_the_balancer_answers_itself(self, stage: Stage, log: Logged) -> None:
        listening = stage.listener(fixed(404, "nothing here"))
        redirect = {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_302", "Path": "/elsewhere"}}
        listening.rule(7, redirect, path_pattern("/moved"))
        listening.rule(9, forward(stage.lambda_group(None)), path_pattern("/empty"))
        settled(listening, log)

        for path in ("/fixed", "/moved", "/empty"):
            listening.ask(path)

        assert (log.one("/fixed").elb_status, log.one("/moved").elb_status, log.one("/empty").elb_status) == (404, 302, 503)
        assert all(log.one(path).target_status is log.one(path).seconds is None for path in ("/fixed", "/moved", "/empty"))
        assert (log.one("/fixed").target_group_arn, ":targetgroup/" in log.one("/empty").target_group_arn) == ("", True)
        assert (log.raw("/fixed ")[20], log.raw("/fixed ")[22]) == ("0", '"fixed-response"')
        assert (log.raw("/moved ")[20], *log.raw("/moved ")[22:24]) == ("7", '"redirect"', f'"http://127.0.0.1:{listening.port}/elsewhere"')
        assert (log.raw("/empty ")[20], log.raw("/empty ")[22]) == ("9", '"forward"')

    def test_names_the_address_of_a_process(self, stage: Stage, log: Logged) -> None:
        with a_process() as port:
            listening = stage.listener(forward(stage.ip_group(port)))
            settled(listening, log)
            listening.ask("/process")
            request = log.one("/process")

        assert (request.elb_status, request.target_status) == (201, 201)
        assert request.seconds is not None
        assert (log.raw("/process")[4], *log.raw("/process")[25:27]) == (f"127.0.0.1:{port}", f'"127.0.0.1:{port}"', '"201"')

    def test_of_a_target_that_hangs_up_or_is_not_there_has_no_times(self, stage: Stage, log: Logged) -> None:
        with a_process(answers=False) as port:
            broken = stage.listener(forward(stage.ip_group(port)))
            absent = stage.listener(forward(stage.ip_group(free_port())))
            settled(broken, log)
            broken.ask("/broken")
            absent.ask("/absent")

            assert [log.one(path).elb_status for path in ("/broken", "/absent")] == [502, 502]
            assert log.raw("/broken")[4:10] == [f"127.0.0.1:{port}", "-1", "-1", "-1", "502", "-"]
            assert log.raw("/absent")[5:10] == ["-1", "-1", "-1", "502", "-"]


class TestAFile:
    def test_has_the_name_that_aws_gives_it(self, stage: Stage, listening: Listening) -> None:
        log = a_log(stage, "of/web").switch()
        settled(listening, log)

        source = source_of(log.keys()[0])

        assert source is not None
        assert (source.account, source.region, source.prefix) == (ACCOUNT, stage.region, "of/web")
        assert source.load_balancer == stage.balancer().rsplit(":loadbalancer/", 1)[-1]
        assert abs((source.ended - datetime.now(UTC)).total_seconds()) < 120
        log.switch("false")

    def test_is_told_to_eventbridge_as_any_upload(self, stage: Stage, listening: Listening) -> None:
        log, queue = a_log(stage), stage.client("sqs").create_queue(QueueName="told")["QueueUrl"]
        stage.client("s3").put_bucket_notification_configuration(Bucket=log.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
        pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [log.bucket]}}}
        events = stage.client("events")
        events.put_rule(Name="told", EventPattern=json.dumps(pattern))
        events.put_targets(Rule="told", Targets=[{"Id": "queue", "Arn": f"arn:aws:sqs:{stage.region}:{ACCOUNT}:told"}])
        log.switch()
        settled(listening, log)

        told = [json.loads(message["Body"]) for message in received(stage, queue)]

        assert [each["detail"]["object"]["key"] for each in told if source_of(each["detail"]["object"]["key"])] == log.keys()
        log.switch("false")

    def test_is_not_made_without_requests_or_while_logs_are_off(self, stage: Stage, listening: Listening, log: Logged) -> None:
        settled(listening, log)
        other = a_log(stage)
        other.switch("false")
        eventually(lambda: not logging_to(listening, log))
        listening.ask("/unlogged")
        other.switch()
        settled(listening, other)

        assert {request.path for request in lines(other.content())} == {"/settled"}
        assert all(gzip.decompress(file) for file in other.files())

    def test_goes_where_the_log_was_switched_when_its_requests_came(self, stage: Stage, listening: Listening, log: Logged) -> None:
        settled(listening, log)
        other = a_log(stage).switch()
        settled(listening, other)

        listening.ask("/moved-on")

        assert other.one("/moved-on").elb_status == 200
        assert log.requests("/moved-on") == []

    def test_that_cannot_be_written_stops_neither_requests_nor_later_ones(
        self, stage: Stage, listening: Listening, log: Logged, caplog: pytest.LogCaptureFixture
    ) -> None:
        settled(listening, log)
        lost = a_log(stage).switch()
        settled(listening, lost)
        emptied(lost)

        assert listening.ask("/lost").status == 200
        eventually(lambda: f"access_log.not_written bucket={lost.bucket}" in caplog.text)
        log.switch()
        settled(listening, log)
        assert log.requests("/lost") == []

    @pytest.mark.usefixtures("stage")
    def test_of_the_last_interval_is_written_at_the_end(self, tmp_path: Path) -> None:
        stage = Stage.opened(tmp_path, log_period=3600)
        listening, log = stage.listener(fixed(200, "hello")), a_log(stage).switch()
        eventually(lambda: _has_a_place(stage))
        listening.ask("/very-last")
        assert log.keys() == []

        stage.plane.stop()

        assert log.one("/very-last").elb_status == 200
        stage.server.stop()


def logging_to(listening: Listening, log: Logged) -> bool:
    """Whether a request that is made now comes into this log within two intervals."""
    before = len(list(lines(log.content())))
    listening.ask("/settled")
    deadline = time.monotonic() + 3 * PERIOD
    while time.monotonic() < deadline:
        if len(list(lines(log.content()))) > before:
            return True
    return False


def emptied(log: Logged) -> None:
    """The bucket is gone; nothing is asked meanwhile, so nothing is written."""
    s3 = log.stage.client("s3")
    for each in s3.list_objects_v2(Bucket=log.bucket)["Contents"]:
        s3.delete_object(Bucket=log.bucket, Key=each["Key"])
    s3.delete_bucket(Bucket=log.bucket)


def received(stage: Stage, queue: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while more := stage.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        found += more
    return found


def _has_a_place(stage: Stage) -> bool:
    return bool(stage.plane._balancer._log_places)  # the file is written only at the end


class TestMemory:
    def test_keeps_the_last_files_only(self, stage: Stage, listening: Listening, log: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(access_log, "KEPT_FILES", 3)
        settled(listening, log)
        seen: set[str] = set()

        def made_six() -> bool:
            listening.ask("/settled")
            seen.update(log.keys())
            return len(seen) >= 6

        eventually(made_six, within=20)
        assert len(log.keys()) <= 3

    def test_is_not_filled_by_requests_that_wait_to_be_written(self, stage: Stage, listening: Listening, log: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
        settled(listening, log)
        monkeypatch.setattr(access_log, "MOST_BYTES", 3000)

        for number in range(60):
            listening.ask(f"/many?{number}")

        assert 1 <= len(eventually(lambda: log.requests("/many"))) < 60

    @pytest.mark.usefixtures("stage")
    def test_is_freed_early_where_there_is_much_traffic(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(access_log, "FILE_BYTES", 2000)
        stage = Stage.opened(tmp_path, log_period=3600)
        listening, log = stage.listener(fixed(200, "hello")), a_log(stage).switch()
        try:
            eventually(lambda: listening.ask("/busy") and log.requests("/busy"))
        finally:
            stage.close()
