"""One object version in the artifact bucket, and what is found when it is looked into."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from chalicelib.releases import artifact
from chalicelib.releases.artifact import Unacceptable
from chalicelib.releases.model import Release, S3Artifact, SchemaRange
from chalicelib.releases.objects import Fetched, Objects

_COMMIT = re.compile(r"[0-9a-f]{1,64}")
_SCHEMA = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Upload:
    """`last_modified` tells uploads apart where the bucket keeps no versions; elsewhere it is None."""

    bucket: str
    key: str
    object_version: str | None
    last_modified: datetime | None = None

    @classmethod
    def at(cls, bucket: str, key: str, object_version: str | None, last_modified: datetime) -> "Upload":
        return cls(bucket, key, object_version, None if object_version else last_modified)

    @property
    def source(self) -> str:
        """Names this object version and no other."""
        if self.object_version:
            return f"s3://{self.bucket}/{self.key}?versionId={self.object_version}"
        written = f"?lastModified={self.last_modified.isoformat()}" if self.last_modified else ""
        return f"s3://{self.bucket}/{self.key}{written}"

    def rejection_id(self, at: datetime) -> str:
        """Sorts by time; two object versions never share one."""
        return f"{at:%Y%m%dT%H%M%S.%f}-{hashlib.sha256(self.source.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class Examined:
    """`problem` is why no release can be made of it. `sha256` is empty for what was too large to download."""

    artifact: S3Artifact
    published_at: datetime
    metadata: dict[str, str]
    problem: Unacceptable | None

    @property
    def commit(self) -> str | None:
        """What the uploader named as `commit`, if it looks like one."""
        named = self.metadata.get("commit", "").strip().lower()
        return named if _COMMIT.fullmatch(named) else None

    @property
    def schema_range(self) -> SchemaRange | None:
        """What the uploader named as `schema-min` and `schema-max`. Raises `ValueError` for what is no range."""
        given = [self.metadata.get(name, "").strip() for name in ("schema-min", "schema-max")]
        if not any(given):
            return None
        if not all(_SCHEMA.fullmatch(one) for one in given) or int(given[0]) > int(given[1]):
            raise ValueError(f"schema-min and schema-max are {given[0]!r} and {given[1]!r}; give both as whole numbers, the smaller one first")
        return SchemaRange(int(given[0]), int(given[1]))

    def as_release(self, service: str, version: str, *, published_at: datetime, at: datetime, by: str) -> Release:
        return Release(
            service=service, version=version, artifact=self.artifact, commit=self.commit, published_at=published_at,
            registered_at=at, registered_by=by, metadata=self.metadata, schema_range=self.schema_range,
        )


def examine(objects: Objects, upload: Upload) -> Examined:
    """Download it once and look into it. Raises `NotFound` when it is gone."""
    with objects.fetch(upload.bucket, upload.key, upload.object_version) as fetched:
        problem = _problem(fetched)
        too_large = fetched.size > artifact.LARGEST_UNPACKED
        sha256 = "" if too_large else artifact.sha256_of(fetched.file)
        found = S3Artifact(upload.bucket, upload.key, fetched.object_version or upload.object_version, sha256, fetched.size)
        return Examined(found, fetched.last_modified, fetched.metadata, problem)


def _problem(fetched: Fetched) -> Unacceptable | None:
    try:
        artifact.inspect(fetched.file, fetched.size)
    except Unacceptable as problem:
        return problem
    return None
