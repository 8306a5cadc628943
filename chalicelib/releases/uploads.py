"""Zips that CI uploads to the artifact bucket: by their event, by hand, and those whose event never came."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from chalicelib import log
from chalicelib.clock import Clock
from chalicelib.errors import NotFound, Problem
from chalicelib.ledger.port import Ledger
from chalicelib.releases import keys
from chalicelib.releases.intake import Intaking
from chalicelib.releases.keys import ArtifactKey, CompanionKey
from chalicelib.releases.model import Rejection, Release
from chalicelib.releases.objects import Objects, ObjectVersion
from chalicelib.releases.reconciling import Lying, Reconciling
from chalicelib.releases.upload import Upload, Uploaded, examine, pinned


class Uploads:
    """Takes in what is uploaded to `bucket`: three calls for a new release, one for a duplicate event."""

    def __init__(self, intake: Intaking, ledger: Ledger, objects: Objects, clock: Clock, bucket: str) -> None:
        self._intake = intake
        self._ledger = ledger
        self._objects = objects
        self._clock = clock
        self._bucket = bucket

    def take(self, bucket: str, key: str, object_version: str | None) -> Release | Rejection | None:
        """Take in one object version. None: not ours, no artifact, gone again, or taken in before. Raises `Unavailable`: deliver it again."""
        place = keys.parse(key)
        if bucket != self._bucket or isinstance(place, CompanionKey):
            return None
        upload = Upload(bucket, key, _version(object_version))
        look = cache(lambda: examine(self._objects, upload))
        try:
            # Without a version only the object itself says which upload this is.
            this = upload if upload.object_version else pinned(upload, look())
            return self._intake.take(Uploaded(place, this, look))
        except NotFound:
            log.event("upload.gone", bucket=bucket, key=key, object_version=object_version)
            return None

    def find(self, place: ArtifactKey, key: str, object_version: str | None) -> Uploaded:
        """What a person means by a key and, maybe, an object version. Downloads it; raises `NotFound`."""
        upload = Upload(self._bucket, key, _version(object_version))
        found = examine(self._objects, upload)
        return Uploaded(place, pinned(upload, found), lambda: found)

    def reconcile(self, until: float) -> int:
        """Take in object versions that have no mark; how many. One that fails does not keep back the others."""
        return Reconciling(self._ledger, self._clock, _Bucket(self._bucket, self._objects, self)).run(until)


@dataclass(frozen=True, slots=True)
class _Bucket:
    """The bucket as a source: S3 lists it by key. Evidence and manifests belong to a release and are none by themselves."""

    name: str
    objects: Objects
    uploads: Uploads
    dates_back = False

    def lying(self, after: str) -> Iterator[Lying[Upload]]:
        for found in self.objects.versions(self.name, after=after):
            if not isinstance(keys.parse(found.key), CompanionKey):
                upload = Upload.at(self.name, found.key, found.object_version, found.last_modified)
                yield Lying(upload, found.key, _release(found), upload.source, found.last_modified)

    def take(self, what: Upload) -> bool | None:
        try:
            return self.uploads.take(what.bucket, what.key, what.object_version) is not None
        except Problem as problem:
            log.event("upload.failed", level=logging.ERROR, source=what.source, reason=problem.detail)
            return None


def _version(named: str | None) -> str | None:
    """S3 calls the only version of an object in a bucket without versions `null`."""
    return None if named in (None, "", "null") else named


def _release(found: ObjectVersion) -> str:
    """`{service}/{version}` of a key that is as it should be."""
    return "/".join(found.key.split("/")[:2])
