"""What a client of the load balancer sees."""

import base64
import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.local.stage import HELLO, Stage, eventually, fixed, forward, path_pattern
from turnout.local.alb.events import InvalidAnswer, reply

ECHO = """
import json

def handler(event, context):
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage.opened(tmp_path_factory.mktemp("alb"))
    yield stage
    stage.close()


def test_a_function_answers_over_http(stage: Stage) -> None:
    answer = stage.serving(stage.function()).ask("/")
    assert (answer.status, answer.body, answer.one("content-type")) == (200, b"hello", "text/plain")


def test_a_function_sees_the_request_as_aws_sends_it(stage: Stage) -> None:
    listening = stage.serving(stage.function(ECHO))
    event = listening.ask("/a%20b/c?q=1%2B1&q=2&flag", headers={"X-Custom": "Yes", "User-Agent": "t"}).json
    assert event["httpMethod"] == "GET"
    assert event["path"] == "/a%20b/c"
    assert event["queryStringParameters"] == {"q": "2", "flag": ""}
    assert event["headers"]["x-custom"] == "Yes"
    assert event["headers"]["host"] == f"127.0.0.1:{listening.port}"
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert event["headers"]["x-forwarded-port"] == str(listening.port)
    assert event["headers"]["x-forwarded-proto"] == "http"
    assert event["headers"]["x-amzn-trace-id"].startswith("Root=1-")
    assert "connection" not in event["headers"]
    assert (event["body"], event["isBase64Encoded"]) == ("", False)
    assert ":targetgroup/" in event["requestContext"]["elb"]["targetGroupArn"]


def test_text_bodies_come_as_text_and_others_as_base64(stage: Stage) -> None:
    listening = stage.serving(stage.function(ECHO))
    text = listening.ask("/", "POST", "{}", {"content-type": "application/json; charset=utf-8"}).json
    assert (text["body"], text["isBase64Encoded"]) == ("{}", False)
    binary = listening.ask("/", "POST", b"\x00\xff", {"content-type": "application/octet-stream"}).json
    assert (base64.b64decode(binary["body"]), binary["isBase64Encoded"]) == (b"\x00\xff", True)


def test_a_group_with_several_values_sends_and_takes_lists(stage: Stage) -> None:
    source = """
    import json

    def handler(event, context):
        seen = {"query": event["multiValueQueryStringParameters"], "accept": event["multiValueHeaders"]["accept"], "single": "headers" in event}
        return {"statusCode": 201, "statusDescription": "201 Made", "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}, "body": json.dumps(seen)}
    """
    listening = stage.serving(stage.function(source), attributes={"lambda.multi_value_headers.enabled": "true"})
    answer = listening.ask("/?q=1&q=2", headers={"Accept": "x"})
    assert (answer.status, answer.reason, answer.all("set-cookie")) == (201, "Made", ["a=1", "b=2"])
    assert answer.json == {"query": {"q": ["1", "2"]}, "accept": ["x"], "single": False}


def test_binary_answers_arrive_as_they_are(stage: Stage) -> None:
    source = """
    def handler(event, context):
        return {"statusCode": 200, "headers": {"Content-Type": "image/png"}, "body": "iVBORw0KGgo=", "isBase64Encoded": True}
    """
    answer = stage.serving(stage.function(source)).ask("/")
    assert (answer.body, answer.one("content-type")) == (b"\x89PNG\r\n\x1a\n", "image/png")


def test_chunked_bodies_head_and_expect_continue_work(stage: Stage) -> None:
    listening = stage.serving(stage.function(ECHO))
    chunked = listening.ask("/", "POST", iter([b"ab", b"cd"]), {"content-type": "text/plain"}).json
    assert (chunked["body"], chunked["headers"]["content-length"]) == ("abcd", "4")
    head = listening.ask("/", "HEAD")
    assert (head.status, head.body) == (200, b"")
    with socket.create_connection(("127.0.0.1", listening.port), timeout=5) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Type: text/plain\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(b"hi")
        response = http.client.HTTPResponse(client)
        response.begin()
        assert json.loads(response.read())["body"] == "hi"


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "text",
        {"body": "no status"},
        {"statusCode": "200"},
        {"statusCode": True},
        {"statusCode": 99},
        {"statusCode": 200, "headers": {"a": 1}},
        {"statusCode": 200, "headers": {"a": "b\r\nc: d"}},
        {"statusCode": 200, "headers": {"a b": "c"}},
        {"statusCode": 200, "headers": []},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "body": "x" * 1_100_000},
        {"statusCode": 200, "body": "a", "isBase64Encoded": True},
    ],
)
def test_what_is_no_answer_is_not_passed_on(answer: object) -> None:
    with pytest.raises(InvalidAnswer):
        reply(json.dumps(answer).encode(), multi_value=False)


@pytest.mark.parametrize("body", ["return {'body': 'no status'}", "raise RuntimeError('no')"])
def test_the_client_is_told_502(stage: Stage, body: str) -> None:
    answer = stage.serving(stage.function(f"def handler(event, context):\n    {body}\n")).ask("/")
    assert (answer.status, answer.one("server")) == (502, "awselb/2.0")


def test_slow_requests_at_once_do_not_wait_for_each_other(stage: Stage) -> None:
    source = """
    import time

    def handler(event, context):
        time.sleep(0.8 if event["path"] == "/slow" else 0)
        return {"statusCode": 200, "body": ""}
    """
    listening = stage.serving(stage.function(source, timeout=10))
    with ThreadPoolExecutor(10) as pool:
        slow = [pool.submit(listening.ask, "/slow") for _ in range(9)]
        assert [request.result().status for request in slow] == [200] * 9


def test_a_process_that_dies_costs_only_its_own_request(stage: Stage) -> None:
    source = """
    import os

    def handler(event, context):
        if event["path"] == "/die":
            os._exit(1)
        return {"statusCode": 200, "body": ""}
    """
    listening = stage.serving(stage.function(source))
    assert [listening.ask(path).status for path in ("/", "/die", "/", "/die", "/")] == [200, 502, 200, 502, 200]


def test_a_request_beyond_one_megabyte_is_refused(stage: Stage) -> None:
    listening = stage.serving(stage.function(ECHO.replace("json.dumps(event)", "str(len(event['body']))")))
    assert listening.ask("/", "POST", b"x" * 1_000_000, {"content-type": "text/plain"}).body == b"1000000"
    assert listening.ask("/", "POST", b"x" * 1_048_577, {"content-type": "text/plain"}).status == 413


def test_rules_are_tried_by_priority_and_the_default_comes_last(stage: Stage) -> None:
    listening = stage.listener(fixed(404, "default"))
    listening.rule(20, fixed(200, "wide"), path_pattern("/a*"))
    listening.rule(10, fixed(200, "narrow"), path_pattern("/a?c"))
    listening.rule(5, fixed(200, "header"), {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Stage", "Values": ["STAG*"]}})
    listening.rule(6, fixed(200, "host"), {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.com"]}})
    listening.rule(7, fixed(200, "method"), {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["PUT"]}})
    listening.rule(8, fixed(200, "query"), {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "2"}]}})
    listening.rule(30, fixed(200, "ip"), path_pattern("/ip"), {"Field": "source-ip", "SourceIpConfig": {"Values": ["127.0.0.0/8"]}})
    eventually(lambda: listening.ask("/ip").body == b"ip")
    assert listening.ask("/abc").body == b"narrow"
    assert listening.ask("/abcd").body == b"wide"
    assert listening.ask("/", headers={"x-stage": "staging"}).body == b"header"
    assert listening.ask("/", headers={"Host": "www.EXAMPLE.com:80"}).body == b"host"
    assert listening.ask("/", "PUT").body == b"method"
    assert listening.ask("/?a=1&V=2").body == b"query"
    assert listening.ask("/?v=3").status == 404


def test_redirects_fill_in_their_placeholders(stage: Stage) -> None:
    config = {"Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/new/#{path}", "Query": "#{query}&from=old", "StatusCode": "HTTP_301"}
    listening = stage.listener({"Type": "redirect", "RedirectConfig": config})
    answer = listening.ask("/x/y?a=b", headers={"Host": "shop.example:8080"})
    assert (answer.status, answer.one("location")) == (301, "https://shop.example/new/x/y?a=b&from=old")


def test_weights_are_relative_and_zero_gets_nothing(stage: Stage) -> None:
    blue, green = (stage.lambda_group(stage.function(HELLO.replace("hello", color))) for color in ("blue", "green"))
    listening = stage.listener(forward((blue, 3), (green, 1)))
    listening.rule(1, forward((blue, 999), (green, 0)), path_pattern("/all-blue"))
    listening.rule(2, forward((blue, 0), (green, 0)), path_pattern("/nobody"))
    eventually(lambda: listening.ask("/nobody").status == 503)
    answers = [listening.ask("/").body for _ in range(400)]
    assert 240 < answers.count(b"blue") < 360
    assert {listening.ask("/all-blue").body for _ in range(50)} == {b"blue"}


def test_an_empty_group_is_a_503(stage: Stage) -> None:
    assert stage.listener(forward(stage.lambda_group(None))).ask("/").status == 503


def test_a_cookie_of_a_sticky_rule_beats_the_weights(stage: Stage) -> None:
    blue, green = (stage.lambda_group(stage.function(HELLO.replace("hello", color))) for color in ("blue", "green"))
    listening = stage.listener(forward((blue, 1), (green, 0), sticky=60))
    first = listening.ask("/")
    cookies = first.all("set-cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == ["AWSALBTG", "AWSALBTGCORS"]
    assert "SameSite=None" in cookies[1]
    held = {"Cookie": cookies[0].partition(";")[0]}
    stage.client("elbv2").modify_listener(ListenerArn=listening.arn, DefaultActions=[forward((blue, 0), (green, 1), sticky=60)])
    eventually(lambda: listening.ask("/").body == b"green")
    assert {listening.ask("/", headers=held).body for _ in range(20)} == {b"blue"}


def test_listeners_come_move_and_go_while_it_runs(stage: Stage) -> None:
    listening = stage.listener(fixed(200, "here"))
    assert listening.ask("/").body == b"here"
    stage.client("elbv2").delete_listener(ListenerArn=listening.arn)
    eventually(lambda: not listening.is_open())


def test_a_port_that_is_taken_is_tried_again(stage: Stage) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        listening = stage.listener(fixed(200, "at last"), port=holder.getsockname()[1])
        eventually(lambda: stage.listener(fixed(200, "other")).ask("/").body == b"other")
    assert eventually(lambda: listening.is_open() and listening.ask("/").body == b"at last")


def test_a_change_of_rules_is_served_after_the_lag(tmp_path: Path) -> None:
    stage = Stage.opened(tmp_path, alb_lag=0.6)
    try:
        listening = stage.listener(fixed(200, "before"))
        assert listening.ask("/").body == b"before"
        stage.client("elbv2").modify_listener(ListenerArn=listening.arn, DefaultActions=[fixed(200, "after")])
        assert listening.ask("/").body == b"before"
        eventually(lambda: listening.ask("/").body == b"after", within=3)
    finally:
        stage.close()
