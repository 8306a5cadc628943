"""False rollbacks, missed releases and bad requests: our judge and the field's on the same simulated streams.

`--runs` are the A/A rollouts of each service; of each way to be bad there are a tenth of it, two at least.
"""

import json
import time

from bench.field import arguments, report, say
from bench.judges import tables
from bench.judges.playing import Result, Task, play
from bench.judges.sites import GROUPS, LOCAL, NONE, regressions
from bench.judges.streams import Site


def main() -> None:
    given = arguments(__doc__, runs=8, seed=1)
    began = time.monotonic()
    results = play(tasks(int(given.runs), int(given.seed)))
    local = play(tasks(int(given.runs), int(given.seed), sites=LOCAL, local=True, field=False))
    limits = tables.tuned(results)
    shown = (
        tables.false_rollbacks(results, limits), tables.ends_of_good(results), tables.bad_releases(results, limits, tuned_rivals=False),
        tables.bad_releases(results, limits, tuned_rivals=True), tables.against_tuned(results, limits), tables.where_more(results, limits),
        summary(results, local),
    )  # fmt: skip
    report(shown[0], None, *(table for table in shown[1:] if table))
    if given.json:
        whole = [*(row for table in shown for row in table), *tables.cells(results, limits), *tables.cells(local, {})]
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(whole, indent=2) + "\n")
    say(f"{len(results) + len(local)} rollouts in {time.monotonic() - began:.0f} s")


EVERYWHERE = tuple(site for group in GROUPS.values() for site in group)


def tasks(runs: int, seed: int, *, sites: tuple[Site, ...] = EVERYWHERE, local: bool = False, field: bool = True) -> list[Task]:
    """A/A and bad ones. A stream's seed does not depend on how it is bad: an A/A and its bad twin differ in nothing else."""
    good = [Task(site, NONE, seed * 100_000 + run, local, field) for site in sites for run in range(runs)]
    few = max(2, runs // 10)
    return good + [Task(site, kind, seed * 100_000 + run, local, field) for site in sites for kind in regressions(site) for run in range(few)]


def summary(results: list[Result], local: list[Result]) -> list[tables.Row]:
    """The goals in one table: ours only."""
    rows = []
    for pace, played in (("AWS's pace", results), ("local pace", local)):
        good = [result.ours.end for result in played if result.task.regression == NONE]
        back = sum(end == "reverted" for end in good)
        tenfold, of = tables.missed_of(played, lambda kind: kind.factor >= 10, lambda site: site.traffic >= 10)
        low, high = tables.wilson(back, len(good))
        rows.append({
            "pace": pace, "A/A": len(good), "false": back, "from %": 100 * low, "to %": 100 * high,
            "tenfold": of, "certified": tenfold, "tenfold to %": 100 * tables.wilson(tenfold, of)[1],
        })  # fmt: skip
    return rows


if __name__ == "__main__":
    main()
