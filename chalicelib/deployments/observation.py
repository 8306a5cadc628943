"""What one look at the world found, as a value. None and absence mean "could not be read", never "nothing there"."""

from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.colors import Color, Split
from chalicelib.health.model import Check, Targets, Verdict
from chalicelib.runtimes.runtime import Standing
from chalicelib.services.model import Look
from chalicelib.traffic.router import Rules


@dataclass(frozen=True, slots=True)
class Observation:
    """`standing` is of the colour of the deployment in progress, `trial` the smoke checks and the probe against staging
    (None when not asked), `verdict` what the judge made of all signals; `last` is what the pass before saw.
    """

    at: datetime
    rules: Rules | None = None
    targets: dict[Color, Targets] = field(default_factory=dict)
    standing: Standing | None = None
    trial: Check | None = None
    verdict: Verdict | None = None
    last: Look | None = None

    @property
    def split(self) -> Split | None:
        """How production shares its traffic now; None when unreadable or foreign."""
        return self.rules.production.split if self.rules else None

    @property
    def sticky_seconds(self) -> int:
        return self.rules.production.sticky_seconds if self.rules else 0
