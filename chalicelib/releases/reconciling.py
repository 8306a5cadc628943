"""Take in what no event told of: sweep through a source, as far as the time of each run goes.

    list from where the last run stopped ─▶ leave out what is old ─▶ read the marks ─▶ take in what has none ─▶ keep the place

Neither S3 nor ECR lists by when something appeared, so a sweep pages through
everything; but marks are read only of what was published since the last whole
sweep began. The place is kept in the ledger; losing it costs time and nothing else.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Generic, Protocol, TypeVar, cast

from chalicelib.clock import Clock
from chalicelib.ledger import keys as ledger_keys
from chalicelib.ledger.port import Ledger, Ref
from chalicelib.releases.model import Sweep

MARGIN = timedelta(days=1)
"""S3 dates an upload in parts by its beginning, so one may turn up with a moment that was swept long ago."""
_MARKS = 100
_STRETCH = 1000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lying(Generic[T]):
    """One thing in a source. `place` is where it comes in the source's own order; `release` is alike for what belongs together."""

    what: T
    place: str
    release: str
    mark: str
    at: datetime


class Source(Protocol[T]):
    """Where things lie that may have to be taken in."""

    @property
    def name(self) -> str:
        """Of its sweep."""

    @property
    def dates_back(self) -> bool:
        """Whether something new may turn up with a moment of long ago: then the first sweep of each day goes by no moments."""

    def lying(self, after: str) -> Iterable[Lying[T]]:
        """Everything behind this place, in the order of places."""

    def take(self, what: T) -> bool | None:
        """Whether it was taken in; False where somebody else did, None where it failed and is to be tried again."""


@dataclass(frozen=True, slots=True)
class Reconciling(Generic[T]):
    """What is of one release is taken in oldest first, as the first digest recorded wins; releases in the order of their places."""

    ledger: Ledger
    clock: Clock
    source: Source[T]

    def run(self, until: float) -> int:
        """Go on with the sweep until it is through or the time is used up, but with one release at least. Answers how many were taken in."""
        sweep, count = self.ledger.find(ledger_keys.sweep(self.source.name)) or Sweep(self.source.name, self.clock.now()), 0
        for release, missing in self._ahead(sweep):
            outcomes = [self.source.take(one.what) for one in missing]
            count += outcomes.count(True)
            sweep = replace(sweep, after=release[-1].place, failed=sweep.failed or None in outcomes)
            if self.clock.monotonic() >= until:
                self.ledger.note(sweep)
                return count
        self.ledger.note(self._begun_again(sweep))
        return count

    def _ahead(self, sweep: Sweep) -> Iterator[tuple[Sequence[Lying[T]], list[Lying[T]]]]:
        """Release by release what lies behind the place of the sweep, and what of it has no mark, oldest first."""
        for stretch in _stretches(self.source.lying(sweep.after)):
            unmarked = self._unmarked([found for found in stretch if not _is_old(found, sweep)])
            for _, found in groupby(stretch, attrgetter("release")):
                release = tuple(found)
                yield release, sorted((one for one in release if one.mark in unmarked), key=attrgetter("at"))

    def _unmarked(self, lying: list[Lying[T]]) -> set[str]:
        unmarked: set[str] = set()
        for begin in range(0, len(lying), _MARKS):
            some = [one.mark for one in lying[begin : begin + _MARKS]]
            marks = self.ledger.find_many(tuple(cast(Ref[object], ledger_keys.intake(one)) for one in some))
            unmarked |= {one for one, mark in zip(some, marks, strict=True) if mark is None}
        return unmarked

    def _begun_again(self, sweep: Sweep) -> Sweep:
        """The next sweep. One in which something failed covers nothing, so that it is tried again however old it is."""
        now, covered_to = self.clock.now(), sweep.covered_to if sweep.failed else sweep.began_at
        anew = self.source.dates_back and now.date() != sweep.began_at.date()
        return Sweep(sweep.bucket, now, covered_to=None if anew else covered_to)


def _is_old(found: Lying[T], sweep: Sweep) -> bool:
    return sweep.covered_to is not None and found.at < sweep.covered_to - MARGIN


def _stretches(lying: Iterable[Lying[T]]) -> Iterator[list[Lying[T]]]:
    """About a page of the listing each; no release is torn apart."""
    stretch: list[Lying[T]] = []
    for _, release in groupby(lying, attrgetter("release")):
        stretch += release
        if len(stretch) >= _STRETCH:
            yield stretch
            stretch = []
    yield stretch
