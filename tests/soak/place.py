"""The stage of the fault plans as the soak needs it: registered over the API, and with a witness whom no answer can silence."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar, cast

from chalicelib.colors import Color, Split
from chalicelib.config.model import Store
from chalicelib.deployments.model import Build
from chalicelib.health.signal import Answer, Subject
from chalicelib.ledger.memory import MemoryLedger
from chalicelib.ledger.port import Change, Ledger, Ref
from chalicelib.services.definition import Definition
from chalicelib.services.model import Service
from chalicelib.traffic.memory import Balancer
from tests.faults.stage import Stage
from tests.faults.witness import Witness
from tests.world import BUCKET

T = TypeVar("T")

PARAMETER = "/turnout/web/read-only"
SECRET = "database"
HOOKS = {at: f"turnout-hook-{at.replace('_', '-')}" for at in ("before_shift", "after_shift", "before_revert", "after_revert", "read_only")}


@dataclass
class Onlooker(Witness):
    """Keeps the first breach, since the API answers whatever is raised under it."""

    breach: AssertionError | None = None
    commits: int = 0

    def committed(self, change: Change, before: Service | None) -> None:
        self.commits += 1
        self._kept(super().committed, change, before)

    def weights(self, before: Split | None, after: Split) -> None:
        self._kept(super().weights, before, after)

    def preparation(self, color: Color, build: Build, settings: dict[str, str]) -> None:
        secrets = self.world.secrets
        cut_off, secrets.unreachable = secrets.unreachable, False  # to others, not to a witness
        try:
            self._kept(super().preparation, color, build, settings)
        finally:
            secrets.unreachable = cut_off

    def _kept(self, asked: Any, *args: Any) -> None:
        try:
            asked(*args)
        except AssertionError as breach:
            self.breach = self.breach or breach
            raise


@dataclass(slots=True)
class QuickLedger(MemoryLedger):
    """Makes a document of its text once: what is read is frozen, and reading is half of the time that a run takes."""

    _made: dict[tuple[str, str], tuple[object, object]] = field(default_factory=dict)

    def find(self, ref: Ref[T]) -> T | None:
        place = ref.partition, ref.sort
        kept = self._kept.get(place)
        known = self._made.get(place)
        if kept is None or known is None or known[0] is not kept:
            self._made[place] = known = kept, MemoryLedger.find(self, ref)
        return cast(T | None, known[1])


@dataclass
class Place(Stage):
    """`is_cut_off` while the secret store answers nobody, which requests may need."""

    witness: Witness = field(default_factory=Onlooker)
    keeping: Callable[[], Ledger] = QuickLedger
    is_broken: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.clock.sleep = lambda _: self.clock.move(timedelta(milliseconds=20))  # type: ignore[method-assign]  # else by chance, and no run would be like another

    @property
    def is_cut_off(self) -> bool:
        return self.secrets.unreachable

    def build(self, definition: Definition) -> None:
        """What is there before anybody registers a service: a balancer and a secret."""
        self.router.attach(definition.traffic, Balancer(health_delay_seconds=2))
        self.secrets.put(Store.SSM, SECRET)

    def heal(self) -> None:
        """Whatever can be repaired is."""
        self.is_broken = False
        for broken in (self.sick, self.runtime.broken, self.targets.unreadable, self.hooks.answers):
            broken.clear()
        self.metrics.unreadable = self.switch.unreachable = self.secrets.unreachable = False
        traffic = self.witness.definition.traffic
        for color in Color:
            self.targets.unscript(traffic.target_groups.of(color))
            self.metrics.flow(traffic.target_groups.of(color), per_second=0)

    def meddle(self, blue: int) -> None:
        """Somebody else moves the weights."""
        traffic = self.witness.definition.traffic
        self.router.meddle(traffic.production_rule, {traffic.target_groups.blue: blue, traffic.target_groups.green: 999 - blue})
        self.witness.weights_meddled = True
        long_ago = self.clock.now() - timedelta(days=1)  # what is changed and taken back between two looks nobody can know of
        empty = {color: self.witness.empty_since.get(color, long_ago) for color, weight in ((Color.BLUE, blue), (Color.GREEN, 999 - blue)) if not weight}
        self.witness.empty_since = empty

    def _answer(self, method: str, url: str) -> Answer:
        """What stood there before Turnout came answers too, and names no release."""
        answer = super()._answer(method, url)
        return replace(answer, status=200) if answer.status == 503 and self._adopted_serves(url) else answer

    def _adopted_serves(self, url: str) -> bool:
        traffic = self.witness.definition.traffic
        rules = self.router.look(traffic)
        split = (rules.staging if "staging" in url else rules.production).split
        color = split.whole_on if split else None
        return color is not None and self.targets.read(Subject(traffic, color)).healthy > 0

    def content(self, version: str) -> bytes:
        """Of the newest object of this version."""
        return self.objects.fetch(BUCKET, f"web/{version}/app.zip", None).file.read()

    @staticmethod
    def sha256(content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()

    def check(self, name: str = "web") -> None:
        super().check(name)
        breach = self.witness.breach  # type: ignore[attr-defined]
        if breach:
            raise breach

    def check_switch(self) -> None:
        """Nobody was ever told to be read-only for longer than the limit."""
        for at, until in self.switch.writes:
            assert until is None or until - at <= timedelta(seconds=20), f"at {at} read-only was written until {until}"

