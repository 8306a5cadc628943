"""The prober: asks the candidate every `every_seconds`, so that reaction is not bound to the minute.

One prober per service for about a minute, by a claim that only saves work: two of
them would do no harm. It reads the service again each round, stops well before its
limit and never starts itself again; the tick does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.clock import Clock
from chalicelib.deployments.model import Deployment
from chalicelib.deployments.trial import Trial, every, target_of
from chalicelib.health.model import Check, Counts, Outcome, ProbeLog
from chalicelib.health.periods import period_of
from chalicelib.ledger import keys
from chalicelib.ledger.port import Ledger
from chalicelib.services.model import Service
from chalicelib.settings import Pace

_KEPT_PERIODS = 200


@dataclass(frozen=True, slots=True)
class Prober:
    ledger: Ledger
    trial: Trial
    clock: Clock
    pace: Pace

    def run(self, name: str, start_pass: Callable[[str], None]) -> None:
        """Probe until the run is over or there is nothing to probe. A pass is started when an answer may change the verdict."""
        # Half a run: the next tick's prober takes over before this one's last round, and no minute goes unprobed.
        if not self.ledger.claim(f"probe#{name}", now=self.clock.now(), lasting=self.pace.probe_run / 2):
            return
        try:
            self._rounds(name, start_pass)
        finally:
            self.ledger.release(f"probe#{name}")

    def _rounds(self, name: str, start_pass: Callable[[str], None]) -> None:
        end = self.clock.monotonic() + self.pace.probe_run.total_seconds()
        while True:
            began = self.clock.monotonic()
            deployment = self._once(name, start_pass)
            if deployment is None:
                return
            pause = every(deployment.checks.probe).total_seconds() - (self.clock.monotonic() - began)
            if self.clock.monotonic() + max(0.0, pause) >= end:
                return
            self.clock.sleep(timedelta(seconds=max(0.0, pause)))

    def _once(self, name: str, start_pass: Callable[[str], None]) -> Deployment | None:
        service, log = self.ledger.find_many((keys.service(name), keys.probe_log(name)))
        if not isinstance(service, Service) or service.deployment is None or not service.deployment.phase.is_probed or service.deployment.retiring:
            return None
        deployment = service.deployment
        answer = self.trial.once(service, deployment)
        if answer.outcome is Outcome.INCONCLUSIVE:
            return deployment
        after = counted(log if isinstance(log, ProbeLog) else None, deployment, answer, self.clock.now(), self.pace.metric_period)
        self.ledger.note(after)
        if after.failed_in_a_row >= deployment.checks.probe.failures:
            start_pass(name)
        return deployment


def counted(log: ProbeLog | None, deployment: Deployment, answer: Check, now: datetime, period: timedelta) -> ProbeLog:
    """The log with one more answer; another deployment begins another."""
    mine = log if log and log.deployment == deployment.id else None
    failed = answer.outcome is Outcome.UNHEALTHY
    begin = period_of(now, period)
    before = dict(mine.sent) if mine else {}
    so_far = before.pop(begin, Counts(0, 0))
    kept = dict(sorted(before.items())[-_KEPT_PERIODS:])
    return ProbeLog(
        service=deployment.service,
        deployment=deployment.id,
        target=target_of(deployment),
        sent={**kept, begin: Counts(so_far.requests + 1, so_far.errors + failed)},
        failed_in_a_row=(mine.failed_in_a_row if mine else 0) + 1 if failed else 0,
        passed_in_a_row=0 if failed else (mine.passed_in_a_row if mine else 0) + 1,
        last_at=now,
        last_reason=answer.reason,
    )
