"""Pushing: where the file goes, and what is said of what becomes of it."""

import hashlib
import json
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from tests.cli.builders import a_deployment, a_list
from tests.cli.running import Runner
from tests.cli.test_waiting import interrupt

WEB = "/v1/services/web"
BYTES = b"a zip, as far as we care"
RELEASE = {"version": "1.4.2", "artifact": {"kind": "s3", "sha256": hashlib.sha256(BYTES).hexdigest()}}
REJECTION = {"id": "r-2", "service": "web", "version": "1.4.2", "kind": "bad-zip", "reason": "app.zip is no zip; build it again"}


@pytest.fixture
def s3(monkeypatch):
    for name, value in {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(name, value)
    with mock_aws(config={"core": {"passthrough": {"urls": [r"http://127\.0\.0\.1.*"]}}}):
        client = boto3.client("s3")
        client.create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield client


@pytest.fixture
def artifact(cli: Runner) -> Path:
    cli.environ["TURNOUT_BUCKET"] = "artifacts"
    path = cli.directory / "dist.zip"
    path.write_bytes(BYTES)
    return path


@pytest.fixture
def published(api):
    return api.on("GET", "/v1/rejections", a_list()).on("GET", f"{WEB}/deployments", a_list())


class TestUploading:
    def test_puts_the_file_where_ci_puts_it(self, s3, artifact, cli: Runner):
        ran = cli.turnout("push", "web", str(artifact), "--version", "1.4.2", "--commit", "c0ffee")

        stored = s3.get_object(Bucket="artifacts", Key="web/1.4.2/dist.zip")
        assert (stored["Body"].read(), stored["Metadata"]) == (BYTES, {"commit": "c0ffee"})
        assert (ran.exit_code, ran.out) == (0, "s3://artifacts/web/1.4.2/dist.zip\n")

    def test_needs_no_server(self, s3, artifact, cli: Runner):
        del cli.environ["TURNOUT_URL"]

        assert cli.turnout("push", "web", str(artifact), "--version", "1.4.2", "--json").json["uri"] == "s3://artifacts/web/1.4.2/dist.zip"

    def test_to_a_bucket_that_is_not_there_says_what_to_do(self, s3, artifact, cli: Runner):
        ran = cli.turnout("push", "web", str(artifact), "--version", "1.4.2", "--bucket", "elsewhere")

        assert ran.exit_code == 1
        assert "check the AWS credentials" in ran.err

    def test_without_a_bucket_says_what_to_do(self, artifact, cli: Runner):
        del cli.environ["TURNOUT_BUCKET"]

        ran = cli.turnout("push", "web", str(artifact), "--version", "1.4.2")

        assert ran.exit_code == 1
        assert "--bucket" in ran.err

    def test_finds_the_bucket_of_the_local_stack(self, s3, artifact, cli: Runner, api):
        del cli.environ["TURNOUT_BUCKET"]
        (cli.directory / ".turnout").mkdir()
        stack = {"api_url": api.url, "token": "t", "aws_endpoint_url": "https://s3.eu-west-1.amazonaws.com", "region": "eu-west-1", "artifact_bucket": "artifacts"}
        (cli.directory / ".turnout" / "local.json").write_text(json.dumps(stack))

        assert cli.turnout("push", "web", str(artifact), "--version", "1.4.2").exit_code == 0

    @pytest.mark.parametrize(("service", "version"), [("Web", "1"), ("web", "a/b"), ("web", ".1")])
    def test_of_what_can_be_no_name_is_usage(self, artifact, cli: Runner, service, version):
        assert cli.turnout("push", service, str(artifact), "--version", version).exit_code == 2


class TestWaiting:
    def test_is_done_when_it_is_staged(self, s3, artifact, published, cli: Runner):
        published.on("GET", f"{WEB}/releases/1.4.2", (404, {}), RELEASE)
        published.on("GET", f"{WEB}/deployments", a_list(), a_list(a_deployment(phase="preparing")))
        published.on("GET", f"{WEB}/deployments/d-000012", a_deployment(phase="preparing"), a_deployment(phase="staged", step=0))

        ran = cli.turnout("push", "web", str(artifact), "--version", "1.4.2", "--wait")

        assert ran.exit_code == 0
        assert ran.out == "web 1.4.2  d-000012 staged\n"

    def test_shows_why_it_was_refused(self, s3, artifact, published, cli: Runner):
        published.on("GET", "/v1/rejections", a_list(REJECTION | {"id": "r-1", "reason": "long ago"}), a_list(REJECTION, REJECTION | {"id": "r-1"}))

        ran = cli.turnout("push", "web", str(artifact), "--version", "1.4.2", "--wait")

        assert ran.exit_code == 1
        assert "app.zip is no zip; build it again" in ran.err

    def test_does_not_take_another_files_release_for_its_own(self, s3, artifact, published, cli: Runner):
        published.on("GET", f"{WEB}/releases/1.4.2", {"version": "1.4.2", "artifact": {"sha256": "ff" * 32}})

        assert cli.turnout("push", "web", str(artifact), "--version", "1.4.2", "--timeout", "4").exit_code == 3

    def test_of_what_is_not_deployed_by_itself_ends_with_the_release(self, s3, artifact, published, cli: Runner):
        published.on("GET", f"{WEB}/releases/1.4.2", RELEASE)

        ran = cli.turnout("push", "web", str(artifact), "--version", "1.4.2", "--wait", "--json")

        assert ran.exit_code == 0
        assert (ran.json["release"], ran.json["deployment"]) == (RELEASE, None)

    def test_again_of_the_same_file_is_about_the_deployment_that_is_under_way(self, s3, artifact, published, cli: Runner):
        published.on("GET", f"{WEB}/releases/1.4.2", RELEASE).on("GET", f"{WEB}/deployments", a_list(a_deployment(phase="staged", step=0)))
        published.on("GET", f"{WEB}/deployments/d-000012", a_deployment(phase="staged", step=0))

        assert "d-000012 staged" in cli.turnout("push", "web", str(artifact), "--version", "1.4.2", "--wait").out

    def test_again_of_the_same_file_is_not_about_how_an_earlier_deployment_ended(self, s3, artifact, published, cli: Runner):
        ended = a_deployment(phase="aborted", ended_at="2026-11-23T11:59:59Z")
        published.on("GET", f"{WEB}/releases/1.4.2", RELEASE).on("GET", f"{WEB}/deployments", a_list(ended))

        assert cli.turnout("push", "web", str(artifact), "--version", "1.4.2", "--wait").exit_code == 0

    def test_interrupted_says_that_it_goes_its_way(self, s3, artifact, published, cli: Runner):
        cli.clock.on_sleep = interrupt

        assert cli.turnout("push", "web", str(artifact), "--version", "1.4.2", "--wait").exit_code == 130
