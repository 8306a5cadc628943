"""What every registry does. moto's ECR is asked over HTTP, for configs are downloaded from it as from AWS; what it lacks is put right as on the local stack."""

import json
from datetime import UTC
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from moto.server import ThreadedMotoServer

from chalicelib.clock import ManualClock
from chalicelib.errors import NotFound, Unavailable
from chalicelib.releases import ecr
from chalicelib.releases.ecr import EcrImages
from chalicelib.releases.images import Images
from chalicelib.releases.memory import MemoryImages
from tests.contract.breaking import _Raw, new_clients, throttled
from tests.contract.images import DOCKER, OCI, Registry
from turnout.local import corrections

REVISION = {"org.opencontainers.image.revision": "c0ffee"}
AMD64, ARM64 = {"os": "linux", "architecture": "amd64"}, {"os": "linux", "architecture": "arm64"}
UNKNOWN = {"os": "unknown", "architecture": "unknown"}


class InMemory:
    def __init__(self) -> None:
        self.memory = MemoryImages(ManualClock())
        self.memory.repositories.add("web")
        self.images: Images = self.memory

    def push(self, tag: str, content: bytes = b"content", *, labels: Any = None) -> str:
        return self.memory.push("web", tag, content, labels=labels)

    def lose(self, tag: str) -> None:
        self.memory.lose("web", tag)

    def close(self) -> None:
        pass


class OnMoto:
    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", url)
        self.url, self.clients = url, new_clients()
        self.images: Images = EcrImages(self.clients)
        self.registry = Registry(boto3.client("ecr", endpoint_url=url))
        self.registry.create()

    def push(self, tag: str, content: bytes = b"content", *, labels: Any = None) -> str:
        return self.registry.push(tag, content, labels=labels)

    def lose(self, tag: str) -> None:
        self.registry.lose(self.images.find("web", tag).artifact.digest)

    def calls(self) -> list[str]:
        """The list grows with every call."""
        made: list[str] = []
        self.clients.ecr.meta.events.register("before-call.ecr.*", lambda model, **_: made.append(model.name))
        return made

    def close(self) -> None:
        self.registry.ecr.delete_repository(repositoryName="web", force=True)


@pytest.fixture(scope="module")
def url():
    with corrections.apply():
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        yield f"http://127.0.0.1:{server.get_host_and_port()[1]}"
        server.stop()


@pytest.fixture(params=[InMemory, OnMoto])
def world(request, url, monkeypatch):
    made = request.param(url, monkeypatch) if request.param is OnMoto else request.param()
    yield made
    made.close()


@pytest.fixture
def moto(url, monkeypatch):
    made = OnMoto(url, monkeypatch)
    yield made
    made.close()


def tags(world) -> dict[str, str]:
    return {pushed.artifact.tag: pushed.artifact.digest for pushed in world.images.tagged("web")}


class TestFinding:
    def test_says_what_a_tag_is_on(self, world):
        digest = world.push("v1.0.0", b"one")

        pushed = world.images.find("web", "v1.0.0")

        assert (pushed.artifact.repository, pushed.artifact.tag, pushed.artifact.digest) == ("web", "v1.0.0", digest)
        assert pushed.artifact.uri == f"{pushed.artifact.registry}/web@{digest}"
        assert pushed.artifact.size > 0
        assert pushed.media_type == OCI
        assert pushed.pushed_at.tzinfo is UTC

    def test_says_what_it_is_on_now(self, world):
        world.push("v1.0.0", b"one")
        digest = world.push("v1.0.0", b"two")

        assert world.images.find("web", "v1.0.0").artifact.digest == digest

    def test_keeps_the_moment_of_an_image_that_is_tagged_anew(self, world):
        first = world.push("v1.0.0", b"one")
        before = world.images.find("web", "v1.0.0").pushed_at

        assert world.push("v1.0.1", b"one") == first
        assert world.images.find("web", "v1.0.1").pushed_at == before

    def test_of_no_such_tag_or_repository_is_not_found(self, world):
        world.push("v1.0.0")

        for repository, tag in (("web", "v9"), ("shop", "v1.0.0")):
            with pytest.raises(NotFound):
                world.images.find(repository, tag)


