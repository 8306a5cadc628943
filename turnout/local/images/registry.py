"""Finds images in the embedded ECR, in the same process."""

import hashlib
import json
from typing import Any

from turnout.local.images.model import DOCKER_INDEX, OCI_INDEX, BadImage, ImageNotFound, StoredImage

PLATFORM = ("linux", "amd64")


def blobs_of(repository: Any) -> dict[str, bytes]:
    """Layers and configs of a repository of moto's, by digest. moto keeps their sizes only."""
    blobs: dict[str, bytes] = vars(repository).setdefault("blobs", {})
    return blobs


def image(registry_backend: Any, repository: str, digest_or_tag: str) -> StoredImage:
    """The image for linux/amd64 under that digest or tag. Raises `ImageNotFound` and `BadImage`.

    `registry_backend` is what `moto.ecr.models.ecr_backends[account][region]` holds, with the corrections applied.
    """
    kept = registry_backend.repositories.get(repository)
    if kept is None:
        raise ImageNotFound(f"there is no repository {repository}")
    manifest, digest = _manifest(kept, digest_or_tag)
    if "manifests" in manifest or manifest.get("mediaType") in (OCI_INDEX, DOCKER_INDEX):
        manifest, digest = _manifest(kept, _for_our_platform(manifest, f"{repository}@{digest}"))

    def read_blob(wanted: str) -> bytes:
        try:
            return blobs_of(kept)[wanted]
        except KeyError:
            raise ImageNotFound(f"{repository} has no layer {wanted}") from None

    return StoredImage(digest, manifest, read_blob)


def _manifest(repository: Any, digest_or_tag: str) -> tuple[dict[str, Any], str]:
    for kept in list(repository.images):
        if digest_or_tag == kept.get_image_digest() or digest_or_tag in kept.image_tags:
            text = kept.get_image_manifest()
            return json.loads(text), "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    raise ImageNotFound(f"{repository.name} has no image {digest_or_tag}")


def _for_our_platform(index: dict[str, Any], name: str) -> str:
    for entry in index.get("manifests", ()):
        platform = entry.get("platform", {})
        if (platform.get("os"), platform.get("architecture")) == PLATFORM:
            return str(entry["digest"])
    raise BadImage(f"{name} has no image for {'/'.join(PLATFORM)}")
