"""What came of repeating production requests to a candidate and to what is live: one document per service, and a copy with the release."""

from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.colors import Color
from chalicelib.health.model import Counts


@dataclass(frozen=True, slots=True)
class Example:
    """One request whose answers differed. `path` is without its query; `what` is short and holds no whole body."""

    path: str
    what: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OfPath:
    """How many requests of one path were compared, and in how many of them only the candidate differed."""

    compared: int
    differing: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of one deployment's candidate with what was live.

    Each repeated request is asked once of the candidate and twice of the live side, so that the live side can be compared with itself:

        same        nobody differs                                        compared
        differing   the candidate differs where live agrees with itself   compared
        noisy       live differs from itself where the candidate does not compared
        both        both differ, which speaks for neither                 compared
        unanswered  the live side did not answer, refused for want of credentials, or another release answered

    `errors` and `slower` tell of the differing ones how many had a 5xx (or no answer), or took too long. `sent` are Turnout's own requests by
    the start of the metric period and by the colour they went to, with the failures among them. `files` are the access logs seen last.
    """

    service: str
    deployment: str
    version: str
    live_version: str
    color: Color
    since: datetime
    last_at: datetime
    compared: int = 0
    differing: int = 0
    noisy: int = 0
    both: int = 0
    unanswered: int = 0
    errors: int = 0
    slower: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    """Requests of the access logs that were not to be repeated, by reason."""
    paths: dict[str, OfPath] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    sent: dict[datetime, dict[Color, Counts]] = field(default_factory=dict)
    files: tuple[str, ...] = ()

    def between(self, color: Color, begin: datetime, end: datetime) -> Counts:
        """What was sent to a colour in the periods from `begin` up to `end`."""
        counted = [colors[color] for period, colors in self.sent.items() if begin <= period < end and color in colors]
        return Counts(sum(one.requests for one in counted), sum(one.errors for one in counted))


@dataclass(frozen=True, slots=True)
class ReleaseComparison:
    """The last comparison of a release, kept with it."""

    service: str
    version: str
    comparison: Comparison
