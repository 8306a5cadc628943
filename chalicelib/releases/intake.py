"""What becomes of an upload: a release, a rejection, or nothing new.

    read service, release and mark ─▶ download and look ─▶ decide ─▶ commit

The mark of an object version is written in the same transaction as what became
of it, and only where none is, so that however often and in whatever order
events come, and whoever reconciles at the same time, each object version is
taken in once. The first digest recorded for a version wins.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import cast

from chalicelib import log
from chalicelib.access.model import SYSTEM
from chalicelib.clock import Clock
from chalicelib.deployments.commands import release_arrived
from chalicelib.errors import NotFound, Problem
from chalicelib.ledger import keys as ledger_keys
from chalicelib.ledger.port import Change, Expect, Ledger, Put, Ref
from chalicelib.ledger.retrying import decided_anew, is_repeat
from chalicelib.releases import keys
from chalicelib.releases.keys import ArtifactKey, BadKey, CompanionKey
from chalicelib.releases.model import Intake, Rejection, Release
from chalicelib.releases.objects import Objects
from chalicelib.releases.reconciling import Reconciling
from chalicelib.releases.upload import Examined, Upload, examine
from chalicelib.services.model import Service
from chalicelib.services.recording import Deed, deployments_of, recorded

Quietly = Callable[[Release], tuple[Put, ...]]


@dataclass(frozen=True, slots=True)
class Refused:
    """`kind` is stable and part of the contract."""

    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger says about an upload."""

    service: Service | None
    release: Release | None
    mark: Intake | None


@dataclass(frozen=True, slots=True)
class Admission:
    """Who brings a release in. `published_at` is None where the object itself says when it was published.

    `marking` is NEW for events, which bring in only what is not marked, and ANY for a person, who may bring in what was rejected before.
    `quietly` makes what is to be written with the release (an idempotency key).
    """

    by: str = SYSTEM.name
    reason: str = ""
    published_at: datetime | None = None
    marking: Expect = Expect.NEW
    quietly: Quietly = lambda _: ()


