"""Anything may be asked at any time, anything may go wrong, and what must always be true stays true.

The model is small: what was pushed, what is paused, which way traffic may not go. The invariants of the fault plans are asked
at every call and after every rule. In the end faults stop, and everything must finish or wait for a person, and each wait must have an exit.
"""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from chalicelib.errors import Conflict, NotFound, Unavailable
from chalicelib.ledger import keys
from tests.faults.plans import Fault
from tests.faults.saboteur import Died
from tests.faults.stage import ROLLOUT, Stage
from tests.faults.workflows import GROUPS, RULE
from tests.world import ALICE, a_zip

FAULTS = tuple(fault for fault in Fault if fault not in {Fault.CLOCK_AHEAD, Fault.CLOCK_BEHIND, Fault.CONDITION_FAILED, Fault.STALE_READ})
VERSIONS = st.sampled_from([f"1.{minor}.0" for minor in range(5)])
STRATEGIES = st.sampled_from(["canary", "linear", "all-at-once"])


class Rollouts(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage()
        self.pushed: set[str] = set()
        self.paused = False
        self.refused: set[str] = set()

    @initialize(strategy=STRATEGIES, automatic=st.booleans(), adopted=st.booleans())
    def registered(self, strategy: str, automatic: bool, adopted: bool) -> None:
        if adopted:
            self.stage.targets.stand(GROUPS.blue, "legacy")
        steps = [{"weight": 25, "hold_seconds": 3}]
        self.stage.opened(rollout=ROLLOUT | {"strategy": strategy, "steps": steps, "deadline_seconds": 120, "promotion": "automatic" if automatic else "manual"})
        self.stage.saboteur.armed = True

    @rule(version=VERSIONS)
    def push(self, version: str) -> None:
        self.stage.push(version, a_zip(version))
        self.pushed.add(version)
        assert self.stage.ledger.find(keys.release("web", version)) is not None

    @rule(version=VERSIONS, override=st.booleans())
    def deploy(self, version: str, override: bool) -> None:
        asked = self.ask("deploy", version=version, override_quarantine=override)
        assert asked is not NotFound or version not in self.pushed
        assert asked is not None or version in self.pushed

    @rule(skip=st.booleans())
    def promote(self, skip: bool) -> None:
        answered = self.ask("promote", skip_holds=skip)
        assert answered is Conflict or not self.paused, "promoted in a pause"

    @rule()
    def roll_back(self) -> None:
        self.ask("rollback")

    @rule(version=VERSIONS)
    def roll_back_to(self, version: str) -> None:
        self.ask("rollback", to=version)

    @rule()
    def abort(self) -> None:
        before, deployment = self.production_writes(), self.stage.service().deployment
        untouched = deployment is None or not deployment.moved
        answered = self.ask("abort")
        if untouched and answered is not Unavailable:
            assert self.production_writes() == before, "an abort before the shift wrote weights"

    @rule()
    def pause(self) -> None:
        if self.ask("pause") is None:
            self.paused = True

    @rule()
    def resume(self) -> None:
        if self.ask("resume") is None:
            self.paused = False

    @rule(certified=st.booleans())
    def certify(self, certified: bool) -> None:
        self.ask("certify", certified=certified)

    @rule(drift=st.sampled_from(["restore", "adopt"]))
    def settle_drift(self, drift: str) -> None:
        if self.ask("resume", drift=drift) is None:
            self.paused = False

    @rule(value=st.sampled_from("abc"))
    def change_config(self, value: str) -> None:
        self.tried(lambda: self.stage.control.configs.change("web", set={"GREETING": value}, unset=[], by=ALICE))

    @rule(version=VERSIONS)
    def goes_bad(self, version: str) -> None:
        self.stage.sick.add(version)

    @rule()
    def heals(self) -> None:
        self.stage.sick.clear()
        self.stage.metrics.unreadable = False
        self.stage.targets.unreadable.clear()
        self.stage.targets.unscript(GROUPS.blue)
        self.stage.targets.unscript(GROUPS.green)

    @rule(color=st.sampled_from(Color))
    def targets_die(self, color: Color) -> None:
        self.stage.targets.script(GROUPS.of(color), "unhealthy")

    @rule(color=st.sampled_from(Color))
    def health_cannot_be_read(self, color: Color) -> None:
        self.stage.targets.unreadable.add(GROUPS.of(color))

    @rule()
    def metrics_cannot_be_read(self) -> None:
        self.stage.metrics.unreadable = True

    @precondition(lambda self: self.pushed)
    @rule(blue=st.sampled_from([0, 300, 700, 999]))
    def somebody_moves_the_weights(self, blue: int) -> None:
        self.stage.router.meddle(RULE, {GROUPS.blue: blue, GROUPS.green: 999 - blue})
        self.stage.witness.weights_meddled = True
        self.stage.witness.see_empties()

    @rule(fault=st.sampled_from(FAULTS), ahead=st.integers(0, 25))
    def something_will_go_wrong(self, fault: Fault, ahead: int) -> None:
        self.stage.saboteur.at, self.stage.saboteur.fault = len(self.stage.saboteur.calls) + ahead, fault

    @rule(seconds=st.sampled_from([1, 1, 2, 5, 12]))
    def time_passes(self, seconds: int) -> None:
        self.stage.wait(seconds)

    @rule()
    def a_long_time_passes(self) -> None:
        self.stage.wait(150, 15)

    @invariant()
    def paused_as_asked(self) -> None:
        if self.stage.ledger.find(keys.service("web")) is not None:
            assert (self.stage.service().paused is not None) == self.paused

    def teardown(self) -> None:
        """Faults stop, people do their part: everything comes to an end."""
        if not self.stage.saboteur.armed:
            return
        self.stage.saboteur.armed = False
        self.heals()
        self.ask("resume")
        self.stage.control.passes.run("web")  # nobody looks at a service where nothing is in progress
        for _ in range(12):
            self.stage.until(lambda: self.stage.is_over or self.stage.service().drift)
            deployment = self.stage.service().deployment
            if self.stage.service().drift:
                self.settled()
            elif deployment is None:
                break
            else:
                self.exit(deployment.phase)
        self.ended_well()

    def settled(self) -> None:
        """Put back what somebody moved; where nothing healthy stands that it could go back to, take it as it is."""
        self.ask("resume", drift="restore")
        self.stage.wait(20)
        if self.stage.service().drift:
            self.ask("resume", drift="adopt")
        if self.stage.service().drift:  # neither is safe: by hand, then
            self.somebody_moves_the_weights(self.stage.service().desired.blue * 999 // 1000)
            self.ask("resume", drift="restore")
            self.stage.wait(20)

    def exit(self, phase: Phase) -> None:
        """What a person does about what waits for one."""
        if phase is Phase.STAGED:
            self.ask("promote")
        elif self.ask("abort") is Conflict:
            self.ask("promote", skip_holds=True)

    def ended_well(self) -> None:
        service = self.stage.service()
        assert service.deployment is None, f"{service.deployment.phase} has no exit: {service.deployment.outcome}"
        if service.live and service.drift is None:
            assert self.stage.share(service.live.color) == 100, f"{service.live.color} is called live and has {self.stage.share(service.live.color)} %"
        assert self.stage.control.audit.verify("service/web") is None

    def ask(self, command: str, **named: Any) -> Any:
        """None: answered. Else the kind of refusal."""
        return self.tried(lambda: self.stage.ask_once(command, **named))

    def tried(self, work: Any) -> Any:
        try:
            self.stage.deliver(work)
        except (Conflict, NotFound, Unavailable) as refused:
            return type(refused)
        except Died:
            return Unavailable
        return None

    def production_writes(self) -> int:
        return len(self.stage.production_writes())
