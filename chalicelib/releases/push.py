"""One tag that was pushed, as a candidate for a service that takes its releases from the repository."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.releases import labels, tags
from chalicelib.releases.candidate import Examined, Refused
from chalicelib.releases.images import Pushed
from chalicelib.releases.model import ImageArtifact
from chalicelib.services.model import Service

CONTAINERS = frozenset({"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"})
"""What the config of a container image is. Charts, signatures and lists of parts lie in repositories too, with configs of their own."""


@dataclass(frozen=True, slots=True)
class PushedTag:
    """`look` reads the labels, once."""

    service: str
    pushed: Pushed
    look: Callable[[], dict[str, str]]

    @property
    def artifact(self) -> ImageArtifact:
        return self.pushed.artifact

    @property
    def version(self) -> str | None:
        return tags.version_of(self.artifact.tag)

    @property
    def source(self) -> str:
        return source_of(self.artifact)

    @property
    def mark(self) -> str:
        return mark_of(self.artifact, self.service)

    def concerns(self, service: Service | None) -> bool:
        """Repositories are their teams' own: what no service asks for is nobody's mistake."""
        if service is None or not service.registered:
            return False
        source = service.definition.source
        return source.ecr == self.artifact.repository and tags.is_release(self.artifact.tag, source.tag_pattern)

    def refusal(self, _service: Service | None) -> Refused | None:
        if self.version is None:
            return Refused("bad-tag", "the tag is no version (up to 64 of 0-9, A-Z, a-z, ., _ and -, beginning with a letter or digit); push it as another tag")
        kind = self.pushed.media_type
        if kind is not None and kind not in CONTAINERS:
            return Refused("no-image", f"it is no container image but {kind}; push an image, or narrow source.tag_pattern")
        return None

    def digest(self) -> str | None:
        return self.artifact.digest

    def examined(self) -> Examined:
        return Examined(self.artifact, self.pushed.pushed_at, labels.kept(self.look()), labels.NAMES)


def source_of(artifact: ImageArtifact) -> str:
    return f"ecr://{artifact.registry}/{artifact.repository}:{artifact.tag}@{artifact.digest}"


def mark_of(artifact: ImageArtifact, service: str) -> str:
    """Several services may take the same image in, each for itself."""
    return f"{source_of(artifact)}#{service}"
