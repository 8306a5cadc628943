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
from chalicelib.deployments.observe import subject_of
from chalicelib.deployments.trial import Trial, every, target_of
from chalicelib.health.model import Check, Outcome, ProbeLog
from chalicelib.ledger import keys
from chalicelib.ledger.port import Ledger
from chalicelib.services.model import Service
from chalicelib.settings import Pace

_CLAIM_MARGIN = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Prober:
    ledger: Ledger
    trial: Trial
    clock: Clock
    pace: Pace

    def run(self, name: str, start_pass: Callable[[str], None]) -> None:
        """Probe until the run is over or there is nothing to probe. A pass is started when an answer may change the verdict."""
        if not self.ledger.claim(f"probe#{name}", now=self.clock.now(), lasting=self.pace.probe_run + _CLAIM_MARGIN):
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
        after = counted(log if isinstance(log, ProbeLog) else None, deployment, answer, self.clock.now())
        self.ledger.note(after)
        if after.failed_in_a_row >= deployment.checks.probe.failures:
            start_pass(name)
        return deployment


def counted(log: ProbeLog | None, deployment: Deployment, answer: Check, now: datetime) -> ProbeLog:
    """The log with one more answer. What was sent counts from the start of the step; what is in a row, from the last change of mind."""
    same_deployment = log is not None and log.deployment == deployment.id
    same_subject = same_deployment and log is not None and log.subject == subject_of(deployment)
    failed = answer.outcome is Outcome.UNHEALTHY
    return ProbeLog(
        service=deployment.service, deployment=deployment.id, subject=subject_of(deployment), target=target_of(deployment),
        sent=(log.sent if log and same_subject else 0) + 1,
        sent_failed=(log.sent_failed if log and same_subject else 0) + failed,
        failed_in_a_row=(log.failed_in_a_row if log and same_deployment else 0) + 1 if failed else 0,
        passed_in_a_row=0 if failed else (log.passed_in_a_row if log and same_deployment else 0) + 1,
        last_at=now, last_reason=answer.reason,
    )
