"""Sees what really reaches the outside, behind whatever went wrong on the way, and asks the invariants about it.

What a worker knows is kept apart by worker: an invariant about "the last look" means that of the one who acts.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.audit.chain import Document, Entry
from chalicelib.colors import Color, Split
from chalicelib.config.model import Reference
from chalicelib.deployments.model import Build, Phase
from chalicelib.health.model import Targets
from chalicelib.ledger import keys
from chalicelib.ledger.port import Change
from chalicelib.runtimes.runtime import Standing
from chalicelib.services.definition import Definition
from chalicelib.services.model import Service
from tests.faults import invariants
from tests.faults.application import Application
from tests.faults.facts import Commit, HookCall, Preparation, Redelivery, Resizing, Step, Told, Weights
from tests.faults.record_invariants import after_entry
from tests.faults.seen import SEEN, Seen
from tests.world import a_definition

if TYPE_CHECKING:
    from tests.world import World

_LOOK_IS_FRESH = timedelta(seconds=60)


@dataclass
class Worker:
    """What one worker found and wrote, and which calls it made since it last read the service."""

    is_request: bool = False
    looks: dict[Color, Targets] = field(default_factory=dict)
    split: Split | None = None
    recorded: Service | None = None
    wrote: bool = False
    was_read_only: bool = False
    tried: bool = False
    asked: list[str] = field(default_factory=list)


@dataclass
class Witness:
    """`slack` is how far a worker's clock may be off, `absent` for how long nobody works. `meddled` is set where somebody else changes what runs,
    `weights_meddled` where they may give traffic to anything. `clients` are requests a second that go where the weights say."""

    slack: timedelta = timedelta(0)
    absent: timedelta = timedelta(0)
    meddled: bool = False
    weights_meddled: bool = False
    worker: Worker = field(default_factory=Worker)
    verified: set[Build] = field(default_factory=set)
    head: Entry | None = None
    documents: Document = field(default_factory=dict)
    looked: dict[Color, tuple[datetime, Targets]] = field(default_factory=dict)
    empty_since: dict[Color, datetime] = field(default_factory=dict)
    application: Application = field(default_factory=Application)
    clients: float = 0
    called: Counter[str] = field(default_factory=Counter)
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
        self.application, self.called = other.application.copy(), Counter(other.called)

    def as_worker(self, work: Callable[[], Any], *, is_request: bool = False) -> Any:
        """Another worker works; afterwards it is the turn of the one before again."""
        before, self.worker = self.worker, Worker(is_request)
        try:
            return work()
        finally:
            self.worker = before

    def between(self, name: str, adapter: Any) -> Any:
        return adapter if name == "clock" else SEEN.get(name, Seen)(self, name, adapter)

    def read(self, service: Service) -> None:
        worker = self.worker
        worker.recorded, worker.wrote, worker.tried, worker.asked = service, False, False, []

    def committed(self, change: Change, before: Service | None) -> None:
        invariants.asked(invariants.ON_CHANGE, change)
        after = next((put.document for put in change.puts if isinstance(put.document, Service)), None)
        if after is None:
            return
        self.documents = after_entry(self.documents, change)
        worker = self.worker
        standing = self.standing()
        commit = Commit(self.now(), before, after, change, self.head, self.documents, worker.split, standing, worker.looks, worker.tried, self.slack)
        invariants.asked(invariants.ON_COMMIT, commit)
        self.head = next((put.document for put in change.puts if isinstance(put.document, Entry)), self.head)
        worker.recorded, worker.wrote, worker.was_read_only = after, True, self.application.is_read_only(self.now())
        self.application.recorded(before, after)
        if commit.passed:
            self.verified.add(commit.passed.build)

    def weights(self, before: Split | None, after: Split) -> None:
        worker = self.worker
        assert worker.recorded is not None
        stale = {color: found for color, (at, found) in self.looked.items() if self.now() - at <= _LOOK_IS_FRESH}
        write = Weights(
            before=before, after=after, looks={**stale, **worker.looks}, recorded=worker.recorded, wrote=worker.wrote, standing=self.standing(),
            verified=frozenset(self.verified), meddled=self.meddled, asked=tuple(worker.asked), is_request=worker.is_request, was_read_only=worker.was_read_only,
        )
        invariants.asked(invariants.ON_WEIGHTS, write)

    def preparation(self, color: Color, build: Build, settings: dict[str, str]) -> None:
        worker, service = self.worker, self.service()
        assert worker.recorded is not None
        self.see_empties()
        split = self.split()
        drained = timedelta(seconds=service.site.drain_seconds)
        expected, readable = self._settings(worker.recorded, build)
        one = Preparation(
            color=color, build=build, settings=settings, recorded_settings=expected, readable=readable,
            already_there=self.standing()[color].holds(build), share=split.share(color) if split else 1000,
            empty_for=self.now() - self.empty_since.get(color, self.now()),
            drained_after=max(max(drained, self.world.pace.drain_floor) - self.slack, timedelta(0)), recorded=worker.recorded, wrote=worker.wrote,
        )
        invariants.asked(invariants.ON_PREPARE, one)

    def resizing(self, color: Color, *, held: bool, at_least: int = 0, at_most: int | None = None) -> None:
        assert self.worker.recorded is not None
        self.see_empties()
        split = self.split()
        drained = timedelta(seconds=self.service().site.drain_seconds)
        one = Resizing(
            color=color, at_most=at_most, held=held, share=split.share(color) if split else 1000,
            empty_for=self.now() - self.empty_since.get(color, self.now()),
            drained_after=max(max(drained, self.world.pace.drain_floor) - self.slack, timedelta(0)), recorded=self.worker.recorded,
        )
        invariants.asked(invariants.ON_RESIZE, one)

    def hook(self, payload: dict[str, object]) -> None:
        """A hook is called."""
        worker = self.worker
        assert worker.recorded is not None
        self.called[str(payload["id"])] += 1
        invariants.asked(invariants.ON_HOOK, HookCall(payload, worker.recorded, worker.wrote, self.called[str(payload["id"])]))

    def told(self, until: datetime | None) -> None:
        """The application is told until when it is read-only."""
        invariants.asked(invariants.ON_TOLD, Told(until, frozenset(self.application.moments)))
        self.application.hears(until, self.now())

    def redelivered(self, before: Service, *, once: bool) -> None:
        """What had led to `before` was delivered and dealt with once more."""
        invariants.asked(invariants.ON_REDELIVERY, Redelivery(before, self.service(), once))

    def came_twice(self, before: Service) -> None:
        """What was to be done once came twice at the same time."""
        invariants.asked(invariants.ON_COMING_TWICE, Redelivery(before, self.service(), once=True))

    def stepped(self) -> None:
        """A step is over."""
        service = self.world.ledger.find(keys.service("web"))
        if service is None:
            return
        self.see_empties()
        split, standing = self.split(), self.standing()
        serving = {color: standing[color] for color in Color if split and split.share(color) > 0 and not (self.meddled or self.weights_meddled)}
        step = Step(
            service=service, running_for=self._ran(service), slack=self.slack + self.absent + timedelta(seconds=15), serving=serving,
            verified=frozenset(self.verified), read_only_for=self.application.read_only_for(self.now()), limit=self.application.limit, skew=self.slack,
        )
        invariants.asked(invariants.ON_STEP, step)

    def clients_follow(self, split: Split) -> None:
        if self.clients:
            for color in Color:
                self.world.metrics.flow(self.definition.traffic.target_groups.of(color), per_second=self.clients * split.share(color) / 1000)

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
        known = self.world.ledger.find(keys.service("web"))
        return {color: self.world.runtime.standing(known.definition if known else self.definition, color) for color in Color}

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

    def _settings(self, recorded: Service, build: Build) -> tuple[dict[str, str], dict[str, Reference]]:
        """What the build's config makes of its settings, and which of the references that were replaced need not have been."""
        config = self.world.ledger.find(keys.config(recorded.name, build.config_version)) if build.config_version else None
        if config is None:
            return {}, {}
        replaced = (recorded.deployment.repinned if recorded.deployment else None) or {}
        pinned = {name: config.references[name] for name in replaced}
        return config.environment(replaced).variables, {name: one for name, one in pinned.items() if self.world.secrets.current(one) == one}
