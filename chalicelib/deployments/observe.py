"""Look at the world: only at what the recorded phase needs, side by side, one try each.

What cannot be read is left out of the observation, never guessed; deciding what that
means is the machine's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from chalicelib.clock import Clock
from chalicelib.colors import WHOLE, Color
from chalicelib.config.pins import Pins
from chalicelib.cutover.switch import Reading, ReadOnlySwitch
from chalicelib.deployments import confirming, pinning, sizing, staging
from chalicelib.deployments.model import Deployment, Kind, Phase
from chalicelib.deployments.observation import Observation
from chalicelib.deployments.trial import Trial, every
from chalicelib.errors import NotFound, Unavailable
from chalicelib.health.judge import Evidence, judge
from chalicelib.health.model import Check, Counts, ProbeLog, Targets, Verdict
from chalicelib.health.periods import whole_periods
from chalicelib.health.shares import Share
from chalicelib.health.signal import RequestMetrics, TargetHealth
from chalicelib.runtimes.runtime import Runtime, Standing
from chalicelib.services.model import Look, Service
from chalicelib.settings import Pace
from chalicelib.traffic.router import Router, Rules

T = TypeVar("T")
SideBySide = Callable[[dict[str, Callable[[], object]]], dict[str, object]]
"""Runs the questions, possibly at the same time, and returns their answers by name."""

_NEEDS_STANDING = frozenset({Phase.PREPARING, Phase.VERIFYING, Phase.STAGED, Phase.SHIFTING, Phase.WATCHING})
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
    pins: Pins
    switch: ReadOnlySwitch
    side_by_side: SideBySide = one_after_another

    def look(self, service: Service, last: Look | None, log: ProbeLog | None, *, asking: bool = True) -> Observation:
        """What a pass needs to decide. One `DescribeRules`, one `DescribeTargetHealth` a colour, and what the phase asks for beside.

        With `asking` False the application is not asked anything: smoke checks may change something.
        """
        now = self.clock.now()
        deployment = service.deployment
        seen = self.side_by_side(self._questions(service, deployment))
        rules = seen.get("rules")
        targets = {color: found for color in Color if isinstance(found := seen.get(color.value), Targets)}
        standing, counts, recent = (seen.get(name) for name in ("standing", "counts", "recent"))
        share = _share(deployment, rules if isinstance(rules, Rules) else None)
        live = seen.get("live") or (standing if service.live and deployment and deployment.color is service.live.color else None)
        return Observation(
            at=now,
            rules=rules if isinstance(rules, Rules) else None,
            targets=targets,
            standing=standing if isinstance(standing, Standing) else None,
            live=(service.live.color, live) if service.live and isinstance(live, Standing) else None,
            trial=self._trial(service, deployment, targets, now) if asking and deployment else None,
            verdict=self._verdict(deployment, targets, log, counts if isinstance(counts, dict) else None, share) if deployment else None,
            last=last,
            sizes=sizes if isinstance(sizes := seen.get("sizes"), dict) else None,
            switch=switch if isinstance(switch := seen.get("switch"), Reading) else None,
            recent=recent if isinstance(recent, dict) else None,
            probes=log,
            pins=pins if isinstance(pins := seen.get("pins"), tuple) else None,
        )

    def look_at_traffic(self, service: Service, last: Look | None) -> Observation:
        """Only the rule and the targets' health: all that a rollback waits for before its weights."""
        seen = self.side_by_side(self._traffic(service))
        rules = seen.get("rules")
        targets = {color: found for color in Color if isinstance(found := seen.get(color.value), Targets)}
        return Observation(at=self.clock.now(), rules=rules if isinstance(rules, Rules) else None, targets=targets, last=last, only_traffic=True)

    def _traffic(self, service: Service) -> dict[str, Callable[[], object]]:
        traffic = service.definition.traffic
        questions: dict[str, Callable[[], object]] = {"rules": lambda: _or_none(lambda: self.router.look(traffic))}
        for color in Color:
            questions[color.value] = lambda color=color: _or_none(lambda: self.target_health.targets(traffic, color))  # type: ignore[misc]
        return questions

    def _questions(self, service: Service, deployment: Deployment | None) -> dict[str, Callable[[], object]]:
        questions = self._traffic(service)
        if sizing.matters(service):
            questions["sizes"] = lambda: _or_none(lambda: self.runtime.sizes(service.definition))
        if (read_only := service.read_only) and read_only.parameter:
            questions["switch"] = lambda: _or_none(lambda: self.switch.read(read_only.parameter))
        if (live := service.live) and live.build and (deployment is None or deployment.color is not live.color):
            questions["live"] = lambda: _or_none(lambda: self.runtime.standing(service.definition, live.color))
        if live and live.build and live.build.config_version and service.drift and service.drift.standing and service.drift.restoring:
            questions["pins"] = lambda: _or_none(lambda: self.pins.of(service.name, live.build.config_version if live.build else 0))
        if deployment is None or deployment.color is None:
            return questions
        color = deployment.color
        if deployment.phase in _NEEDS_STANDING:
            questions["standing"] = lambda: _or_none(lambda: self.runtime.standing(service.definition, color))
        if deployment.phase is Phase.PREPARING and pinning.is_open(deployment):
            questions["pins"] = lambda: _or_none(lambda: self.pins.of(service.name, deployment.build.config_version))
        return questions | self._requests(service, deployment)

    def _requests(self, service: Service, deployment: Deployment) -> dict[str, Callable[[], object]]:
        questions: dict[str, Callable[[], object]] = {}
        if is_judged(deployment) and not service.read_only:
            questions["counts"] = lambda: _or_none(lambda: self._counts(service, deployment))
        if confirming.is_open(deployment) and (since := confirming.window(deployment, self.clock.now(), self.pace)):
            questions["recent"] = lambda: _or_none(lambda: self.metrics.counts(service.definition.traffic, since, self.clock.now()))
        return questions

    def _trial(self, service: Service, deployment: Deployment, targets: dict[Color, Targets], now: datetime) -> Check | None:
        """The probe once health counts, no sooner after a failure than probes come; the smoke checks only when the targets are healthy."""
        if service.read_only and deployment.phase is Phase.WATCHING:
            return self.trial.once(service, deployment)
        if deployment.phase is not Phase.VERIFYING or deployment.color is None or now < staging.health_counts_from(service, deployment, self.pace):
            return None
        if deployment.trial_at and now - deployment.trial_at < every(deployment.checks.probe):
            return None
        seen = targets.get(deployment.color)
        return self.trial.on_staging(service, deployment, smoke=seen is not None and seen.healthy > 0)

    def _counts(self, service: Service, deployment: Deployment) -> dict[Color, Counts]:
        return self.metrics.counts(service.definition.traffic, _since(deployment), self.clock.now())

    def _periods(self, deployment: Deployment) -> tuple[datetime, datetime] | None:
        """The same periods as the metrics': our own requests are taken out of those they are in."""
        now = self.clock.now()
        return whole_periods(_since(deployment), now, now, period=self.pace.metric_period, delay=self.pace.metric_delay)

    def _verdict(
        self, deployment: Deployment, targets: dict[Color, Targets], log: ProbeLog | None, counts: dict[Color, Counts] | None, share: Share | None
    ) -> Verdict | None:
        if not is_judged(deployment) or deployment.color is None:
            return None
        mine = log if log and log.deployment == deployment.id else None
        extended = deployment.extensions > 0 and deployment.phase is Phase.SHIFTING
        own = mine.between(*periods) if mine and (periods := self._periods(deployment)) else Counts(0, 0)
        evidence = Evidence(deployment.color, targets.get(deployment.color), mine, counts, own, extended, share)
        return judge(evidence, deployment.checks, self.clock.now())


