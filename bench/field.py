"""What the measurements on the local stack share: a stack, a service with good releases, figures and tables."""

import argparse
import io
import json
import math
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from turnout.demo.stack import Stack, running, until

ENDED = frozenset({"completed", "reverted", "failed", "aborted", "superseded", "needs-human"})
_HANDLER = """
import os

def handler(event, context):
    return {{"statusCode": 200, "headers": {{"X-Release": os.environ["TURNOUT_VERSION"], "Content-Type": "text/plain"}}, "body": "good {version}"}}
"""


def wrong(release: str | None, body: bytes) -> str:
    """A good answer's body comes from the code, its header from the settings: both are of one release."""
    return "" if body == f"good {release}".encode() else f"{release} answered {body[:40]!r}"


def good(version: str) -> bytes:
    """The artifact of a release that stays good."""
    return zipped(_HANDLER.format(version=version))


def zipped(source: str) -> bytes:
    """An artifact whose handler is `app.handler`."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr(zipfile.ZipInfo("app.py"), source)
    return raw.getvalue()


@contextmanager
def local_stack(*options: str) -> Iterator[tuple[Stack, Path]]:
    """A stack of its own, and a folder for what releases read."""
    with TemporaryDirectory(prefix="turnout-bench-") as folder, running(Path(folder), nullcontext, *options) as stack:
        yield stack, Path(folder)


class Bench:
    """One service on a local stack, probed every second at /health (where its targets are checked as well), with 1.0.0 live."""

    def __init__(self, stack: Stack, name: str, *, steps: Sequence[Mapping[str, float]], watch_seconds: int, deadline_seconds: int = 120) -> None:
        self._stack, self.name = stack, name
        stack.turnout("service", "create", name, "--runtime", "lambda", "--handler", "app.handler", "--health-path", "/health")
        made = self.now()
        rollout = {"strategy": "canary", "steps": list(steps), "watch_seconds": watch_seconds, "deadline_seconds": deadline_seconds}
        checks = {"probe": {"path": "/health", "every_seconds": 1, "timeout_seconds": 1, "failures": 3}, "errors": {"minimum_requests": 20}}
        picture = stack.call("PUT", f"/v1/services/{name}", {**made["definition"], "rollout": rollout, "checks": checks})
        self.url: str = picture["production_url"]
        self.traffic: dict[str, Any] = picture["definition"]["traffic"]
        self.stage("1.0.0", good("1.0.0"))
        self.promote("1.0.0")
        self.ended("1.0.0")

    def now(self) -> dict[str, Any]:
        now: dict[str, Any] = self._stack.call("GET", f"/v1/services/{self.name}")
        return now

    def stage(self, version: str, artifact: bytes) -> str:
        """Upload it and wait; answers the colour it stands on."""
        self.upload(version, artifact)
        return self.staged(version)

    def upload(self, version: str, artifact: bytes) -> None:
        self._stack.upload(f"{self.name}/{version}/app.zip", artifact)

    def staged(self, version: str) -> str:
        """Wait; answers the colour it stands on."""
        until(f"{version} is staged", lambda: self.phase(version) == "staged", seconds=60)
        color: str = self.now()["candidate"]["color"]
        return color

    def promote(self, version: str, **how: Any) -> None:
        self._stack.call("POST", f"/v1/services/{self.name}/promote", {"version": version, "reason": "bench", **how})

    def rollback(self) -> str:
        """Answers the deployment's id."""
        id: str = self._stack.call("POST", f"/v1/services/{self.name}/rollback", {"reason": "bench"})["id"]
        return id

    def deployment(self, version: str) -> dict[str, Any]:
        """The newest one of this version, or an empty one."""
        listed: list[dict[str, Any]] = self._stack.call("GET", f"/v1/services/{self.name}/deployments?limit=5")["items"]
        return next((one for one in listed if one["version"] == version), {})

    def reached(self, version: str, *phases: str) -> str:
        """Wait for one of the phases."""
        until(f"{version} reaches {' or '.join(phases)}", lambda: self.phase(version) in phases, seconds=120)
        return self.phase(version)

    def phase(self, version: str) -> str:
        return str(self.deployment(version).get("phase"))

    def ended(self, version: str) -> str:
        return self.reached(version, *ENDED)

    def phase_of(self, id: str) -> str:
        return str(self._stack.call("GET", f"/v1/services/{self.name}/deployments/{id}")["phase"])


def percentile(values: Iterable[float], share: float) -> float:
    """The nearest rank: a value that was really seen."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


Rows = list[dict[str, Any]]


def arguments(doc: str | None, **defaults: float | str) -> argparse.Namespace:
    """What every measurement takes: `--json FILE`, and its own sizes."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    for name, value in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value, metavar="N", help=f"default {value}")
    return parser.parse_args()


def report(rows: Rows, to: Path | None, *further: Rows) -> None:
    """Short tables on standard output, one line a row; the same as JSON, row after row, into a file."""
    for table in (rows, *further):
        columns = list(table[0])
        cells = [columns, *([_shown(row[column]) for column in columns] for row in table)]
        widths = [max(len(line[number]) for line in cells) for number in range(len(columns))]
        for line in cells:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    if to:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(json.dumps([row for table in (rows, *further) for row in table], indent=2) + "\n")


def say(text: str) -> None:
    """Progress is talk, not data."""
    print(text, file=sys.stderr, flush=True)


def _shown(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
