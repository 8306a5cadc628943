"""What runs in either tree: `python -m tests.formats.play write DIRECTORY` and `… finish DIRECTORY`.

`write` plays every rollout half way and leaves a file each; `finish` plays such files to their end. Both print a line of JSON
for each, with what went wrong. Runs in older trees as well (see `halfway.py`).
"""

import json
import logging
import sys
from functools import cache
from pathlib import Path

import chalicelib
from chalicelib.audit.service import Audit
from tests.faults import invariants
from tests.faults.stage import Stage
from tests.formats import keeping
from tests.formats.halfway import HALFWAY, Ending, Halfway, finished, half_of


def write(one: Halfway, folder: Path) -> str:
    record = keeping.record_of(half_of(one, Stage()))
    text = ",\n".join(json.dumps(item, separators=(",", ":"), ensure_ascii=False) for item in record.pop("items"))
    head = json.dumps(record, separators=(",", ":"))[:-1]
    folder.joinpath(f"{one.name}.json").write_text(f'{head},"items":[\n{text}\n]}}\n')
    return ""


def finish(one: Halfway, folder: Path) -> str:
    # An older tree that loses fields would be stopped at its first change: it is told at the end instead, with whatever else it does.
    invariants.ON_COMMIT = tuple(one for one in invariants.ON_COMMIT if one.__name__ != "i9_the_chain_replays_to_the_state")
    stage = keeping.staged(json.loads(folder.joinpath(f"{one.name}.json").read_text()))
    one.outside(stage)
    return wrong_with(stage, one)


def wrong_with(stage: Stage, one: Halfway) -> str:
    """What is not as after a clean run, once it is finished; empty where all is."""
    found, clean = finished(one, stage), clean_end(one)
    replayed, state = keeping.told_by(stage)
    wrong = [f"ended as {found}, a clean run as {clean}"] if found != clean else []
    wrong += ["the chain does not verify"] if Audit(stage.ledger).verify("service/web") is not None else []
    differing = sorted(name for name in {*replayed, *state} if replayed.get(name) != state.get(name))
    wrong += [f"the chain does not replay to the record: {', '.join(differing)}"] if differing else []
    return "; ".join(wrong)


@cache
def clean_end(one: Halfway) -> Ending:
    return finished(one, half_of(one, Stage()))


def played(what: str, one: Halfway, folder: Path) -> str:
    try:
        return (write if what == "write" else finish)(one, folder)
    except Exception as error:  # noqa: BLE001 - whatever an older tree makes of it is what is asked for
        return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def main(what: str, folder: Path) -> None:
    if Path.cwd() not in Path(chalicelib.__path__[0]).parents:
        sys.exit(f"this would be another tree's code: {chalicelib.__path__[0]}")
    logging.disable(logging.CRITICAL)
    for one in HALFWAY.values():
        if what == "write" or folder.joinpath(f"{one.name}.json").exists():
            print(json.dumps({"name": one.name, "wrong": played(what, one, folder)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