def is_judged(deployment: Deployment) -> bool:
    """From the first weight that was seen to have arrived until the old colour is retired."""
    if deployment.phase is Phase.SHIFTING:
        return deployment.confirmed_at is not None or (deployment.moved and deployment.kind is not Kind.ROLLBACK)
    return deployment.phase in _IS_JUDGED and not deployment.retiring


def _since(deployment: Deployment) -> datetime:
    """Where the evidence of this step, or of the watch, begins."""
    began = deployment.phase_since if deployment.phase is Phase.WATCHING else deployment.confirmed_at or deployment.phase_since
    return max(began, deployment.judged_since or began)


def _share(deployment: Deployment | None, rules: Rules | None) -> Share | None:
    """What a canary step's weights give the candidate. With cookies on, clients of the other colour may still be held there."""
    if deployment is None or deployment.phase is not Phase.SHIFTING or deployment.confirmed_at is None or deployment.current_step.permille == WHOLE:
        return None
    before = deployment.plan.steps[deployment.step - 2].permille if deployment.step > 1 else 0
    sticky = rules is not None and rules.production.sticky_seconds > 0
    return Share(deployment.current_step.permille, at_least=before if sticky else deployment.current_step.permille)


def _or_none(question: Callable[[], T]) -> T | None:
    try:
        return question()
    except (Unavailable, NotFound):
        return None
