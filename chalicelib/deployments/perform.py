"""Do what was decided, after it was recorded.

ELB cannot fence, so time does: what is not begun within `pace.act_within` of
its record, on this process's own clock, is not begun at all; whoever looks next decides
anew. What fails here is not retried here: the next look finds it missing.
"""

from dataclasses import dataclass, replace

from chalicelib import log
from chalicelib.clock import Clock
from chalicelib.config.model import Environment
from chalicelib.cutover.switch import ReadOnlySwitch
from chalicelib.deployments.instructions import CallHook, EnterReadOnly, Instruction, LeaveReadOnly, PointStaging, Prepare, Resize, SetWeights
from chalicelib.deployments.observation import HookAnswered
from chalicelib.errors import Conflict, NotFound, Unavailable
from chalicelib.hooks.caller import HookCaller
from chalicelib.ledger import keys
from chalicelib.ledger.port import Ledger
from chalicelib.runtimes.runtime import Progress, Runtime, Standing
from chalicelib.services.model import Service
from chalicelib.settings import Pace
from chalicelib.traffic.router import Router, Rules


@dataclass(frozen=True, slots=True)
class LedTo:
    """What instructions led to that no look would show: only the runtime that tried knows that a build can never stand, and a hook says its answer once."""

    standing: Standing | None = None
    answers: tuple[HookAnswered, ...] = ()

    @property
    def has_to_be_decided(self) -> bool:
        return bool(self.answers) or (self.standing is not None and self.standing.progress is Progress.FAILED)


@dataclass(frozen=True, slots=True)
class Performer:
    router: Router
    runtime: Runtime
    hooks: HookCaller
    switch: ReadOnlySwitch
    ledger: Ledger
    clock: Clock
    pace: Pace

    def perform(self, service: Service, instructions: tuple[Instruction, ...], rules: Rules | None, *, since: float) -> LedTo:
        """In order; `since` is the monotonic moment just before the record was written, `rules` what was looked at before it."""
        led_to = LedTo()
        for instruction in instructions:
            if self.clock.monotonic() - since > self.pace.act_within.total_seconds() or self._is_over(instruction):
                log.event("instruction.too_late", service=service.name, instruction=type(instruction).__name__)
                return led_to
            try:
                led_to = self._do(service, instruction, rules, led_to)
            except (Unavailable, Conflict, NotFound) as error:
                log.event("instruction.failed", service=service.name, instruction=type(instruction).__name__, error=error.detail)
        return led_to

    def _is_over(self, instruction: Instruction) -> bool:
        """A cutover's weights must move while nobody writes."""
        return isinstance(instruction, SetWeights) and instruction.before is not None and self.clock.now() >= instruction.before

    def _is_in_charge(self, service: Service) -> bool:
        """Whether no other deployment and no command took over since the record that was acted on."""
        now = self.ledger.find(keys.service(service.name))
        return now is not None and now.epoch == service.epoch

    def _is_current(self, service: Service) -> bool:
        """Whether nobody wrote since the record that was acted on; unlike weights, a size that is asked for is not on the record itself."""
        now = self.ledger.find(keys.service(service.name))
        return now is not None and now.revision == service.revision

    def _do(self, service: Service, instruction: Instruction, rules: Rules | None, led_to: LedTo) -> LedTo:
        definition = service.definition
        match instruction:
            case EnterReadOnly(parameter, until, deployment):
                self.switch.set(parameter, until, deployment=deployment)
            case LeaveReadOnly(parameter, deployment):
                self.switch.set(parameter, None, deployment=deployment)
            case SetWeights(split, unstick):
                self.router.set_weights(definition.traffic, split, unstick=unstick, seen=rules.production if rules else None)
            case PointStaging(color):
                self.router.point_staging(definition.traffic, color, seen=rules.staging if rules else None)
            case Prepare(color, build, attempt, repinned, serving):
                config = self.ledger.find(keys.config(service.name, build.config_version)) if build.config_version else None
                environment = config.environment(repinned) if config else Environment()
                standing = self.runtime.prepare(
                    definition, color, build, environment, attempt, serving=serving, still_ours=lambda: self._is_in_charge(service)
                )
                return replace(led_to, standing=standing)
            case Resize(color, held, at_least, at_most) if self._is_current(service):
                self.runtime.resize(definition, color, at_least=at_least, at_most=at_most, held=held)
            case CallHook(run, hook, payload):
                return replace(led_to, answers=(*led_to.answers, HookAnswered(run, self.hooks.call(hook, payload))))
        return led_to
