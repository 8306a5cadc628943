"""The world of the stories, with a saboteur in front of every adapter and a witness behind him."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from chalicelib.access.model import Caller
from chalicelib.bootstrap import Adapters, ControlPlane, build
from chalicelib.config.diff import Value
from chalicelib.deployments.answers import Answered, Asked, OnceKey
from chalicelib.deployments.model import Phase
from chalicelib.deployments.observe import one_after_another
from chalicelib.deployments.staging import goes_on
from chalicelib.errors import Conflict, Unavailable
from chalicelib.ledger import codec, keys
from chalicelib.services.model import Service
from chalicelib.settings import Pace, Settings
from tests.faults.plans import OUTAGE
from tests.faults.saboteur import Died, Saboteur
from tests.faults.witness import Witness
from tests.world import ALICE, BUCKET, QUICK, World, a_definition, a_zip

_PATIENT = 30
"""Seconds for which every second is played; afterwards time passes in longer steps."""

ROLLOUT = {"strategy": "canary", "steps": [{"weight": 10, "hold_seconds": 2}], "watch_seconds": 3, "deadline_seconds": 900}

STATE_BY_PORT = {
    "ledger": ("_kept", "_claims"),
    "router": ("lag", "unreadable", "writes", "_balancers", "_history"),
    "runtime": ("steps", "broken", "unknown_functions", "settings", "_standing", "_owners", "_taken", "_sizes"),
    "targets": ("warmup", "sick", "unreadable", "_standing", "_scripted", "_size"),
    "metrics": ("unreadable", "_recorded", "_flows", "_down"),
    "alarms": ("unreadable", "_alarms"),
    "probe": ("answers", "asked"),
    "objects": ("_kept",),
    "images": ("repositories", "unreachable", "_tags", "_images"),
    "queues": ("due", "probes"),
    "hooks": ("answers", "missing", "asked"),
    "secrets": ("unreachable", "_current", "_lost"),
    "switch": ("unreachable", "texts", "writes"),
}
"""What changes of each of the adapters in memory."""

_PACE = replace(QUICK, ask_again=timedelta(seconds=6))
"""As in production, weights are not asked for again before a write of the last request can no longer begin (`act_within`)."""


@dataclass
class Stage(World):
    """`others` is a control plane of other workers, whom nothing happens to."""

    pace: Pace = _PACE
    saboteur: Saboteur = field(default_factory=Saboteur)
    witness: Witness = field(default_factory=Witness)

    def __post_init__(self) -> None:
        self.witness.of(self)
        self.between = lambda name, adapter: self.saboteur.between(name, self.witness.between(name, adapter))
        self.died = Died
        super().__post_init__()
        self.others = self._others()
        self.saboteur.meanwhile = self._meanwhile
        self.saboteur.unattended = self._unattended
        self.saboteur.repeated = self._repeated
        self.saboteur.at_once = self._at_once
        self.saboteur.situation = self._situation
        self._asked = 0
        self._changes_once = False
        self._before: Service | None = None

    def as_at(self, other: "Stage") -> "Stage":
        """As the other one is now, in the same pieces but for what never changes."""
        self.clock.move(other.clock.now() - self.clock.now())
        for port, names in STATE_BY_PORT.items():
            ours, theirs = getattr(self, port), getattr(other, port)
            if type(ours) is not type(theirs):  # a ledger somewhere else
                for kept in theirs._kept.values():
                    ours.note(codec.load(kept.kind, kept.values))
                continue
            for name in names:
                setattr(ours, name, _copied(getattr(theirs, name)))
        self.sick, self._asked = set(other.sick), other._asked
        self.witness.as_at(other.witness)
        return self

    def opened(self, **changes: object) -> "Stage":
        """With `web` registered, a moment ago."""
        self.register(a_definition(**({"rollout": ROLLOUT} | changes)))
        self.wait(5)
        return self

    def push(self, version: str, content: bytes | None = None) -> None:
        """CI uploads; the event is delivered until somebody has dealt with it."""
        key = f"web/{version}/app.zip"
        object_version = self.objects.put(BUCKET, key, content or a_zip(version))
        self._until_dealt_with(lambda: self.control.intake.take(BUCKET, key, object_version))

    def reconcile(self) -> None:
        """The bucket is compared with the ledger, as every few minutes."""
        self._until_dealt_with(self.control.intake.reconcile)

    def ask(self, command: str, *, by: Caller = ALICE, **named: Any) -> Answered | None:
        """A person or CI asks, and asks again with the same idempotency key while no answer comes. None: it was refused, being so already."""
        asked = self.wish(command, by)
        for attempt in range(6):
            try:
                return self.deliver(lambda: getattr(self.control.deployments, command)("web", asked, **named), once=True)
            except (Died, Unavailable):
                self.wait(1)
            except Conflict:
                if attempt == 0 and not self.saboteur.happened:
                    raise
                return None
        raise AssertionError(f"{command} was never answered")

    def refused(self, command: str, slug: str, *, by: Caller = ALICE, **named: Any) -> None:
        """The same, and it has to be refused with this, if nothing else has gone wrong."""
        asked = self.wish(command, by)
        for _ in range(6):
            try:
                self.deliver(lambda: getattr(self.control.deployments, command)("web", asked, **named), once=True)
            except (Died, Unavailable):
                self.wait(1)
            except Conflict as conflict:
                if conflict.slug == slug or self.saboteur.happened:
                    return
                raise
            else:
                raise AssertionError(f"{command} was not refused with {slug}")
        raise AssertionError(f"{command} was never answered")

    def ask_once(self, command: str, **named: Any) -> Answered:
        answered: Answered = getattr(self.control.deployments, command)("web", self.wish(command), **named)
        return answered

    def wish(self, command: str, by: Caller = ALICE) -> Asked:
        """With an idempotency key of its own."""
        self._asked += 1
        return Asked(by, "", OnceKey(f"ask-{self._asked}", command, lambda answered: (200, {"revision": answered.service.revision})))

    def change_definition(self, **parts: object) -> None:
        self._until_dealt_with(lambda: self.redefine(**parts))

    def change_config(self, **settings: Value) -> None:
        self._until_dealt_with(lambda: self.control.configs.change("web", set=settings, unset=[], by=ALICE))

    def until(self, question: Callable[[], object], seconds: float = 1500) -> None:
        passed = 0.0
        while not question():
            if passed >= seconds:
                found = self.service().deployment
                raise AssertionError(f"not so after {seconds} s: {found.phase if found else None} {found.outcome if found else ''}")
            step = 1.0 if passed < _PATIENT else 10.0
            self.wait(step, step)
            passed += step

    def until_over(self) -> None:
        """Nothing is in progress any more and the one more look was taken, or all waits for a person."""
        self.until(lambda: self.is_over)

    @property
    def is_over(self) -> bool:
        service = self.service()
        deployment = service.deployment
        if service.read_only:
            return False
        if deployment is None:
            return not service.look_again_since and not service.waiting and not service.giving_up and not (service.drift and service.drift.restoring)
        waits = deployment.phase is Phase.STAGED and not goes_on(service, deployment, self.clock.now())
        return waits or deployment.phase is Phase.NEEDS_HUMAN

    def until_phase(self, version: str, phase: Phase = Phase.COMPLETED) -> None:
        """It is there, or past that, or where something that went wrong has brought it."""
        past = list(Phase)[list(Phase).index(phase) :]
        self.until(lambda: any(one.build.version == version for one in self.deployments()) and self.phase(version) in past)

    def deliver(self, work: Callable[[], Any], *, once: bool = False) -> Any:
        """A worker of its own does this. With `once`, doing it again must change nothing. Raises what the work raises, or `Died`."""
        self._changes_once, self._before = once, self.service() if once else None
        return self.saboteur.deliver(lambda: self.witness.as_worker(work, is_request=once))

    def check(self, name: str = "web") -> None:
        self.witness.stepped()

    def _worker(self, work: Callable[[], object]) -> None:
        try:
            self.deliver(work)
        except (Died, Unavailable):
            return

    def _until_dealt_with(self, work: Callable[[], object]) -> None:
        for _ in range(6):
            try:
                self.deliver(work, once=True)
            except (Died, Unavailable):
                self.wait(1)
            else:
                return
        raise AssertionError("never dealt with")

    def _repeated(self, work: Callable[[], object]) -> None:
        before = self.service()
        work()
        self.witness.redelivered(before, once=self._changes_once)

    def _at_once(self) -> None:
        """The same was dealt with twice at the same time."""
        if self._changes_once and self._before:
            self.witness.came_twice(self._before)

    def _unattended(self) -> None:
        """Nobody works, and the application has only what it was told."""
        for _ in range(12):
            self.clock.move(OUTAGE / 12)
            self.witness.stepped()

    def _situation(self) -> str:
        service = self.ledger.find(keys.service("web"))
        deployment = service.deployment if service else None
        if service is None or deployment is None:
            return "idle"
        clocks = deployment.confirmed_at is not None, deployment.retiring, service.paused is not None, service.is_drifted, len(service.expected), len(self.sick)
        asked = [(run.id, run.answer) for run in deployment.hooks_run], len(deployment.approvals), deployment.confirmation is not None
        read_only = service.read_only and (service.read_only.entered_at is not None, service.read_only.leaving)
        return f"{deployment.id} {deployment.phase} {deployment.step} {deployment.extensions} {clocks} {asked} {read_only}"

    def _meanwhile(self, seconds: float) -> None:
        """Others' passes, one a second or so."""
        steps = min(4, round(seconds))
        for _ in range(steps):
            self.clock.move(timedelta(seconds=seconds / steps))
            self.witness.as_worker(lambda: self.others.passes.run("web"))
            self.witness.stepped()

    def _others(self) -> ControlPlane:
        seen = self.witness.between
        adapters = Adapters(
            clock=self.clock, side_by_side=one_after_another, ledger=seen("ledger", self.ledger), router=seen("router", self.router),
            runtime=seen("runtime", self.runtime), target_health=seen("targets", self.targets), probe=seen("probe", self.probe),
            metrics=seen("metrics", self.metrics), alarms=seen("alarms", self.alarms),
            objects=seen("objects", self.objects), images=seen("images", self.images), queues=seen("queues", self.queues),
            hooks=seen("hooks", self.hooks), secrets=seen("secrets", self.secrets), switch=seen("switch", self.switch),
        )
        return build(Settings("table", BUCKET, "due", "probes", self.pace), adapters)


def _copied(value: Any) -> Any:
    """With lists, dictionaries and sets of its own; what is in them is frozen."""
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return type(value)(value) if isinstance(value, list | set) else value
