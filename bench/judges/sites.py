"""What is played: the services, the ways a release is bad there, the plans."""

from itertools import product

from bench.judges.rollout import Plan, canary
from bench.judges.streams import DRIFT, EVERYTHING, NONE, OFTEN, OUTAGES, RUNS, SURGES, Regression, Site

BASES = (0.0, 0.001, 0.005, 0.01, 0.02)
CALM = tuple(Site(traffic, base) for traffic, base in product((1.0, 10.0, 100.0, 1000.0), BASES))
WEIGHTS = (*(Site(traffic, 0.005, first=10) for traffic in (10.0, 100.0, 1000.0)), Site(100.0, 0.005, first=50), Site(100.0, 0.005, first=250))
DISTURBED = tuple(Site(traffic, 0.005, disturbances=frozenset((one,))) for traffic, one in product((10.0, 100.0), (SURGES, OUTAGES, OFTEN, DRIFT, RUNS)))
ROUGH = tuple(Site(traffic, base, disturbances=EVERYTHING) for traffic, base in ((1.0, 0.01), (10.0, 0.005), (100.0, 0.005), (1000.0, 0.02)))
SPARSE = tuple(Site(traffic, base) for traffic, base in ((0.02, 0.0), (0.02, 0.01), (0.1, 0.01), (0.3, 0.01)))
GROUPS: dict[str, tuple[Site, ...]] = {"calm": CALM, "other weights": WEIGHTS, "disturbed": DISTURBED, "everything": ROUGH, "sparse": SPARSE}
LOCAL = (Site(20.0, 0.0), Site(60.0, 0.01), Site(200.0, 0.005))
"""Played at the local stack's pace: periods of a second, told at once, a pass a second."""

_KINDS = (
    Regression("errors x2", factor=2), Regression("errors x5", factor=5), Regression("errors x10", factor=10), Regression("5 % more fail", flat=0.05),
    Regression("all fail, probes too", flat=1, probes_fail=True), Regression("all fail but probes", flat=1),
    Regression("slow x2", slower=2), Regression("slow x3", slower=3),
)  # fmt: skip

KAYENTA_PLAN_WATCH = 600.0


def regressions(site: Site) -> list[Regression]:
    """Each from the first weight on, and from a later moment; what multiplies errors needs some."""
    kinds = [kind for kind in _KINDS if kind.factor == 1 or site.base]
    late = [Regression(f"{kind.name}, later", kind.factor, kind.flat, kind.slower, kind.probes_fail, late=True) for kind in kinds]
    return kinds + late


def plan_of(site: Site, *, local: bool = False) -> Plan:
    if local:
        return Plan(((site.first, 10.0), (500, 10.0)), watch=100.0, deadline=200.0, period=1.0, delay=0.0)
    return canary(site.first)


def hour_of_points(site: Site) -> Plan:
    """What a Mann-Whitney judge with 50 points needs: an hour at the first weight, judged once; as long in all as the other plan."""
    return Plan(((site.first, 3600.0),), watch=KAYENTA_PLAN_WATCH)


__all__ = ["GROUPS", "LOCAL", "NONE", "hour_of_points", "plan_of", "regressions"]