class TestSurvey:
    def test_is_content_with_a_repository_that_is_there(self, world):
        world.images.survey("web")

    def test_of_none_is_not_found(self, world):
        with pytest.raises(NotFound):
            world.images.survey("shop")


class TestListing:
    def test_has_every_tag_of_every_image(self, world):
        first, second = world.push("v1.0.0", b"one"), world.push("v2.0.0", b"two")
        world.push("v1.0.1", b"one")

        assert tags(world) == {"v1.0.0": first, "v1.0.1": first, "v2.0.0": second}

    def test_leaves_out_what_lost_its_tag(self, world):
        world.push("v1.0.0", b"one")
        second = world.push("v1.0.0", b"two")

        assert tags(world) == {"v1.0.0": second}

    def test_of_no_such_repository_is_not_found(self, world):
        with pytest.raises(NotFound):
            list(world.images.tagged("shop"))


class TestExistence:
    def test_outlives_the_tag(self, world):
        world.push("v1.0.0", b"one")
        artifact = world.images.find("web", "v1.0.0").artifact
        world.push("v1.0.0", b"two")

        assert world.images.exists(artifact)

    def test_ends_with_the_image(self, world):
        world.push("v1.0.0")
        artifact = world.images.find("web", "v1.0.0").artifact
        world.lose("v1.0.0")

        assert not world.images.exists(artifact)


class TestLabels:
    def test_are_those_it_was_built_with(self, world):
        world.push("v1.0.0", labels=REVISION)

        assert world.images.labels(world.images.find("web", "v1.0.0").artifact) == REVISION

    def test_are_empty_where_there_are_none(self, world):
        world.push("v1.0.0")

        assert world.images.labels(world.images.find("web", "v1.0.0").artifact) == {}

    def test_of_an_image_that_is_gone_are_not_found(self, world):
        world.push("v1.0.0", labels=REVISION)
        artifact = world.images.find("web", "v1.0.0").artifact
        world.lose("v1.0.0")

        with pytest.raises(NotFound):
            world.images.labels(artifact)


def labels(moto: OnMoto, tag: str = "v1.0.0") -> dict[str, str]:
    return moto.images.labels(moto.images.find("web", tag).artifact)


