"""From results to tables: false rollbacks, what was missed, what it cost users.

Bad requests are told as seconds of the service's whole traffic (requests divided by requests a second), so that large services do not drown
the small ones. A rival is tuned for each service by itself: its limit is the smallest at which it goes back in no more of that service's A/A rollouts than ours
did. That is more than any team could know beforehand, and in the rivals' favour.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import sqrt
from statistics import median
from typing import Any

from bench.judges.playing import OURS, RIVALS, Result
from bench.judges.rollout import End, Played
from bench.judges.sites import GROUPS
from bench.judges.streams import NONE, Regression, Site

Row = dict[str, Any]
ALIKE = 1.02
"""Costs that differ by less are alike."""
Limits = dict[tuple[str, Site], float]


def wilson(hits: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share."""
    if not trials:
        return 0.0, 1.0
    share, whole = hits / trials, 1 + z * z / trials
    middle, half = share + z * z / (2 * trials), z * sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def tuned(results: Iterable[Result]) -> Limits:
    """The limits at which rivals go back as often as ours on the same A/A rollouts, for each service; where limits are given they stay."""
    by_site: dict[Site, list[Result]] = defaultdict(list)
    for result in results:
        if result.task.regression == NONE:
            by_site[result.task.site].append(result)
    limits = {}
    for site, there in by_site.items():
        allowed = sum(result.ours.end is End.REVERTED for result in there)
        for rival in RIVALS:
            highest = sorted((result.traces[rival.name].highest for result in there), reverse=True)
            limits[rival.name, site] = highest[min(allowed, len(highest) - 1)] if rival.limit is None else rival.limit
    return limits


def by_judge(result: Result, limits: Limits) -> dict[str, Played]:
    """How each judge ended it."""
    found = {OURS: result.ours}
    return found | {name: trace.at(limits[name, result.task.site]) for name, trace in result.traces.items() if (name, result.task.site) in limits}


def false_rollbacks(results: Sequence[Result], limits: Limits) -> list[Row]:
    """A/A, a row for each judge: what went back, with Wilson's interval, and by group of services."""
    good = [result for result in results if result.task.regression == NONE]
    rows = []
    for name in _names(tuned_too=False):
        ended = [(result.task.site, by_judge(result, limits)[name]) for result in good]
        back = sum(played.end is End.REVERTED for _, played in ended)
        low, high = wilson(back, len(ended))
        row = {"judge": name, "rollouts": len(ended), "false": back, "%": 100 * back / len(ended), "from %": 100 * low, "to %": 100 * high}
        rows.append(row | {f"{group} %": _percent(played.end is End.REVERTED for site, played in ended if site in sites) for group, sites in GROUPS.items()})
    return rows


def ends_of_good(results: Sequence[Result]) -> list[Row]:
    """How ours ended good releases, by group of services."""
    rows = []
    for group, sites in GROUPS.items():
        ours = [result.ours for result in results if result.task.regression == NONE and result.task.site in sites]
        shares = {f"{end.value} %": _percent(played.end is end for played in ours) for end in End}
        rows.append({"services": group, "rollouts": len(ours), **shares, "minutes": median(played.seconds for played in ours) / 60 if ours else 0.0})
    return rows


def bad_releases(results: Sequence[Result], limits: Limits, *, tuned_rivals: bool) -> list[Row]:
    """A row for each kind and judge: missed (certified, or let through), undecided (ended, and said so), minutes until weights were back, bad requests."""
    rows = []
    for kind, there in _grouped(results, lambda result: result.task.regression.name).items():
        if kind == NONE.name:
            continue
        names = [OURS, *(rival.name for rival in RIVALS if rival.is_tuned is tuned_rivals)]
        rows.extend({"release": kind, "judge": name, **_figures(there, name, limits)} for name in names)
    return rows


