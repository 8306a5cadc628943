"""Look at the world: only at what the recorded phase needs, side by side, one try each.

What cannot be read is left out of the observation, never guessed; deciding what that
means is the machine's.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from chalicelib.clock import Clock
from chalicelib.colors import Color
from chalicelib.deployments import staging
from chalicelib.deployments.model import Deployment, Kind, Phase
from chalicelib.deployments.observation import Observation
from chalicelib.deployments.trial import Trial
from chalicelib.errors import NotFound, Unavailable
from chalicelib.health.judge import Evidence, judge
from chalicelib.health.model import Check, Counts, ProbeLog, Targets, Verdict
from chalicelib.health.signal import RequestMetrics, TargetHealth
from chalicelib.runtimes.runtime import Runtime, Standing
from chalicelib.services.model import Look, Service
from chalicelib.settings import Pace
from chalicelib.traffic.router import Router, Rules

T = TypeVar("T")
SideBySide = Callable[[dict[str, Callable[[], object]]], dict[str, object]]
"""Runs the questions, possibly at the same time, and returns their answers by name."""

_NEEDS_STANDING = frozenset({Phase.PREPARING, Phase.VERIFYING, Phase.STAGED, Phase.SHIFTING})
_IS_JUDGED = frozenset({Phase.SHIFTING, Phase.WATCHING})


def one_after_another(questions: dict[str, Callable[[], object]]) -> dict[str, object]:
    return {name: question() for name, question in questions.items()}


@dataclass(frozen=True, slots=True)
class Observer:
    router: Router
    runtime: Runtime
    target_health: TargetHealth
    metrics: RequestMetrics
    trial: Trial
    clock: Clock
    pace: Pace
    side_by_side: SideBySide = one_after_another

    def look(self, service: Service, last: Look | None, log: ProbeLog | None) -> Observation:
        """What a pass needs to decide. One `DescribeRules`, one `DescribeTargetHealth` a colour, and what the phase asks for beside."""
        now = self.clock.now()
        deployment = service.deployment
        seen = self.side_by_side(self._questions(service, deployment))
        rules = seen.get("rules")
        targets = {color: found for color in Color if isinstance(found := seen.get(color.value), Targets)}
        standing, counts, trial = seen.get("standing"), seen.get("counts"), seen.get("trial")
        return Observation(
            at=now,
            rules=rules if isinstance(rules, Rules) else None,
            targets=targets,
            standing=standing if isinstance(standing, Standing) else None,
            trial=trial if isinstance(trial, Check) else None,
            verdict=self._verdict(deployment, targets, log, counts if isinstance(counts, dict) else None) if deployment else None,
            last=last,
        )

    def look_at_traffic(self, service: Service, last: Look | None) -> Observation:
        """Only the rule and the targets' health: all that a rollback waits for before its weights."""
        seen = self.side_by_side(self._traffic(service))
        rules = seen.get("rules")
        targets = {color: found for color in Color if isinstance(found := seen.get(color.value), Targets)}
        return Observation(at=self.clock.now(), rules=rules if isinstance(rules, Rules) else None, targets=targets, last=last)

    def _traffic(self, service: Service) -> dict[str, Callable[[], object]]:
        traffic = service.definition.traffic
        questions: dict[str, Callable[[], object]] = {"rules": lambda: _or_none(lambda: self.router.look(traffic))}
        for color in Color:
            questions[color.value] = lambda color=color: _or_none(lambda: self.target_health.targets(traffic, color))  # type: ignore[misc]
        return questions

    def _questions(self, service: Service, deployment: Deployment | None) -> dict[str, Callable[[], object]]:
        questions = self._traffic(service)
        if deployment is None or deployment.color is None:
            return questions
        color = deployment.color
        if deployment.phase in _NEEDS_STANDING:
            questions["standing"] = lambda: _or_none(lambda: self.runtime.standing(service.definition, color))
        if deployment.phase is Phase.VERIFYING and self.clock.now() >= staging.health_counts_from(service, deployment, self.pace):
            questions["trial"] = lambda: self.trial.on_staging(service, deployment)
        if is_judged(deployment):
            questions["counts"] = lambda: _or_none(lambda: self._counts(service, deployment))
        return questions

    def _counts(self, service: Service, deployment: Deployment) -> dict[Color, Counts]:
        since = deployment.phase_since if deployment.phase is Phase.WATCHING else deployment.confirmed_at
        return self.metrics.counts(service.definition.traffic, since or deployment.phase_since, self.clock.now())

    def _verdict(self, deployment: Deployment, targets: dict[Color, Targets], log: ProbeLog | None, counts: dict[Color, Counts] | None) -> Verdict | None:
        if not is_judged(deployment) or deployment.color is None:
            return None
        mine = _probes_of(deployment, log)
        extended = deployment.extensions > 0 and deployment.phase is Phase.SHIFTING
        evidence = Evidence(deployment.color, targets.get(deployment.color), mine, counts, extended)
        return judge(evidence, deployment.checks, self.clock.now())


def is_judged(deployment: Deployment) -> bool:
    """From the first weight that was seen to have arrived until the old colour is retired."""
    if deployment.phase is Phase.SHIFTING:
        return deployment.confirmed_at is not None or (deployment.moved and deployment.kind is Kind.ROLLOUT)
    return deployment.phase in _IS_JUDGED and not deployment.retiring


def subject_of(deployment: Deployment) -> str:
    """What the probes' counters belong to: they start again with each."""
    return f"{deployment.phase}:{deployment.step}"


def _probes_of(deployment: Deployment, log: ProbeLog | None) -> ProbeLog | None:
    """What the probes said of this deployment; what was sent before this step is not to be subtracted from its requests."""
    if log is None or log.deployment != deployment.id:
        return None
    return log if log.subject == subject_of(deployment) else replace(log, sent=0, sent_failed=0)


def _or_none(question: Callable[[], T]) -> T | None:
    try:
        return question()
    except (Unavailable, NotFound):
        return None
