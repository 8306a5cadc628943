"""A whole control plane on memory adapters, with a clock that is moved by hand: what stories are told in.

`World.wait` lets time pass the way it passes in production: a tick now and
then, a pass for what is due, a probe for what is probed. After every step the
invariants that can be seen from outside are checked.
"""

import io
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from chalicelib.access.model import Caller, Role
from chalicelib.audit.service import Audit
from chalicelib.bootstrap import Adapters, ControlPlane, build
from chalicelib.clock import ManualClock
from chalicelib.colors import Color
from chalicelib.config.memory import MemorySecretIndex
from chalicelib.cutover.memory import MemorySwitch
from chalicelib.deployments.answers import Asked
from chalicelib.deployments.memory import MemoryQueues
from chalicelib.deployments.model import Deployment, Phase
from chalicelib.deployments.observe import one_after_another
from chalicelib.errors import Unavailable
from chalicelib.health.memory import MemoryAlarms, MemoryMetrics, MemoryProbe, MemoryTargetHealth
from chalicelib.health.signal import Answer, Subject
from chalicelib.hooks.memory import MemoryHooks
from chalicelib.ledger import keys
from chalicelib.ledger.memory import MemoryLedger
from chalicelib.ledger.port import Ledger
from chalicelib.releases.memory import MemoryImages, MemoryObjects
from chalicelib.runtimes.memory import MemoryRuntime
from chalicelib.services.definition import Definition
from chalicelib.services.model import Service
from chalicelib.settings import Pace, Settings
from chalicelib.traffic.memory import Balancer, MemoryRouter, Write

BUCKET = "artifacts"
ALICE = Caller("alice", Role.ADMIN)
ELB = "arn:aws:elasticloadbalancing:us-east-1:123456789012"

QUICK = Pace(
    metric_period=timedelta(seconds=1), metric_delay=timedelta(0), settle=timedelta(seconds=1), look_again=timedelta(seconds=5), drain_floor=timedelta(seconds=2),
    health_margin=timedelta(seconds=0.5), ask_again=timedelta(seconds=1.5), act_within=timedelta(seconds=1.5), patience=timedelta(0),
    poll=timedelta(seconds=0.2), probe_run=timedelta(0), confirm_within=timedelta(seconds=3), shadow_within=timedelta(seconds=10),
)


def a_definition(name: str = "web", **changes: object) -> Definition:
    """A service that shifts 10 % and 50 % for ten seconds each and watches for thirty."""
    return Definition.model_validate(
        {
            "name": name,
            "runtime": {"kind": "lambda", "function": name},
            "traffic": {
                "production_rule": f"{ELB}:listener-rule/app/lb/1/prod/{name}",
                "staging_rule": f"{ELB}:listener-rule/app/lb/1/staging/{name}",
                "target_groups": {color: f"{ELB}:targetgroup/{name}-{color}/1" for color in ("blue", "green")},
                "load_balancer": f"{ELB}:loadbalancer/app/{name}/1",
            },
            "rollout": {"steps": [{"weight": 10, "hold_seconds": 10}, {"weight": 50, "hold_seconds": 10}], "watch_seconds": 30, "deadline_seconds": 300},
            "checks": {"probe": {"every_seconds": 1, "failures": 3}},
        }
        | changes
    )


def a_zip(text: str = "one") -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("app.py", f"def handler(event, context):\n    return {text!r}\n")
    return raw.getvalue()


class _NeverRaised(BaseException):
    """What kills no worker."""


