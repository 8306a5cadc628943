"""Sees what really reaches the outside, behind whatever went wrong on the way, and asks the invariants about it.

What a worker knows is kept apart by worker: an invariant about "the last look" means that of the one who acts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.audit.chain import Document, Entry
from chalicelib.colors import Color, Split
from chalicelib.deployments.model import Build, Phase
from chalicelib.health.model import Targets
from chalicelib.ledger import keys
from chalicelib.ledger.port import Change
from chalicelib.runtimes.runtime import Standing
from chalicelib.services.definition import Definition
from chalicelib.services.model import Service
from tests.faults import invariants
from tests.faults.invariants import Commit, Preparation, Step, Weights
from tests.world import a_definition

if TYPE_CHECKING:
    from tests.world import World

_LOOK_IS_FRESH = timedelta(seconds=60)


@dataclass
class Worker:
    """What one worker found and wrote."""

    looks: dict[Color, Targets] = field(default_factory=dict)
    split: Split | None = None
    recorded: Service | None = None
    wrote: bool = False
    tried: bool = False


@dataclass
class Witness:
    """`slack` is how far a worker's clock may be off. `meddled` is set where somebody else changes what runs, `weights_meddled` where they
    may give traffic to anything."""

    slack: timedelta = timedelta(0)
    meddled: bool = False
    weights_meddled: bool = False
    worker: Worker = field(default_factory=Worker)
    verified: set[Build] = field(default_factory=set)
    head: Entry | None = None
    documents: Document = field(default_factory=dict)
    looked: dict[Color, tuple[datetime, Targets]] = field(default_factory=dict)
    empty_since: dict[Color, datetime] = field(default_factory=dict)
    _phase: tuple[object, ...] = ()
    _running_for: timedelta = timedelta(0)
    _stepped_at: datetime | None = None
    definition: Definition = field(default_factory=a_definition)
    """Of which only what never changes is used: where traffic and runtime are."""

    def of(self, world: "World") -> None:
        self.world = world

    def as_at(self, other: "Witness") -> None:
        """Having seen what the other one saw."""
        self.verified, self.documents, self.looked = set(other.verified), dict(other.documents), dict(other.looked)
        self.head, self.empty_since = other.head, dict(other.empty_since)

    def as_worker(self, work: Callable[[], Any]) -> Any:
        """Another worker works; afterwards it is the turn of the one before again."""
        before, self.worker = self.worker, Worker()
        try:
            return work()
        finally:
            self.worker = before

    def between(self, name: str, adapter: Any) -> Any:
        wrappers = {"ledger": _Ledger, "router": _Router, "runtime": _Runtime, "targets": _Targets, "probe": _Probe}
        return wrappers[name](self, adapter) if name in wrappers else adapter

    def committed(self, change: Change, before: Service | None) -> None:
        invariants.i9_nothing_of_a_service_is_written_without_its_record(change)
        after = next((put.document for put in change.puts if isinstance(put.document, Service)), None)
        if after is None:
            return
        self.documents = invariants.after_entry(self.documents, change)
        worker = self.worker
        commit = Commit(self.now(), before, after, change, self.head, self.documents, worker.split, self.standing(), worker.looks, worker.tried)
        for invariant in invariants.ON_COMMIT:
            invariant(commit)
        self.head = next((put.document for put in change.puts if isinstance(put.document, Entry)), self.head)
        worker.recorded, worker.wrote = after, True
        if commit.passed:
            self.verified.add(commit.passed.build)

    def weights(self, before: Split | None, after: Split) -> None:
        worker = self.worker
        assert worker.recorded is not None
        stale = {color: found for color, (at, found) in self.looked.items() if self.now() - at <= _LOOK_IS_FRESH}
        looks = {**stale, **worker.looks}
        write = Weights(before, after, looks, worker.recorded, worker.wrote, self.standing(), frozenset(self.verified), self.meddled)
        for invariant in invariants.ON_WEIGHTS:
            invariant(write)

    def preparation(self, color: Color, build: Build, settings: dict[str, str]) -> None:
        worker, service = self.worker, self.service()
        assert worker.recorded is not None
        self.see_empties()
        split = self.split()
        config = self.world.ledger.find(keys.config(service.name, build.config_version)) if build.config_version else None
        drained = timedelta(seconds=service.site.drain_seconds)
        one = Preparation(
            color=color, build=build, settings=settings, recorded_settings=config.settings if config else {},
            already_there=self.standing()[color].holds(build), share=split.share(color) if split else 1000,
            empty_for=self.now() - self.empty_since.get(color, self.now()),
            drained_after=max(max(drained, self.world.pace.drain_floor) - self.slack, timedelta(0)), recorded=worker.recorded, wrote=worker.wrote,
        )
        for invariant in invariants.ON_PREPARE:
            invariant(one)

    def stepped(self) -> None:
        """A step is over."""
        service = self.world.ledger.find(keys.service("web"))
        if service is None:
            return
        self.see_empties()
        split, standing = self.split(), self.standing()
        serving = {color: standing[color] for color in Color if split and split.share(color) > 0 and not (self.meddled or self.weights_meddled)}
        for invariant in invariants.ON_STEP:
            invariant(Step(service, self._ran(service), self.slack + timedelta(seconds=15), serving, frozenset(self.verified)))

    def see_empties(self) -> None:
        split = self.split()
        self.empty_since = {color: self.empty_since.get(color, self.now()) for color in Color if split is not None and split.share(color) == 0}

    def now(self) -> datetime:
        return self.world.clock.now()

    def service(self) -> Service:
        return self.world.service()

    def split(self) -> Split | None:
        return self.world.router.look(self.definition.traffic).production.split

    def standing(self) -> dict[Color, Standing]:
        return {color: self.world.runtime.standing(self.definition, color) for color in Color}

    def _ran(self, service: Service) -> timedelta:
        """For how long the deployment has been in its phase and step; the time of a pause does not count."""
        deployment = service.deployment
        together = "before staged" if deployment and deployment.phase in {Phase.PREPARING, Phase.VERIFYING} else deployment and deployment.phase
        phase = (deployment and deployment.id, together, deployment and deployment.step, deployment and deployment.retiring)
        spent = self.now() - (self._stepped_at or self.now())
        self._stepped_at = self.now()
        self._running_for = timedelta(0) if phase != self._phase else self._running_for + (timedelta(0) if service.paused else spent)
        self._phase = phase
        return self._running_for


class _Seen:
    def __init__(self, witness: Witness, real: Any) -> None:
        self._witness, self._real = witness, real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Ledger(_Seen):
    def find_many(self, refs: tuple[Any, ...]) -> tuple[object | None, ...]:
        found: tuple[object | None, ...] = self._real.find_many(refs)
        for one in found:
            if isinstance(one, Service):
                self._witness.worker.recorded, self._witness.worker.wrote, self._witness.worker.tried = one, False, False
        return found

    def commit(self, change: Change) -> None:
        name = next((put.document.name for put in change.puts if isinstance(put.document, Service)), None)
        before = self._real.find(keys.service(name)) if name else None
        self._witness.worker.wrote = False
        self._real.commit(change)
        self._witness.committed(change, before)


class _Router(_Seen):
    def look(self, traffic: Any) -> Any:
        rules = self._real.look(traffic)
        self._witness.worker.split = rules.production.split
        self._witness.see_empties()
        return rules

    def set_weights(self, traffic: Any, split: Split, **kwargs: Any) -> None:
        before = self._real.look(traffic).production.split
        self._witness.weights(before, split)
        self._real.set_weights(traffic, split, **kwargs)
        self._witness.see_empties()


class _Runtime(_Seen):
    def prepare(self, definition: Any, color: Color, build: Build, settings: dict[str, str], *further: Any) -> Any:
        self._witness.preparation(color, build, settings)
        return self._real.prepare(definition, color, build, settings, *further)


class _Targets(_Seen):
    def targets(self, traffic: Any, color: Color) -> Targets:
        self._witness.worker.looks.pop(color, None)
        found: Targets = self._real.targets(traffic, color)
        self._witness.worker.looks[color] = found
        self._witness.looked[color] = self._witness.now(), found
        return found


class _Probe(_Seen):
    def ask(self, *args: Any, **kwargs: Any) -> Any:
        answer = self._real.ask(*args, **kwargs)
        self._witness.worker.tried = self._witness.worker.tried or answer.status == 200
        return answer
