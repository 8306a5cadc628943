"""What plain moto's ECR does, and what it does corrected."""

import hashlib
import json
import urllib.request
from typing import Any

import pytest
import requests
from moto import mock_aws
from moto.server import ThreadedMotoServer

from tests.local.both_ways import REGION, both_ways, client
from turnout.local import corrections
from turnout.local.embedded import clients

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
PUSHES = {"source": ["aws.ecr"], "detail-type": ["ECR Image Action"], "detail": {"action-type": ["PUSH"], "result": ["SUCCESS"]}}
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
MIB = 1024 * 1024


def sha256(content: bytes | str) -> str:
    return "sha256:" + hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def a_repository(ecr: Any = None, **how: Any) -> Any:
    ecr = ecr or client("ecr")
    ecr.create_repository(repositoryName="web", **how)
    return ecr


def uploaded(ecr: Any, content: bytes, *, parts: int = 1, said: str | None = None) -> str:
    upload, size = ecr.initiate_layer_upload(repositoryName="web")["uploadId"], -(-len(content) // parts)
    for first in range(0, len(content), size):
        part = content[first : first + size]
        ecr.upload_layer_part(repositoryName="web", uploadId=upload, partFirstByte=first, partLastByte=first + len(part) - 1, layerPartBlob=part)
    digest: str = ecr.complete_layer_upload(repositoryName="web", uploadId=upload, layerDigests=[said or sha256(content)])["layerDigest"]
    return digest


def a_manifest(name: str = "1", *, layer: bytes = b"layer", **more: Any) -> str:
    config = json.dumps({"name": name}).encode()
    described = {"mediaType": CONFIG, "digest": sha256(config), "size": len(config)}
    layers = [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": sha256(layer), "size": len(layer)}]
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": layers, **more})


def pushed(ecr: Any, tag: str | None = None, name: str = "1", *, layer: bytes = b"layer", **how: Any) -> str:
    """The digest that the registry answers. What is there already is not uploaded again."""
    wanted = [json.dumps({"name": name}).encode(), layer]
    missing = {each["layerDigest"] for each in ecr.batch_check_layer_availability(repositoryName="web", layerDigests=[sha256(each) for each in wanted])["failures"]}
    for each in wanted:
        if sha256(each) in missing:
            uploaded(ecr, each)
    return put(ecr, a_manifest(name, layer=layer), tag, **how)


def put(ecr: Any, manifest: str, tag: str | None = None, **how: Any) -> str:
    tagged = {"imageTag": tag} if tag else {}
    digest: str = ecr.put_image(repositoryName="web", imageManifest=manifest, **tagged, **how)["image"]["imageId"]["imageDigest"]
    return digest


def details(ecr: Any, **how: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ecr.describe_images(repositoryName="web", **how)["imageDetails"]
    return found


class TestALayer:
    def test_is_kept_and_can_be_fetched(self) -> None:
        def do() -> bytes:
            ecr = a_repository()
            url = ecr.get_download_url_for_layer(repositoryName="web", layerDigest=uploaded(ecr, b"content"))["downloadUrl"]
            return requests.get(url, timeout=5).content

        assert both_ways(do) == ("NotImplementedError", b"content")

    def test_that_is_not_there_has_no_url(self) -> None:
        def do() -> str:
            url: str = a_repository().get_download_url_for_layer(repositoryName="web", layerDigest=sha256(b"x"))["downloadUrl"]
            return url

        assert both_ways(do) == ("NotImplementedError", "LayersNotFoundException")

    def test_is_what_its_digest_says(self) -> None:
        assert both_ways(lambda: uploaded(a_repository(), b"content", said=sha256(b"other"))) == (sha256(b"content"), "InvalidLayerException")

    def test_is_uploaded_once(self) -> None:
        def do() -> str:
            ecr = a_repository()
            uploaded(ecr, b"content")
            return uploaded(ecr, b"content")

        assert both_ways(do) == (sha256(b"content"), "LayerAlreadyExistsException")

    def test_comes_in_parts_of_at_least_five_mebibytes(self) -> None:
        content = bytes(6 * MIB)

        assert both_ways(lambda: uploaded(a_repository(), content, parts=2)) == (sha256(content), "LayerPartTooSmallException")

    def test_comes_in_parts(self) -> None:
        content = bytes(range(256)) * (12 * 4096)

        with mock_aws(), corrections.apply():
            assert uploaded(a_repository(), content, parts=2) == sha256(content)

    def test_has_parts_as_long_as_their_bytes_say(self) -> None:
        def do() -> int:
            ecr = a_repository()
            upload = ecr.initiate_layer_upload(repositoryName="web")["uploadId"]
            last: int = ecr.upload_layer_part(repositoryName="web", uploadId=upload, partFirstByte=0, partLastByte=9, layerPartBlob=b"abc")["lastByteReceived"]
            return last

        assert both_ways(do) == (2, "InvalidLayerPartException")

    def test_is_not_nothing(self) -> None:
        def do() -> str:
            ecr = a_repository()
            upload = ecr.initiate_layer_upload(repositoryName="web")["uploadId"]
            digest: str = ecr.complete_layer_upload(repositoryName="web", uploadId=upload, layerDigests=[sha256(b"")])["layerDigest"]
            return digest

        assert both_ways(do) == (sha256(b""), "EmptyUploadException")

    def test_leaves_nobody_a_bucket(self) -> None:
        with mock_aws(), corrections.apply():
            ecr = a_repository()
            ecr.get_download_url_for_layer(repositoryName="web", layerDigest=uploaded(ecr, b"content"))

            assert client("s3").list_buckets()["Buckets"] == []


class TestAnImage:
    def test_has_the_digest_of_its_manifest(self) -> None:
        manifest = a_manifest()
        of_its_layers = sha256(json.loads(manifest)["layers"][0]["digest"])

        assert both_ways(lambda: pushed(a_repository(), "1")) == (of_its_layers, sha256(manifest))

    def test_needs_layers_that_were_uploaded(self) -> None:
        def do() -> str:
            put(a_repository(), a_manifest(), "1")
            return "taken"

        assert both_ways(do) == ("taken", "LayersNotFoundException")

    def test_needs_a_config_that_was_uploaded(self) -> None:
        def do() -> str:
            ecr = a_repository()
            uploaded(ecr, b"layer")
            put(ecr, a_manifest(), "1")
            return "taken"

        assert both_ways(do) == ("taken", "LayersNotFoundException")

    def test_of_many_platforms_needs_images_that_were_pushed(self) -> None:
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [{"digest": sha256(b"x")}]})

        def do() -> str:
            put(a_repository(), index, "1")
            return "taken"

        assert both_ways(do) == ("taken", "ReferencedImagesNotFoundException")

    def test_of_many_platforms_is_found_by_the_digest_of_its_index(self) -> None:
        def do() -> tuple[bool, int]:
            ecr = a_repository()
            child = pushed(ecr)
            index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [{"digest": child}]})
            digest = put(ecr, index, "1")
            [found] = details(ecr, imageIds=[{"imageTag": "1"}])
            return digest == sha256(index) == found["imageDigest"], found["imageSizeInBytes"]

        assert both_ways(do) == ("KeyError", (True, len(b'{"name": "1"}layer')))

    @pytest.mark.parametrize(
        "manifest",
        ['{"mediaType": "m"}', json.dumps({"mediaType": MANIFEST, "layers": []}), json.dumps({"mediaType": MANIFEST, "layers": ["x"], "config": {}})],
    )
    def test_is_described_by_its_manifest(self, manifest: str) -> None:
        plain, corrected = both_ways(lambda: put(a_repository(), manifest, "1"))

        assert plain != corrected == "InvalidParameterException"

    @pytest.mark.parametrize("manifest", ["[]", "{", '"text"'])
    def test_has_a_manifest_in_json(self, manifest: str) -> None:
        with mock_aws(), corrections.apply():
            ecr = a_repository()

            with pytest.raises(ecr.exceptions.InvalidParameterException):
                put(ecr, manifest, "1", imageManifestMediaType=MANIFEST)

    def test_has_the_digest_that_its_pusher_expects(self) -> None:
        other = sha256(b"other")

        assert both_ways(lambda: pushed(a_repository(), "1", imageDigest=other)) == (other, "ImageDigestDoesNotMatchException")

    def test_may_name_its_media_type_beside_the_manifest_only(self) -> None:
        def do() -> tuple[bool, str]:
            ecr = a_repository()
            uploaded(ecr, b"layer"), uploaded(ecr, b'{"name": "1"}')
            bare = a_manifest().replace(f'"mediaType": "{MANIFEST}", ', "")
            digest = put(ecr, bare, "1", imageManifestMediaType=MANIFEST)
            return digest == sha256(bare), details(ecr)[0]["imageManifestMediaType"]

        assert both_ways(do) == ((False, MANIFEST), (True, MANIFEST))

    def test_has_one_media_type(self) -> None:
        plain, corrected = both_ways(lambda: pushed(a_repository(), "1", imageManifestMediaType=INDEX))

        assert plain != corrected == "InvalidParameterException"

    def test_is_told_of_in_full(self) -> None:
        def do() -> dict[str, Any]:
            ecr = a_repository()
            pushed(ecr, "1")
            [found] = details(ecr)
            return {name: found.get(name) for name in ("imageTags", "imageSizeInBytes", "imageManifestMediaType", "artifactMediaType", "imageStatus")}

        config = len(b'{"name": "1"}')
        common = {"imageTags": ["1"], "imageManifestMediaType": MANIFEST}
        assert both_ways(do) == (
            common | {"imageSizeInBytes": config, "artifactMediaType": None, "imageStatus": None},
            common | {"imageSizeInBytes": config + len(b"layer"), "artifactMediaType": CONFIG, "imageStatus": "ACTIVE"},
        )

    def test_of_an_unknown_repository_is_refused(self) -> None:
        assert both_ways(lambda: put(client("ecr"), a_manifest(), "1")) == ("Exception", "RepositoryNotFoundException")


