"""What is known of a deployment when somebody asks why it waits: what every condition is made from."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.colors import Color, Split
from chalicelib.deployments import staging
from chalicelib.deployments.clocks import elapsed
from chalicelib.deployments.model import Deployment, Kind
from chalicelib.health.model import Check, Outcome
from chalicelib.services.model import Look, Service

HEALTHY, PENDING, UNHEALTHY = Outcome.HEALTHY, Outcome.INCONCLUSIVE, Outcome.UNHEALTHY
"""How a condition answers: passed, pending, failed."""


@dataclass(frozen=True, slots=True)
class Situation:
    """`look` is what the last pass saw, `fresh` the same unless it is from before the phase began; `shadow` is what mirrored traffic says, if asked."""

    service: Service
    deployment: Deployment
    look: Look | None
    now: datetime
    shadow: Check | None = None

    @property
    def fresh(self) -> Look | None:
        return self.look if self.look and self.look.at >= self.deployment.phase_since else None

    @property
    def version(self) -> str:
        return staging.name_of(self.deployment)

    @property
    def command(self) -> str:
        """What follows a verb on the command line."""
        return f"{self.service.name} {self.deployment.build.version}".strip()

    @property
    def is_to_be_promoted(self) -> bool:
        return self.deployment.phase.is_before_shift and self.deployment.kind is Kind.ROLLOUT

    def since(self, moment: datetime) -> timedelta:
        return elapsed(moment, self.service, self.now)


def shares(split: Split | None) -> str:
    return ", ".join(f"{color} {split.share(color) / 10:g} %" for color in Color) if split else "nothing"


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%SZ}"
