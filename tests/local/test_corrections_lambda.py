"""What plain moto's Lambda does, and what it does corrected."""

import base64
import hashlib
import io
import time
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from tests.local.a_stack import Idle
from tests.local.both_ways import a_bucket, a_function, a_zip, both_ways, client
from turnout.local import corrections
from turnout.local.corrections import awslambda

UPLOADED = {"FunctionName": "f", "S3Bucket": "artifacts", "S3Key": "k"}


@pytest.fixture(autouse=True)
def _updates_take_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awslambda, "UPDATE_SECONDS", 0.0)


def sha(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def upload(code: str) -> str:
    version: str = client("s3").put_object(Bucket="artifacts", Key="k", Body=a_zip(code))["VersionId"]
    return version


class TestCode:
    def test_is_that_of_the_object_version(self) -> None:
        def do() -> str:
            a_bucket()
            a_function()
            first, _ = upload("first"), upload("second")
            return str(client("lambda").update_function_code(**UPLOADED, S3ObjectVersion=first)["CodeSha256"])

        assert both_ways(do) == (sha(a_zip("second")), sha(a_zip("first")))

    @pytest.mark.parametrize("absent", [{"S3Key": "absent"}, {"S3ObjectVersion": "00000000-0000-0000-0000-000000000000"}])
    def test_that_is_not_there_is_refused(self, absent: dict[str, str]) -> None:
        def do() -> str:
            a_bucket()
            a_function()
            upload("first")
            client("lambda").update_function_code(**UPLOADED | absent)
            return "taken"

        assert both_ways(do) == ("taken", "InvalidParameterValueException")


class TestAVersion:
    def test_is_published_only_when_something_changed(self) -> None:
        def do() -> list[str]:
            a_function("same")
            lambda_ = client("lambda")
            published = [lambda_.publish_version(FunctionName="f")["Version"]]
            lambda_.update_function_code(FunctionName="f", ZipFile=a_zip("same"))
            published.append(lambda_.publish_version(FunctionName="f", Description="again")["Version"])
            lambda_.update_function_configuration(FunctionName="f", Environment={"Variables": {"A": "1"}})
            published.append(lambda_.publish_version(FunctionName="f")["Version"])
            return published

        assert both_ways(do) == (["1", "2", "3"], ["1", "1", "2"])

    def test_has_a_number_of_its_own_for_ever(self) -> None:
        def do() -> list[str]:
            a_function("1")
            lambda_, published = client("lambda"), []
            for code in ("1", "2", "3"):
                lambda_.update_function_code(FunctionName="f", ZipFile=a_zip(code))
                published.append(lambda_.publish_version(FunctionName="f")["Version"])
                if code == "2":
                    lambda_.delete_function(FunctionName="f", Qualifier="1")
            return published

        assert both_ways(do) == (["1", "2", "2"], ["1", "2", "3"])

    @pytest.mark.parametrize(("condition", "code"), [({"CodeSha256": "other"}, "InvalidParameterValueException"), ({"RevisionId": "other"}, "PreconditionFailedException")])
    def test_is_published_only_of_what_was_meant(self, condition: dict[str, str], code: str) -> None:
        def do() -> str:
            a_function()
            client("lambda").publish_version(FunctionName="f", **condition)
            return "taken"

        assert both_ways(do) == ("taken", code)

    def test_that_an_alias_names_cannot_be_deleted(self) -> None:
        def do() -> str:
            a_function()
            lambda_ = client("lambda")
            lambda_.create_alias(FunctionName="f", Name="blue", FunctionVersion=lambda_.publish_version(FunctionName="f")["Version"])
            lambda_.delete_function(FunctionName="f", Qualifier="1")
            return "taken"

        assert both_ways(do) == ("taken", "ResourceConflictException")


class TestARevision:
    def test_of_a_function_changes_with_it(self) -> None:
        def do() -> int:
            lambda_ = client("lambda")
            seen = [a_function()]
            seen.append(lambda_.update_function_code(FunctionName="f", ZipFile=a_zip("2")))
            seen.append(lambda_.update_function_configuration(FunctionName="f", Timeout=9))
            seen.append(lambda_.get_function_configuration(FunctionName="f"))
            return len({said.get("RevisionId") for said in seen})

        assert both_ways(do) == (1, 3)

    def test_of_an_alias_changes_with_it(self) -> None:
        def do() -> bool:
            a_function()
            lambda_ = client("lambda")
            made = lambda_.create_alias(FunctionName="f", Name="blue", FunctionVersion="$LATEST")
            return bool(lambda_.update_alias(FunctionName="f", Name="blue", Description="d")["RevisionId"] != made["RevisionId"])

        assert both_ways(do) == (False, True)

    @pytest.mark.parametrize("update", ["update_function_code", "update_function_configuration", "update_alias"])
    def test_that_is_not_the_current_one_is_refused(self, update: str) -> None:
        changes: dict[str, dict[str, Any]] = {
            "update_function_code": {"ZipFile": a_zip("2")},
            "update_function_configuration": {"Timeout": 9},
            "update_alias": {"Name": "blue", "Description": "d"},
        }

        def do() -> str:
            a_function()
            client("lambda").create_alias(FunctionName="f", Name="blue", FunctionVersion="$LATEST")
            getattr(client("lambda"), update)(FunctionName="f", RevisionId="00000000-0000-0000-0000-000000000000", **changes[update])
            return "taken"

        assert both_ways(do) == ("taken", "PreconditionFailedException")


class TestAnUpdate:
    def test_is_in_progress_for_a_moment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(awslambda, "UPDATE_SECONDS", 0.2)

        def do() -> list[str]:
            a_function()
            lambda_ = client("lambda")
            states = [lambda_.update_function_code(FunctionName="f", ZipFile=a_zip("2"))["LastUpdateStatus"]]
            deadline = time.monotonic() + 5
            while (state := lambda_.get_function_configuration(FunctionName="f")["LastUpdateStatus"]) == "InProgress" and time.monotonic() < deadline:
                pass
            return [*states, state]

        assert both_ways(do) == (["Successful", "Successful"], ["InProgress", "Successful"])

    @pytest.mark.parametrize("next_call", ["update_function_configuration", "publish_version"])
    def test_lets_no_other_in_until_it_is_done(self, next_call: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(awslambda, "UPDATE_SECONDS", 60.0)

        def do() -> str:
            a_function()
            client("lambda").update_function_code(FunctionName="f", ZipFile=a_zip("2"))
            getattr(client("lambda"), next_call)(FunctionName="f")
            return "taken"

        assert both_ways(do) == ("taken", "ResourceConflictException")


class TestAnInvocation:
    def test_runs_on_the_data_plane(self) -> None:
        called: list[Any] = []

        class Plane(Idle):
            def invoke(self, function: str, qualifier: str | None, payload: bytes) -> Any:
                called.append((function, qualifier, payload))
                return SimpleNamespace(status=200, function_error="Unhandled", payload=b'{"errorMessage": "oh"}', log_tail="", executed_version="7")

        def do() -> tuple[Any, ...]:
            a_function()
            client("lambda").create_alias(FunctionName="f", Name="blue", FunctionVersion="$LATEST")
            said = client("lambda").invoke(FunctionName="f", Qualifier="blue", Payload=io.BytesIO(b'{"a": 1}'))
            return said["FunctionError"], said["ExecutedVersion"], said["Payload"].read()

        with mock_aws(), corrections.apply(plane=Plane()):  # plain moto would look for Docker
            assert do() == ("Unhandled", "7", b'{"errorMessage": "oh"}')
        assert called == [("f", "blue", b'{"a": 1}')]
