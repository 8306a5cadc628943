"""Throttling: calls that the embedded AWS really refuses, in each service's own words, and that are counted."""

import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from chalicelib.aws.faults import translated
from chalicelib.errors import Unavailable
from turnout.local.embedded import ANY_CREDENTIALS, EmbeddedAws
from turnout.local.pool import Pool
from turnout.local.queues import Consumer, Feed
from turnout.local.stack import Options
from turnout.local.throttling import COUNTS, Throttle, throttled

NEARLY_ALL = 1 - 1e-9
CALLS = {
    "elbv2": ("describe_load_balancers", {}, 400, "Throttling", ("elasticloadbalancing", "DescribeLoadBalancers")),
    "dynamodb": ("list_tables", {}, 400, "ThrottlingException", ("dynamodb", "ListTables")),
    "lambda": ("get_alias", {"FunctionName": "web", "Name": "blue"}, 429, "TooManyRequestsException", ("lambda", "GET functions/aliases")),
    "cloudwatch": ("list_metrics", {}, 400, "Throttling", ("monitoring", "ListMetrics")),
    "sqs": ("create_queue", {"QueueName": "refused"}, 400, "RequestThrottled", ("sqs", "CreateQueue")),
}


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    server = EmbeddedAws()
    server.start()
    yield server
    server.stop()


def client(aws: EmbeddedAws, service: str, *, attempts: int = 1) -> Any:
    session: Any = boto3.Session(region_name="us-east-1", **ANY_CREDENTIALS)
    config = Config(retries={"total_max_attempts": attempts, "mode": "standard"}, account_id_endpoint_mode="disabled")
    return session.client(service, endpoint_url=aws.url, config=config)


def told(aws: EmbeddedAws) -> Any:
    return urllib3.request("GET", aws.url + COUNTS).json()


class TestARefusal:
    @pytest.mark.parametrize("service", CALLS)
    def test_is_the_services_own(self, aws: EmbeddedAws, service: str) -> None:
        name, given, status, code, operation = CALLS[service]

        with throttled(NEARLY_ALL) as throttle, pytest.raises(ClientError) as refused:
            getattr(client(aws, service), name)(**given)

        assert (refused.value.response["ResponseMetadata"]["HTTPStatusCode"], refused.value.response["Error"]["Code"]) == (status, code)
        assert refused.value.response["Error"]["Message"] == "Rate exceeded"
        assert throttle.refused == {operation: 1}

    @pytest.mark.parametrize("service", CALLS)
    def test_is_taken_by_the_control_plane_for_what_it_is(self, aws: EmbeddedAws, service: str) -> None:
        name, given, *_ = CALLS[service]

        with throttled(NEARLY_ALL), pytest.raises(Unavailable), translated("asking"):
            getattr(client(aws, service), name)(**given)

    @pytest.mark.parametrize("service", CALLS)
    def test_is_tried_again_by_a_client_that_may(self, aws: EmbeddedAws, service: str) -> None:
        name, given, *_, operation = CALLS[service]

        with throttled(NEARLY_ALL) as throttle, pytest.raises(ClientError):
            getattr(client(aws, service, attempts=2), name)(**given)

        assert throttle.refused == {operation: 2}

    def test_comes_before_anything_was_done(self, aws: EmbeddedAws) -> None:
        with throttled(NEARLY_ALL), pytest.raises(ClientError):
            client(aws, "sqs").create_queue(QueueName="never-made")

        assert "QueueUrls" not in client(aws, "sqs").list_queues(QueueNamePrefix="never-made")

    def test_never_meets_another_service(self, aws: EmbeddedAws) -> None:
        with throttled(NEARLY_ALL):
            client(aws, "s3").create_bucket(Bucket="not-throttled")
            assert told(aws) == {}


class TestWhatIsCounted:
    def test_is_told_over_http_by_service_and_operation(self, aws: EmbeddedAws) -> None:
        elbv2 = client(aws, "elbv2")
        with throttled(0.5) as throttle:
            for _ in range(20):
                tolerated(elbv2.describe_load_balancers)
            assert told(aws) == {"elasticloadbalancing": {"DescribeLoadBalancers": {"calls": 20, "refused": throttle.refused.total()}}}
        assert 0 < throttle.refused.total() < 20

    def test_and_what_was_let_through_was_answered_whole(self, aws: EmbeddedAws) -> None:
        sqs = client(aws, "sqs")
        url = sqs.create_queue(QueueName="some")["QueueUrl"]
        with throttled(0.5) as throttle:
            taken = sum(tolerated(lambda number=number: sqs.send_message(QueueUrl=url, MessageBody=f"{number}")) for number in range(30))

        assert taken == 30 - throttle.refused.total()
        assert int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"]) == taken

    def test_ends_with_it(self, aws: EmbeddedAws) -> None:
        with throttled(NEARLY_ALL):
            pass

        for _ in range(20):
            assert "LoadBalancers" in client(aws, "elbv2").describe_load_balancers()


class TestTheChance:
    def test_is_the_share_that_was_asked_for(self) -> None:
        throttle = Throttle(0.05)

        refused = sum(throttle.refuses("sqs", "SendMessage") for _ in range(10_000))

        assert 400 < refused < 600

    def test_refuses_the_same_calls_of_an_operation_whatever_is_called_beside_it(self) -> None:
        alone, beside = Throttle(0.3), Throttle(0.3)

        first = [alone.refuses("sqs", "SendMessage") for _ in range(100)]
        second = [(beside.refuses("dynamodb", "GetItem"), beside.refuses("sqs", "SendMessage"))[1] for _ in range(100)]

        assert first == second
        assert first != [Throttle(0.3, seed=2).refuses("sqs", "SendMessage") for _ in range(100)]


def test_a_lane_goes_on_when_the_queue_could_not_be_told() -> None:
    """Its messages come again, and it takes them again."""
    refusing = Refusing()
    handled, twice, stopping = list[str](), threading.Event(), threading.Event()

    def handle(_: str, event: dict[str, Any]) -> None:
        handled.append(event["Records"][0]["body"])
        if len(handled) == 2:
            twice.set()

    pool = Pool("test", 2)
    consumer = Consumer(refusing, Feed("http://queue/due", "on_due", hidden=60, again=6, lane_of=lambda _: "one lane"), pool, handle, stopping)
    poller = threading.Thread(target=consumer.poll)
    poller.start()
    try:
        assert twice.wait(10)
    finally:
        stopping.set()
        poller.join(10)
        pool.stop()
    assert handled[:2] == ["first", "second"]


class Refusing:
    """SQS that hands over two messages, one after the other was handled, and never takes a receipt."""

    def __init__(self) -> None:
        self._bodies = ["first", "second"]
        self._settled = threading.Event()
        self._settled.set()

    def receive_message(self, **_: Any) -> dict[str, Any]:
        if not self._bodies or not self._settled.wait(5):
            return {}
        self._settled.clear()
        body = self._bodies.pop(0)
        attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "0", "SenderId": "any", "ApproximateFirstReceiveTimestamp": "0"}
        return {"Messages": [{"MessageId": body, "ReceiptHandle": body, "Body": body, "MD5OfBody": "", "Attributes": attributes}]}

    def delete_message(self, **_: Any) -> None:
        self._settled.set()
        raise ClientError({"Error": {"Code": "RequestThrottled", "Message": "Rate exceeded"}}, "DeleteMessage")


def tolerated(call: Any) -> bool:
    try:
        call()
    except ClientError:
        return False
    return True


def test_options_of_a_detached_stack_carry_it() -> None:
    assert Options.from_json(Options(throttle=0.05).to_json()).throttle == 0.05
