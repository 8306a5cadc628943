"""The repositories in ECR."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC
from http.client import HTTPException
from typing import Any

import urllib3

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import translated
from chalicelib.errors import NotFound, Unavailable
from chalicelib.releases.images import Pushed
from chalicelib.releases.model import ImageArtifact

_PAGE = 1000
_MANIFESTS = [
    "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.list.v2+json",
]  # fmt: skip
_LARGEST_CONFIG = 4 * 1024 * 1024
"""Bytes. Configs have some KB; registries take manifests of up to 4 MB."""
_PATIENCE = urllib3.Timeout(connect=1, read=5)


class EcrImages:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def survey(self, repository: str) -> None:
        with translated(f"looking for the repository {repository}"):
            self._clients.ecr.describe_repositories(repositoryNames=[repository])

    def find(self, repository: str, tag: str) -> Pushed:
        with translated(f"reading {repository}:{tag}"):
            [found] = self._clients.ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])["imageDetails"]
        return self._pushed(found, tag)

    def tagged(self, repository: str) -> Iterator[Pushed]:
        paginator = self._clients.ecr.get_paginator("describe_images")
        pages = paginator.paginate(repositoryName=repository, filter={"tagStatus": "TAGGED"}, PaginationConfig={"PageSize": _PAGE})
        with translated(f"listing the images of {repository}"):
            for page in pages:
                for found in page["imageDetails"]:
                    yield from (self._pushed(found, tag) for tag in found.get("imageTags", ()))

    def exists(self, artifact: ImageArtifact) -> bool:
        try:
            with translated(f"reading {artifact.uri}"):
                self._clients.ecr_look.describe_images(repositoryName=artifact.repository, imageIds=[{"imageDigest": artifact.digest}])
        except NotFound:
            return False
        return True

    def labels(self, artifact: ImageArtifact) -> dict[str, str]:
        """The manifest names the config by its digest, and the labels are in that."""
        try:
            manifest = self._manifest(artifact, artifact.digest)
            if platforms := manifest.get("manifests"):
                manifest = self._manifest(artifact, _preferred(platforms)["digest"])
            return _labels(self._blob(artifact, manifest["config"]["digest"]))
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            # Whoever pushes writes these documents, and may write anything.
            return {}

    def _manifest(self, artifact: ImageArtifact, digest: str) -> dict[str, Any]:
        with translated(f"reading {artifact.uri}"):
            answer = self._clients.ecr.batch_get_image(
                repositoryName=artifact.repository, imageIds=[{"imageDigest": digest}], acceptedMediaTypes=_MANIFESTS
            )
        if not answer["images"]:
            codes = {failure["failureCode"] for failure in answer["failures"]}
            raise NotFound(f"there is no image {artifact.uri}") if codes <= {"ImageNotFound"} else Unavailable(f"{artifact.uri} cannot be read: {codes}")
        manifest: dict[str, Any] = json.loads(answer["images"][0]["imageManifest"])
        return manifest

    def _blob(self, artifact: ImageArtifact, digest: str) -> bytes:
        with translated(f"reading {artifact.uri}"):
            answer = self._clients.ecr.get_download_url_for_layer(repositoryName=artifact.repository, layerDigest=digest)
        content = _downloaded(answer["downloadUrl"], artifact.uri)
        if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest and len(content) <= _LARGEST_CONFIG:
            raise Unavailable(f"the config of {artifact.uri} did not arrive whole; try again later")
        return content

    def _pushed(self, found: dict[str, Any], tag: str) -> Pushed:
        where = self._clients.ecr.meta
        domain = "amazonaws.com.cn" if where.partition == "aws-cn" else "amazonaws.com"
        registry = f"{found['registryId']}.dkr.ecr.{where.region_name}.{domain}"
        artifact = ImageArtifact(registry, found["repositoryName"], tag, found["imageDigest"], found.get("imageSizeInBytes", 0))
        return Pushed(artifact, found["imagePushedAt"].astimezone(UTC), found.get("artifactMediaType"))


def _preferred(platforms: list[dict[str, Any]]) -> dict[str, Any]:
    """What the build says about itself lies among the platforms as one that nobody has."""
    named = [one for one in platforms if (one.get("platform") or {}).get("os") != "unknown"]
    wanted = (one for one in named if (one.get("platform") or {}).get("os") == "linux" and one["platform"].get("architecture") == "amd64")
    return next(wanted, named[0])


def _labels(config: bytes) -> dict[str, str]:
    found = (json.loads(config).get("config") or {}).get("Labels") or {}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _downloaded(url: str, of: str) -> bytes:
    """At most a little more than a config may have: a larger one is none that can be read."""
    try:
        with urllib3.PoolManager(num_pools=1) as pool:
            response = pool.request("GET", url, timeout=_PATIENCE, retries=False, preload_content=False)
            try:
                content = response.read(_LARGEST_CONFIG + 1)
            finally:
                response.close()
    except (urllib3.exceptions.HTTPError, HTTPException, OSError) as error:
        raise Unavailable(f"the config of {of} cannot be downloaded ({type(error).__name__}); try again later") from error
    if response.status != 200:
        raise Unavailable(f"the config of {of} cannot be downloaded (HTTP {response.status}); try again later")
    return content
