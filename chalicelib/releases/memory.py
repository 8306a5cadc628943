"""An artifact bucket in memory, with versions like S3's: an object version never changes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO

from chalicelib.clock import Clock
from chalicelib.errors import NotFound
from chalicelib.releases.objects import LARGEST_DOWNLOAD, Fetched, ObjectVersion


@dataclass(frozen=True, slots=True)
class _Kept:
    bucket: str
    key: str
    object_version: str
    at: datetime
    content: bytes
    metadata: dict[str, str]


@dataclass(slots=True)
class MemoryObjects:
    clock: Clock
    _kept: list[_Kept] = field(default_factory=list)

    def put(self, bucket: str, key: str, content: bytes, *, metadata: dict[str, str] | None = None) -> str:
        """Upload; answers the new object version. Like S3, moments of uploads are whole seconds."""
        version = f"v{len(self._kept) + 1}"
        named = {name.lower(): value for name, value in (metadata or {}).items()}
        self._kept.append(_Kept(bucket, key, version, self.clock.now().replace(microsecond=0), content, named))
        return version

    def fetch(self, bucket: str, key: str, object_version: str | None) -> Fetched:
        for kept in reversed(self._kept):
            if (kept.bucket, kept.key) == (bucket, key) and object_version in {None, kept.object_version}:
                size = len(kept.content)
                return Fetched(BytesIO(kept.content if size <= LARGEST_DOWNLOAD else b""), kept.object_version, kept.at, size, dict(kept.metadata))
        raise NotFound(f"downloading s3://{bucket}/{key}: there is no such object")

    def exists(self, bucket: str, key: str, object_version: str | None) -> bool:
        return any((kept.bucket, kept.key) == (bucket, key) and object_version in {None, kept.object_version} for kept in self._kept)

    def lose(self, bucket: str, key: str) -> None:
        """Every version of this object is gone, as if somebody had deleted it."""
        self._kept = [kept for kept in self._kept if (kept.bucket, kept.key) != (bucket, key)]

    def versions(self, bucket: str, prefix: str = "", *, after: str = "") -> Iterator[ObjectVersion]:
        newest = {(kept.bucket, kept.key): kept for kept in self._kept}
        for kept in sorted(self._kept, key=lambda kept: kept.key):
            if kept.bucket == bucket and kept.key.startswith(prefix) and kept.key > after:
                yield ObjectVersion(kept.key, kept.object_version, kept.at, len(kept.content), is_latest=newest[kept.bucket, kept.key] is kept)
