"""The commands of people and CI, and what there is to see of deployments.

A command reads once, decides with the pure functions of `commands/`, and writes
the new record together with its idempotency key. One that loses a race to a
pass reads and decides again. Rollback and abort move the weights in the same
request; everything else is left to the pass that the ledger's stream starts.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.access.model import Once
from chalicelib.clock import Clock
from chalicelib.deployments import approving, commands, explaining, mirrored, rollback, staging
from chalicelib.deployments.announcing import announce
from chalicelib.deployments.answers import Answered, Asked, OnceKey
from chalicelib.deployments.commands import Wish
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.idleness import Lately
from chalicelib.deployments.instructions import SetWeights
from chalicelib.deployments.machine import advance
from chalicelib.deployments.model import Approval, Build, Deployment, Event, Phase
from chalicelib.deployments.observation import Observation
from chalicelib.deployments.observe import Observer
from chalicelib.deployments.passes import Known, certificates
from chalicelib.deployments.perform import Performer
from chalicelib.errors import Invalid, NotFound
from chalicelib.health.model import Check
from chalicelib.ledger import keys
from chalicelib.ledger.port import Change, Expect, Ledger, Page, Put
from chalicelib.ledger.retrying import decided_anew
from chalicelib.releases.model import Release
from chalicelib.services.model import Look, Service
from chalicelib.services.recording import Deed, recorded
from chalicelib.settings import Pace

Decide = Callable[[Service, Wish], Moved]
Answer = Callable[[Moved], Deployment | None]

_KEPT = timedelta(hours=24)
_LATELY = 50


@dataclass(frozen=True, slots=True)
class Deployments:
    ledger: Ledger
    observer: Observer
    performer: Performer
    clock: Clock
    pace: Pace

    def deploy(self, service: str, asked: Asked, *, version: str, config_version: int | None = None, override_quarantine: bool = False) -> Answered:
        """Put a release on staging. Raises `NotFound` for an unknown service or release, `Invalid` for an unknown config version."""

        def decide(found: Service, wish: Wish) -> Moved:
            release = self._release(service, version)
            config = self._config(found, config_version)
            return commands.deploy(found, release, config, wish, override_quarantine=override_quarantine)

        def answer(moved: Moved) -> Deployment | None:
            mine = [one for one in (moved.service.deployment, *moved.service.waiting) if one and one.build.version == version]
            return mine[-1] if mine else moved.service.deployment

        return self._command(service, asked, "deployment-asked", decide, answer)

    def promote(
        self,
        service: str,
        asked: Asked,
        *,
        version: str | None = None,
        strategy: str | None = None,
        skip_holds: bool = False,
        override_quarantine: bool = False,
    ) -> Answered:
        """Shift to what is staged. Raises `Conflict` when nothing is, or not the named version."""

        def decide(found: Service, wish: Wish) -> Moved:
            return commands.promote(found, wish, version=version, strategy=strategy, skip_holds=skip_holds, override_quarantine=override_quarantine)

        return self._command(service, asked, "promoted", decide, _current)

    def approve(self, service: str, asked: Asked, *, version: str) -> Answered:
        """Stand behind what is on its way to be promoted. Raises `Conflict` when that is not this version."""

        def decide(found: Service, wish: Wish) -> Moved:
            return approving.approve(found, Approval(wish.by.name, wish.at, "", wish.by.token, wish.reason), version=version)

        return self._command(service, asked, "approved", decide, _current)

    def rollback(self, service: str, asked: Asked, *, to: str | None = None) -> Answered:
        """Go back: at once where the target is warm. Needs no approval, no CI, no artifact that is not there already."""

        def decide(found: Service, wish: Wish) -> Moved:
            return commands.roll_back(found, wish, to=self._target(found, to) if to else None)

        return self._command(service, asked, "rolled-back", decide, commands.answer_to_rollback, act=True)

    def abort(self, service: str, asked: Asked) -> Answered:
        """End what is in progress; once it moved weights, turn back."""
        return self._command(service, asked, "aborted", commands.abort, _current, act=True)

    def certify(self, service: str, asked: Asked, *, certified: bool = True) -> Answered:
        """End the watch now."""
        return self._command(service, asked, "certified", lambda found, wish: commands.certify(found, wish, certified=certified), _current)

    def pause(self, service: str, asked: Asked) -> Answered:
        """Stop everything that goes forward."""
        return self._command(service, asked, "paused", commands.pause, _current)

    def resume(self, service: str, asked: Asked, *, drift: str | None = None) -> Answered:
        """Go on; with `drift` also settle weights that somebody else set."""
        return self._command(service, asked, "resumed", lambda found, wish: commands.resume(found, wish, drift=drift), _current)

    def get(self, service: str, id: str) -> Deployment:
        """One deployment, in progress or over. Raises `NotFound`."""
        self._known(service, None)
        found = self.ledger.find(keys.deployment(service, id))
        if found is None:
            raise NotFound(f"{service} has no deployment {id}")
        return found

    def list(self, service: str, *, limit: int, cursor: str | None) -> Page[Deployment]:
        self._known(service, None)
        return self.ledger.list(keys.deployments(service), limit=limit, cursor=cursor)

    def events(self, service: str, id: str, *, limit: int, cursor: str | None) -> Page[Event]:
        self.get(service, id)
        return self.ledger.list(keys.events(service, id), limit=limit, cursor=cursor)

    def explain(self, service: str) -> tuple[Check, ...]:
        """Every condition that what is in progress waits for, from the last look; with nothing in progress, why the newest release is not live."""
        known, _ = self._known(service, None)
        lately = Lately() if known.service.deployment else self._lately(service)
        return explaining.explain(known.service, known.look, lately, self.clock.now(), self._shadow(known.service))

    def _shadow(self, service: Service) -> Check | None:
        deployment, now = service.deployment, self.clock.now()
        if deployment is None or deployment.phase is not Phase.VERIFYING or not deployment.checks.shadow.enabled:
            return None
        since = staging.health_counts_from(service, deployment, self.pace)
        return mirrored.asked(service, deployment, self.ledger.find(keys.comparison(service.name)), since=since, now=now, pace=self.pace)

    def _lately(self, service: str) -> Lately:
        """A page of each; what is further back than that is not what somebody waits for."""
        releases = self.ledger.list(keys.releases(service), limit=1, cursor=None).items
        rejections = self.ledger.list(keys.rejections(), limit=_LATELY, cursor=None).items
        deployments = self.ledger.list(keys.deployments(service), limit=_LATELY, cursor=None).items
        return Lately(next(iter(releases), None), next((one for one in rejections if one.service == service), None), deployments)

    def _command(self, name: str, asked: Asked, action: str, decide: Decide, answer: Answer, *, act: bool = False) -> Answered:
        def attempt() -> Answered:
            known, used = self._known(name, asked.once)
            if used is not None:
                return replace(_as_it_is(known.service, self.clock.now()), replayed=used)
            return self._decided(known, asked, action, decide, answer, act=act)

        return decided_anew(attempt, self.clock)

    def _decided(self, known: Known, asked: Asked, action: str, decide: Decide, answer: Answer, *, act: bool) -> Answered:
        before, now = known.service, self.clock.now()
        moved = decide(before, Wish(asked.by, asked.reason, now))
        changed = moved.service != before
        seen = self._seen(known, moved, act=act and changed, dry_run=asked.dry_run)
        if seen:
            moved = _continued(moved, seen, self.pace)
        answered = Answered(moved.service, answer(moved), goes_on=changed, at=now, instructions=moved.instructions)
        if not asked.dry_run:
            self._write(before, moved, Deed(now, asked.by.name, action, asked.reason), _once(asked.once, answered, self.clock), seen)
        return answered

    def _seen(self, known: Known, moved: Moved, *, act: bool, dry_run: bool) -> Observation | None:
        """What has to be looked at before the answer: the traffic for what acts at once, everything for what only shows."""
        if dry_run:
            return self.observer.look(moved.service, known.look, known.probes, asking=False)
        return self.observer.look_at_traffic(moved.service, known.look) if act else None

    def _write(self, before: Service, moved: Moved, deed: Deed, once: tuple[Put, ...], seen: Observation | None) -> None:
        since = self.clock.monotonic()
        if moved.service == before:
            if once:
                self.ledger.commit(Change(once))
            return
        due = moved if seen else moved.having(due_at=deed.at)  # a pass has to look, and has set its own moment where one did
        also = certificates(self.ledger, due, deed.at)
        written, change = recorded(before, due.service, deed, ended=due.ended, told=due.told, also=also, quietly=once)
        self.ledger.commit(change)
        weights = tuple(one for one in due.instructions if isinstance(one, SetWeights))  # the rest has time until the pass
        self.performer.perform(written, weights, seen.rules if seen else None, since=since)
        announce(before, due)

    def _known(self, name: str, once: OnceKey | None) -> tuple[Known, Once | None]:
        """One call. Raises `NotFound`, and `Invalid` when the idempotency key was used for something else."""
        refs = (keys.service(name), keys.look(name), *((keys.once(once.id),) if once else ()))
        service, look, *used = self.ledger.find_many(refs)
        if not isinstance(service, Service) or not service.registered:
            raise NotFound(f"there is no service {name}")
        return Known(service, look if isinstance(look, Look) else None, None), _used(once, used[0] if used else None, self.clock)

    def _release(self, service: str, version: str) -> Release:
        found = self.ledger.find(keys.release(service, version))
        if found is None:
            raise NotFound(f"{service} has no release {version}; upload it first")
        return found

    def _config(self, service: Service, number: int | None) -> int:
        if number is not None and not 0 <= number <= service.config_version:
            raise Invalid(f"{service.name} has no config version {number}; the newest is {service.config_version}", field="config_version")
        return service.config_version if number is None else number

    def _target(self, service: Service, version: str) -> Build:
        """The named release as it was last live; one that never was, with the newest config."""
        lived = rollback.named(service, version)
        if lived:
            return lived
        release = self._release(service.name, version)
        return Build(release.version, release.artifact, service.config_version)


def _continued(moved: Moved, seen: Observation, pace: Pace) -> Moved:
    """The command and the pass it leads to, as one decision: nothing may stand between a rollback and its weights."""
    moved = commands.as_seen(moved, seen.split)
    after = advance(moved.service, seen, pace)
    return replace(after, ended=(*moved.ended, *after.ended), told=(*moved.told, *after.told), certified=(*moved.certified, *after.certified))


def _current(moved: Moved) -> Deployment | None:
    """The one in progress, or the one this command ended."""
    return moved.service.deployment or (moved.ended[-1] if moved.ended else None)


def _as_it_is(service: Service, now: datetime) -> Answered:
    return Answered(service, service.deployment, goes_on=False, at=now)


def _once(key: OnceKey | None, answered: Answered, clock: Clock) -> tuple[Put, ...]:
    if key is None:
        return ()
    status, body = key.render(answered)
    return (Put(Once(key.id, key.body_sha256, status, body, clock.now() + _KEPT), Expect.ANY),)


def _used(key: OnceKey | None, found: object, clock: Clock) -> Once | None:
    if key is None or not isinstance(found, Once) or found.expires_at <= clock.now():
        return None
    if found.body_sha256 != key.body_sha256:
        raise Invalid("this idempotency key was used for another request; use a new one", field="Idempotency-Key", slug="idempotency-key-reused")
    return found
