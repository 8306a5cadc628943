"""What the stack delivers to the app's handlers, from an upload, a message, a change or the clock, with everything really running but the app."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.local.a_stack import Running, a_running_stack
from turnout.local.embedded import DEAD_LETTERS, DUE_QUEUE, LOAD_BALANCER, LOG_BUCKET, PROBE_QUEUE, TABLE, clients
from turnout.local.provision import create_lambda_service

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with a_running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def aws(running: Running) -> Callable[[str], Any]:
    return clients(running.info["aws_endpoint_url"])


def until(found: Callable[[], Any], seconds: float = 15) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
    return value


def send(aws: Callable[[str], Any], queue: str, body: str) -> None:
    sqs = aws("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], MessageBody=body)


def dead_letters(aws: Callable[[str], Any], queue: str) -> list[str]:
    sqs = aws("sqs")
    url = sqs.get_queue_url(QueueName=queue + DEAD_LETTERS)["QueueUrl"]
    return [message["Body"] for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])]


def bodies(running: Running, handler: str) -> list[str]:
    return [record["body"] for event in running.deliveries.events[handler] for record in event["Records"]]


class TestAnUpload:
    def test_reaches_on_artifact_as_eventbridge_has_it(self, running: Running, aws: Callable[[str], Any]) -> None:
        aws("s3").put_object(Bucket=running.info["artifact_bucket"], Key="web/1.0.0/app.zip", Body=b"zip", Metadata={"commit": "abc"})

        event = until(lambda: [event for event in running.deliveries.events["on_artifact"] if "web/1.0.0" in event["detail"]["object"]["key"]])[0]

        assert event["detail-type"] == "Object Created"
        assert event["detail"]["bucket"] == {"name": running.info["artifact_bucket"]}
        assert {"key", "size", "etag", "version-id", "sequencer"} == set(event["detail"]["object"])

    def test_is_tried_again_when_the_handler_fails(self, running: Running, aws: Callable[[str], Any]) -> None:
        running.deliveries.failing["on_artifact"] = 2
        aws("s3").put_object(Bucket=running.info["artifact_bucket"], Key="web/1.0.1/app.zip", Body=b"zip")

        found = until(lambda: len([event for event in running.deliveries.events["on_artifact"] if "web/1.0.1" in event["detail"]["object"]["key"]]) == 3)

        assert found


class TestAMessage:
    @pytest.mark.parametrize(("queue", "handler"), [(DUE_QUEUE, "on_due"), (PROBE_QUEUE, "on_probe_due")])
    def test_reaches_its_handler(self, running: Running, aws: Callable[[str], Any], queue: str, handler: str) -> None:
        send(aws, queue, json.dumps({"service": "web"}))

        assert until(lambda: '{"service": "web"}' in bodies(running, handler))

    def test_comes_again_until_the_handler_succeeds(self, running: Running, aws: Callable[[str], Any]) -> None:
        running.deliveries.failing["on_due"] = 1
        send(aws, DUE_QUEUE, "unlucky")

        assert until(lambda: bodies(running, "on_due").count("unlucky") == 2)


class TestAMessageThatAlwaysFails:
    @pytest.mark.parametrize(("queue", "handler", "tries"), [(DUE_QUEUE, "on_due", 3), (PROBE_QUEUE, "on_probe_due", 2)])
    def test_ends_among_the_dead_letters(self, running: Running, aws: Callable[[str], Any], queue: str, handler: str, tries: int) -> None:
        running.deliveries.poisoned.add(f"poison for {queue}")
        send(aws, queue, f"poison for {queue}")

        assert f"poison for {queue}" in until(lambda: dead_letters(aws, queue), 30)
        assert bodies(running, handler).count(f"poison for {queue}") == tries

    def test_is_hidden_for_a_while_before_it_comes_again(self, running: Running, aws: Callable[[str], Any]) -> None:
        running.deliveries.poisoned.add("slowly")
        send(aws, DUE_QUEUE, "slowly")

        until(lambda: "slowly" in bodies(running, "on_due"))
        time.sleep(0.7)

        assert bodies(running, "on_due").count("slowly") == 1

    def test_starves_no_other(self, running: Running, aws: Callable[[str], Any]) -> None:
        running.deliveries.poisoned.add("starving")
        for _ in range(60):
            send(aws, DUE_QUEUE, "starving")
        send(aws, DUE_QUEUE, "starved?")

        assert until(lambda: "starved?" in bodies(running, "on_due"), 2)


class TestAChange:
    def test_reaches_on_change_in_order(self, running: Running, aws: Callable[[str], Any]) -> None:
        for number in range(20):
            aws("dynamodb").put_item(TableName=TABLE, Item={"pk": {"S": "service#web"}, "sk": {"S": "state"}, "n": {"N": str(number)}})

        def numbers() -> list[int]:
            records = [record["dynamodb"] for event in running.deliveries.events["on_change"] for record in event["Records"]]
            return [int(record["NewImage"]["n"]["N"]) for record in records]

        until(lambda: len(numbers()) >= 20)
        assert numbers() == list(range(20))

    def test_is_tried_again_when_the_handler_fails(self, running: Running, aws: Callable[[str], Any]) -> None:
        running.deliveries.failing["on_change"] = 1
        aws("dynamodb").put_item(TableName=TABLE, Item={"pk": {"S": "service#unlucky"}, "sk": {"S": "state"}})

        def given() -> int:
            return len([event for event in running.deliveries.events["on_change"] if "unlucky" in str(event)])

        assert until(lambda: given() == 2)


class TestTheClock:
    def test_ticks_and_goes_on_ticking_when_a_tick_fails(self, running: Running) -> None:
        running.deliveries.failing["tick"] = 1
        before = len(running.deliveries.events["tick"])

        until(lambda: len(running.deliveries.events["tick"]) > before + 2)
        until(lambda: running.deliveries.events["reconcile"])

    def test_gives_each_handler_a_context_of_its_own(self, running: Running) -> None:
        until(lambda: len(running.deliveries.events["tick"]) > 1)
        ids = [context.aws_request_id for context in running.deliveries.contexts]

        assert len(set(ids)) == len(ids)
        assert all(context.get_remaining_time_in_millis() <= 60_000 for context in running.deliveries.contexts)


class TestTheLoadBalancer:
    def test_has_its_access_logs_in_a_bucket_that_tells_of_them(self, aws: Callable[[str], Any]) -> None:
        [balancer] = aws("elbv2").describe_load_balancers(Names=[LOAD_BALANCER])["LoadBalancers"]
        told = aws("elbv2").describe_load_balancer_attributes(LoadBalancerArn=balancer["LoadBalancerArn"])["Attributes"]
        attributes = {each["Key"]: each["Value"] for each in told}

        assert (attributes["access_logs.s3.enabled"], attributes["access_logs.s3.bucket"]) == ("true", LOG_BUCKET)
        assert aws("s3").get_bucket_notification_configuration(Bucket=LOG_BUCKET)["EventBridgeConfiguration"] == {}


class TestAService:
    def test_is_made_once(self, aws: Callable[[str], Any]) -> None:
        made = create_lambda_service(aws, name="a-service-with-a-name-of-forty-letters-x", handler="main.run")

        assert create_lambda_service(aws, name="a-service-with-a-name-of-forty-letters-x", handler="main.run") == made
        assert made["runtime"] == {"kind": "lambda", "function": "a-service-with-a-name-of-forty-letters-x"}

    def test_starts_with_everything_on_one_colour(self, aws: Callable[[str], Any]) -> None:
        made = create_lambda_service(aws, name="shop", handler="main.run")["traffic"]
        rules = aws("elbv2").describe_rules(RuleArns=[made["production_rule"], made["staging_rule"]])["Rules"]
        weights = {rule["RuleArn"]: [group["Weight"] for group in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]] for rule in rules}

        assert weights == {made["production_rule"]: [999, 0], made["staging_rule"]: [0, 999]}

    def test_has_two_ports_of_its_own(self, aws: Callable[[str], Any]) -> None:
        for name in ("shop", "web"):
            create_lambda_service(aws, name=name, handler="main.run")
        [balancer] = aws("elbv2").describe_load_balancers()["LoadBalancers"]
        ports = [listener["Port"] for listener in aws("elbv2").describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]]

        assert len(set(ports)) == len(ports) >= 4