def cells(results: Sequence[Result], limits: Limits) -> list[Row]:
    """The same for each service, kind and judge."""
    rows = []
    for (site, regression), there in _grouped(results, lambda result: (result.task.site, result.task.regression)).items():
        for name in [OURS, *there[0].traces]:
            back = _percent(by_judge(result, limits)[name].end is End.REVERTED for result in there)
            row = {"service": site.name, "release": regression.name, "judge": name, "back %": back}
            rows.append(row | ({"rollouts": len(there)} if regression == NONE else _figures(there, name, limits)))
    return rows


def against_tuned(results: Sequence[Result], limits: Limits) -> list[Row]:
    """At the same false-alarm rate: for each tuned rival, in how many cells (service and kind) users saw fewer bad requests with ours, and in all."""
    bad = _grouped((result for result in results if result.task.regression != NONE), lambda result: (result.task.site, result.task.regression))
    rows = []
    for rival in RIVALS:
        if not rival.is_tuned:
            continue
        costs = [(_cost(there, OURS, limits), _cost(there, rival.name, limits)) for there in bad.values()]
        ours, theirs = (sum(each) for each in zip(*costs, strict=True))
        fewer, more = sum(one < two / ALIKE for one, two in costs), sum(one > two * ALIKE for one, two in costs)
        counted = {"cells": len(costs), "ours fewer": fewer, "alike": len(costs) - fewer - more, "ours more": more}
        rows.append({"rival": rival.name, **counted, "their seconds to ours": theirs / ours})
    return rows


def where_more(results: Sequence[Result], limits: Limits, *, most: int = 40) -> list[Row]:
    """The cells in which the best tuned rival let users see fewer bad requests than ours, the worst first."""
    rows: list[Row] = []
    for (site, regression), there in _grouped(results, lambda result: (result.task.site, result.task.regression)).items():
        if regression == NONE:
            continue
        ours, (theirs, best) = _cost(there, OURS, limits), min((_cost(there, rival.name, limits), rival.name) for rival in RIVALS if rival.is_tuned)
        if ours > ALIKE * theirs:
            rows.append({"service": site.name, "release": regression.name, "ours s": ours, "theirs s": theirs, "rival": best})
    return sorted(rows, key=lambda row: -(row["ours s"] - row["theirs s"]))[:most]


def missed_of(results: Iterable[Result], kinds: Callable[[Regression], bool], sites: Callable[[Site], bool]) -> tuple[int, int]:
    """How many of these bad releases ours certified, and of how many."""
    there = [result.ours for result in results if kinds(result.task.regression) and sites(result.task.site)]
    return sum(played.end is End.CERTIFIED for played in there), len(there)


def _figures(there: Sequence[Result], name: str, limits: Limits) -> Row:
    ended = [by_judge(result, limits)[name] for result in there]
    late = [played.late / 60 for played in ended if played.end is End.REVERTED]
    undecided = _percent(played.end in {End.UNCERTIFIED, End.HUMAN} for played in ended)
    return {
        "rollouts": len(ended), "missed %": _percent(played.end is End.CERTIFIED for played in ended), "undecided %": undecided,
        "p50 min": median(late) if late else float("nan"), "bad s": _cost(there, name, limits),
    }  # fmt: skip


def _cost(there: Sequence[Result], name: str, limits: Limits) -> float:
    """Bad requests seen by users, on average, as seconds of the whole traffic."""
    return sum(by_judge(result, limits)[name].bad / result.task.site.traffic for result in there) / len(there)


def _names(*, tuned_too: bool) -> list[str]:
    return [OURS, *(rival.name for rival in RIVALS if tuned_too or not rival.is_tuned)]


def _percent(facts: Iterable[bool]) -> float:
    known = list(facts)
    return 100 * sum(known) / len(known) if known else 0.0


def _grouped(results: Iterable[Result], key: Callable[[Result], Any]) -> dict[Any, list[Result]]:
    found: dict[Any, list[Result]] = defaultdict(list)
    for result in results:
        found[key(result)].append(result)
    return found
