"""What users do and what releases answer: one seeded stream, the same for every judge that is played on it.

Time is cut into metric periods, and each into what comes before a pass and after it, for a pass may change the weights in the middle. What
arrives, what fails for everybody's reasons and how slow the period is depends on the seed alone; how it falls on the two colours on the
weights too. So two judges that do the same see the same.

Disturbances: `surges` of requests (a tenth of the periods, two to six times the traffic); `outages` of something both releases depend on
(10 to 90 s, one an hour, a tenth to all of the requests fail; `outages often`: three an hour); `drift` (traffic and error rate swing by
60 and 80 % with a period of six hours, each from a random phase); `runs` (half of the failures come four at a time on average, each run on one
colour, as clients do that are held there); `everything`: all of them.
"""

from dataclasses import dataclass, field
from functools import cached_property
from math import exp, log, pi, sin
from random import Random
from statistics import NormalDist
from typing import NamedTuple

from bench.judges.draws import above, binomial, poisson, rank, ranked

SURGES, OUTAGES, OFTEN, DRIFT, RUNS = "surges", "outages", "outages often", "drift", "runs"
EVERYTHING = frozenset((SURGES, OUTAGES, DRIFT, RUNS))
MEDIAN, SPREAD = 0.08, 0.6
"""Response times are lognormal: 80 ms in the middle, 323 ms at the 99th percentile; each period is slower or faster by some 8 % for both releases."""
PERCENTILE = 99.0
TAIL = MEDIAN * exp(SPREAD * NormalDist().inv_cdf(PERCENTILE / 100))
RUN_LENGTH = 4
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Site:
    """A service: requests a second, the share of them that fails without anybody's fault, the weight of the first step (permille), what disturbs it."""

    traffic: float
    base: float
    first: int = 100
    disturbances: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        disturbed = "everything" if self.disturbances == EVERYTHING else "+".join(sorted(self.disturbances)) or "calm"
        return f"{self.traffic:g}/s, base {100 * self.base:g} %, first {self.first / 10:g} %, {disturbed}"


@dataclass(frozen=True, slots=True)
class Regression:
    """How a release is bad: `factor` times the errors and `flat` beside them, `slower` times the response times; `late`: not from the start."""

    name: str
    factor: float = 1.0
    flat: float = 0.0
    slower: float = 1.0
    probes_fail: bool = False
    late: bool = False


NONE = Regression("as good")


class Answered(NamedTuple):
    """What one colour answered in one part of a period. `bad`: what users of a bad release would not have seen from a good one."""

    requests: int
    errors: int
    bad: float


@dataclass(slots=True)
class Weather:
    """What is the same for both releases in one period."""

    traffic: float
    error_factor: float
    slowness: float


