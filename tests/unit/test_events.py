"""What AWS's events are read as, and what the answers say could not be done."""

import json

from chalicelib import log
from chalicelib.errors import Unavailable
from chalicelib.events import each_changed, each_service, tag_of


def a_change(number: int, pk: str, sk: str = "state") -> dict[str, object]:
    return {"eventName": "MODIFY", "dynamodb": {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}, "SequenceNumber": str(number)}}


def away(_: object) -> None:
    raise Unavailable("SQS does not answer")


class TestChanges:
    def test_of_one_service_in_a_batch_are_sent_once_and_all_in_one_call(self):
        sent: list[list[str]] = []
        batch = [a_change(1, "service#web"), a_change(2, "service#shop"), a_change(3, "service#web")]

        answer = each_changed({"Records": batch}, sent.append)

        assert sent == [["web", "shop"]]
        assert answer == {"batchItemFailures": []}

    def test_of_anything_but_a_services_record_are_passed_over(self):
        sent: list[list[str]] = []

        each_changed({"Records": [a_change(1, "release#web"), a_change(2, "service#web", "look"), a_change(3, "service#web")]}, sent.append)

        assert sent == [["web"]]

    def test_that_could_not_be_sent_are_named_by_their_place_in_the_stream(self):
        answer = each_changed({"Records": [a_change(6, "release#web"), a_change(7, "service#web"), a_change(8, "service#shop")]}, away)

        assert answer == {"batchItemFailures": [{"itemIdentifier": "7"}, {"itemIdentifier": "8"}]}


class TestMessages:
    def test_that_fail_are_named_and_the_others_are_done(self):
        done: list[str] = []

        def work(service: str) -> None:
            if service == "bad":
                raise ValueError(service)
            done.append(service)

        records = [{"messageId": name, "body": json.dumps({"service": name})} for name in ("web", "bad", "shop")]

        assert each_service({"Records": records}, work) == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
        assert done == ["web", "shop"]


class TestAPushedImage:
    def test_is_told_by_repository_and_tag(self):
        assert tag_of({"repository-name": "team/web", "image-tag": "v1.0.0", "image-digest": "sha256:0"}) == ("team/web", "v1.0.0")

    def test_may_have_no_tag(self):
        """The parts of an image for several platforms are pushed so."""
        assert [tag_of({"repository-name": "web", **tag}) for tag in ({}, {"image-tag": ""}, {"image-tag": None})] == [("web", "")] * 3


class TestACount:
    def test_is_a_metric_by_service_and_one_among_all(self, capsys):
        log.count("ServicesDrifted", service="web")

        told = json.loads(capsys.readouterr().out)

        [metric] = told["_aws"]["CloudWatchMetrics"]
        assert (metric["Namespace"], metric["Dimensions"]) == ("Turnout", [["service"], []])
        assert metric["Metrics"] == [{"Name": "ServicesDrifted", "Unit": "Count"}]
        assert (told["service"], told["ServicesDrifted"]) == ("web", 1)
