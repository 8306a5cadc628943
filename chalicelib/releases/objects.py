"""The port to the bucket that CI uploads to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import IO, Protocol, Self

LARGEST_DOWNLOAD = 250 * 1024 * 1024
"""Bytes. A bigger object is never downloaded: unpacked it could not run anyway."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """One object version in a temporary file that stands at its beginning and goes away with the `with` block.

    `metadata` are the uploader's own entries, names in lower case without `x-amz-meta-`. `file` is empty if `size`
    is over `LARGEST_DOWNLOAD`. `object_version` is None where the bucket keeps no versions.
    """

    file: IO[bytes]
    object_version: str | None
    last_modified: datetime
    size: int
    metadata: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.file.close()


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """`object_version` is None where the bucket keeps no versions (S3 lists those as `null`)."""

    key: str
    object_version: str | None
    last_modified: datetime
    size: int
    is_latest: bool


class Objects(Protocol):
    """Reads the bucket. All methods raise `Unavailable` when it does not answer."""

    def fetch(self, bucket: str, key: str, object_version: str | None) -> Fetched:
        """Download exactly this object version (None: the current one), with one request. Raises `NotFound` when it is gone or never was."""

    def exists(self, bucket: str, key: str, object_version: str | None) -> bool:
        """Whether exactly this object version (None: a current one) is there; one cheap request."""

    def versions(self, bucket: str, prefix: str = "", *, after: str = "") -> Iterator[ObjectVersion]:
        """Every object version whose key begins with `prefix` and comes after `after`, in the order of the keys; those of one key in
        no promised order. Without delete markers; pages as it is read.
        """