@dataclass
class Stream:
    """`period` in seconds; passes come `offset` seconds into each. The first weight is set by the pass of period 0; `onset` in seconds since period 0 began."""

    site: Site
    regression: Regression
    seed: int
    period: float = 60.0
    latest_onset: float = 2400.0
    _parts: dict[tuple[int, int, int], tuple[Answered, Answered]] = field(default_factory=dict)
    _weathers: dict[int, Weather] = field(default_factory=dict)

    @cached_property
    def _fixed(self) -> Random:
        return Random(f"{self.site.name} {self.seed}")

    @cached_property
    def offset(self) -> float:
        return self._random(0, 11).uniform(0.02, 0.95) * self.period

    @cached_property
    def onset(self) -> float:
        """Not before the first weight: what is bad on staging already does not get one."""
        return self.offset + (self._random(0, 12).uniform(0.05, 1.0) * self.latest_onset if self.regression.late else 0.0)

    @cached_property
    def outages(self) -> tuple[tuple[float, float, float], ...]:
        """From, until, and the share of requests that fail."""
        apart = 1200 if OFTEN in self.site.disturbances else 3600
        if not self.site.disturbances & {OUTAGES, OFTEN}:
            return ()
        random, found, at = self._random(0, 13), [], -15 * 60.0
        while (at := at + random.expovariate(1 / apart)) < 5 * 3600:
            found.append((at, at + random.uniform(10, 90), random.uniform(0.1, 1.0)))
        return tuple(found)

    @cached_property
    def _key(self) -> int:
        return self._fixed.getrandbits(48)

    @cached_property
    def _phases(self) -> tuple[float, float]:
        random = self._random(0, 14)
        return random.uniform(0, 2 * pi), random.uniform(0, 2 * pi)

    def weather(self, number: int) -> Weather:
        if number not in self._weathers:
            self._weathers[number] = self._weather(number)
        return self._weathers[number]

    def _weather(self, number: int) -> Weather:
        random, disturbed = self._random(number, 1), self.site.disturbances
        traffic, errors, angle = self.site.traffic, 1.0, 2 * pi * number * self.period / (6 * 3600)
        if DRIFT in disturbed:
            traffic *= 1 + 0.6 * sin(angle + self._phases[0])
            errors *= 1 + 0.8 * sin(angle + self._phases[1])
        surge, size = random.random(), random.uniform(2, 6)
        if SURGES in disturbed and surge < 0.1:
            traffic *= size
        return Weather(traffic, errors, exp(random.gauss(0, 0.08)))

    def part(self, number: int, half: int, share: int) -> tuple[Answered, Answered]:
        """What candidate and previous answered before (`half` 0) or after (1) the pass of this period, the candidate having `share` permille."""
        key = (number, half, share)
        if key not in self._parts:
            self._parts[key] = self._part(number, half, share)
        return self._parts[key]

    def _part(self, number: int, half: int, share: int) -> tuple[Answered, Answered]:
        begin = number * self.period + (self.offset if half else 0.0)
        end = number * self.period + (self.period if half else self.offset)
        weather, arrivals, falls = self.weather(number), self._random(number, 2 + half), self._random(number, 4 + half)
        requests = poisson(arrivals, weather.traffic * (end - begin))
        mine = binomial(falls, requests, share / 1000)
        known = sum(max(0.0, min(end, until) - max(begin, since)) * failing for since, until, failing in self.outages) / (end - begin)
        ordinary = self.site.base * weather.error_factor
        since_bad = max(0.0, end - max(begin, self.onset)) / (end - begin)
        bad_rate = min(1.0, ordinary * self.regression.factor + self.regression.flat)
        candidate, previous = (self._random(number, seed + half) for seed in (6, 8))
        good = self._failed(candidate, round(mine * (1 - since_bad)), ordinary, known)
        bad = self._failed(candidate, mine - round(mine * (1 - since_bad)), bad_rate, known)
        seen = bad if self.regression.slower == 1 else self._felt_slow(mine, weather) * since_bad
        return Answered(mine, good + bad, seen), Answered(requests - mine, self._failed(previous, requests - mine, ordinary, known), 0.0)

    def _failed(self, random: Random, requests: int, rate: float, outage: float) -> int:
        if RUNS not in self.site.disturbances or not rate or rate == 1:
            return binomial(random, requests, 1 - (1 - rate) * (1 - min(1.0, outage)))
        single = binomial(random, requests, 1 - (1 - rate / 2) * (1 - min(1.0, outage)))
        runs = poisson(random, requests * rate / 2 / RUN_LENGTH)
        return min(requests, single + sum(1 + int(log(1 - random.random()) / log(1 - 1 / RUN_LENGTH)) for _ in range(runs)))

    def _felt_slow(self, requests: int, weather: Weather) -> float:
        """The requests over one and a half times the usual 99th percentile, by expectation."""
        return requests * (1 - _NORMAL.cdf(log(1.5 * TAIL / MEDIAN / weather.slowness / self.regression.slower) / SPREAD))

    def percentile(self, number: int, requests: int, *, candidate: bool) -> float | None:
        """The period's percentile of response times, in seconds."""
        if not requests:
            return None
        at = ranked(self._random(number, 20 + candidate), requests, rank(requests, PERCENTILE))
        return self._middle(number, candidate=candidate) * exp(SPREAD * _NORMAL.inv_cdf(min(max(at, 1e-12), 1 - 1e-12)))

    def slow(self, number: int, requests: int, over: float, *, candidate: bool) -> int:
        """How many of the requests took longer than `over` seconds; it agrees with the percentile."""
        if not requests:
            return 0
        place = rank(requests, PERCENTILE)
        pivot = ranked(self._random(number, 20 + candidate), requests, place)
        level = _NORMAL.cdf(log(over / self._middle(number, candidate=candidate)) / SPREAD)
        return above(self._random(number, 22 + candidate), requests, place, pivot, level)

    def _middle(self, number: int, *, candidate: bool) -> float:
        """The median response time. A slow release is slow from the first whole period on."""
        is_bad = candidate and number * self.period >= self.onset
        return MEDIAN * self.weather(number).slowness * (self.regression.slower if is_bad else 1.0)

    def _random(self, number: int, use: int) -> Random:
        """A generator of its own for each use, so that no draw shifts another one."""
        return Random(self._key * 1_000_003 + (number + 1000) * 64 + use)
