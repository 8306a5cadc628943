"""Ask an application: the smoke checks and the probe against staging, and the prober's single questions.

An answer counts only from the candidate: a release header with another version
means that the question reached somebody else (a rule that has not arrived
everywhere yet), and says nothing.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib.clock import Clock
from chalicelib.deployments import confirming
from chalicelib.deployments.model import Deployment, Phase
from chalicelib.health.model import Check, Outcome
from chalicelib.health.signal import Answer, HttpProbe
from chalicelib.services.definition import Probe, Smoke
from chalicelib.services.model import Service

_WHOLE_TRIAL = timedelta(seconds=20)
_BROKEN = 500


@dataclass(frozen=True, slots=True)
class Trial:
    probe: HttpProbe
    clock: Clock

    def on_staging(self, service: Service, deployment: Deployment, *, smoke: bool) -> Check:
        """The probe, and with `smoke` the smoke checks in order; the first that does not pass is the answer. 20 s in all."""
        probe = deployment.checks.probe
        questions = (Smoke(path=probe.path, expect_status=probe.expect_status), *(deployment.checks.smoke if smoke else ()))
        end = self.clock.monotonic() + _WHOLE_TRIAL.total_seconds()
        for question in questions:
            left = timedelta(seconds=end - self.clock.monotonic())
            if left <= timedelta(0):
                return Check("trial", Outcome.UNHEALTHY, f"the smoke checks take longer than {int(_WHOLE_TRIAL.total_seconds())} s together")
            check = self._asked(service, deployment, service.site.staging_url, question, min(left, timedelta(seconds=probe.timeout_seconds)))
            if check.outcome is not Outcome.HEALTHY:
                return check
        return Check("trial", Outcome.HEALTHY, f"{len(questions)} questions answered as expected")

    def once(self, service: Service, deployment: Deployment) -> Check:
        """One probe: to staging while it serves the candidate, through production once that has everything, or gave it back."""
        probe = deployment.checks.probe
        question = Smoke(path=probe.path, expect_status=probe.expect_status)
        return self._asked(service, deployment, url_of(service, deployment), question, timedelta(seconds=probe.timeout_seconds))

    def _asked(self, service: Service, deployment: Deployment, base: str, question: Smoke, timeout: timedelta) -> Check:
        answer = self.probe.ask(question.method, base + question.path, header=service.definition.identify.header, timeout=timeout)
        return _judged(question, answer, confirming.intended(deployment).version)


def target_of(deployment: Deployment) -> str:
    return "production" if deployment.phase in (Phase.WATCHING, Phase.REVERTING) else "staging"


def url_of(service: Service, deployment: Deployment) -> str:
    return service.site.production_url if target_of(deployment) == "production" else service.site.staging_url


def every(probe: Probe) -> timedelta:
    return timedelta(seconds=probe.every_seconds)


def _judged(question: Smoke, answer: Answer, version: str) -> Check:
    """`numbers` tell how long it took, and of an answer that names its release, or that the balancer counts as an error; what was asked is another question."""
    check = _compared(question, answer, version)
    named = {"named": 1.0} if version and answer.release == version else {}
    broken = {"broken": 1.0} if answer.status is not None and answer.status >= _BROKEN else {}
    return replace(check, numbers={"seconds": answer.took.total_seconds(), **named, **broken})


def _compared(question: Smoke, answer: Answer, version: str) -> Check:
    asked = f"{question.method} {question.path}"
    if answer.status is None:
        return Check("trial", Outcome.UNHEALTHY, f"{asked}: no answer ({answer.error})")
    if answer.release and version and answer.release != version:
        return Check("trial", Outcome.INCONCLUSIVE, f"{asked} was answered by {answer.release}, not by {version}")
    if answer.status != question.expect_status:
        return Check("trial", Outcome.UNHEALTHY, f"{asked} answered {answer.status}, expected {question.expect_status}")
    if question.expect_body and question.expect_body not in answer.body:
        return Check("trial", Outcome.UNHEALTHY, f"{asked} did not answer with {question.expect_body!r}")
    return Check("trial", Outcome.HEALTHY, f"{asked} answered {answer.status}")