class TestATag:
    def test_that_moves_leaves_its_image(self) -> None:
        def do() -> dict[str, Any]:
            ecr = a_repository()
            first, second = pushed(ecr, "1", layer=b"first"), pushed(ecr, "1", layer=b"second")
            return {found["imageDigest"]: found.get("imageTags") for found in details(ecr, imageIds=[{"imageDigest": first}, {"imageDigest": second}])}

        of = {name: sha256(a_manifest(layer=name)) for name in (b"first", b"second")}
        assert both_ways(do) == ("ImageNotFoundException", {of[b"first"]: None, of[b"second"]: ["1"]})

    def test_that_moved_is_not_told_of_the_image_it_was_on(self) -> None:
        def do() -> Any:
            ecr = a_repository()
            first = pushed(ecr, "1", layer=b"first")
            pushed(ecr, "1", layer=b"second")
            [found] = ecr.batch_get_image(repositoryName="web", imageIds=[{"imageDigest": first}])["images"]
            return found["imageId"].get("imageTag"), found["imageManifest"] == a_manifest(layer=b"first")

        assert both_ways(do) == ("ValueError", (None, True))

    def test_can_be_one_of_many(self) -> None:
        with mock_aws(), corrections.apply():
            ecr = a_repository()
            first, second = pushed(ecr, "1"), pushed(ecr, "2")

            assert first == second
            assert [found["imageTags"] for found in details(ecr)] == [["1", "2"]]

    @pytest.mark.parametrize("mutability", ["MUTABLE", "IMMUTABLE"])
    def test_is_put_on_an_image_once(self, mutability: str) -> None:
        with mock_aws(), corrections.apply():
            ecr = a_repository(imageTagMutability=mutability)
            pushed(ecr, "1")

            with pytest.raises(ecr.exceptions.ImageAlreadyExistsException):
                pushed(ecr, "1")

    def test_stays_where_tags_are_immutable(self) -> None:
        def do() -> None:
            ecr = a_repository(imageTagMutability="IMMUTABLE")
            pushed(ecr, "1", layer=b"first")
            pushed(ecr, "1", layer=b"second")

        assert both_ways(do) == ("ImageAlreadyExistsException", "ImageTagAlreadyExistsException")

    @pytest.mark.parametrize(("mutability", "moves"), [("IMMUTABLE_WITH_EXCLUSION", "dev-1"), ("MUTABLE_WITH_EXCLUSION", "1")])
    def test_may_be_excluded_from_that(self, mutability: str, moves: str) -> None:
        with mock_aws(), corrections.apply():
            excluded = [{"filterType": "WILDCARD", "filter": "dev-*"}]
            ecr = a_repository(imageTagMutability=mutability, imageTagMutabilityExclusionFilters=excluded)
            stays = {"dev-1", "1"} - {moves}
            for tag in ("dev-1", "1"):
                pushed(ecr, tag, layer=b"first")

            pushed(ecr, moves, layer=b"second")
            with pytest.raises(ecr.exceptions.ImageTagAlreadyExistsException):
                pushed(ecr, stays.pop(), layer=b"second")


