"""Do what was decided, after it was recorded.

ELB cannot fence, so time does: what is not begun within `pace.act_within` of
its record, on this process's own clock, is not begun at all; whoever looks next decides
anew. What fails here is not retried here: the next look finds it missing.
"""

from dataclasses import dataclass

from chalicelib import log
from chalicelib.clock import Clock
from chalicelib.deployments.instructions import Instruction, PointStaging, Prepare, Retire, SetWeights
from chalicelib.errors import Conflict, NotFound, Unavailable
from chalicelib.ledger import keys
from chalicelib.ledger.port import Ledger
from chalicelib.runtimes.runtime import Runtime, Standing
from chalicelib.services.model import Service
from chalicelib.settings import Pace
from chalicelib.traffic.router import Router, Rules


@dataclass(frozen=True, slots=True)
class Performer:
    router: Router
    runtime: Runtime
    ledger: Ledger
    clock: Clock
    pace: Pace

    def perform(self, service: Service, instructions: tuple[Instruction, ...], rules: Rules | None, *, since: float) -> Standing | None:
        """In order; `since` is the monotonic moment just before the record was written, `rules` what was looked at before it.

        Answers what a `Prepare` led to: only the runtime that tried knows that a build can never stand.
        """
        led_to = None
        for instruction in instructions:
            if self.clock.monotonic() - since > self.pace.act_within.total_seconds():
                log.event("instruction.too_late", service=service.name, instruction=type(instruction).__name__)
                return led_to
            try:
                led_to = self._do(service, instruction, rules) or led_to
            except (Unavailable, Conflict, NotFound) as error:
                log.event("instruction.failed", service=service.name, instruction=type(instruction).__name__, error=error.detail)
        return led_to

    def _is_in_charge(self, service: Service) -> bool:
        """Whether no other deployment and no command took over since the record that was acted on."""
        now = self.ledger.find(keys.service(service.name))
        return now is not None and now.epoch == service.epoch

    def _do(self, service: Service, instruction: Instruction, rules: Rules | None) -> Standing | None:
        definition = service.definition
        match instruction:
            case SetWeights(split, unstick):
                self.router.set_weights(definition.traffic, split, unstick=unstick, seen=rules.production if rules else None)
            case PointStaging(color):
                self.router.point_staging(definition.traffic, color, seen=rules.staging if rules else None)
            case Prepare(color, build):
                config = self.ledger.find(keys.config(service.name, build.config_version)) if build.config_version else None
                return self.runtime.prepare(definition, color, build, config.settings if config else {}, lambda: self._is_in_charge(service))
            case Retire(color):
                self.runtime.retire(definition, color)
        return None
