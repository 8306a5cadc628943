"""The pass: look, decide, record, act, look again.

Whatever starts one (a tick, a message, the ledger's stream, a prober, a
command), it is always this. A round that changed something is followed by
another; one that waits for something on its way is repeated for a while
(`pace.patience`); everything else waits for the next tick.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from zlib import crc32

from chalicelib import log
from chalicelib.access.model import SYSTEM
from chalicelib.clock import Clock
from chalicelib.deployments import hooking, judging
from chalicelib.deployments.announcing import announce
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.instructions import Prepare
from chalicelib.deployments.machine import advance
from chalicelib.deployments.model import Deployment, Phase
from chalicelib.deployments.observation import Observation
from chalicelib.deployments.observe import Observer
from chalicelib.deployments.perform import Performer
from chalicelib.deployments.prober import Prober
from chalicelib.deployments.queues import Queues
from chalicelib.errors import Stale, Unavailable
from chalicelib.health.model import ProbeLog
from chalicelib.health.series import Series
from chalicelib.ledger import keys
from chalicelib.ledger.port import Expect, Ledger, Put
from chalicelib.mirroring.model import Comparison
from chalicelib.releases.model import Release
from chalicelib.services.model import Look, Service
from chalicelib.services.recording import Deed, recorded
from chalicelib.settings import Pace

_MOST_ROUNDS = 40
_PREPARED = frozenset({Phase.PREPARING, Phase.VERIFYING})
_MOVES_BY_ITSELF = frozenset({Phase.PENDING, Phase.PREPARING, Phase.VERIFYING, Phase.REVERTING})


class Next(Enum):
    NOTHING = "nothing"
    SOON = "soon"
    NOW = "now"


@dataclass(frozen=True, slots=True)
class Known:
    """What one read of the ledger gave."""

    service: Service
    look: Look | None
    probes: ProbeLog | None
    comparison: Comparison | None = None


@dataclass(frozen=True, slots=True)
class Passes:
    ledger: Ledger
    observer: Observer
    performer: Performer
    prober: Prober
    queues: Queues
    clock: Clock
    pace: Pace

    def run(self, service: str) -> None:
        """Rounds until nothing changes any more, or the patience for what is on its way is used up."""
        began = self.clock.monotonic()
        for _ in range(_MOST_ROUNDS):
            after = self._round(service)
            spent = self.clock.monotonic() - began
            if after is Next.NOTHING or (after is Next.SOON and spent >= self.pace.patience.total_seconds()):
                return
            if after is Next.SOON:
                self.clock.sleep(self.pace.poll)

    def changed(self, services: Sequence[str]) -> None:
        """The ledger's stream saw changes: whoever made them may have died since, so somebody looks."""
        self.queues.send_due(services)

    def tick(self) -> int:
        """One message per due service, and one per service that is probed. Returns how many are due."""
        due = self.ledger.due(self.clock.now())
        if due:
            self.queues.send_due(list(dict.fromkeys(one.service for one in due)))
        if probed := [one.service for one in due if one.probed]:
            self.queues.send_probes(probed)
        return len(due)

    def probe(self, service: str) -> None:
        """One prober's run; what it finds starts passes."""
        self.prober.run(service, self.run)

    def _round(self, name: str) -> Next:
        known = read(self.ledger, name)
        if known is None:
            return self._nothing_there(name)
        seen = self.observer.look(known.service, known.look, known.probes, known.comparison)
        moved = advance(known.service, seen, self.pace)
        since = self.clock.monotonic()
        try:
            service = self.record(known.service, moved, seen)
        except Stale:
            return Next.SOON
        led_to = self.performer.perform(service, moved.instructions, seen.rules, since=since)
        self.ledger.note(look_of(service, seen, known.look, moved.waits_for, self._look_again_at(service, seen.at)))
        announce(known.service, moved)
        if service != known.service:
            self._see_to_probes(service)
        if led_to.answers or (led_to.has_to_be_decided and service.deployment and service.deployment.phase in _PREPARED):
            return self._decide_anew(service, replace(seen, at=self.clock.now(), standing=led_to.standing, answers=led_to.answers))
        return _next(known.service, moved, service.deployment, seen.at + self.pace.patience)

    def _look_again_at(self, service: Service, now: datetime) -> datetime | None:
        """Where nothing moves, somebody else may have changed something. What is due by its record is looked at anyway."""
        if service.due_at and service.due_at <= now:
            return None
        return now + self.pace.idle_look * (1 + crc32(service.name.encode()) % 256 / 1024)  # what falls due together drifts apart

    def _nothing_there(self, name: str) -> Next:
        """A service that was removed is not looked at any more."""
        look = self.ledger.find(keys.look(name))
        if look and look.due_at:
            self.ledger.note(replace(look, due_at=None))
        return Next.NOTHING

    def _see_to_probes(self, service: Service) -> None:
        """A candidate that takes traffic is probed from now on, not from the next tick: a command may have let it in, so every record of it asks."""
        if service.deployment is None or not service.deployment.phase.is_probed or service.deployment.retiring:
            return
        try:
            self.queues.send_probes([service.name])
        except Unavailable as error:  # the pass goes on; the next tick asks again
            log.event("probes.not_asked_for", level=logging.WARNING, service=service.name, error=error.detail)

    def _decide_anew(self, service: Service, seen: Observation) -> Next:
        """What only the one who acted knows (a build that can never stand, what a hook said) is a decision of its own."""
        try:
            moved = advance(service, seen, self.pace)
            self.record(service, moved, seen)
        except Stale:
            return Next.SOON
        announce(service, moved)
        return Next.SOON if seen.answers else Next.NOW  # calling took its time: no pass is to outlast its Lambda

    def record(self, before: Service, moved: Moved, seen: Observation) -> Service:
        """Write the next record if it differs, and with it the verdict that led to it and all that was made from.

        Raises `Stale` when somebody else was quicker: then nothing may be done.
        """
        if moved.service == before:
            return before
        deed = Deed(seen.at, SYSTEM.name, _action(moved))
        judged = judging.judgement(before, moved.service, seen.evidence, seen.verdict)
        also = (*certificates(self.ledger, moved, seen.at), *((Put(judged, Expect.ANY),) if judged else ()))
        written, change = recorded(before, moved.service, deed, ended=moved.ended, told=moved.told, also=also)
        self.ledger.commit(change)
        return written