class TestAList:
    def three(self) -> Any:
        ecr = a_repository()
        for number in (b"1", b"2", b"3"):
            pushed(ecr, "same" if number == b"3" else None, layer=number)
        return ecr

    @pytest.mark.parametrize(("operation", "field"), [("describe_images", "imageDetails"), ("list_images", "imageIds")])
    def test_has_pages(self, operation: str, field: str) -> None:
        def do() -> list[int]:
            pages = self.three().get_paginator(operation).paginate(repositoryName="web", PaginationConfig={"PageSize": 2})
            return [len(page[field]) for page in pages]

        assert both_ways(do) == ([3], [2, 1])

    @pytest.mark.parametrize(("operation", "field"), [("describe_images", "imageDetails"), ("list_images", "imageIds")])
    def test_can_be_of_tagged_images_only(self, operation: str, field: str) -> None:
        with mock_aws(), corrections.apply():
            ecr = self.three()
            statuses = {status: len(getattr(ecr, operation)(repositoryName="web", filter={"tagStatus": status})[field]) for status in ("TAGGED", "UNTAGGED", "ANY")}

        assert statuses == {"TAGGED": 1, "UNTAGGED": 2, "ANY": 3}

    def test_of_images_is_filtered(self) -> None:
        assert both_ways(lambda: len(details(self.three(), filter={"tagStatus": "TAGGED"}))) == (3, 1)

    def test_of_images_by_name_has_no_pages(self) -> None:
        plain, corrected = both_ways(lambda: details(self.three(), imageIds=[{"imageTag": "same"}], maxResults=1))

        assert plain != corrected == "InvalidParameterException"

    def test_goes_on_where_it_says_only(self) -> None:
        plain, corrected = both_ways(lambda: details(self.three(), nextToken="!"))

        assert plain != corrected == "InvalidParameterException"


