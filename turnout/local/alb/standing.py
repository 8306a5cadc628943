"""What health checks make of a target: pure, one value per target."""

from dataclasses import dataclass, replace

from turnout.local.alb.model import Health, HealthCheck, State

RESPONSE_CODE = "Target.ResponseCodeMismatch"
TIMEOUT = "Target.Timeout"
FAILED = "Target.FailedHealthChecks"

REGISTERING = Health(State.INITIAL, "Elb.RegistrationInProgress", "Target registration is in progress")
CHECKING = Health(State.INITIAL, "Elb.InitialHealthChecking", "Initial health checks in progress")
NOT_IN_USE = Health(State.UNUSED, "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer")
NOT_REGISTERED = Health(State.UNUSED, "Target.NotRegistered", "Target is not registered to the target group")
NOT_CHECKED = Health(State.UNAVAILABLE, "Target.HealthCheckDisabled", "Health checks are not enabled for this target")
DRAINING = Health(State.DRAINING, "Target.DeregistrationInProgress", "Target deregistration is in progress")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check. `reason` is None when it passed."""

    reason: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """`passes` and `failures` count those in a row."""

    health: Health = REGISTERING
    passes: int = 0
    failures: int = 0

    def after(self, outcome: Outcome, check: HealthCheck) -> "Standing":
        if outcome.reason is None:
            return self._passed(check)
        return self._failed(Health(State.UNHEALTHY, outcome.reason, outcome.description), check)

    def _passed(self, check: HealthCheck) -> "Standing":
        """A target that was never seen unhealthy needs one pass, another one the threshold."""
        passes = self.passes + 1
        if self.health.state is not State.UNHEALTHY or passes >= check.healthy_threshold:
            return Standing(Health(State.HEALTHY), passes=passes)
        return replace(self, passes=passes, failures=0)

    def _failed(self, unhealthy: Health, check: HealthCheck) -> "Standing":
        failures = self.failures + 1
        if self.health.state is State.UNHEALTHY or failures >= check.unhealthy_threshold:
            return Standing(unhealthy, failures=failures)
        health = CHECKING if self.health.state is State.INITIAL else self.health
        return Standing(health, failures=failures)


def matches(matcher: str, status: int) -> bool:
    """`200,202`, `200-299` and both together."""
    for part in matcher.split(","):
        low, _, high = part.strip().partition("-")
        if low.isdecimal() and int(low) <= status <= int(high or low):
            return True
    return False
