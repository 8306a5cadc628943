"""The artifact bucket in S3."""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import translated
from chalicelib.errors import NotFound
from chalicelib.releases.objects import LARGEST_DOWNLOAD, Fetched, ObjectVersion

_PIECE = 1024 * 1024
_KEPT_IN_MEMORY = 16 * _PIECE


class S3Objects:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def fetch(self, bucket: str, key: str, object_version: str | None) -> Fetched:
        pinned = {"VersionId": object_version} if object_version else {}
        with translated(f"downloading s3://{bucket}/{key}"):
            found = self._clients.s3.get_object(Bucket=bucket, Key=key, **pinned)
            file = _downloaded(found) if found["ContentLength"] <= LARGEST_DOWNLOAD else _nothing(found)
        return Fetched(file, _version(found), found["LastModified"], found["ContentLength"], _lower(found.get("Metadata", {})))

    def exists(self, bucket: str, key: str, object_version: str | None) -> bool:
        pinned = {"VersionId": object_version} if object_version else {}
        try:
            with translated(f"looking for s3://{bucket}/{key}"):
                self._clients.s3_look.head_object(Bucket=bucket, Key=key, **pinned)
        except NotFound:
            return False
        return True

    def versions(self, bucket: str, prefix: str = "", *, after: str = "") -> Iterator[ObjectVersion]:
        behind = {"KeyMarker": after} if after else {}
        pages = self._clients.s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix, **behind)
        with translated(f"listing s3://{bucket}/{prefix}"):
            for page in pages:
                for found in page.get("Versions", []):
                    if found["Key"] != after:  # an embedded AWS may begin with the marker itself
                        yield ObjectVersion(found["Key"], _version(found), found["LastModified"], found["Size"], found["IsLatest"])


def _downloaded(found: dict[str, Any]) -> IO[bytes]:
    file = cast("IO[bytes]", SpooledTemporaryFile(_KEPT_IN_MEMORY))  # noqa: SIM115 - its reader closes it
    try:
        for piece in found["Body"].iter_chunks(_PIECE):
            file.write(piece)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def _nothing(found: dict[str, Any]) -> IO[bytes]:
    found["Body"].close()
    return cast("IO[bytes]", SpooledTemporaryFile())


def _version(found: dict[str, Any]) -> str | None:
    """S3 names the version of an object in a bucket without versions `null`, or not at all."""
    version = found.get("VersionId")
    return None if version in {None, "null"} else str(version)


def _lower(metadata: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in metadata.items()}
