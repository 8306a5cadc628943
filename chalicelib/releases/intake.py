"""What becomes of what was published: a release, a rejection, or nothing new.

    read service, release and mark ─▶ look into it ─▶ decide ─▶ commit

The mark of a candidate is written in the same transaction as what became of
it, and only where none is, so that however often and in whatever order events
come, and whoever reconciles at the same time, each is taken in once. The first
digest recorded for a version wins. Where candidates come from, `uploads.py` and
`pushes.py` say.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from chalicelib import log
from chalicelib.access.model import SYSTEM
from chalicelib.clock import Clock
from chalicelib.deployments.commands import release_arrived
from chalicelib.ledger import keys as ledger_keys
from chalicelib.ledger.port import Change, Expect, Ledger, Put, Ref
from chalicelib.ledger.retrying import decided_anew, is_repeat
from chalicelib.releases.candidate import Candidate, Examined, Refused
from chalicelib.releases.model import Intake, Rejection, Release
from chalicelib.services.model import Service
from chalicelib.services.recording import Deed, deployments_of, recorded

Quietly = Callable[[Release], tuple[Put, ...]]


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger says about a candidate."""

    service: Service | None = None
    release: Release | None = None
    mark: Intake | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """Who brings a release in. `published_at` is None where the candidate itself says when it was published.

    `marking` is NEW for events, which bring in only what is not marked, and ANY for a person, who may bring in what was rejected before.
    `quietly` makes what is to be written with the release (an idempotency key).
    """

    by: str = SYSTEM.name
    reason: str = ""
    published_at: datetime | None = None
    marking: Expect = Expect.NEW
    quietly: Quietly = lambda _: ()


class Intaking:
    """Takes in one candidate: two calls of the ledger for a new one, one for what was taken in before."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def take(self, candidate: Candidate) -> Release | Rejection | None:
        """None: nobody's business, or taken in before. Raises `NotFound` when it is gone, and `Unavailable`: deliver it again."""
        return decided_anew(lambda: self._attempt(candidate), self._clock)

    def admit(self, candidate: Candidate, admission: Admission) -> Release | Refused | None:
        """Bring it in for a person, as published now. None when it was new; the release that is there already otherwise.

        Losing what `admission` writes quietly raises `Stale`.
        """
        return decided_anew(lambda: self._admit(candidate, admission), self._clock, unless=is_repeat)

    def _admit(self, candidate: Candidate, admission: Admission) -> Release | Refused | None:
        known = self._known(candidate)
        decided = decide(candidate, known)
        if isinstance(decided, Examined):
            self._record(candidate, known, decided, replace(admission, published_at=self._clock.now(), marking=Expect.ANY))
            return None
        return decided

    def _attempt(self, candidate: Candidate) -> Release | Rejection | None:
        known = self._known(candidate)
        if known.mark:
            return None
        if not candidate.concerns(known.service):
            return None
        match decide(candidate, known):
            case Refused() as refused:
                return self._reject(candidate, refused)
            case Examined() as found:
                return self._record(candidate, known, found, Admission())
            case duplicate:
                self._ledger.commit(Change((self._mark(candidate, f"duplicate of {duplicate.version}"),)))
                return None

    def _known(self, candidate: Candidate) -> Known:
        """With one call. What the candidate does not name is not asked for."""
        refs: dict[str, Ref[object]] = {"mark": cast(Ref[object], ledger_keys.intake(candidate.mark))}
        if candidate.service:
            refs["service"] = cast(Ref[object], ledger_keys.service(candidate.service))
            if candidate.version:
                refs["release"] = cast(Ref[object], ledger_keys.release(candidate.service, candidate.version))
        found = self._ledger.find_many(tuple(refs.values()))
        return Known(**cast(dict[str, object], dict(zip(refs, found, strict=True))))  # type: ignore[arg-type]  # each as its ref says

    def _record(self, candidate: Candidate, known: Known, found: Examined, admission: Admission) -> Release:
        """The release, where it takes the service, and the mark, in one change."""
        now, service, version = self._clock.now(), cast(Service, known.service), cast(str, candidate.version)
        release = found.as_release(service.name, version, published_at=admission.published_at or found.published_at, at=now, by=admission.by)
        moved = release_arrived(service, release, now)
        goes_on = deployments_of(moved.service) != deployments_of(service)
        after = replace(moved.service, due_at=now) if goes_on else moved.service
        _, change = recorded(
            service, after, Deed(now, admission.by, "release-registered", admission.reason), ended=moved.ended, told=moved.told,
            also=(Put(release, Expect.NEW),), quietly=(self._mark(candidate, "release", admission.marking), *admission.quietly(release)),
        )
        self._ledger.commit(change)
        log.event("release.registered", service=release.service, version=release.version, digest=release.digest, source=candidate.source, goes_on=goes_on)
        return release

    def _reject(self, candidate: Candidate, refused: Refused) -> Rejection:
        now = self._clock.now()
        rejection = Rejection(_rejection_id(now, candidate.mark), now, candidate.service, candidate.version, candidate.source, refused.kind, refused.reason)
        self._ledger.commit(Change((Put(rejection, Expect.NEW), self._mark(candidate, f"rejected: {refused.kind}"))))
        log.event("release.rejected", level=logging.WARNING, service=candidate.service, kind=refused.kind, reason=refused.reason, source=candidate.source)
        return rejection

    def _mark(self, candidate: Candidate, outcome: str, expecting: Expect = Expect.NEW) -> Put:
        return Put(Intake(candidate.mark, self._clock.now(), outcome), expecting)


def decide(candidate: Candidate, known: Known) -> Examined | Release | Refused:
    """What a candidate is: a new release (as it was examined), the release that is there already, or refused. Looks only if it must."""
    if refused := candidate.refusal(known.service):
        return refused
    digest = candidate.digest()
    if known.release and digest:
        return known.release if known.release.digest == digest else _reuse(known.release, digest)
    found = candidate.examined()
    return found.problem or _bad_metadata(found) or found


def _bad_metadata(found: Examined) -> Refused | None:
    try:
        found.schema_range  # noqa: B018  # reading it is what finds out
    except ValueError as problem:
        return Refused("bad-metadata", f"{problem}, and publish it again")
    return None


def _reuse(recorded_one: Release, digest: str) -> Refused:
    return Refused(
        "version-reuse",
        f"{recorded_one.service} {recorded_one.version} is recorded with {recorded_one.digest}, and this is {digest}; publish it as another version",
    )


def _rejection_id(at: datetime, mark: str) -> str:
    """Sorts by time; two candidates never share one."""
    return f"{at:%Y%m%dT%H%M%S.%f}-{hashlib.sha256(mark.encode()).hexdigest()[:16]}"
