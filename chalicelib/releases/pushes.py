"""Images that CI pushes: by their event, by hand, and those whose event never came.

Events are hints. What counts is what a tag is on now, as the registry says it,
for every service that names the repository.
"""

import logging
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from operator import attrgetter

from chalicelib import log
from chalicelib.clock import Clock
from chalicelib.errors import NotFound, Problem
from chalicelib.ledger import keys
from chalicelib.ledger.port import Ledger, Listing
from chalicelib.releases import tags
from chalicelib.releases.images import Images, Pushed
from chalicelib.releases.intake import Intaking
from chalicelib.releases.model import Rejection, Release, Sweep
from chalicelib.releases.push import PushedTag, mark_of
from chalicelib.releases.reconciling import Lying, Reconciling
from chalicelib.services.model import Subscription

_ROUND = "ecr://"
"""Names the round through all repositories among the sweeps."""
_PAGE = 100


class Pushes:
    """Takes in tags: an event costs one call where no service asks for its tag, and four and the labels for a new release."""

    def __init__(self, intake: Intaking, ledger: Ledger, images: Images, clock: Clock) -> None:
        self._intake = intake
        self._ledger = ledger
        self._images = images
        self._clock = clock

    def take(self, repository: str, tag: str) -> tuple[Release | Rejection, ...]:
        """What became of it for each service that it concerns. Empty: nobody's, gone again, or taken in before. Raises `Unavailable`: deliver it again."""
        asking = [one for one in self._all(keys.subscriptions_to(repository)) if tags.is_release(tag, one.tag_pattern)]
        if not asking:
            return ()
        try:
            pushed = self._images.find(repository, tag)
        except NotFound:
            log.event("image.gone", repository=repository, tag=tag)
            return ()
        return self._taken(pushed, sorted(one.service for one in asking))

    def find(self, repository: str, tag: str, service: str) -> PushedTag:
        """What a person means by a tag. Raises `NotFound`."""
        return self._candidate(self._images.find(repository, tag), service)

    def retake(self, pushed: Pushed, service: str) -> bool | None:
        """Whether it was taken in; None where it failed and is to be tried again."""
        try:
            return self._intake.take(self._candidate(pushed, service)) is not None
        except NotFound:
            log.event("image.gone", repository=pushed.artifact.repository, tag=pushed.artifact.tag)
            return False
        except Problem as problem:
            log.event("image.failed", level=logging.ERROR, uri=pushed.artifact.uri, service=service, reason=problem.detail)
            return None

    def reconcile(self, until: float) -> int:
        """Take in tags that have no mark, repository by repository from where the last round stopped; how many."""
        count = 0
        for one in self._in_turn():
            count += self._reconciled(one, until)
            if self._clock.monotonic() >= until:
                self._ledger.note(Sweep(_ROUND, self._clock.now(), after=_turn(one)))
                break
        return count

    def _taken(self, pushed: Pushed, services: list[str]) -> tuple[Release | Rejection, ...]:
        """One service that cannot be dealt with does not keep back the others; the event comes again for it."""
        labels, made, problems = cache(lambda: self._images.labels(pushed.artifact)), [], []
        for service in services:
            try:
                made.append(self._intake.take(PushedTag(service, pushed, labels)))
            except NotFound:
                log.event("image.gone", repository=pushed.artifact.repository, tag=pushed.artifact.tag)
            except Problem as problem:
                problems.append(problem)
        if problems:
            raise problems[0]
        return tuple(one for one in made if one)

    def _candidate(self, pushed: Pushed, service: str) -> PushedTag:
        return PushedTag(service, pushed, cache(lambda: self._images.labels(pushed.artifact)))

    def _in_turn(self) -> list[Subscription]:
        """All there are, beginning behind the one that the last round came to."""
        there = sorted(self._all(keys.subscriptions()), key=_turn)
        place = self._ledger.find(keys.sweep(_ROUND)) if there else None
        begin = bisect_right(there, place.after, key=_turn) if place else 0
        return there[begin:] + there[:begin]

    def _reconciled(self, one: Subscription, until: float) -> int:
        try:
            return Reconciling(self._ledger, self._clock, _Repository(one, self._images, self)).run(until)
        except Problem as problem:
            log.event("repository.failed", level=logging.ERROR, repository=one.repository, service=one.service, reason=problem.detail)
            return 0

    def _all(self, listing: Listing[Subscription]) -> Iterator[Subscription]:
        cursor = None
        while True:
            page = self._ledger.list(listing, limit=_PAGE, cursor=cursor)
            yield from page.items
            cursor = page.cursor
            if cursor is None:
                return


@dataclass(frozen=True, slots=True)
class _Repository:
    """A repository as a source for one service: ECR lists it in no order, so it is sorted here, by when the images were pushed."""

    subscription: Subscription
    images: Images
    pushes: Pushes
    dates_back = True
    """An image that is tagged anew keeps the moment of its first push."""

    @property
    def name(self) -> str:
        """Another pattern is another sweep: what did not fit the one before may be old."""
        return f"{_ROUND}{self.subscription.repository}?service={self.subscription.service}&tags={self.subscription.tag_pattern}"

    def lying(self, after: str) -> Iterator[Lying[Pushed]]:
        found = sorted((self._lying(pushed) for pushed in self._releases()), key=attrgetter("place"))
        return (one for one in found if one.place > after)

    def take(self, what: Pushed) -> bool | None:
        return self.pushes.retake(what, self.subscription.service)

    def _releases(self) -> Iterator[Pushed]:
        tagged = self.images.tagged(self.subscription.repository)
        return (pushed for pushed in tagged if tags.is_release(pushed.artifact.tag, self.subscription.tag_pattern))

    def _lying(self, pushed: Pushed) -> Lying[Pushed]:
        tag = pushed.artifact.tag
        place = f"{pushed.pushed_at:%Y%m%dT%H%M%S}#{tag}"
        return Lying(pushed, place, tag, mark_of(pushed.artifact, self.subscription.service), pushed.pushed_at)


def _turn(one: Subscription) -> str:
    return f"{one.repository}#{one.service}"
