"""Confirm on the data plane that the whole traffic is where the balancer's rule says it is. Pure.

A rule that reads well is not traffic that moved. Before the old colour is retired, and before a
revert is over, requests have to be seen:

    traffic         at least `FEWEST` requests here, and none on the other colour, in the last complete metric periods
    no traffic      `PROBES` answers in a row through production by the release that is meant to have it
    requests there  not so: it is held, and after the deadline a person decides
    neither         nothing can be found out within `pace.confirm_within`: recorded as unconfirmed, and passed

While cookies may still hold clients to the other colour there is nothing to be found out yet. Where the staging rule
points to that colour its requests may be staging's, and the probes decide.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from chalicelib.colors import WHOLE, Color
from chalicelib.deployments.clocks import elapsed
from chalicelib.deployments.decision import Moved
from chalicelib.deployments.model import ADOPTED, Build, Confirmation, Deployment, Phase
from chalicelib.deployments.observation import Observation
from chalicelib.health.model import Counts, ProbeLog, Verdict
from chalicelib.health.periods import whole_periods
from chalicelib.health.shares import FEWEST, Observed, Share
from chalicelib.services.model import Service
from chalicelib.settings import Pace

PROBES = 10
_PERIODS = 3
_EVERYTHING = Share.of(WHOLE)


class Shown(Enum):
    CONFIRMED = "confirmed"
    UNKNOWN = "unknown"
    CONTRADICTED = "contradicted"


@dataclass(frozen=True, slots=True)
class Finding:
    shown: Shown
    reason: str


def is_open(deployment: Deployment) -> bool:
    """Whether it has the whole traffic, or gave it back, by the rule alone so far."""
    if deployment.phase not in (Phase.WATCHING, Phase.REVERTING) or not deployment.moved:
        return False
    return deployment.confirmation is None or deployment.confirmation.subject != deployment.subject


def intended(deployment: Deployment) -> Build:
    """What production is meant to answer with."""
    if deployment.phase is not Phase.REVERTING:
        return deployment.build
    return (deployment.previous.build if deployment.previous else None) or ADOPTED


def window(deployment: Deployment, now: datetime, pace: Pace) -> datetime | None:
    """Since when requests are looked at: the last complete periods after the weights were read back. None while there is none."""
    began = _began(deployment)
    since = max(began, now - pace.metric_delay - _PERIODS * pace.metric_period)
    return since if whole_periods(since, now, now, period=pace.metric_period, delay=pace.metric_delay) else None


def confirm(moved: Moved, color: Color, seen: Observation, pace: Pace) -> Moved:
    """Record it as soon as it can be seen."""
    if not is_open(moved.deployment):
        return moved
    found = find(moved.service, moved.deployment, color, seen, pace)
    return _recorded(moved, found, seen.at) if found.shown is Shown.CONFIRMED else moved


def settle(moved: Moved, color: Color, seen: Observation, pace: Pace) -> Moved:
    """The same at the end: what cannot be found out in time is recorded as that and passed; else `waits_for` says what is missing."""
    if not is_open(moved.deployment):
        return moved
    found = find(moved.service, moved.deployment, color, seen, pace)
    if found.shown is Shown.CONFIRMED or (found.shown is Shown.UNKNOWN and _is_late(moved, seen, pace)):
        return _recorded(moved, found, seen.at)
    return moved.wait(found.reason)


def forgotten(moved: Moved) -> Moved:
    """The weights are elsewhere: what was confirmed has to be confirmed again."""
    return moved.progress(confirmation=None) if moved.deployment.confirmation else moved


def find(service: Service, deployment: Deployment, color: Color, seen: Observation, pace: Pace) -> Finding:
    """What requests and probes show of everything being on `color`. A client that a cookie holds may be quiet now and come back."""
    if elapsed(_began(deployment), service, seen.at) < timedelta(seconds=seen.sticky_seconds):
        return Finding(Shown.UNKNOWN, f"cookies hold clients to {color.other} for {seen.sticky_seconds} s")
    if seen.recent is None:
        return Finding(Shown.UNKNOWN, "no complete metric period since the weights were read back can be read")
    other = seen.recent.get(color.other, Counts(0, 0)).requests
    observed = _observed(deployment, color, seen, pace)
    shown = observed.shown(_EVERYTHING)
    if other and not _is_staging(color.other, seen):
        return Finding(Shown.CONTRADICTED, f"{shown}: {other} went to {color.other}")
    if seen.probes and seen.probes.elsewhere_at and seen.probes.elsewhere_at >= _began(deployment) and seen.at - seen.probes.elsewhere_at < _recently(pace):
        return Finding(Shown.UNKNOWN, f"another release than {_name(deployment)} answered through production a moment ago")
    if observed.is_enough and not other:
        return Finding(Shown.CONFIRMED, shown)
    told = f"{shown}, where staging's count too" if other else f"{observed.all} requests seen, fewer than {FEWEST}"
    return _probed(deployment, seen.probes, told)


def observed_at_step(verdict: Verdict | None, permille: int) -> str | None:
    """What the numbers of a verdict say about the weights; None when it has none."""
    numbers = next((check.numbers for check in verdict.checks if check.name == "errors"), {}) if verdict else {}
    if not {"requests", "baseline_requests"} <= numbers.keys():
        return None
    mine = int(numbers["requests"])
    observed = Observed(mine, mine + int(numbers["baseline_requests"]))
    return observed.shown(Share.of(permille)) if observed.all else f"no requests observed, configured {permille / 10:g} %"


def _recorded(moved: Moved, found: Finding, now: datetime) -> Moved:
    confirmed = found.shown is Shown.CONFIRMED
    noted = moved.progress(confirmation=Confirmation(moved.deployment.subject, confirmed, found.reason, now))
    if confirmed:
        return noted.tell("traffic-confirmed", found.reason)
    return noted.tell("traffic-unconfirmed", f"the traffic could not be confirmed on the data plane: {found.reason}")


def _probed(deployment: Deployment, log: ProbeLog | None, otherwise: str) -> Finding:
    mine = log if log and (log.deployment, log.subject) == (deployment.id, deployment.subject) else None
    through = mine.through_in_a_row if mine else 0
    if through >= PROBES:
        return Finding(Shown.CONFIRMED, f"{PROBES} of {PROBES} probes through production were answered by {_name(deployment)}; {otherwise}")
    return Finding(Shown.UNKNOWN, f"{through} of {PROBES} probes through production were answered by {_name(deployment)}; {otherwise}")


def _ours(deployment: Deployment, seen: Observation, pace: Pace) -> int:
    since = window(deployment, seen.at, pace)
    counted = whole_periods(since, seen.at, seen.at, period=pace.metric_period, delay=pace.metric_delay) if since else None
    return seen.probes.between(*counted).requests if counted and seen.probes and seen.probes.deployment == deployment.id else 0


def _is_staging(other: Color, seen: Observation) -> bool:
    """A target group's requests are counted whichever rule they came by."""
    return seen.rules is not None and seen.rules.staging.split is not None and seen.rules.staging.split.share(other) > 0


def _observed(deployment: Deployment, color: Color, seen: Observation, pace: Pace) -> Observed:
    """Without our own probes of the periods that were counted."""
    counts = seen.recent or {}
    ours = _ours(deployment, seen, pace)
    mine, other = counts.get(color, Counts(0, 0)), counts.get(color.other, Counts(0, 0))
    return Observed.between(Counts(max(0, mine.requests - ours), 0), other)


def _is_late(moved: Moved, seen: Observation, pace: Pace) -> bool:
    """Cookies count from the same moment: until they are over nothing could have been found out."""
    return elapsed(_began(moved.deployment), moved.service, seen.at) >= pace.confirm_within + timedelta(seconds=seen.sticky_seconds)


def _recently(pace: Pace) -> timedelta:
    return _PERIODS * pace.metric_period


def _began(deployment: Deployment) -> datetime:
    return deployment.confirmed_at or deployment.phase_since


def _name(deployment: Deployment) -> str:
    return intended(deployment).version or "what stood there before"
