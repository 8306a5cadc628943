"""Take in the uploads whose event never came: sweep through the bucket, as far as the time of each run goes.

    list from where the last run stopped ─▶ leave out what is old ─▶ read the marks ─▶ take in what has none ─▶ keep the place

S3 lists by key and not by time, so a sweep pages through everything; but marks
are read only of what was modified since the last whole sweep began. The place
is kept in the ledger; losing it costs time and nothing else.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import cast

from chalicelib.clock import Clock
from chalicelib.ledger import keys as ledger_keys
from chalicelib.ledger.port import Ledger, Ref
from chalicelib.releases import keys
from chalicelib.releases.keys import CompanionKey
from chalicelib.releases.model import Sweep
from chalicelib.releases.objects import Objects, ObjectVersion
from chalicelib.releases.upload import Upload

BUDGET = timedelta(seconds=90)
"""After this no further release is begun. The last one begun may take as long as OnArtifact is given, and both fit into Reconcile's own limit."""
MARGIN = timedelta(days=1)
"""S3 dates an upload in parts by its beginning, so one may turn up with a moment that was swept long ago."""
_MARKS = 100
_STRETCH = 1000

Take = Callable[[Upload], bool | None]
"""Whether the upload was taken in; False where somebody else did, None where it failed and is to be tried again."""


@dataclass(frozen=True, slots=True)
class Reconciling:
    """Uploads of one release are taken in oldest first, as the first digest recorded wins; releases in the order of their keys."""

    ledger: Ledger
    objects: Objects
    clock: Clock
    bucket: str
    take: Take

    def run(self) -> int:
        """Go on with the sweep until it is through or the time is used up. Answers how many uploads were taken in."""
        sweep = self.ledger.find(ledger_keys.sweep(self.bucket)) or Sweep(self.bucket, self.clock.now())
        until, count = self.clock.monotonic() + BUDGET.total_seconds(), 0
        for release, missing in self._ahead(sweep):
            outcomes = [self.take(upload) for upload in missing]
            count += outcomes.count(True)
            sweep = replace(sweep, after=release[-1].key, failed=sweep.failed or None in outcomes)
            if self.clock.monotonic() >= until:
                self.ledger.note(sweep)
                return count
        self.ledger.note(_begun_again(sweep, self.clock.now()))
        return count

    def _ahead(self, sweep: Sweep) -> Iterator[tuple[Sequence[ObjectVersion], list[Upload]]]:
        """Release by release what lies in the bucket behind the place of the sweep, and what of it has no mark, oldest first."""
        for stretch in _stretches(self.objects.versions(self.bucket, after=sweep.after)):
            unmarked = self._unmarked([found for found in stretch if _counts(found, sweep)])
            for _, found in groupby(stretch, _release):
                release = tuple(found)
                missing = sorted((one for one in release if one in unmarked), key=lambda one: one.last_modified)
                yield release, [self._upload(one) for one in missing]

    def _unmarked(self, versions: list[ObjectVersion]) -> set[ObjectVersion]:
        unmarked: set[ObjectVersion] = set()
        for begin in range(0, len(versions), _MARKS):
            some = versions[begin : begin + _MARKS]
            marks = self.ledger.find_many(tuple(cast(Ref[object], ledger_keys.intake(self._upload(one).source)) for one in some))
            unmarked |= {one for one, mark in zip(some, marks, strict=True) if mark is None}
        return unmarked

    def _upload(self, found: ObjectVersion) -> Upload:
        return Upload.at(self.bucket, found.key, found.object_version, found.last_modified)


def _counts(found: ObjectVersion, sweep: Sweep) -> bool:
    """Whether it may be an upload that nobody took in."""
    is_old = sweep.covered_to is not None and found.last_modified < sweep.covered_to - MARGIN
    return not is_old and not isinstance(keys.parse(found.key), CompanionKey)


def _begun_again(sweep: Sweep, now: datetime) -> Sweep:
    """The next sweep. One in which something failed covers nothing, so that it is tried again however old it is."""
    return Sweep(sweep.bucket, now, covered_to=sweep.covered_to if sweep.failed else sweep.began_at)


def _stretches(versions: Iterable[ObjectVersion]) -> Iterator[list[ObjectVersion]]:
    """About a page of the listing each; no release is torn apart."""
    stretch: list[ObjectVersion] = []
    for _, release in groupby(versions, _release):
        stretch += release
        if len(stretch) >= _STRETCH:
            yield stretch
            stretch = []
    yield stretch


def _release(found: ObjectVersion) -> str:
    """`{service}/{version}` of a key that is as it should be."""
    return "/".join(found.key.split("/")[:2])