def read(ledger: Ledger, name: str) -> Known | None:
    """One call: the record, the last look, the probes and the comparison; None when there is no such service."""
    service, look, probes, compared = ledger.find_many((keys.service(name), keys.look(name), keys.probe_log(name), keys.comparison(name)))
    if not isinstance(service, Service) or not service.registered:
        return None
    return Known(
        service,
        look if isinstance(look, Look) else None,
        probes if isinstance(probes, ProbeLog) else None,
        compared if isinstance(compared, Comparison) else None,
    )


def certificates(ledger: Ledger, moved: Moved, now: datetime) -> tuple[Put, ...]:
    """The releases that finished their watch healthy with this decision, as certified with their config version."""
    puts = []
    for deployment in moved.certified:
        if deployment.build.is_adopted:
            continue
        found = ledger.find(keys.release(deployment.service, deployment.build.version))
        if isinstance(found, Release):
            certified = {**found.certified, str(deployment.build.config_version): now}
            puts.append(Put(replace(found, certified=certified, revision=found.revision + 1), found.revision))
    return tuple(puts)


def look_of(service: Service, seen: Observation, last: Look | None, waits_for: str, due_at: datetime | None = None) -> Look:
    """What was seen, for the next pass and for everybody who asks. What could not be read keeps its last value."""
    return Look(
        service=service.name,
        at=seen.at if seen.rules else last.at if last else seen.at,
        production=seen.split if seen.rules else last.production if last else None,
        staging=seen.rules.staging.split if seen.rules else last.staging if last else None,
        targets={**(last.targets if last else {}), **seen.targets},
        targets_at={**(last.targets_at if last else {}), **dict.fromkeys(seen.targets, seen.at)},
        verdict=seen.verdict,
        waits_for=waits_for,
        sticky_seconds=seen.sticky_seconds if seen.rules else last.sticky_seconds if last else 0,
        series=seen.series or _noted_before(service, last),
        due_at=due_at,
    )


def _noted_before(service: Service, last: Look | None) -> Series | None:
    """What was measured of a deployment that is held for a person is what it is judged by once it goes on."""
    noted = last.series if last else None
    return noted if noted and service.deployment and noted.deployment == service.deployment.id else None


def _action(moved: Moved) -> str:
    """What the audit calls this change: the last thing told, else that the record was brought up to date."""
    return moved.told[-1].kind if moved.told else "looked"


def _next(before: Service, moved: Moved, deployment: Deployment | None, until: datetime) -> Next:
    """`until` is how far this pass can see: what comes later is left to the next one."""
    if moved.service != before:
        return Next.NOW
    if moved.service.read_only:
        return Next.SOON
    if deployment is None:
        return Next.SOON if moved.instructions else Next.NOTHING
    on_its_way = deployment.phase in _MOVES_BY_ITSELF or any(isinstance(one, Prepare) for one in moved.instructions)
    return Next.SOON if on_its_way or hooking.is_soon(deployment, until) else Next.NOTHING


