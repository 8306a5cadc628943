"""The act of the parcels: images pushed to ECR, run as tasks of ECS behind the same kind of rule."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from turnout.demo.screen import Claim, Screen
from turnout.demo.stack import Stack, until
from turnout.demo.traffic import Traffic, lost

NAME = "parcels"
PER_SECOND = 40
_SOURCES = Path(__file__).resolve().parents[2] / "examples" / "parcels"
_ROLLOUT = {"strategy": "canary", "steps": [{"weight": 20, "hold_seconds": 3}], "watch_seconds": 3, "deadline_seconds": 60}
_CHECKS = {"probe": {"path": "/", "every_seconds": 1, "timeout_seconds": 2, "failures": 3}}
_CLAIM = "an image pushed to ECR goes live on ECS without losing a request, and one that cannot run gets none"


class Parcels:
    def __init__(self, stack: Stack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        stack.turnout("service", "create", NAME, "--runtime", "ecs", "--repository", NAME)
        made = self._call("GET", "")
        picture = self._call("PUT", "", {**made["definition"], "rollout": _ROLLOUT, "checks": _CHECKS, "runtime": {**made["definition"]["runtime"], "size": 2}})
        self.url: str = picture["production_url"]

    def push(self, version: str, *, title: str = "Where is my parcel?", broken: bool = False) -> str:
        """CI builds an image and pushes it; answers its digest."""
        source = self._folder / version
        shutil.copytree(_SOURCES, source)
        text = (source / "server.py").read_text().replace("Where is my parcel?", title)
        (source / "server.py").write_text("import a_module_that_is_in_no_image\n" + text if broken else text)
        pushed: dict[str, str] = json.loads(self._stack.turnout("local", "image", "push", str(source), "--repository", NAME, "--tag", version, "--json"))
        return pushed["digest"]

    def promote(self, version: str) -> None:
        """As soon as it is staged."""
        until(f"{version} is staged", lambda: self.phase(version) == "staged", seconds=60)
        self._call("POST", "/promote", {"version": version, "reason": "demo"})

    def phase(self, version: str) -> str | None:
        return self.deployment(version).get("phase")

    def deployment(self, version: str) -> dict[str, Any]:
        """The newest one of this version."""
        return next((one for one in self._call("GET", "/deployments")["items"] if one["version"] == version), {})

    def live(self) -> str | None:
        live: dict[str, str] | None = self._call("GET", "")["live"]
        return live["version"] if live else None

    def images(self) -> set[str]:
        """What the tasks that run are made of: images by digest, as ECS has them."""
        ecs = self._stack.aws("ecs")
        services = ecs.describe_services(cluster="turnout", services=[f"{NAME}-blue", f"{NAME}-green"])["services"]
        running = [one["taskDefinition"] for one in services if one["runningCount"]]
        found = [ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]["containerDefinitions"][0]["image"] for arn in running]
        return {image.rpartition("@")[2] for image in found}

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._stack.call(method, f"/v1/services/{NAME}{path}", body)


@contextmanager
def prepared(stack: Stack) -> Iterator[Parcels]:
    """The service, and 1.0.0 on its way."""
    with TemporaryDirectory(prefix="parcels-", dir=stack.folder) as folder:
        parcels = Parcels(stack, Path(folder).absolute())
        parcels.push("1.0.0")
        yield parcels


def play(parcels: Parcels, screen: Screen) -> Claim:
    screen.act("Parcels, as tasks of ECS: an image that is good, and one that is not")
    until("1.0.0 of the parcels is live", lambda: parcels.phase("1.0.0") == "completed", seconds=60)
    with Traffic(parcels.url, per_second=PER_SECOND) as traffic:
        screen.pulse = lambda: f"{traffic.count():,} requests, {len(lost(traffic.since(0)))} bad"
        asked = time.monotonic()
        with screen.step("1.1.0 is pushed, promoted and watched"):
            digest = parcels.push("1.1.0", title="Where are my parcels?")
            parcels.promote("1.1.0")
            until("1.1.0 has completed", lambda: parcels.phase("1.1.0") == "completed", seconds=90)
        with screen.step("1.2.0 is pushed; it ends as soon as it starts"):
            parcels.push("1.2.0", broken=True)
            until("1.2.0 has failed", lambda: parcels.phase("1.2.0") == "failed", seconds=90)
        answers = traffic.since(asked)
    bad, by_bad_one = lost(answers), [one for one in answers if one.release == "1.2.0"]
    held = not bad and not by_bad_one and parcels.live() == "1.1.0" and digest in parcels.images()
    why = parcels.deployment("1.2.0").get("reason") or parcels.deployment("1.2.0").get("outcome")
    measured = f"{len(bad)} of {len(answers)} requests lost, {len(by_bad_one)} answered by 1.2.0; live is {parcels.live()}, {digest[7:19]} runs; 1.2.0: {why}"
    return Claim(_CLAIM, held, measured)
