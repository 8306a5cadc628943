"""Mirrored traffic: what an access log tells of production is asked again of the candidate on staging, and twice of what is live.

Never on the way of a request: users' requests were answered minutes ago. Only before the first weight: from then on users compare, and every
request of ours would stand in the metrics that judge the candidate. The service is read again before the next request whenever a second has
gone by, and a claim keeps two logs from doubling the rate. A log that is lost, or left out because another one is being compared, costs nothing
but time: the next one comes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast
from urllib.parse import urlsplit

from chalicelib import log
from chalicelib.clock import Clock
from chalicelib.colors import Color
from chalicelib.deployments.model import Deployment
from chalicelib.deployments.queues import Queues
from chalicelib.errors import NotFound
from chalicelib.health.signal import Answer, HttpProbe
from chalicelib.ledger import keys
from chalicelib.ledger.port import Ledger, Ref
from chalicelib.mirroring import access_log, counting, sampling
from chalicelib.mirroring.access_log import Request
from chalicelib.mirroring.comparing import Compared, Outcome, Rules, compare, is_slower
from chalicelib.mirroring.model import Comparison, ReleaseComparison
from chalicelib.mirroring.sampling import Repeat
from chalicelib.mirroring.scope import is_of, is_open
from chalicelib.releases.objects import Objects
from chalicelib.services.model import Ownership, Service
from chalicelib.settings import Pace

LARGEST_LOG = 64 * 1024 * 1024
"""Bytes as they lie in the bucket."""
_MOST_GROUPS = 100
_LOOK_AGAIN_SECONDS = 1.0
_ORDERS = ("cll", "lcl", "llc")
"""Who is asked when: the candidate is as often first as last, so what a first question warms up favours nobody."""
_REFUSED = frozenset({401, 403})
_GOOD = 400


@dataclass(frozen=True, slots=True)
class _Run:
    """One log for one service. `began` and `end` are on the monotonic clock."""

    service: Service
    deployment: Deployment
    color: Color
    rules: Rules
    began: float
    end: float


@dataclass(frozen=True, slots=True)
class Mirroring:
    ledger: Ledger
    objects: Objects
    probe: HttpProbe
    queues: Queues
    clock: Clock
    pace: Pace

    def of(self, service: str, version: str) -> Comparison | None:
        """What was compared of a release last, if anything ever was."""
        kept = self.ledger.find(keys.release_comparison(service, version))
        return kept.comparison if kept else None

    def take(self, bucket: str, key: str, object_version: str | None = None) -> int:
        """An access log has arrived. Returns how many requests were compared; 0 where nobody asked for it, and for a log seen before."""
        if access_log.source_of(key) is None:
            return 0
        content = self._content(bucket, key, object_version)
        if content is None:
            return 0
        requests = tuple(access_log.lines(content))
        return sum(self._for_service(service, key, requests) for service in self._concerned(requests))

    def _content(self, bucket: str, key: str, object_version: str | None) -> bytes | None:
        try:
            with self.objects.fetch(bucket, key, object_version) as fetched:
                return fetched.file.read(LARGEST_LOG) if fetched.size <= LARGEST_LOG else None
        except NotFound:
            return None  # logs expire

    def _concerned(self, requests: tuple[Request, ...]) -> Iterator[Service]:
        """The services whose target groups are in the log and that are to be compared now. Two reads, whatever is in it."""
        groups = list(dict.fromkeys(request.target_group_arn for request in requests if request.target_group_arn))[:_MOST_GROUPS]
        if not groups:
            return
        owners = self.ledger.find_many(tuple(cast(Ref[object], keys.ownership(arn)) for arn in groups))
        names = list(dict.fromkeys(owner.service for owner in owners if isinstance(owner, Ownership)))
        for service in self.ledger.find_many(tuple(cast(Ref[object], keys.service(name)) for name in names)) if names else ():
            if isinstance(service, Service) and is_open(service):
                yield service

    def _for_service(self, service: Service, file: str, requests: tuple[Request, ...]) -> int:
        claim = f"shadow#{service.name}"
        if not self.ledger.claim(claim, now=self.clock.now(), lasting=self.pace.shadow_run + timedelta(seconds=20)):
            return 0
        try:
            return self._compared(service, file, requests)
        finally:
            self.ledger.release(claim)

    def _compared(self, service: Service, file: str, requests: tuple[Request, ...]) -> int:
        deployment, live = service.deployment, service.live
        if deployment is None or deployment.color is None or live is None:
            return 0
        before = self._comparison(service, deployment)
        if file in before.files:
            return 0
        shadow = deployment.checks.shadow
        group = service.definition.traffic.target_groups.of(live.color)
        most = int(shadow.per_second * self.pace.shadow_run.total_seconds())
        drawn = sampling.sampled(requests, live_group=group, shadow=shadow, most=most)
        began = self.clock.monotonic()
        run = _Run(service, deployment, deployment.color, _rules(service, deployment), began, began + self.pace.shadow_run.total_seconds())
        after = self._replayed(run, counting.begun(before, file, drawn.left_out), drawn.repeats)
        self._keep(after)
        log.event("shadow.compared", service=service.name, deployment=deployment.id, requests=after.compared - before.compared, differing=after.differing)
        if after.compared > before.compared:
            self.queues.send_due([service.name])
        return after.compared - before.compared

    def _replayed(self, run: _Run, comparison: Comparison, repeats: tuple[Repeat, ...]) -> Comparison:
        """One after the other, `per_second` of them a second at most, until the run is over or the service is no longer to be compared."""
        looked = run.began
        for number, repeat in enumerate(repeats):
            ahead = run.began + number / run.deployment.checks.shadow.per_second - self.clock.monotonic()
            if ahead > 0:
                self.clock.sleep(timedelta(seconds=ahead))
            now = self.clock.monotonic()
            if now >= run.end:
                break
            if now - looked >= _LOOK_AGAIN_SECONDS:
                self.ledger.note(comparison)
                if not self._goes_on(run):
                    break
                looked = now
            comparison = self._asked(run, comparison, repeat)
        return comparison

    def _goes_on(self, run: _Run) -> bool:
        service = self.ledger.find(keys.service(run.service.name))
        same = service is not None and service.deployment is not None and service.deployment.id == run.deployment.id
        return service is not None and same and is_open(service) and service.live == run.service.live

    def _asked(self, run: _Run, comparison: Comparison, repeat: Repeat) -> Comparison:
        live = run.color.other
        answers: dict[str, list[Answer]] = {"c": [], "l": []}
        for who in _ORDERS[repeat.order % len(_ORDERS)]:
            base, color = (run.service.site.staging_url, run.color) if who == "c" else (run.service.site.production_url, live)
            answer = self._answer(run, repeat, base)
            answers[who].append(answer)
            comparison = counting.sent(comparison, color, answer, self.clock.now(), self.pace.metric_period)
        [candidate], pair = answers["c"], answers["l"]
        if is_slower(candidate, (pair[0], pair[1]), run.rules):
            comparison, candidate = self._once_more(run, comparison, repeat, candidate)
        first, again = pair if repeat.order // len(_ORDERS) % 2 else reversed(pair)
        return counting.counted(comparison, repeat, _found(run, repeat, (candidate, first, again)), candidate, self.clock.now())

    def _once_more(self, run: _Run, comparison: Comparison, repeat: Repeat, first: Answer) -> tuple[Comparison, Answer]:
        """A user has asked live for the very same before, and nobody the candidate: only what is slow again is slow."""
        again = self._answer(run, repeat, run.service.site.staging_url)
        comparison = counting.sent(comparison, run.color, again, self.clock.now(), self.pace.metric_period)
        return comparison, replace(first, took=min(first.took, again.took)) if again.status == first.status else first

    def _answer(self, run: _Run, repeat: Repeat, base: str) -> Answer:
        timeout = timedelta(seconds=run.deployment.checks.probe.timeout_seconds)
        return self.probe.ask(repeat.method, base.rstrip("/") + repeat.url, header=run.service.definition.identify.header, timeout=timeout)

    def _comparison(self, service: Service, deployment: Deployment) -> Comparison:
        """What was compared for this deployment so far, or a beginning."""
        found = self.ledger.find(keys.comparison(service.name))
        if found is not None and is_of(found, service, deployment):
            return found
        now, live = self.clock.now(), service.live.build.version if service.live and service.live.build else ""
        color = deployment.color or Color.GREEN
        return Comparison(service.name, deployment.id, deployment.build.version, live, color, now, now)

    def _keep(self, comparison: Comparison) -> None:
        self.ledger.note(comparison)
        if comparison.version:
            self.ledger.note(ReleaseComparison(comparison.service, comparison.version, comparison))


def _rules(service: Service, deployment: Deployment) -> Rules:
    hosts = sorted({urlsplit(url).netloc for url in (service.site.staging_url, service.site.production_url)} - {""}, key=len, reverse=True)
    ignore = tuple(re.compile(pattern) for pattern in deployment.checks.shadow.ignore)
    return Rules(ignore, tuple(hosts), deployment.checks.latency.max_increase)


def _found(run: _Run, repeat: Repeat, answers: tuple[Answer, Answer, Answer]) -> Compared:
    """Answers count only from who was asked; and where the live side refuses what users got, its answer says nothing about what they get."""
    candidate, live, again = answers
    version = run.deployment.build.version
    old = run.service.live.build.version if run.service.live and run.service.live.build else ""
    if not _is_from(candidate, version) or not all(_is_from(one, old) for one in (live, again)):
        return Compared(Outcome.UNANSWERED)
    if not old and version in {live.release, again.release}:  # what was adopted may name itself as it likes, but not like this
        return Compared(Outcome.UNANSWERED)
    if repeat.answered is not None and repeat.answered < _GOOD and _REFUSED & {live.status, again.status}:
        return Compared(Outcome.UNANSWERED)
    return compare(candidate, live, again, run.rules)


def _is_from(answer: Answer, version: str) -> bool:
    """An answer that names no release counts; one that names another does not."""
    return not answer.release or not version or answer.release == version
