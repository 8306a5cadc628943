"""An artifact bucket and a registry in memory. Like S3's and ECR's: an object version never changes, and an image stays when its tag moves on."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from io import BytesIO

from chalicelib.clock import Clock
from chalicelib.errors import NotFound, Unavailable
from chalicelib.releases.images import Pushed
from chalicelib.releases.model import ImageArtifact
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


REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
IMAGE = "application/vnd.oci.image.config.v1+json"


@dataclass(frozen=True, slots=True)
class _Image:
    pushed: Pushed
    labels: dict[str, str]


@dataclass(slots=True)
class MemoryImages:
    clock: Clock
    repositories: set[str] = field(default_factory=set)
    unreachable: bool = False
    _tags: dict[tuple[str, str], str] = field(default_factory=dict)
    _images: dict[tuple[str, str], _Image] = field(default_factory=dict)

    def push(self, repository: str, tag: str, content: bytes, *, labels: dict[str, str] | None = None, media_type: str | None = IMAGE) -> str:
        """The same content is the same image, whatever it is tagged; answers its digest."""
        self.repositories.add(repository)
        digest = f"sha256:{sha256(content).hexdigest()}"
        artifact = ImageArtifact(REGISTRY, repository, tag, digest, len(content))
        known = self._images.get((repository, digest))
        at = known.pushed.pushed_at if known else self.clock.now().replace(microsecond=0)
        self._images[repository, digest] = _Image(Pushed(artifact, at, media_type), labels or {})
        self._tags[repository, tag] = digest
        return digest

    def survey(self, repository: str) -> None:
        self._refuse(repository)

    def lose(self, repository: str, tag: str) -> None:
        """The image that the tag is on is deleted, with all its tags."""
        digest = self._tags[repository, tag]
        del self._images[repository, digest]
        self._tags = {place: on for place, on in self._tags.items() if place[0] != repository or on != digest}

    def find(self, repository: str, tag: str) -> Pushed:
        self._refuse(repository)
        if (repository, tag) not in self._tags:
            raise NotFound(f"reading {repository}:{tag}: there is no such image")
        return self._tagged(repository, tag)

    def tagged(self, repository: str) -> Iterator[Pushed]:
        self._refuse(repository)
        return iter([self._tagged(repository, tag) for there, tag in list(self._tags) if there == repository])

    def exists(self, artifact: ImageArtifact) -> bool:
        if self.unreachable:
            raise Unavailable("the registry does not answer; try again later")
        return (artifact.repository, artifact.digest) in self._images

    def labels(self, artifact: ImageArtifact) -> dict[str, str]:
        self._refuse(artifact.repository)
        if not self.exists(artifact):
            raise NotFound(f"reading {artifact.uri}: there is no such image")
        return dict(self._images[artifact.repository, artifact.digest].labels)

    def _tagged(self, repository: str, tag: str) -> Pushed:
        found = self._images[repository, self._tags[repository, tag]].pushed
        return replace(found, artifact=replace(found.artifact, tag=tag))

    def _refuse(self, repository: str) -> None:
        if self.unreachable:
            raise Unavailable("the registry does not answer; try again later")
        if repository not in self.repositories:
            raise NotFound(f"there is no repository {repository}")