class TestEcr:
    def test_reads_labels_with_two_requests(self, moto):
        moto.push("v1.0.0", labels=REVISION)
        artifact = moto.images.find("web", "v1.0.0").artifact
        calls = moto.calls()

        assert moto.images.labels(artifact) == REVISION
        assert calls == ["BatchGetImage", "GetDownloadUrlForLayer"]

    def test_says_when_it_was_docker_that_built_it(self, moto):
        moto.registry.push("v1.0.0", media_type=DOCKER, labels=REVISION)

        assert moto.images.find("web", "v1.0.0").media_type == DOCKER
        assert labels(moto) == REVISION

    def test_says_that_a_chart_is_none(self, moto):
        moto.registry.push("v1.0.0", media_type="application/vnd.cncf.helm.config.v1+json", config=b'{"name": "web"}')

        assert moto.images.find("web", "v1.0.0").media_type == "application/vnd.cncf.helm.config.v1+json"

    @pytest.mark.parametrize(
        ("platforms", "label"),
        [([ARM64, AMD64], "1"), ([AMD64, ARM64], "0"), ([UNKNOWN, ARM64], "1"), ([ARM64, {"os": "windows", "architecture": "amd64"}], "0")],
    )
    def test_reads_the_labels_of_linux_amd64_or_else_the_first(self, moto, platforms, label):
        made = [(moto.registry.push(None, b"%d" % number, labels={"which": str(number)}), platform) for number, platform in enumerate(platforms)]
        moto.registry.push_index("v1.0.0", made)

        assert moto.images.find("web", "v1.0.0").media_type is None
        assert labels(moto) == {"which": label}

    @pytest.mark.parametrize(
        "config",
        [
            b"no json", b"[]", b"null", b'{"config": "x"}', b'{"config": {"Labels": ["x"]}}', b'{"config": {"Labels": "x"}}', b"{}",
            b'{"config": null}', b'{"config": {"Labels": {"a": 1, "b": null}}}', b"\xff\xfe",
        ],
    )  # fmt: skip
    def test_has_no_labels_where_the_config_is_not_as_it_should_be(self, moto, config):
        moto.registry.push("v1.0.0", config=config)

        assert labels(moto) == {}

    def test_has_none_where_no_platform_is_real(self, moto):
        moto.registry.push_index("v1.0.0", [(moto.registry.push(None, labels=REVISION), UNKNOWN)])

        assert labels(moto) == {}

    def test_does_not_read_a_config_that_is_huge(self, moto, monkeypatch):
        monkeypatch.setattr(ecr, "_LARGEST_CONFIG", 100)
        moto.push("v1.0.0", labels={"a": "x" * 200})

        assert labels(moto) == {}

    def test_a_config_that_cannot_be_downloaded_is_unavailable(self, moto):
        moto.push("v1.0.0", labels=REVISION)
        artifact = moto.images.find("web", "v1.0.0").artifact
        for url in ("http://127.0.0.1:9/nobody", f"{moto.url}/no-such-bucket/key"):
            answer = json.dumps({"downloadUrl": url, "layerDigest": "sha256:" + "0" * 64}).encode()
            answered(moto.clients.ecr, "GetDownloadUrlForLayer", answer)

            with pytest.raises(Unavailable):
                moto.images.labels(artifact)

    def test_a_config_that_is_another_is_unavailable(self, moto):
        moto.push("v1.0.0", b"one", labels=REVISION)
        artifact = moto.images.find("web", "v1.0.0").artifact
        url = moto.registry.url_of_config(moto.push("v2", b"two", labels={}))
        answered(moto.clients.ecr, "GetDownloadUrlForLayer", json.dumps({"downloadUrl": url}).encode())

        with pytest.raises(Unavailable):
            moto.images.labels(artifact)

    def test_reads_every_page(self, moto, monkeypatch):
        monkeypatch.setattr(ecr, "_PAGE", 2)
        wanted = {f"v{number}": moto.push(f"v{number}", b"%d" % number) for number in range(5)}
        calls = moto.calls()

        assert tags(moto) == wanted
        assert calls == ["DescribeImages"] * 3

    def test_knows_the_registry_of_its_region(self, moto):
        moto.push("v1.0.0")

        assert moto.images.find("web", "v1.0.0").artifact.registry == "123456789012.dkr.ecr.eu-west-1.amazonaws.com"

    def test_too_many_requests_are_unavailable(self, moto):
        moto.push("v1.0.0")
        throttled(moto.clients.ecr_look, "DescribeImages", "ThrottlingException", json=True)

        with pytest.raises(Unavailable):
            moto.images.exists(moto.images.find("web", "v1.0.0").artifact)

    @pytest.mark.parametrize(("code", "status"), [("ServerException", 500), ("AccessDeniedException", 400)])
    def test_no_answer_is_unavailable(self, moto, code, status):
        moto.push("v1.0.0", labels=REVISION)
        artifact = moto.images.find("web", "v1.0.0").artifact
        for client in (moto.clients.ecr, moto.clients.ecr_look):
            for operation in ("DescribeImages", "DescribeRepositories", "BatchGetImage"):
                throttled(client, operation, code, status, json=True)

        for ask in (
            lambda: moto.images.find("web", "v1.0.0"), lambda: list(moto.images.tagged("web")), lambda: moto.images.survey("web"),
            lambda: moto.images.labels(artifact), lambda: moto.images.exists(artifact),
        ):  # fmt: skip
            with pytest.raises(Unavailable):
                ask()


def answered(client: Any, operation: str, content: bytes) -> None:
    """From now on AWS answers this operation so."""
    client.meta.events.register_first(f"before-send.*.{operation}", lambda request, **_: AWSResponse(request.url, 200, {}, _Raw(content)))
