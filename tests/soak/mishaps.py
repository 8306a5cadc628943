"""What may go wrong around the control plane, and time."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition

from chalicelib.colors import Color
from chalicelib.config.model import Store
from chalicelib.hooks.model import HookAnswer, Said
from tests.faults.plans import OUTAGE, SKEWED, Fault
from tests.soak.place import HOOKS, SECRET
from tests.soak.playing import Playing, happens
from tests.soak.requests import VERSIONS
from tests.world import a_definition

GROUPS = a_definition().traffic.target_groups
RULE = a_definition().traffic.production_rule
FAULTS = tuple(fault for fault in Fault if fault not in SKEWED)
SAYING = {
    "yes": HookAnswer(Said.SUCCEEDED), "no": HookAnswer(Said.FAILED, "rows are missing"), "later": HookAnswer(Said.IN_PROGRESS, "migrating", call_back_after=timedelta(seconds=2)),
    "nothing": HookAnswer(Said.NOTHING, "it raised"), "nonsense": b"<html>",
}
BREAKS = ("the release", "the release", "its zip", "the targets", "reading health", "reading metrics", "the switch", "the secret store")


class Mishaps(Playing):
    @happens(what=st.sampled_from(BREAKS), color=st.sampled_from(Color), version=VERSIONS)
    def something_breaks(self, what: str, color: Color, version: str) -> None:
        self.place.is_broken = True
        match what:
            case "the release":
                self.place.sick.add(version)
            case "its zip":
                self.place.runtime.broken[version] = "the zip has no handler"
            case "the targets":
                self.place.targets.script(GROUPS.of(color), "unhealthy")
            case "reading health":
                self.place.targets.unreadable.add(GROUPS.of(color))
            case "reading metrics":
                self.place.metrics.unreadable = True
            case "the switch":
                self.place.switch.unreachable = True
            case "the secret store":
                self.place.secrets.unreachable = True

    @precondition(lambda self: self.seen.phase in {"shifting", "watching"})
    @happens()
    def what_is_tried_goes_bad(self) -> None:
        self.place.is_broken = True
        self.place.sick.add(self.seen.service["deployment"]["version"])

    @precondition(lambda self: self.place.is_broken)
    @happens()
    def heals(self) -> None:
        self.place.heal()

    @happens(color=st.sampled_from(Color), errors=st.sampled_from([0.0, 0.0, 0.3]))
    def requests_flow(self, color: Color, errors: float) -> None:
        self.place.metrics.flow(GROUPS.of(color), per_second=300, error_rate=errors)

    @precondition(lambda self: self.seen.releases)
    @happens(blue=st.sampled_from([0, 300, 700, 999]))
    def somebody_moves_the_weights(self, blue: int) -> None:
        self.place.meddle(blue)

    @happens(at=st.sampled_from(sorted(HOOKS)), says=st.sampled_from(sorted(SAYING)))
    def a_hook_says(self, at: str, says: str) -> None:
        self.place.hooks.answers[HOOKS[at]] = lambda _: SAYING[says]

    @happens(lost=st.booleans())
    def a_secret_changes(self, lost: bool) -> None:
        """And the version before may be lost."""
        newest = self.place.secrets.put(Store.SSM, SECRET)
        if lost:
            self.place.secrets.lose(Store.SSM, SECRET, str(int(newest) - 1))

    @happens(fault=st.sampled_from(FAULTS), ahead=st.sampled_from(range(26)))
    def something_will_go_wrong(self, fault: Fault, ahead: int) -> None:
        self.place.saboteur.at, self.place.saboteur.fault = len(self.place.saboteur.calls) + ahead, fault
        self.place.witness.absent = OUTAGE if fault is Fault.ALL_GONE else timedelta(0)

    @happens(seconds=st.sampled_from([1, 1, 2, 5, 12]))
    def time_passes(self, seconds: int) -> None:
        self.pass_time(seconds)

    @precondition(lambda self: self.seen.phase not in {"", "staged", "needs-human"})
    @happens(most=st.sampled_from([8, 8, 20, 20, 40]))
    def time_passes_until_something_happens(self, most: int) -> None:
        phase = self.seen.phase
        for _ in range(most):
            self.pass_time(1)
            if self.look().phase != phase:
                return

    @happens(seconds=st.sampled_from([30, 60, 60, 200, 25 * 3600]))
    def a_long_time_passes(self, seconds: int) -> None:
        """A day only where nothing has a bound: approvals and idempotency keys grow old."""
        self.pass_time(min(seconds, 200), 10)
        if seconds > 200 and self.look().phase in {"", "staged"}:
            self.place.clock.move(timedelta(seconds=seconds))
