"""What one look at the world found, as a value. None and absence mean "could not be read", never "nothing there"."""

from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.colors import Color, Split
from chalicelib.config.model import Pin
from chalicelib.cutover.switch import Reading
from chalicelib.health.evidence import Evidence
from chalicelib.health.model import Check, Counts, ProbeLog, Targets, Verdict
from chalicelib.health.series import Series
from chalicelib.hooks.model import HookAnswer
from chalicelib.mirroring.model import Comparison
from chalicelib.runtimes.runtime import Size, Standing
from chalicelib.services.model import Look
from chalicelib.traffic.router import Rules


@dataclass(frozen=True, slots=True)
class HookAnswered:
    """What a call of a hook led to; `run` is the `HookRun`'s id."""

    run: str
    answer: HookAnswer


@dataclass(frozen=True, slots=True)
class Observation:
    """`standing` is of the colour of the deployment in progress, `trial` the smoke checks and the probe against staging
    (None when not asked), `verdict` what the judge made of all signals; `last` is what the pass before saw.
    """

    at: datetime
    rules: Rules | None = None
    targets: dict[Color, Targets] = field(default_factory=dict)
    standing: Standing | None = None
    live: tuple[Color, Standing] | None = None
    """What stands on the colour that was live; None when not asked."""
    trial: Check | None = None
    verdict: Verdict | None = None
    evidence: Evidence | None = None
    """What the verdict was made from."""
    series: Series | None = None
    """What the metrics told so far, for the next look; None where nothing is judged."""
    last: Look | None = None
    pins: tuple[Pin, ...] | None = None
    """What the references of the build's config come to now; None when not asked."""
    recent: dict[Color, Counts] | None = None
    """Requests in the last complete periods, while the whole traffic is to be confirmed; None when there is no such period yet."""
    probes: ProbeLog | None = None
    comparison: Comparison | None = None
    """What mirrored requests came to; None while nothing was compared. It may be of another deployment."""
    sizes: dict[Color, Size] | None = None
    """How large the colours are; None when not asked."""
    switch: Reading | None = None
    """What the application is told of being read-only; None when not asked."""
    answers: tuple[HookAnswered, ...] = ()
    """What hooks said that were just called; nothing else is decided in the same breath."""
    only_traffic: bool = False
    """A command's look: it performs nothing but weights."""

    @property
    def split(self) -> Split | None:
        """How production shares its traffic now; None when unreadable or foreign."""
        return self.rules.production.split if self.rules else None

    @property
    def sticky_seconds(self) -> int:
        return self.rules.production.sticky_seconds if self.rules else 0