class TestAnImageById:
    def test_has_the_digest_and_the_tag(self) -> None:
        def do() -> tuple[int, int]:
            ecr = a_repository()
            pushed(ecr, "1", layer=b"first")
            digest = pushed(ecr, "2", layer=b"second")
            got = ecr.batch_get_image(repositoryName="web", imageIds=[{"imageDigest": digest, "imageTag": "1"}])
            return len(got["images"]), len(got["failures"])

        assert both_ways(do) == ((2, 0), (0, 1))

    def test_that_is_missing_is_named_as_it_was_asked_for(self) -> None:
        def do() -> Any:
            return a_repository().batch_get_image(repositoryName="web", imageIds=[{"imageDigest": sha256(b"x")}])["failures"][0]["imageId"]

        assert both_ways(do) == ({"imageTag": "null"}, {"imageDigest": sha256(b"x")})

    def test_says_the_tag_it_was_asked_for(self) -> None:
        def do() -> str:
            ecr = a_repository()
            pushed(ecr, "1"), pushed(ecr, "2")
            [found] = ecr.batch_get_image(repositoryName="web", imageIds=[{"imageTag": "1"}])["images"]
            return str(found["imageId"]["imageTag"])

        assert both_ways(do) == ("2", "1")

    def test_is_told_when_it_is_deleted_without_a_tag(self) -> None:
        def do() -> int:
            ecr = a_repository()
            digest = pushed(ecr)
            return len(ecr.batch_delete_image(repositoryName="web", imageIds=[{"imageDigest": digest}])["imageIds"])

        assert both_ways(do) == (0, 1)


