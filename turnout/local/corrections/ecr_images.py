"""What a repository takes for an image, and what becomes of its tags.

A manifest names layers and a config that were uploaded, or images that were
pushed; its image is known by the digest of its bytes. An image that loses its
tag to another stays.
"""

import copy
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from moto.ecr.exceptions import ImageAlreadyExistsException, InvalidParameterException
from moto.ecr.models import Image

from turnout.local.corrections.ecr_layers import Refused

Manifest = Mapping[str, Any]


class PushedImage(Image):
    """An image that knows what DescribeImages tells of it."""

    size = 0
    artifact_media_type: str | None = None
    image_status = "ACTIVE"

    def get_image_size_in_bytes(self) -> int:
        return self.size

    def remove_tag(self, tag: str) -> None:
        super().remove_tag(tag)
        if not self.image_tags:
            self.image_tag: Any = None  # moto leaves the tag that is gone


def put_image(
    self: Any, repository_name: str, image_manifest: str, image_tag: str | None, *, media_type: str | None, digest: str | None, registry_id: str | None
) -> Any:
    """The image as it was just pushed: of its tags, the one that was asked for."""
    repository = self._get_repository(repository_name, registry_id)
    manifest = _read(image_manifest)
    kind = _kind(manifest, media_type)
    computed = "sha256:" + hashlib.sha256(image_manifest.encode()).hexdigest()
    if digest and digest != computed:
        raise Refused("ImageDigestDoesNotMatchException", f"The specified digest '{digest}' does not match the digest '{computed}' of the image manifest")
    _check_parts(repository, manifest)
    known = next((image for image in repository.images if image.image_digest == computed), None)
    _check_tag(repository, known, computed, image_tag)
    image = known or _added(repository, image_manifest, kind, computed)
    _move_tag(repository, image, image_tag)
    pushed = copy.copy(image)
    pushed.image_tag = image_tag
    return pushed


def _added(repository: Any, text: str, kind: str, digest: str) -> Any:
    make: Any = PushedImage  # moto's own says that there is always a tag
    image, manifest = make(repository.account_id, None, text, repository.name, kind, digest, repository.registry_id), json.loads(text)
    image.size = _size(repository, manifest)
    image.artifact_media_type = manifest.get("artifactType") or manifest.get("config", {}).get("mediaType")
    repository.images.append(image)
    return image


def _read(text: str) -> Manifest:
    try:
        manifest = json.loads(text)
    except ValueError:
        manifest = None
    if not isinstance(manifest, dict):
        raise _invalid("Invalid JSON syntax")
    parts = manifest.get("manifests", manifest.get("layers"))
    if not isinstance(parts, list) or not all(map(_has_digest, parts)):
        raise _invalid("Invalid image manifest: it lists neither layers nor manifests by digest")
    if "manifests" not in manifest and not _has_digest(manifest.get("config")):
        raise _invalid("Invalid image manifest: it names no config")
    return manifest


def _has_digest(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("digest"), str)


def _kind(manifest: Manifest, given: str | None) -> str:
    named = manifest.get("mediaType")
    if not named and not given:
        raise InvalidParameterException("image manifest mediatype not provided in manifest or parameter")
    if named and given and named != given:
        raise InvalidParameterException(f"image manifest mediatype '{given}' does not match '{named}' in the manifest")
    return str(given or named)


def _invalid(what: str) -> InvalidParameterException:
    return InvalidParameterException(f"Invalid parameter at 'ImageManifest' failed to satisfy constraint: '{what}'")


# What an image is made of


def _check_parts(repository: Any, manifest: Manifest) -> None:
    where = f"in the repository with name '{repository.name}' in the registry with id '{repository.registry_id}'"
    if "manifests" in manifest:
        pushed = {image.image_digest for image in repository.images}
        if missing := [part["digest"] for part in manifest["manifests"] if part["digest"] not in pushed]:
            raise Refused("ReferencedImagesNotFoundException", f"The images with digests {missing} do not exist {where}")
    elif missing := [part["digest"] for part in _blobs(manifest) if part["digest"] not in repository.layers]:
        raise Refused("LayersNotFoundException", f"Layers with digests {missing} required for pushing an image do not exist {where}")


