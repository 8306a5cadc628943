"""What plain moto's S3 events and EventBridge do, and what they do corrected."""

import json
from typing import Any

import pytest
from moto import mock_aws

from tests.local.both_ways import a_bucket, both_ways, client
from turnout.local import corrections

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
UPLOADS = {"source": ["aws.s3"], "detail-type": ["Object Created"]}


def a_rule(*, to: str, pattern: dict[str, Any] = UPLOADS, state: str = "ENABLED") -> None:
    events = client("events")
    events.put_rule(Name="r", EventPattern=json.dumps(pattern), State=state)
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": to}])


def a_queue() -> tuple[str, str]:
    sqs = client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def received(url: str) -> list[dict[str, Any]]:
    return [json.loads(message["Body"]) for message in client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])]


class TestAnUpload:
    def uploaded(self) -> list[dict[str, Any]]:
        a_bucket()
        url, arn = a_queue()
        a_rule(to=arn)
        for body in (b"1", b"2"):
            client("s3").put_object(Bucket="artifacts", Key="web/1/a.zip", Body=body)
        return received(url)

    def test_has_an_id_and_a_place_in_the_order(self) -> None:
        def do() -> tuple[int, int]:
            events = self.uploaded()
            return len({event["id"] for event in events}), len({event["detail"]["object"]["sequencer"] for event in events})

        assert both_ways(do) == ((1, 1), (2, 2))

    def test_is_told_by_a_bucket_that_says_so(self) -> None:
        def do(*queues: dict[str, Any]) -> tuple[bool, int]:
            a_bucket()
            both = {"EventBridgeConfiguration": {}, "QueueConfigurations": list(queues)}
            client("s3").put_bucket_notification_configuration(Bucket="artifacts", NotificationConfiguration=both)
            shown = client("s3").get_bucket_notification_configuration(Bucket="artifacts")
            return "EventBridgeConfiguration" in shown, len(shown.get("QueueConfigurations", []))

        assert both_ways(do) == ((False, 0), (True, 0))
        assert both_ways(lambda: do({"QueueArn": a_queue()[1], "Events": ["s3:ObjectCreated:*"]})) == ((False, 1), (True, 1))

    def test_is_told_by_no_bucket_that_was_not_asked_to(self) -> None:
        def do() -> bool:
            client("s3").create_bucket(Bucket="artifacts")
            return "EventBridgeConfiguration" in client("s3").get_bucket_notification_configuration(Bucket="artifacts")

        assert both_ways(do) == (False, False)

    def test_is_told_in_aws_words(self) -> None:
        def do() -> tuple[bool, str]:
            [event, _] = self.uploaded()
            return "etag" in event["detail"]["object"], event["detail"]["reason"]

        assert both_ways(do) == ((False, "ObjectCreated"), (True, "PutObject"))

    def test_is_told_when_the_object_is_complete(self) -> None:
        seen: list[Any] = []

        def look(arn: str, event: dict[str, Any]) -> None:
            said = event["detail"]["object"]
            seen.append(client("s3").head_object(Bucket="artifacts", Key=said["key"], VersionId=said["version-id"])["Metadata"])

        with mock_aws(), corrections.apply(deliver=look):
            a_bucket()
            a_rule(to=FUNCTION)
            client("s3").put_object(Bucket="artifacts", Key="k", Body=b"", Metadata={"commit": "abc"})

        assert seen == [{"commit": "abc"}]

    @pytest.mark.parametrize("kind", ["copy", "multipart"])
    def test_is_told_however_it_was_made(self, kind: str) -> None:
        told: list[str] = []
        with mock_aws(), corrections.apply(deliver=lambda arn, event: told.append(event["detail"]["reason"])):
            a_bucket()
            s3 = client("s3")
            s3.put_object(Bucket="artifacts", Key="from", Body=b"x")
            a_rule(to=FUNCTION)
            if kind == "copy":
                s3.copy_object(Bucket="artifacts", Key="to", CopySource="artifacts/from")
            else:
                upload = s3.create_multipart_upload(Bucket="artifacts", Key="to")["UploadId"]
                part = s3.upload_part(Bucket="artifacts", Key="to", UploadId=upload, PartNumber=1, Body=b"x")
                parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
                s3.complete_multipart_upload(Bucket="artifacts", Key="to", UploadId=upload, MultipartUpload=parts)

        assert told == [{"copy": "CopyObject", "multipart": "CompleteMultipartUpload"}[kind]]


class TestARule:
    def test_reaches_a_function(self) -> None:
        told: list[Any] = []

        def do() -> str:
            a_rule(to=FUNCTION, pattern={"source": ["mine"]})
            client("events").put_events(Entries=[{"Source": "mine", "DetailType": "d", "Detail": "{}"}])
            return "delivered"

        assert both_ways(do, deliver=lambda arn, event: told.append((arn, event))) == ("NotImplementedError", "delivered")
        [(arn, event)] = told
        assert arn == FUNCTION
        assert {"version", "account", "region", "detail", "detail-type", "source", "time", "id", "resources"} <= set(event)

    def test_that_is_disabled_delivers_nothing(self) -> None:
        def do() -> int:
            url, arn = a_queue()
            a_rule(to=arn, pattern={"source": ["mine"]}, state="DISABLED")
            client("events").put_events(Entries=[{"Source": "mine", "DetailType": "d", "Detail": "{}"}])
            return len(received(url))

        assert both_ways(do) == (1, 0)