@dataclass
class World:
    """Everything a story needs, by name. `sick` are versions that answer 500 to probes."""

    pace: Pace = QUICK
    sick: set[str] = field(default_factory=set)
    between: Callable[[str, Any], Any] = lambda name, adapter: adapter
    died: type[BaseException] = _NeverRaised
    keeping: Callable[[], Ledger] = MemoryLedger

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.ledger: Ledger = self.keeping()
        self.router = MemoryRouter(self.clock)
        self.targets = MemoryTargetHealth(self.clock)
        self.runtime = MemoryRuntime(steps=2, on_ready=self.targets.stand, on_size=self.targets.resize)
        self.metrics = MemoryMetrics(self.clock, self.pace)
        self.alarms = MemoryAlarms(self.clock)
        self.probe = MemoryProbe(otherwise=self._answer)
        self.objects = MemoryObjects(self.clock)
        self.images = MemoryImages(self.clock)
        self.queues = MemoryQueues()
        self.hooks = MemoryHooks()
        self.secrets = MemorySecretIndex()
        self.switch = MemorySwitch(self.clock)
        self._checked = 0
        adapters = Adapters(
            clock=self.between("clock", self.clock), side_by_side=one_after_another, ledger=self.between("ledger", self.ledger), router=self.between("router", self.router),
            runtime=self.between("runtime", self.runtime), target_health=self.between("targets", self.targets), probe=self.between("probe", self.probe),
            alarms=self.between("alarms", self.alarms), metrics=self.between("metrics", self.metrics),
            objects=self.between("objects", self.objects), images=self.between("images", self.images),
            queues=self.between("queues", self.queues),
            hooks=self.between("hooks", self.hooks), secrets=self.between("secrets", self.secrets), switch=self.between("switch", self.switch),
        )
        self.control: ControlPlane = build(Settings("table", BUCKET, "due", "probes", self.pace), adapters)

    def register(self, definition: Definition | None = None) -> Service:
        """A service that is registered, with its balancer around it."""
        wanted = definition or a_definition()
        self.router.attach(wanted.traffic, Balancer(health_delay_seconds=2))
        service, _ = self.control.services.register(wanted.name, wanted, if_match=None, by=ALICE)
        return service

    def redefine(self, name: str = "web", **parts: object) -> Service:
        """The same service with parts of its definition changed."""
        values = self.service(name).definition.model_dump(mode="json") | parts
        service, _ = self.control.services.register(name, Definition.model_validate(values), if_match=None, by=ALICE)
        return service

    def upload(self, version: str, name: str = "web", content: bytes | None = None) -> object:
        """CI uploads a zip, and the event arrives."""
        key = f"{name}/{version}/app.zip"
        object_version = self.objects.put(BUCKET, key, content or a_zip(version), metadata={"commit": "0" * 40})
        return self.control.intake.take(BUCKET, key, object_version)

    def asked(self, reason: str = "") -> Asked:
        return Asked(ALICE, reason)

    def wait(self, seconds: float, step: float = 1.0) -> None:
        """Time passes, with a tick every `step`."""
        for _ in range(round(seconds / step)):
            self.clock.move(timedelta(seconds=step))
            self.tick()

    def tick(self) -> None:
        self._worker(self.control.passes.tick)
        for name in self._drained(self.queues.probes):
            self._worker(lambda name=name: self.control.passes.probe(name))
        for name in self._drained(self.queues.due):
            self._worker(lambda name=name: self.control.passes.run(name))
        self.check()

    def until(self, question: Callable[[], object], seconds: float = 120) -> None:
        """Let time pass until it is so; says what it found instead if it never is."""
        for _ in range(round(seconds)):
            if question():
                return
            self.wait(1)
        deployment = self.service().deployment
        raise AssertionError(f"not so after {seconds} s: {deployment.phase if deployment else None} {deployment.outcome if deployment else ''}")

    def staged(self, version: str) -> Deployment:
        """Uploaded, and waited for until it is staged."""
        self.upload(version)
        self.until(lambda: self.phase(version) is Phase.STAGED)
        return self.deployment(version)

    def live(self, version: str) -> Deployment:
        """Uploaded, promoted, shifted, watched and completed."""
        self.staged(version)
        self.control.deployments.promote("web", self.asked(), version=version)
        self.until(lambda: self.phase(version) is Phase.COMPLETED, 300)
        return self.deployment(version)

    def shifting(self, version: str, percent: float = 10) -> Deployment:
        """Promoted, and seen to have this share of the traffic."""
        self.staged(version)
        self.control.deployments.promote("web", self.asked(), version=version)
        self.until(lambda: self.share(self.deployment(version).color) == percent)
        return self.deployment(version)

    def watching(self, version: str) -> Deployment:
        self.staged(version)
        self.control.deployments.promote("web", self.asked(), version=version)
        self.until(lambda: self.phase(version) is Phase.WATCHING)
        return self.deployment(version)

    def service(self, name: str = "web") -> Service:
        found = self.ledger.find(keys.service(name))
        assert found is not None
        return found

    def deployment(self, version: str, name: str = "web") -> Deployment:
        """The newest deployment of this version."""
        found = [one for one in self.deployments(name) if one.build.version == version]
        assert found, f"no deployment of {version}"
        return found[0]

    def deployments(self, name: str = "web") -> tuple[Deployment, ...]:
        return self.ledger.list(keys.deployments(name), limit=100).items

    def phase(self, version: str) -> Phase:
        return self.deployment(version).phase

    def share(self, color: Color | None, name: str = "web") -> float:
        """The percentage of production that this colour is served now."""
        traffic = self.service(name).definition.traffic
        split = self.router.rules(traffic).production.split
        assert split is not None
        assert color is not None
        return split.share(color) / 10

    def serving(self, name: str = "web") -> str | None:
        """The version that stands on the colour with the whole traffic."""
        service = self.service(name)
        whole = next(color for color in Color if self.share(color, name) == 100)
        return self.runtime.standing(service.definition, whole).version

    def production_writes(self, name: str = "web") -> list[Write]:
        rule = self.service(name).definition.traffic.production_rule
        return [write for write in self.router.writes if write.rule == rule]

    def check(self, name: str = "web") -> None:
        """The invariants of the design that can be seen from outside."""
        if self.ledger.find(keys.service(name)) is None:
            return
        self._no_weight_onto_what_is_not_healthy(name)
        assert Audit(self.ledger).verify(f"service/{name}") is None

    def _no_weight_onto_what_is_not_healthy(self, name: str) -> None:
        traffic = self.service(name).definition.traffic
        writes = self.production_writes(name)
        for write in writes[self._checked :]:
            for color in Color:
                group = traffic.target_groups.of(color)
                if _share(write.after.weight_by_group, group) > _share(write.before.weight_by_group, group) and group not in self.targets.unreadable:
                    assert self.targets.read(Subject(traffic, color)).healthy > 0, f"weight raised on {color}, where nothing is healthy"
        self._checked = len(writes)

    def _worker(self, work: Callable[[], object]) -> None:
        """A Lambda: it may die, or AWS may not answer it, and the next one goes on."""
        with suppress(self.died, Unavailable):
            work()

    def _answer(self, method: str, url: str) -> Answer:
        """What the application behind the rule answers to one request."""
        service = self.service()
        rules = self.router.rules(service.definition.traffic)
        split = rules.staging.split if "staging" in url else rules.production.split
        color = max(Color, key=lambda color: split.share(color) if split else 0)
        version = self.runtime.standing(service.definition, color).version
        if version is None:
            return Answer(503, None, "", timedelta(milliseconds=5))
        return Answer(500 if version in self.sick else 200, version, "hello", timedelta(milliseconds=5))

    @staticmethod
    def _drained(queue: list[str]) -> list[str]:
        taken, queue[:] = list(dict.fromkeys(queue)), []
        return taken


def _share(weight_by_group: object, group: str) -> float:
    assert isinstance(weight_by_group, dict)
    total = sum(weight_by_group.values())
    return float(weight_by_group.get(group, 0) / total) if total else 0.0