class Intaking:
    """Takes in what is uploaded to `bucket`: three calls for a new release, one for a duplicate event."""

    def __init__(self, ledger: Ledger, objects: Objects, clock: Clock, bucket: str) -> None:
        self._ledger = ledger
        self._objects = objects
        self._clock = clock
        self._bucket = bucket

    def take(self, bucket: str, key: str, object_version: str | None) -> Release | Rejection | None:
        """Take in one object version. None: not ours, no artifact, gone again, or taken in before. Raises `Unavailable`: deliver it again."""
        place = keys.parse(key)
        if bucket != self._bucket or isinstance(place, CompanionKey):
            return None
        try:
            return self._take(place, Upload(bucket, key, _version(object_version)))
        except NotFound:
            log.event("upload.gone", bucket=bucket, key=key, object_version=object_version)
            return None

    def reconcile(self) -> int:
        """Take in object versions that have no mark, as many as the time of one run allows; how many. One that fails does not keep back the others."""
        return Reconciling(self._ledger, self._objects, self._clock, self._bucket, self._retake).run()

    def upload(self, key: str, object_version: str | None) -> Upload:
        """What a person means by a key and, maybe, an object version."""
        return Upload(self._bucket, key, _version(object_version))

    def examine(self, upload: Upload) -> Examined:
        """Download it and look into it. Raises `NotFound`."""
        return examine(self._objects, upload)

    def admit(self, place: ArtifactKey, upload: Upload, found: Examined, admission: Admission) -> Release | Refused | None:
        """Bring in what was examined, for a person. None when it was new; the release that is there already otherwise.

        Losing what `admission` writes quietly raises `Stale`.
        """
        return decided_anew(lambda: self._admit(place, _pinned(upload, found), found, admission), self._clock, unless=is_repeat)

    def _admit(self, place: ArtifactKey, upload: Upload, found: Examined, admission: Admission) -> Release | Refused | None:
        known = self._known(place, upload)
        decided = decide(place, known, lambda: found)
        if isinstance(decided, Examined):
            self._record(place, known, upload, decided, replace(admission, published_at=self._clock.now(), marking=Expect.ANY))
            return None
        return decided

    def _take(self, place: ArtifactKey | BadKey, upload: Upload) -> Release | Rejection | None:
        look = cache(lambda: examine(self._objects, upload))
        # Without a version only the object itself says which upload this is.
        this = upload if upload.object_version else _pinned(upload, look())
        return decided_anew(lambda: self._attempt(place, this, look), self._clock)

    def _attempt(self, place: ArtifactKey | BadKey, upload: Upload, look: Callable[[], Examined]) -> Release | Rejection | None:
        known = self._known(place, upload)
        if known.mark:
            return None
        match decide(place, known, look):
            case Refused() as refused:
                return self._reject(place, upload, refused)
            case Examined() as found:
                return self._record(cast(ArtifactKey, place), known, upload, found, Admission())
            case duplicate:
                self._ledger.commit(Change((self._mark(upload, f"duplicate of {duplicate.version}"),)))
                return None

    def _known(self, place: ArtifactKey | BadKey, upload: Upload) -> Known:
        mark = ledger_keys.intake(upload.source)
        if isinstance(place, BadKey):
            return Known(None, None, self._ledger.find(mark))
        refs = (ledger_keys.service(place.service), ledger_keys.release(place.service, place.version), mark)
        return Known(*cast(tuple[Service | None, Release | None, Intake | None], self._ledger.find_many(cast(tuple[Ref[object], ...], refs))))

    def _record(self, place: ArtifactKey, known: Known, upload: Upload, found: Examined, admission: Admission) -> Release:
        """The release, where it takes the service, and the mark, in one change."""
        now, service = self._clock.now(), cast(Service, known.service)
        release = found.as_release(place.service, place.version, published_at=admission.published_at or found.published_at, at=now, by=admission.by)
        moved = release_arrived(service, release, now)
        goes_on = deployments_of(moved.service) != deployments_of(service)
        after = replace(moved.service, due_at=now) if goes_on else moved.service
        _, change = recorded(
            service, after, Deed(now, admission.by, "release-registered", admission.reason), ended=moved.ended, told=moved.told,
            also=(Put(release, Expect.NEW),), quietly=(self._mark(upload, "release", admission.marking), *admission.quietly(release)),
        )
        self._ledger.commit(change)
        log.event("release.registered", service=release.service, version=release.version, digest=release.digest, source=upload.source, goes_on=goes_on)
        return release

    def _reject(self, place: ArtifactKey | BadKey, upload: Upload, refused: Refused) -> Rejection:
        now = self._clock.now()
        rejection = Rejection(upload.rejection_id(now), now, place.service, place.version, upload.source, refused.kind, refused.reason)
        self._ledger.commit(Change((Put(rejection, Expect.NEW), self._mark(upload, f"rejected: {refused.kind}"))))
        log.event("upload.rejected", level=logging.WARNING, service=place.service, kind=refused.kind, reason=refused.reason, source=upload.source)
        return rejection

    def _mark(self, upload: Upload, outcome: str, expecting: Expect = Expect.NEW) -> Put:
        return Put(Intake(upload.source, self._clock.now(), outcome), expecting)

    def _retake(self, upload: Upload) -> bool | None:
        try:
            return self.take(upload.bucket, upload.key, upload.object_version) is not None
        except Problem as problem:
            log.event("upload.failed", level=logging.ERROR, source=upload.source, reason=problem.detail)
            return None


def decide(place: ArtifactKey | BadKey, known: Known, look: Callable[[], Examined]) -> Examined | Release | Refused:
    """What an upload is: a new release (as it was examined), the release that is there already, or refused. Looks only if it must."""
    if isinstance(place, BadKey):
        return Refused("bad-key", place.reason)
    if known.service is None or not known.service.registered:
        return Refused("unknown-service", f"there is no service {place.service}; register it and upload again")
    if not known.service.definition.source.s3:
        return Refused("wrong-source", f"{place.service} takes no releases from S3; set source.s3 in its definition and upload again")
    found = look()
    if known.release and found.artifact.sha256:
        return known.release if known.release.digest == found.artifact.digest else _reuse(known.release, found)
    if found.problem:
        return Refused("bad-zip", f"{found.problem.reason} ({found.problem.kind})")
    return _bad_metadata(found) or found


def _bad_metadata(found: Examined) -> Refused | None:
    try:
        found.schema_range  # noqa: B018  # reading it is what finds out
    except ValueError as problem:
        return Refused("bad-metadata", f"{problem}, and upload it again")
    return None


def _reuse(recorded_one: Release, found: Examined) -> Refused:
    return Refused(
        "version-reuse",
        f"{recorded_one.service} {recorded_one.version} is recorded with {recorded_one.digest}, and this is {found.artifact.digest}; "
        "upload it as another version",
    )


def _version(named: str | None) -> str | None:
    """S3 calls the only version of an object in a bucket without versions `null`."""
    return None if named in (None, "", "null") else named


def _pinned(upload: Upload, found: Examined) -> Upload:
    """The object version that was found where none was named."""
    return Upload.at(upload.bucket, upload.key, found.artifact.object_version, found.published_at)
