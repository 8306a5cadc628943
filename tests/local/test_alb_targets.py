"""Targets: their health, proxying to processes, and what the metrics say about it all."""

import http.server
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.local.stage import HELLO, Stage, eventually, fixed, forward, free_port, path_pattern
from turnout.local.alb.model import HealthCheck, State
from turnout.local.alb.standing import FAILED, Outcome, Standing, matches


class Application(http.server.BaseHTTPRequestHandler):
    """A process target: says who it is, echoes, breaks on demand."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        state: Any = self.server
        if self.path == "/health":
            state.checks.append(self.headers["User-Agent"])
            return self.reply(state.health)
        state.requests.append(dict(self.headers))
        if self.path == "/slow":
            time.sleep(0.6)
        if self.path == "/stream":
            return self.stream()
        if self.path == "/cut":
            self.connection.close()
            return None
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else self.chunks() if self.headers.get("Transfer-Encoding") else b""
        if state.closes:
            self.close_connection = True
        return self.reply(int(self.headers.get("X-Status") or 200), body or str(self.server.server_address[1]).encode())

    def reply(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for _ in range(50):
            self.wfile.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_: object) -> None:
        pass

    do_GET = do_POST = do_PUT = do_HEAD = answer  # the names that http.server looks for


@pytest.fixture
def application() -> Iterator[Any]:
    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Application)
    server.daemon_threads = True
    server.health, server.requests, server.checks, server.closes = 200, [], [], False
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage.opened(tmp_path_factory.mktemp("targets"))
    yield stage
    stage.close()


def port_of(application: Any) -> int:
    port: int = application.server_address[1]
    return port


def health(stage: Stage, group: str, target: str = "127.0.0.1", port: int | None = None) -> tuple[str, str | None]:
    state, reason, _ = stage.plane.health(group, target, port)
    return state, reason


# -- what checks make of a target, without a network

CHECK = HealthCheck(True, "/", None, 1, 1, healthy_threshold=3, unhealthy_threshold=2, matcher="200")
PASS, FAIL = Outcome(), Outcome(FAILED, "Health checks failed")


def after(*outcomes: Outcome) -> Standing:
    standing = Standing()
    for outcome in outcomes:
        standing = standing.after(outcome, CHECK)
    return standing


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([], State.INITIAL),
        ([PASS], State.HEALTHY),
        ([FAIL], State.INITIAL),
        ([FAIL, FAIL], State.UNHEALTHY),
        ([FAIL, PASS], State.HEALTHY),
        ([PASS, FAIL], State.HEALTHY),
        ([PASS, FAIL, PASS, FAIL], State.HEALTHY),
        ([PASS, FAIL, FAIL], State.UNHEALTHY),
        ([FAIL, FAIL, PASS, PASS], State.UNHEALTHY),
        ([FAIL, FAIL, PASS, PASS, FAIL, PASS, PASS], State.UNHEALTHY),
        ([FAIL, FAIL, PASS, PASS, PASS], State.HEALTHY),
    ],
)
def test_thresholds_decide_when_a_target_changes(outcomes: list[Outcome], state: State) -> None:
    assert after(*outcomes).health.state is state


def test_matchers_take_codes_lists_and_ranges() -> None:
    assert [matches("200,301-303", status) for status in (200, 201, 301, 303, 304)] == [True, False, True, True, False]


# -- checks over the network


def test_a_process_target_is_checked_and_served(stage: Stage, application: Any) -> None:
    group = stage.ip_group(port_of(application))
    assert health(stage, group) == ("unused", "Target.NotInUse")
    listening = stage.listener(forward(group))
    eventually(lambda: health(stage, group) == ("healthy", None))
    assert application.checks[0] == "ELB-HealthChecker/2.0"
    answer = listening.ask("/")
    assert (answer.body, answer.all("set-cookie")) == (str(port_of(application)).encode(), ["a=1", "b=2"])
    assert application.requests[0]["X-Forwarded-For"] == "127.0.0.1"
    application.health = 500
    eventually(lambda: health(stage, group) == ("unhealthy", "Target.ResponseCodeMismatch"))
    assert listening.ask("/").status == 200, "it fails open when no target is healthy"


def test_only_healthy_targets_are_asked(stage: Stage, application: Any) -> None:
    dead = free_port()
    group = stage.ip_group(port_of(application))
    stage.client("elbv2").register_targets(TargetGroupArn=group, Targets=[{"Id": "127.0.0.2", "Port": dead}])
    listening = stage.listener(forward(group))
    eventually(lambda: health(stage, group, "127.0.0.2") == ("unhealthy", "Target.FailedHealthChecks"))
    assert {listening.ask("/").status for _ in range(10)} == {200}


def test_a_deregistered_target_drains_while_its_requests_finish(stage: Stage, application: Any) -> None:
    group = stage.ip_group(port_of(application), delay=1)
    listening = stage.listener(forward(group))
    eventually(lambda: health(stage, group)[0] == "healthy")
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(listening.ask, "/slow")
        time.sleep(0.2)
        stage.client("elbv2").deregister_targets(TargetGroupArn=group, Targets=[{"Id": "127.0.0.1", "Port": port_of(application)}])
        eventually(lambda: health(stage, group) == ("draining", "Target.DeregistrationInProgress"))
        assert slow.result().status == 200
    assert listening.ask("/").status == 503
    eventually(lambda: health(stage, group) == ("unused", "Target.NotRegistered"))


def test_a_function_is_checked_by_asking_it(stage: Stage) -> None:
    source = """
    def handler(event, context):
        well = event["path"] == "/ready" and event["headers"]["user-agent"] == "ELB-HealthChecker/2.0"
        return {"statusCode": 200 if well else 500}
    """
    name = stage.function(source)
    well, ill = stage.lambda_group(name, HealthCheckPath="/ready"), stage.lambda_group(name, HealthCheckPath="/", UnhealthyThresholdCount=2)
    listening = stage.listener(forward(well, ill))
    eventually(lambda: health(stage, well, stage.target(well)) == ("healthy", None))
    eventually(lambda: health(stage, ill, stage.target(ill)) == ("unhealthy", "Target.ResponseCodeMismatch"))
    assert listening.is_open()


def test_a_function_that_hangs_is_a_timeout(stage: Stage) -> None:
    group = stage.lambda_group(stage.function("import time\ndef handler(e, c):\n    time.sleep(2)"), UnhealthyThresholdCount=2)
    stage.listener(forward(group))
    eventually(lambda: health(stage, group, stage.target(group)) == ("unhealthy", "Target.Timeout"))


def test_without_health_checks_a_target_is_unavailable_and_served(stage: Stage) -> None:
    group = stage.lambda_group(stage.function())
    stage.client("elbv2").modify_target_group(TargetGroupArn=group, HealthCheckEnabled=False)
    listening = stage.listener(forward(group))
    eventually(lambda: health(stage, group, stage.target(group)) == ("unavailable", "Target.HealthCheckDisabled"))
    assert listening.ask("/").status == 200


# -- proxying


def test_large_bodies_stream_both_ways(stage: Stage, application: Any) -> None:
    listening = stage.listener(forward(stage.ip_group(port_of(application))))
    sent = b"y" * 3_000_000
    assert listening.ask("/", "POST", sent).body == sent
    assert listening.ask("/", "POST", iter([sent[:1000], sent[1000:2000]])).body == sent[:2000]
    assert len(listening.ask("/stream").body) == 50 * 65536
    assert listening.ask("/", "HEAD").body == b""


def test_a_target_that_closes_its_connections_loses_no_request(stage: Stage, application: Any) -> None:
    application.closes = True
    listening = stage.listener(forward(stage.ip_group(port_of(application))))
    assert {listening.ask("/").status for _ in range(50)} == {200}


def test_a_target_that_is_not_there_is_a_502_and_a_connection_error(stage: Stage, application: Any) -> None:
    group = stage.ip_group(free_port())
    assert stage.listener(forward(group)).ask("/").status == 502
    eventually(lambda: stage.metric("TargetConnectionErrorCount", "Sum", group) == 1)


# -- metrics


def test_metrics_say_what_happened_by_group(stage: Stage) -> None:
    source = """
    def handler(event, context):
        if event["path"] == "/raise":
            raise ValueError
        return {"statusCode": 503 if event["path"] == "/503" else 200, "body": ""}
    """
    group = stage.lambda_group(stage.function(source))
    listening = stage.listener(forward(group))
    listening.rule(1, fixed(200, ""), path_pattern("/fixed"))
    statuses = [listening.ask(path).status for path in ("/", "/", "/503", "/raise")]
    assert statuses == [200, 200, 503, 502]
    eventually(lambda: stage.metric("RequestCount", "Sum", group) == 4)
    assert stage.metric("HTTPCode_Target_2XX_Count", "Sum", group) == 2
    assert stage.metric("HTTPCode_Target_5XX_Count", "Sum", group) == 1
    assert stage.metric("LambdaUserError", "Sum", group) == 1
    assert stage.metric("HTTPCode_Target_4XX_Count", "Sum", group) is None, "reported only when not zero"
    assert stage.metric("RequestCountPerTarget", "Sum", group) is None, "not for functions"
    assert stage.metric("TargetResponseTime", "SampleCount", group) == 3
    assert 0 < (stage.metric("TargetResponseTime", "Average", group) or 0) < 1
    assert (stage.metric("HTTPCode_ELB_5XX_Count", "Sum", None) or 0) >= 1
    eventually(lambda: stage.metric("HealthyHostCount", "Maximum", group) == 1)


# -- under load


def test_weights_that_flip_under_load_lose_nothing(stage: Stage) -> None:
    blue, green = (stage.lambda_group(stage.function(HELLO.replace("hello", color))) for color in ("blue", "green"))
    listening = stage.listener(fixed(404, ""))
    rule = listening.rule(1, forward((blue, 999), (green, 0)), path_pattern("*"))
    eventually(lambda: listening.ask("/").status == 200)
    until, bad, seen = time.monotonic() + 3, [], set()

    def client() -> None:
        while time.monotonic() < until:
            answer = listening.ask("/")
            seen.add(answer.body)
            if answer.status != 200:
                bad.append(answer)

    clients = [threading.Thread(target=client) for _ in range(4)]
    for each in clients:
        each.start()
    flips = 0
    while time.monotonic() < until:
        weights = ((blue, 0), (green, 999)) if flips % 2 else ((blue, 999), (green, 0))
        stage.client("elbv2").modify_rule(RuleArn=rule, Actions=[forward(*weights)])
        flips += 1
        time.sleep(0.02)
    for each in clients:
        each.join()
    assert not bad
    assert flips >= 10
    assert seen == {b"blue", b"green"}
