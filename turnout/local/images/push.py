"""Pushes an image through ECR's layer API, as Docker does: what is there already is not sent again."""

from dataclasses import dataclass
from typing import Any

from turnout.local.images.build import Blob, Built
from turnout.local.images.model import OCI_MANIFEST


class TagTaken(Exception):
    """The repository's tags are immutable, and this one is on another image."""


@dataclass(frozen=True, slots=True)
class PushedBlob:
    """`pushed` is false for what the repository had already."""

    media_type: str
    digest: str
    size: int
    pushed: bool


@dataclass(frozen=True, slots=True)
class Pushed:
    """`layers` has the config too, which to a registry is one of them. `pushed` is false where the very image had the tag before."""

    uri: str
    digest: str
    layers: tuple[PushedBlob, ...]
    pushed: bool


def push(ecr: Any, image: Built, repository: str, tag: str) -> Pushed:
    """Makes the repository if it is not there. Raises `TagTaken` and what boto3 raises."""
    uri = _repository_uri(ecr, repository)
    answer = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[blob.digest for blob in image.blobs])
    there = {layer["layerDigest"] for layer in answer["layers"] if layer["layerAvailability"] == "AVAILABLE"}
    layers = tuple(
        PushedBlob(blob.media_type, blob.digest, len(blob.content), blob.digest not in there and _upload(ecr, repository, blob)) for blob in image.blobs
    )
    return Pushed(f"{uri}@{image.digest}", image.digest, layers, _put(ecr, image, repository, tag))


def _repository_uri(ecr: Any, repository: str) -> str:
    try:
        made = ecr.create_repository(repositoryName=repository)["repository"]
    except ecr.exceptions.RepositoryAlreadyExistsException:
        [made] = ecr.describe_repositories(repositoryNames=[repository])["repositories"]
    return str(made["repositoryUri"])


def _upload(ecr: Any, repository: str, blob: Blob) -> bool:
    """False where somebody else was faster."""
    begun = ecr.initiate_layer_upload(repositoryName=repository)
    upload, size = begun["uploadId"], begun["partSize"]
    for first in range(0, len(blob.content), size):
        part = blob.content[first : first + size]
        ecr.upload_layer_part(repositoryName=repository, uploadId=upload, partFirstByte=first, partLastByte=first + len(part) - 1, layerPartBlob=part)
    try:
        ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[blob.digest])
    except ecr.exceptions.LayerAlreadyExistsException:
        return False
    return True


def _put(ecr: Any, image: Built, repository: str, tag: str) -> bool:
    try:
        ecr.put_image(repositoryName=repository, imageManifest=image.manifest, imageManifestMediaType=OCI_MANIFEST, imageTag=tag, imageDigest=image.digest)
    except ecr.exceptions.ImageAlreadyExistsException:
        return False
    except ecr.exceptions.ImageTagAlreadyExistsException as error:
        raise TagTaken(f"{repository} has another image with the tag {tag}, and its tags are immutable; push under another tag") from error
    return True
