"""The prober: asks the candidate every `every_seconds`, so that reaction is not bound to the minute.

One prober per service for about a minute, by a claim that only saves work: two of
them would do no harm. It reads the service again each round, stops well before its
limit and never starts itself again; the tick does.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.clock import Clock
from chalicelib.deployments import confirming
from chalicelib.deployments.judging import is_current
from chalicelib.deployments.model import Deployment, Phase
from chalicelib.deployments.trial import Trial, every, target_of
from chalicelib.health.checks.probes import KEPT
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
            pause = self._spacing(deployment).total_seconds() - (self.clock.monotonic() - began)
            if self.clock.monotonic() + max(0.0, pause) >= end:
                return
            self.clock.sleep(timedelta(seconds=max(0.0, pause)))

    def _spacing(self, deployment: Deployment) -> timedelta:
        """Nobody judges who answers after a revert, so its probes need not keep the pace that `failures` were meant for."""
        return self.pace.poll if deployment.phase is Phase.REVERTING else every(deployment.checks.probe)

    def _once(self, name: str, start_pass: Callable[[str], None]) -> Deployment | None:
        service, log = self.ledger.find_many((keys.service(name), keys.probe_log(name)))
        if not isinstance(service, Service) or service.deployment is None or not _is_probed(service.deployment):
            return None
        deployment = service.deployment
        answer = self.trial.once(service, deployment)
        after = _noted(log if isinstance(log, ProbeLog) else None, deployment, answer, self.clock.now(), self.pace.metric_period)
        if after is None:
            return deployment
        self.ledger.note(after)
        failed = after.failed_in_a_row >= deployment.checks.probe.failures and deployment.phase is not Phase.REVERTING
        if failed or after.through_in_a_row == confirming.PROBES:
            start_pass(name)
        return deployment


def _is_probed(deployment: Deployment) -> bool:
    """A watch that is over is probed only until its traffic is confirmed; so is a revert. A warm rollback was never on staging:
    something else would answer there.
    """
    over = deployment.retiring or deployment.phase is Phase.REVERTING
    elsewhere = deployment.phase is Phase.SHIFTING and deployment.ready_at is None
    return deployment.phase.is_probed and not elsewhere and (not over or confirming.is_open(deployment))


def _noted(log: ProbeLog | None, deployment: Deployment, answer: Check, now: datetime, period: timedelta) -> ProbeLog | None:
    """An answer from another release says nothing about this one; through production it says where the traffic goes."""
    if answer.outcome is not Outcome.INCONCLUSIVE:
        return counted(log, deployment, answer, now, period)
    if log is None or target_of(deployment) != "production" or (log.deployment, log.subject) != (deployment.id, deployment.subject):
        return None
    return replace(log, through_in_a_row=0, elsewhere_at=now)


def counted(log: ProbeLog | None, deployment: Deployment, answer: Check, now: datetime, period: timedelta) -> ProbeLog:
    """The log with one more answer. What came through production counts from the start of the step; what is in a row, from the last change of mind."""
    mine = log if log is not None and is_current(log, deployment) and _of_whom(log.subject) == _of_whom(deployment.subject) else None
    here = mine if mine and mine.subject == deployment.subject else None
    failed = answer.outcome is Outcome.UNHEALTHY
    through = target_of(deployment) == "production" and (not failed or "named" in answer.numbers)
    return ProbeLog(
        service=deployment.service,
        deployment=deployment.id,
        subject=deployment.subject,
        target=target_of(deployment),
        sent=_sent(log if log and log.deployment == deployment.id else None, now, period, answer),
        failed_in_a_row=(mine.failed_in_a_row if mine else 0) + 1 if failed else 0,
        passed_in_a_row=0 if failed else (mine.passed_in_a_row if mine else 0) + 1,
        last_at=now,
        last_reason=answer.reason,
        through_in_a_row=(here.through_in_a_row if here else 0) + 1 if through else 0,
        elsewhere_at=here.elsewhere_at if here else None,
        recent=((mine.recent if mine else "") + ("-" if failed else "+"))[-KEPT:],
    )


def _sent(log: ProbeLog | None, now: datetime, period: timedelta, answer: Check) -> dict[datetime, Counts]:
    """What was sent by metric period, with one more in the present one."""
    before = dict(log.sent) if log else {}
    begin = period_of(now, period)
    so_far, failed = before.pop(begin, Counts(0, 0)), "broken" in answer.numbers
    counts = Counts(so_far.requests + 1, so_far.errors + failed, max(so_far.slowest, answer.numbers.get("seconds", 0.0)))
    return {**dict(sorted(before.items())[-_KEPT_PERIODS:]), begin: counts}


def _of_whom(subject: str) -> bool:
    """While reverting it is the previous release that answers: its answers are not the candidate's."""
    return subject.startswith(f"{Phase.REVERTING}:")
