"""Look at the world: only at what the recorded phase needs, side by side, one try each.

What cannot be read is left out of the observation, never guessed; deciding what that
means is the machine's.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from chalicelib.clock import Clock
from chalicelib.colors import Color
from chalicelib.config.pins import Pins
from chalicelib.cutover.switch import Reading, ReadOnlySwitch
from chalicelib.deployments import confirming, judging, pinning, sizing, staging
from chalicelib.deployments.judging import Found, is_judged
from chalicelib.deployments.model import Deployment, Phase
from chalicelib.deployments.observation import Observation
from chalicelib.deployments.trial import Trial, every
from chalicelib.errors import NotFound, Unavailable
from chalicelib.health.judge import judge
from chalicelib.health.model import Check, ProbeLog, Targets, total
from chalicelib.health.series import Series
from chalicelib.health.signal import Alarms, RequestMetrics, Subject, TargetHealth
from chalicelib.mirroring.model import Comparison
from chalicelib.runtimes.runtime import Runtime, Standing
from chalicelib.services.model import Look, Service
from chalicelib.settings import Pace
from chalicelib.traffic.router import Router, Rules

T = TypeVar("T")
SideBySide = Callable[[dict[str, Callable[[], object]]], dict[str, object]]
"""Runs the questions, possibly at the same time, and returns their answers by name."""

_NEEDS_STANDING = frozenset({Phase.PREPARING, Phase.VERIFYING, Phase.STAGED, Phase.SHIFTING, Phase.WATCHING})


def one_after_another(questions: dict[str, Callable[[], object]]) -> dict[str, object]:
    return {name: question() for name, question in questions.items()}


@dataclass(frozen=True, slots=True)
class Observer:
    router: Router
    runtime: Runtime
    target_health: TargetHealth
    metrics: RequestMetrics
    alarms: Alarms
    trial: Trial
    clock: Clock
    pace: Pace
    pins: Pins
    switch: ReadOnlySwitch
    side_by_side: SideBySide = one_after_another

    def look(self, service: Service, last: Look | None, log: ProbeLog | None, comparison: Comparison | None = None, *, asking: bool = True) -> Observation:
        """What a pass needs to decide. One `DescribeRules`, one `DescribeTargetHealth` a colour, and what the phase asks for beside.

        With `asking` False the application is not asked anything: smoke checks may change something.
        """
        now = self.clock.now()
        deployment = service.deployment
        measured = judging.series_of(deployment, last, now, self.pace) if deployment else None
        seen = self.side_by_side(self._questions(service, deployment, measured))
        rules = seen.get("rules")
        targets = {color: found for color in Color if isinstance(found := seen.get(color.value), Targets)}
        standing, recent = seen.get("standing"), seen.get("recent")
        live = seen.get("live") or (standing if service.live and deployment and deployment.color is service.live.color else None)
        observation = Observation(
            at=now,
            rules=rules if isinstance(rules, Rules) else None,
            targets=targets,
            standing=standing if isinstance(standing, Standing) else None,
            live=(service.live.color, live) if service.live and isinstance(live, Standing) else None,
            trial=self._trial(service, deployment, targets, now) if asking and deployment else None,
            last=last,
            sizes=sizes if isinstance(sizes := seen.get("sizes"), dict) else None,
            switch=switch if isinstance(switch := seen.get("switch"), Reading) else None,
            recent=total(recent) if isinstance(recent, tuple) and recent else None,
            probes=log,
            comparison=comparison,
            pins=pins if isinstance(pins := seen.get("pins"), tuple) else None,
        )
        return _judged(observation, deployment, measured, seen) if deployment and deployment.color else observation

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
            questions[color.value] = lambda color=color: _or_none(lambda: self.target_health.read(Subject(traffic, color)))  # type: ignore[misc]
        return questions

    def _questions(self, service: Service, deployment: Deployment | None, measured: Series | None) -> dict[str, Callable[[], object]]:
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
        return questions | self._signals(service, deployment, measured)

    def _signals(self, service: Service, deployment: Deployment, measured: Series | None) -> dict[str, Callable[[], object]]:
        questions: dict[str, Callable[[], object]] = {}
        now, traffic = self.clock.now(), service.definition.traffic
        if measured and not service.read_only:
            questions["periods"] = lambda: _or_none(lambda: self.metrics.read(judging.asked_of_metrics(service, deployment, measured, now)))
        if is_judged(deployment) and deployment.checks.alarms:
            questions["alarms"] = lambda: _or_none(lambda: self.alarms.read(Subject(traffic, alarms=deployment.checks.alarms)))
        if confirming.is_open(deployment) and (since := confirming.window(deployment, now, self.pace)):
            questions["recent"] = lambda: _or_none(lambda: self.metrics.read(Subject(traffic, since=since, until=now)))
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
        return self.trial.on_staging(service, deployment, smoke=seen is not None and seen.healthy > 0 and not deployment.smoke_passed)


def _judged(seen: Observation, deployment: Deployment, so_far: Series | None, told: dict[str, object]) -> Observation:
    """With what the metrics have told so far, and the verdict on everything where there is one to be made."""
    periods, alarms = told.get("periods"), told.get("alarms", () if not deployment.checks.alarms else None)
    color = deployment.color or Color.BLUE
    found = Found(
        rules=seen.rules, targets=seen.targets.get(color), probes=seen.probes, periods=periods if isinstance(periods, tuple) else None,
        alarms=alarms if isinstance(alarms, tuple) else None, comparison=seen.comparison,
    )  # fmt: skip
    measured = judging.grown(so_far, deployment, found, seen.at) if so_far else None
    if not is_judged(deployment):
        return replace(seen, series=measured)
    evidence = judging.evidence(deployment, color, found, measured)
    return replace(seen, series=measured, evidence=evidence, verdict=judge(evidence, deployment.checks, seen.at))


def _or_none(question: Callable[[], T]) -> T | None:
    try:
        return question()
    except (Unavailable, NotFound):
        return None
