"""Whether the weights explain how the requests fell: an exact binomial test.

Each request goes to the candidate with the probability that its weight gives it, so what was observed of
n requests is binomial. Too few say nothing. Clients that are held by cookies (target-group stickiness) are
between the share before the step and the one after it, so any share between those two is explained then.
"""

from dataclasses import dataclass
from math import exp, lgamma, log, log1p

from chalicelib.colors import WHOLE
from chalicelib.health.model import Counts

ALPHA = 0.001
FEWEST = 50
_NEGLIGIBLE = 1e-17
_HALVINGS = 40


@dataclass(frozen=True, slots=True)
class Share:
    """What the weights give the candidate, in permille: `configured`, and what it may be `at_least` while cookies hold clients to the other colour."""

    configured: int
    at_least: int

    @classmethod
    def of(cls, configured: int) -> "Share":
        return cls(configured, configured)


@dataclass(frozen=True, slots=True)
class Observed:
    """Requests of the candidate and of both together, our own subtracted."""

    mine: int
    all: int

    @classmethod
    def between(cls, candidate: Counts, other: Counts) -> "Observed":
        return cls(candidate.requests, candidate.requests + other.requests)

    @property
    def is_enough(self) -> bool:
        return self.all >= FEWEST

    @property
    def percent(self) -> float:
        return 100 * self.mine / self.all if self.all else 0.0

    def shown(self, share: Share) -> str:
        return f"observed {self.percent:.1f} % of {self.all} requests, configured {share.configured / 10:g} %"


def is_explained(observed: Observed, share: Share) -> bool:
    """Whether the weights may have led to this; True as well while there are too few requests to tell."""
    if not observed.is_enough:
        return True
    least, most = (observed.all * permille for permille in (min(share.at_least, share.configured), max(share.at_least, share.configured)))
    if least <= observed.mine * WHOLE <= most:
        return True
    nearest = share.at_least if observed.mine * WHOLE < least else share.configured
    return two_sided(observed.mine, observed.all, nearest / WHOLE) >= ALPHA


def two_sided(hits: int, trials: int, probability: float) -> float:
    """Twice the smaller tail: how often chance alone leads at least this far from what was expected, either way."""
    if probability in (0.0, 1.0):
        return 1.0 if hits == round(trials * probability) else 0.0
    return min(1.0, 2 * min(_tail(hits, trials, probability), _tail(trials - hits, trials, 1 - probability)))


def upper(hits: int, trials: int, chance: float) -> float:
    """The rate that what was observed excludes from above, but for `chance`: Clopper and Pearson's bound ("The use of confidence or fiducial limits", 1934)."""
    if hits >= trials:
        return 1.0
    low, high = hits / trials, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _tail(hits, trials, middle) > chance else (low, middle)
    return high


def _tail(hits: int, trials: int, probability: float) -> float:
    """P(at most `hits`), summed away from the mean where it falls fast: millions of requests cost some thousand terms."""
    if hits > trials * probability:
        # More than half of it: the other side is the smaller tail and decides.
        return 1.0
    term = total = exp(_log_chance(hits, trials, probability))
    odds = (1 - probability) / probability
    for fewer in range(hits, 0, -1):
        term *= fewer / (trials - fewer + 1) * odds
        total += term
        if term <= total * _NEGLIGIBLE:
            break
    return min(1.0, total)


def _log_chance(hits: int, trials: int, probability: float) -> float:
    ways = lgamma(trials + 1) - lgamma(hits + 1) - lgamma(trials - hits + 1)
    return ways + hits * log(probability) + (trials - hits) * log1p(-probability)
