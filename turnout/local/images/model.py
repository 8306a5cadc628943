"""What an image is, in the words of the OCI image specification.

`BadImage` is what cannot be unpacked, and its message says why; `ImageNotFound` is one of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"

ReadBlob = Callable[[str], bytes]
"""From the digest of a layer or a config ("sha256:…") to its bytes. Raises `ImageNotFound`."""


class BadImage(Exception):
    pass


class ImageNotFound(BadImage):
    pass


@dataclass(frozen=True, slots=True)
class ImageName:
    """`registry/repository`, and which of its images: a digest ("sha256:…") where there is one, otherwise a tag."""

    registry: str
    repository: str
    reference: str

    @classmethod
    def of(cls, uri: str) -> "ImageName":
        """As a container definition's `image` has it. Without a tag it is `latest`, with tag and digest the digest counts."""
        named, _, digest = uri.partition("@")
        registry, _, rest = named.partition("/") if "/" in named else ("", "", named)
        repository, _, tag = rest.partition(":")
        return cls(registry, repository, digest or tag or "latest")


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image for one platform, as a registry has it. `digest` is its manifest's, which is not the one of an index that led to it."""

    digest: str
    manifest: Mapping[str, Any]
    read_blob: ReadBlob


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """How an image wants to be run. `workdir` and every path in it are paths inside the image; `user` is for show, nothing here changes it."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    exposed_ports: tuple[int, ...] = ()
