"""One object version in the artifact bucket, and what is found when it is looked into."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.releases import artifact
from chalicelib.releases.artifact import Unacceptable
from chalicelib.releases.candidate import Examined, Names, Refused
from chalicelib.releases.keys import ArtifactKey, BadKey
from chalicelib.releases.model import S3Artifact
from chalicelib.releases.objects import Fetched, Objects
from chalicelib.services.model import Service

NAMES = Names(("commit",), "schema-min", "schema-max")
"""Of the object's user metadata."""


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


@dataclass(frozen=True, slots=True)
class Uploaded:
    """An upload as a candidate for the service that its key names. `look` downloads it, once."""

    place: ArtifactKey | BadKey
    upload: Upload
    look: Callable[[], Examined]

    @property
    def service(self) -> str | None:
        return self.place.service

    @property
    def version(self) -> str | None:
        return self.place.version

    @property
    def source(self) -> str:
        return self.upload.source

    @property
    def mark(self) -> str:
        return self.upload.source

    def concerns(self, _service: Service | None) -> bool:
        """The bucket is Turnout's own: nothing in it is somebody else's business."""
        return True

    def refusal(self, service: Service | None) -> Refused | None:
        if isinstance(self.place, BadKey):
            return Refused("bad-key", self.place.reason)
        if service is None or not service.registered:
            return Refused("unknown-service", f"there is no service {self.service}; register it and upload again")
        if not service.definition.source.s3:
            return Refused("wrong-source", f"{self.service} takes no releases from S3; set source.s3 in its definition and upload again")
        return None

    def digest(self) -> str | None:
        return self.look().digest

    def examined(self) -> Examined:
        return self.look()


def examine(objects: Objects, upload: Upload) -> Examined:
    """Download it once and look into it. Raises `NotFound` when it is gone."""
    with objects.fetch(upload.bucket, upload.key, upload.object_version) as fetched:
        problem = _problem(fetched)
        too_large = fetched.size > artifact.LARGEST_UNPACKED
        sha256 = "" if too_large else artifact.sha256_of(fetched.file)
        found = S3Artifact(upload.bucket, upload.key, fetched.object_version or upload.object_version, sha256, fetched.size)
        return Examined(found, fetched.last_modified, fetched.metadata, NAMES, problem)


def pinned(upload: Upload, found: Examined) -> Upload:
    """The object version that was found where none was named."""
    version = found.artifact.object_version if isinstance(found.artifact, S3Artifact) else None
    return Upload.at(upload.bucket, upload.key, version, found.published_at)


def _problem(fetched: Fetched) -> Refused | None:
    try:
        artifact.inspect(fetched.file, fetched.size)
    except Unacceptable as problem:
        return Refused("bad-zip", f"{problem.reason} ({problem.kind})")
    return None