class TestAPush:
    def heard(self, tag: str | None = "v1") -> list[dict[str, Any]]:
        sqs, events = client("sqs"), client("events")
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        events.put_rule(Name="r", EventPattern=json.dumps(PUSHES))
        events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]}])
        pushed(a_repository(), tag)
        return [json.loads(message["Body"]) for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])]

    def test_is_told(self) -> None:
        plain, [event] = both_ways(self.heard)

        assert plain == []
        assert (event.pop("id") != "", event.pop("time")[10], event.pop("version")) == (True, "T", "0")
        assert event == {
            "source": "aws.ecr",
            "detail-type": "ECR Image Action",
            "account": "123456789012",
            "region": REGION,
            "resources": [],
            "detail": {
                "result": "SUCCESS",
                "repository-name": "web",
                "image-digest": sha256(a_manifest()),
                "action-type": "PUSH",
                "image-tag": "v1",
            },
        }

    def test_without_a_tag_is_not_told(self) -> None:
        with mock_aws(), corrections.apply():
            assert self.heard(None) == []

    def test_that_is_refused_is_not_told(self) -> None:
        told: list[Any] = []
        with mock_aws(), corrections.apply(deliver=lambda arn, event: told.append(event["id"])):
            events, ecr = client("events"), a_repository()
            events.put_rule(Name="r", EventPattern=json.dumps(PUSHES))
            events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": FUNCTION}])
            pushed(ecr, "1")
            with pytest.raises(ecr.exceptions.ImageAlreadyExistsException):
                pushed(ecr, "1")

        assert len(told) == len(set(told)) == 1

    def test_is_made_whoever_cannot_be_told(self) -> None:
        with mock_aws(), corrections.apply():
            events, ecr = client("events"), a_repository()
            events.put_rule(Name="r", EventPattern=json.dumps(PUSHES))
            events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": "arn:aws:states:us-east-1:123456789012:stateMachine:s"}])
            pushed(ecr, "1")

            assert [found["imageTags"] for found in details(ecr)] == [["1"]]

    def test_is_told_when_the_image_can_be_read(self) -> None:
        seen: list[Any] = []
        with mock_aws(), corrections.apply(deliver=lambda arn, event: seen.append(details(client("ecr"), imageIds=[{"imageTag": event["detail"]["image-tag"]}]))):
            events = client("events")
            events.put_rule(Name="r", EventPattern=json.dumps(PUSHES))
            events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": FUNCTION}])
            pushed(a_repository(), "1")

        assert [found["imageDigest"] for [found] in seen] == [sha256(a_manifest())]


@pytest.mark.local
def test_a_layer_is_fetched_from_the_server_that_was_asked() -> None:
    with corrections.apply():
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        try:
            url = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
            ecr = a_repository(clients(url)("ecr"))
            content = bytes(range(256)) * (6 * 4096)
            told = ecr.get_download_url_for_layer(repositoryName="web", layerDigest=uploaded(ecr, content))["downloadUrl"]

            assert told.startswith(f"{url}/")
            with urllib.request.urlopen(told, timeout=5) as answer:
                assert answer.read() == content
        finally:
            server.stop()
