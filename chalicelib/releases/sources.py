"""Everything that CI publishes, wherever it does."""

from datetime import timedelta

from chalicelib.clock import Clock
from chalicelib.releases.model import Rejection, Release
from chalicelib.releases.pushes import Pushes
from chalicelib.releases.uploads import Uploads

IMAGES_BUDGET = timedelta(seconds=30)
BUDGET = timedelta(seconds=90)
"""After this no further release is begun. The last one begun may take as long as OnArtifact is given, and both fit into Reconcile's own limit."""


class Sources:
    def __init__(self, uploads: Uploads, pushes: Pushes, clock: Clock) -> None:
        self._uploads = uploads
        self._pushes = pushes
        self._clock = clock

    def take(self, bucket: str, key: str, object_version: str | None) -> Release | Rejection | None:
        """An object was uploaded."""
        return self._uploads.take(bucket, key, object_version)

    def take_image(self, repository: str, tag: str) -> tuple[Release | Rejection, ...]:
        """A tag was pushed."""
        return self._pushes.take(repository, tag)

    def reconcile(self) -> int:
        """Take in what no event told of, as much as the time of one run allows; how many. Images first, for one of them never takes long."""
        began = self._clock.monotonic()
        try:
            pushed = self._pushes.reconcile(began + IMAGES_BUDGET.total_seconds())
        finally:  # whatever is wrong with repositories, the bucket is gone through
            uploaded = self._uploads.reconcile(began + BUDGET.total_seconds())
        return pushed + uploaded
