"""What CI published: releases that never change, and uploads that were refused."""

from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.formats import Carrying


@dataclass(frozen=True, slots=True)
class S3Artifact(Carrying):
    """One object version. `sha256` is of the whole object, in hex; it is the identity of the release."""

    bucket: str
    key: str
    object_version: str | None
    sha256: str
    size: int

    @property
    def digest(self) -> str:
        return f"sha256:{self.sha256}"

    @property
    def uri(self) -> str:
        pinned = f"?versionId={self.object_version}" if self.object_version else ""
        return f"s3://{self.bucket}/{self.key}{pinned}"


@dataclass(frozen=True, slots=True)
class ImageArtifact(Carrying):
    """One image by its digest, "sha256:…", which is the identity of the release. `tag` is what it was published as and may have moved since.

    `registry` is the host that `repository` is in; `size` is in bytes, compressed.
    """

    registry: str
    repository: str
    tag: str
    digest: str
    size: int

    @property
    def uri(self) -> str:
        return f"{self.registry}/{self.repository}@{self.digest}"


Artifact = S3Artifact | ImageArtifact


@dataclass(frozen=True, slots=True)
class SchemaRange(Carrying):
    """The database schemas a release works with, first and last. Their numbers only ever rise."""

    min: int
    max: int


@dataclass(frozen=True, slots=True)
class Release(Carrying):
    """Version + artifact + commit. Only what is learned later (`certified`) is ever added.

    `published_at` is when the artifact was published (S3 LastModified, ECR's pushed-at, or the
    time of the request that registered it) and orders releases; `certified`
    maps a config version to the moment this release finished its watch healthy with it.
    `metadata` is what the uploader attached, verbatim.
    """

    service: str
    version: str
    artifact: Artifact
    commit: str | None
    published_at: datetime
    registered_at: datetime
    registered_by: str
    metadata: dict[str, str] = field(default_factory=dict)
    certified: dict[str, datetime] = field(default_factory=dict)
    revision: int = 1
    schema_range: SchemaRange | None = None

    @property
    def digest(self) -> str:
        return self.artifact.digest


@dataclass(frozen=True, slots=True)
class Rejection:
    """An upload that was refused: one per object version, kept, with a reason a person can act on.

    `kind` is stable: unknown-service, bad-key, bad-zip, version-reuse, …
    """

    id: str
    at: datetime
    service: str | None
    version: str | None
    source: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """How far reconciling has come through a source: `bucket` is the name of one, be it a bucket or a repository.

    `after` is the last place that is done with; `failed` says that something on the way is to be tried again. Everything
    published before `covered_to` was taken in by an earlier sweep; None: there was none.
    """

    bucket: str
    began_at: datetime
    after: str = ""
    failed: bool = False
    covered_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of one object version, or of one tag for one service, so that no event or reconcile takes it in twice."""

    source: str
    at: datetime
    outcome: str