def _blobs(manifest: Manifest) -> Sequence[Any]:
    return [manifest["config"], *manifest["layers"]]


def _size(repository: Any, manifest: Manifest) -> int:
    """Of a list of images, the largest one's."""
    if "manifests" not in manifest:
        return sum(repository.layers[digest] for digest in {part["digest"] for part in _blobs(manifest)})
    named = {part["digest"] for part in manifest["manifests"]}
    return max((image.image_size_in_bytes for image in repository.images if image.image_digest in named), default=0)


# Tags


def _check_tag(repository: Any, known: Any, digest: str, tag: str | None) -> None:
    if known is not None and (tag is None or tag in known.image_tags):
        raise ImageAlreadyExistsException(repository_name=repository.name, registry_id=repository.registry_id, digest=digest, image_tag=tag or "null")
    if tag and _is_immutable(repository, tag) and any(tag in image.image_tags for image in repository.images):
        message = f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be overwritten because the tag is immutable."
        raise Refused("ImageTagAlreadyExistsException", message)


def _is_immutable(repository: Any, tag: str) -> bool:
    setting = str(getattr(repository.image_tag_mutability, "value", repository.image_tag_mutability))
    excluded = setting.endswith("_WITH_EXCLUSION") and any(fnmatchcase(tag, each["filter"]) for each in repository.image_tag_mutability_exclusion_filters or ())
    return setting.startswith("IMMUTABLE") != excluded


def _move_tag(repository: Any, image: Any, tag: str | None) -> None:
    """In AWS the image that had the tag stays and can be found by its digest; moto deletes it."""
    if tag:
        for other in repository.images:
            other.remove_tag(tag)
        image.update_tag(tag)


# By digest or tag


def repository(self: Any, name: str, registry_id: str | None) -> Any:
    return self._get_repository(name, registry_id)


def get(self: Any, asked: Mapping[str, str]) -> Any:
    """Of a repository. Raises what AWS does for an image that is not there."""
    return self._get_image(asked.get("imageTag"), asked.get("imageDigest"))


def batch_get_image(self: Any, repository_name: str, registry_id: str | None = None, image_ids: Sequence[Mapping[str, str]] | None = None) -> dict[str, Any]:
    """An id with digest and tag means the image that has both; a failure names the id as it was asked for."""
    kept = self._get_repository(repository_name, registry_id)
    answer: dict[str, Any] = {"images": [], "failures": []}
    for asked in image_ids or ():
        found = next((image for image in kept.images if _is_meant(image, asked)), None)
        if found is None:
            answer["failures"].append({"imageId": dict(asked), "failureCode": "ImageNotFound", "failureReason": "Requested image not found"})
            continue
        image = copy.copy(found)
        image.image_tag = asked.get("imageTag") or image.image_tag
        answer["images"].append(image)
    return answer


def _is_meant(image: Any, asked: Mapping[str, str]) -> bool:
    digest, tag = asked.get("imageDigest"), asked.get("imageTag")
    return bool(digest or tag) and (not digest or digest == image.image_digest) and (not tag or tag in image.image_tags)


def naming_untagged(original: Any) -> Callable[..., Any]:
    """Moto tells of each tag that it deleted, so of an image without tags nothing."""

    def batch_delete_image(self: Any, repository_name: str, registry_id: str | None = None, image_ids: Any = None) -> Any:
        images = list(self._get_repository(repository_name, registry_id).images)
        asked = {one["imageDigest"] for one in image_ids or () if "imageDigest" in one and "imageTag" not in one}
        untagged = [{"imageDigest": image.image_digest} for image in images if image.image_digest in asked and not image.image_tags]
        answer = original(self, repository_name, registry_id, image_ids)
        answer["imageIds"] += untagged
        return answer

    return batch_delete_image
