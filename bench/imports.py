"""What a cold start costs before any of our own work: each line is a fresh interpreter, the lines in turn, the median of several rounds.

Budget: importing `app` takes at most 1.5 times as long as importing boto3 and PynamoDB and making a DynamoDB client;
`turnout --help` answers within 150 ms. The ratio is one of processor time, which other work on the machine disturbs least.
"""

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench import field

ROOT = Path(__file__).resolve().parents[1]
BASE = "boto3 + PynamoDB + a DynamoDB client"
_BASE = "import boto3, pynamodb.models; boto3.client('dynamodb', region_name='us-east-1')"
COMMANDS = {
    "an empty interpreter": [sys.executable, "-c", ""],
    BASE: [sys.executable, "-c", _BASE],
    "import app": [sys.executable, "-c", "import app"],
    "turnout --help": [str(Path(sys.executable).with_name("turnout")), "--help"],
}


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds, by the clock on the wall and of the processor."""

    wall: float
    processor: float


def main() -> None:
    given = field.arguments(__doc__, rounds=15)
    taken: dict[str, list[Taken]] = {name: [] for name in COMMANDS}
    for command in COMMANDS.values():
        _run(command)  # byte code and the file cache are warm from here on, as in a deployed zip
    for _ in range(given.rounds):
        for name, command in COMMANDS.items():
            taken[name].append(_run(command))
    base = statistics.median(each.processor for each in taken[BASE])
    field.report([_row(name, each, base) for name, each in taken.items()], given.json)


def _run(command: list[str]) -> Taken:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TURNOUT_"))}
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return Taken(time.perf_counter() - began, used.ru_utime + used.ru_stime)


def _row(name: str, taken: list[Taken], base: float) -> dict[str, object]:
    wall, processor = statistics.median(each.wall for each in taken), statistics.median(each.processor for each in taken)
    return {
        "what": name, "rounds": len(taken), "median ms": 1000 * wall, "fastest ms": 1000 * min(each.wall for each in taken),
        "processor ms": 1000 * processor, "of the base": processor / base,
    }  # fmt: skip


if __name__ == "__main__":
    main()
