"""Releases that go bad on a sign, each kind in its own way.

The sign is a file: a handler looks for it at every request, so a measurement knows to the millisecond when its release
turned bad, and nothing of it can be seen before. Every kind but its own fault is a good release: `/health` is what probes
and target health ask, the other paths are the users'.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from bench.field import zipped
from turnout.demo.traffic import Answer

PROBE_PATH = "/health"
PATHS = tuple(f"/{number}" for number in range(10))
_HANDLER = """
import os, random, signal, time

def seconds_bad():
    try:
        return time.time() - os.stat({sign!r}).st_mtime
    except FileNotFoundError:
        return None

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def hang():
    while seconds_bad() is not None:
        time.sleep(0.05)

def is_bad(path, seconds):
    probed = path == {probe_path!r}
    {fault}

def handler(event, context):
    seconds = seconds_bad()
    bad = seconds is not None and is_bad(event["path"], seconds)
    headers = {{"X-Release": os.environ["TURNOUT_VERSION"], "Content-Type": "text/plain"}}
    return {{"statusCode": 500 if bad else 200, "headers": headers, "body": "bad" if bad else "good {version}"}}

if {dies_at_start} and seconds_bad() is not None:
    die()
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to be bad. `fault` is a line of the handler: it answers whether this answer is a 500, unless it waits or dies before.

    `per_second` are the requests of all users. `slow`: the seconds from which an answer of the release counts as bad; None where
    only what is lost or wrong does. A local function has ten workers, each with one request at a time: slow kinds have fewer
    requests, so that what is measured is slowness and not a queue.
    """

    name: str
    means: str
    fault: str
    dies_at_start: bool = False
    per_second: float = 60.0
    slow: float | None = None

    def is_bad(self, answer: Answer, version: str) -> bool:
        is_slow = self.slow is not None and answer.release == version and answer.answered_at - answer.asked_at >= self.slow
        return is_slow or not answer.is_good


KINDS = {
    kind.name: kind
    for kind in (
        Kind("errors", "500 to everything, probes included", "return True"),
        Kind("errors-for-users", "500 to users, while the probe path stays good", "return not probed"),
        Kind("errors-5-percent", "500 to one request in twenty, probes included", "return random.random() < 0.05"),
        Kind("slow", "half a second for each answer to users, while the probe path stays quick", "time.sleep(0 if probed else 0.5)", per_second=20, slow=0.4),
        Kind("slow-everywhere", "half a second for users, 1.5 s for probes", "time.sleep(1.5 if probed else 0.5)", per_second=20, slow=0.4),
        Kind("dead", "its process is killed at each request, and at each start", "die()", dies_at_start=True),
        Kind("hung", "nothing is answered any more", "hang()", slow=1.0),
        Kind("flapping", "500 to everything for 3 s, good for 3 s, and so on", "return int(seconds / 3) % 2 == 0"),
        Kind("one-path", "500 on one path of ten, everything else good", 'return path == "/3"'),
    )
}


@dataclass(frozen=True, slots=True)
class Sign:
    """While the file is there, the releases that know of it are bad."""

    file: Path

    def show(self) -> float:
        """The moment, on the monotonic clock, from which releases are bad."""
        self.file.touch()
        return time.monotonic()

    def hide(self) -> None:
        self.file.unlink(missing_ok=True)

    def artifact(self, kind: Kind, version: str) -> bytes:
        return zipped(_HANDLER.format(sign=str(self.file), probe_path=PROBE_PATH, fault=kind.fault, dies_at_start=kind.dies_at_start, version=version))
