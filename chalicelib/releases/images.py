"""The port to the repositories that CI pushes images to."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.releases.model import ImageArtifact


@dataclass(frozen=True, slots=True)
class Pushed:
    """A tag and the image it is on. `media_type` is of its config, None where the registry does not say (several platforms)."""

    artifact: ImageArtifact
    pushed_at: datetime
    media_type: str | None = None


class Images(Protocol):
    """Reads repositories. All methods raise `Unavailable` when the registry does not answer, `NotFound` when there is no such repository."""

    def survey(self, repository: str) -> None:
        """Raises `NotFound` when there is no such repository."""

    def find(self, repository: str, tag: str) -> Pushed:
        """What a tag is on now. Raises `NotFound` when there is none."""

    def tagged(self, repository: str) -> Iterator[Pushed]:
        """Every tag of the repository, in no promised order; pages as it is read."""

    def exists(self, artifact: ImageArtifact) -> bool:
        """Whether exactly this image is there, with whatever tag; one cheap request."""

    def labels(self, artifact: ImageArtifact) -> dict[str, str]:
        """The labels that the image was built with; of one for several platforms those of linux/amd64 or the first. Empty for none, and for
        an image whose labels are not as they should be. Raises `NotFound` when the image is gone.
        """
