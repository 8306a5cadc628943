"""`turnout local image push`, against the embedded AWS of a stack that has nothing else."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.ecr.models import ecr_backends

from tests.cli.running import Ran, Runner
from turnout.local import corrections
from turnout.local.addresses import ACCOUNT, REGION
from turnout.local.embedded import EmbeddedAws, clients
from turnout.local.images import image, unpacked


@pytest.fixture
def app(cli: Runner) -> Path:
    made = cli.directory / "app"
    made.mkdir()
    (made / "app.py").write_text("print(1)")
    return made


def a_stack(cli: Runner, aws_endpoint_url: str) -> None:
    told = {"api_url": "http://127.0.0.1:1", "token": "t", "aws_endpoint_url": aws_endpoint_url, "region": REGION, "artifact_bucket": "b"}
    (cli.directory / ".turnout").mkdir()
    (cli.directory / ".turnout" / "local.json").write_text(json.dumps(told))


@pytest.fixture
def ecr(cli: Runner) -> Iterator[Any]:
    """Of the stack that runs here."""
    with corrections.apply():
        aws = EmbeddedAws()
        aws.start()
        ecr_backends[ACCOUNT][REGION].reset()
        a_stack(cli, aws.url)
        try:
            yield clients(aws.url)("ecr")
        finally:
            aws.stop()
            ecr_backends[ACCOUNT][REGION].reset()


def push(cli: Runner, *options: str, folder: str = "app", tag: str = "1.0") -> Ran:
    return cli.turnout("local", "image", "push", folder, "--repository", "team/web", "--tag", tag, *options)


class TestAFolder:
    def test_becomes_an_image_that_runs_as_was_said(self, cli: Runner, app: Path, ecr: Any, tmp_path: Path):
        ran = push(
            cli, "--command", "python app.py", "--workdir", "/srv", "--env", "A=1", "--env", "B=x=y", "--label", "org.opencontainers.image.revision=abc", "--json"
        )

        assert (ran.exit_code, ran.err) == (0, "")
        [kept] = ecr.describe_images(repositoryName="team/web")["imageDetails"]
        assert (kept["imageTags"], kept["imageDigest"]) == (["1.0"], ran.json["digest"])
        found = image(ecr_backends[ACCOUNT][REGION], "team/web", "1.0")
        config = unpacked(found.read_blob, found.manifest, tmp_path / "root")
        assert (config.command, config.workdir, config.env) == (("python", "app.py"), "/srv", {"A": "1", "B": "x=y"})
        assert config.labels == {"org.opencontainers.image.revision": "abc"}
        assert (tmp_path / "root/srv/app.py").read_text() == "print(1)"

    def test_is_told_with_its_digest_and_layers(self, cli: Runner, app: Path, ecr: Any):
        first, again = (push(cli, "--command", "python app.py", "--json").json for _ in range(2))

        assert (first["repository"], first["tag"], first["pushed"], again["pushed"]) == ("team/web", "1.0", True, False)
        assert first["uri"] == f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/web@{first['digest']}"
        assert first["digest"] == again["digest"]
        assert [[layer["pushed"] for layer in told["layers"]] for told in (first, again)] == [[True, True], [False, False]]

    def test_is_told_to_people(self, cli: Runner, app: Path, ecr: Any):
        first, again = (push(cli, "--command", "python app.py") for _ in range(2))

        assert "pushed  sha256:" in first.out
        assert "team/web:1.0 is pushed" in first.err
        assert "there already  sha256:" in again.out
        assert "was this image already" in again.err

    def test_may_have_a_procfile(self, cli: Runner, app: Path, ecr: Any):
        (app / "Procfile").write_text("web: python app.py --port $PORT\n")

        assert push(cli).exit_code == 0

        found = image(ecr_backends[ACCOUNT][REGION], "team/web", "1.0")
        config = json.loads(found.read_blob(found.manifest["config"]["digest"]))["config"]
        assert (config["Cmd"], config["WorkingDir"]) == (["/bin/sh", "-c", "python app.py --port $PORT"], "/app")

    def test_that_does_not_say_what_to_start_is_refused(self, cli: Runner, app: Path, ecr: Any):
        ran = push(cli)

        assert ran.exit_code == 1
        assert "--command" in ran.err
        assert ecr.describe_repositories()["repositories"] == []

    def test_with_a_link_out_of_it_is_refused(self, cli: Runner, app: Path, ecr: Any):
        (app / "out").symlink_to("/etc/hostname")

        ran = push(cli, "--command", "python app.py")

        assert ran.exit_code == 1
        assert "outside" in ran.err

    def test_under_an_immutable_tag_says_what_to_do(self, cli: Runner, app: Path, ecr: Any):
        ecr.create_repository(repositoryName="team/web", imageTagMutability="IMMUTABLE")
        push(cli, "--command", "python app.py")

        ran = push(cli, "--command", "python other.py")

        assert ran.exit_code == 1
        assert "another tag" in ran.err

    def test_here_takes_no_token_with_it(self, cli: Runner, app: Path, ecr: Any, tmp_path: Path):
        assert push(cli, "--command", "python app/app.py", folder=".").exit_code == 0

        found = image(ecr_backends[ACCOUNT][REGION], "team/web", "1.0")
        unpacked(found.read_blob, found.manifest, tmp_path / "root")
        assert sorted(path.relative_to(tmp_path / "root").as_posix() for path in (tmp_path / "root").rglob("*")) == ["app", "app/app", "app/app/app.py"]


class TestNonsense:
    @pytest.mark.parametrize(
        "options",
        [
            ("--tag", "-1"),
            ("--tag", "a b"),
            ("--tag", "x" * 129),
            ("--repository", "Web"),
            ("--repository", "a"),
            ("--repository", "web/"),
            ("--workdir", "app"),
            ("--workdir", "/app/../etc"),
            ("--env", "A"),
            ("--label", "=x"),
            ("--command", " "),
        ],
        ids=" ".join,
    )
    def test_is_usage(self, cli: Runner, app: Path, options: tuple[str, ...]):
        a_stack(cli, "http://127.0.0.1:1")

        ran = push(cli, "--command", "python app.py", *options)

        assert ran.exit_code == 2
        assert options[0] in ran.err

    @pytest.mark.parametrize("folder", ["missing", "app/app.py"])
    def test_for_a_folder_is_usage(self, cli: Runner, app: Path, folder: str):
        a_stack(cli, "http://127.0.0.1:1")

        assert push(cli, "--command", "python app.py", folder=folder).exit_code == 2


class TestWithoutAStack:
    def test_says_how_to_start_one(self, cli: Runner, app: Path):
        ran = push(cli, "--command", "python app.py")

        assert ran.exit_code == 1
        assert "turnout local up" in ran.err

    def test_that_was_killed_says_what_to_do(self, cli: Runner, app: Path):
        a_stack(cli, "http://127.0.0.1:1")

        ran = push(cli, "--command", "python app.py")

        assert ran.exit_code == 1
        assert "turnout local up" in ran.err

    def test_no_other_aws_is_written_to(self, cli: Runner, app: Path, ecr: Any):
        cli.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"

        assert push(cli, "--command", "python app.py").exit_code == 0
