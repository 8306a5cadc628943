"""What every queue does. SQS runs on moto; messages it refuses one by one come from a Stubber."""

import json

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from chalicelib.deployments.memory import MemoryQueues
from chalicelib.deployments.sqs import SqsQueues
from chalicelib.errors import NotFound, Unavailable
from tests.contract.breaking import new_clients, throttled

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/due"


class InMemory:
    def __init__(self):
        self.queues = MemoryQueues()

    def received(self):
        return sorted(self.queues.due), sorted(self.queues.probes)


class OnMoto:
    def __init__(self):
        self.clients = new_clients()
        self.sqs = boto3.client("sqs")
        self.due, self.probes = (self.sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("due", "probes"))
        self.queues = SqsQueues(self.clients, due_queue_url=self.due, probe_queue_url=self.probes)

    def received(self):
        return self.take(self.due), self.take(self.probes)

    def take(self, url):
        found = []
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"]) for message in messages]
        assert all(set(body) == {"service"} for body in found)
        return sorted(body["service"] for body in found)


@pytest.fixture(params=[InMemory, OnMoto])
def world(request):
    with mock_aws():
        yield request.param()


class TestSending:
    def test_sends_one_message_for_each(self, world):
        world.queues.send_due(["api", "web"])
        world.queues.send_probes(["web"])

        assert world.received() == (["api", "web"], ["web"])

    def test_sends_more_than_fit_into_one_call(self, world):
        names = [f"web-{number:02}" for number in range(25)]

        world.queues.send_due(names)

        assert world.received() == (names, [])

    def test_sends_nothing_for_nobody(self, world):
        world.queues.send_due([])

        assert world.received() == ([], [])


def stubbed(*answers):
    clients = new_clients()
    stubber = Stubber(clients.sqs)
    for services, failed in answers:
        entries = [{"Id": str(number), "MessageBody": json.dumps({"service": service})} for number, service in enumerate(services)]
        refused = [{"Id": str(number), "SenderFault": False, "Code": "InternalError"} for number in failed]
        stubber.add_response("send_message_batch", {"Successful": [], "Failed": refused}, {"QueueUrl": URL, "Entries": entries})
    stubber.activate()
    return SqsQueues(clients, due_queue_url=URL, probe_queue_url=URL), stubber


class TestSqs:
    def test_tries_once_more_only_what_was_refused(self):
        queues, stubber = stubbed((["a", "b", "c"], [1]), (["b"], []))

        queues.send_due(["a", "b", "c"])

        stubber.assert_no_pending_responses()

    def test_what_is_refused_twice_is_unavailable(self):
        queues, stubber = stubbed((["a", "b"], [0]), (["a"], [0]))

        with pytest.raises(Unavailable, match="1 of 2"):
            queues.send_due(["a", "b"])
        stubber.assert_no_pending_responses()

    def test_one_bad_batch_does_not_hold_up_the_others(self):
        names = [f"web-{number:02}" for number in range(12)]
        queues, stubber = stubbed((names[:10], range(10)), (names[10:], []), (names[:10], []))

        queues.send_due(names)

        stubber.assert_no_pending_responses()

    def test_no_answer_is_unavailable(self):
        clients = new_clients()
        throttled(clients.sqs, "SendMessageBatch", "AccessDenied", 403)

        with pytest.raises(Unavailable):
            SqsQueues(clients, due_queue_url=URL, probe_queue_url=URL).send_due(["web"])

    @mock_aws
    def test_a_queue_that_is_not_there_is_not_found(self):
        with pytest.raises(NotFound):
            SqsQueues(new_clients(), due_queue_url=URL, probe_queue_url=URL).send_due(["web"])
