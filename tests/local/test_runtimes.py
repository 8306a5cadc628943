"""The whole story on runtimes whose colours have sizes: tasks of ECS and instances of groups, as real processes behind the real balancer."""

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from turnout.demo.stack import Stack, running, until
from turnout.demo.traffic import Traffic, lost

ROOT = Path(__file__).resolve().parents[2]
PARCELS = ROOT / "examples" / "parcels"
ROLLOUT = {"strategy": "canary", "steps": [{"weight": 20, "hold_seconds": 2}], "watch_seconds": 3, "deadline_seconds": 60}
CHECKS = {"probe": {"path": "/", "every_seconds": 1, "timeout_seconds": 2, "failures": 3}}
BROKEN = "import a_module_that_is_nowhere\n"


@dataclass(frozen=True)
class Sizes:
    """`wanted` by colour; `held` are the colours that nothing scales in."""

    wanted: dict[str, int]
    held: set[str]


class Place:
    """A service of the example application on one of the runtimes; `size` is 2 and 1 is kept."""

    def __init__(self, stack: Stack, kind: str, folder: Path) -> None:
        self.stack, self.kind, self.name, self._folder = stack, kind, f"on-{kind}", folder
        stack.turnout("service", "create", self.name, "--runtime", kind)
        definition = self.call("GET", "")["definition"]
        self.definition = self.call("PUT", "", {**definition, "rollout": ROLLOUT, "checks": CHECKS, "runtime": definition["runtime"] | {"size": 2}})["definition"]
        self.url: str = self.call("GET", "")["production_url"]

    def publish(self, version: str, *, before: str = "") -> None:
        """CI's part: an image is pushed, or a zip is uploaded."""
        source = self._folder / version
        shutil.copytree(PARCELS, source)
        server = source / "server.py"
        server.write_text(f"{before}{server.read_text()}\n# {version}\n")
        if self.kind == "ecs":
            self.stack.turnout("local", "image", "push", str(source), "--repository", self.name, "--tag", version)
        else:
            self.stack.upload(f"{self.name}/{version}/parcels.zip", zipped(source))

    def promote(self, version: str) -> None:
        until(f"{version} is staged", lambda: self.phase(version) == "staged", seconds=60)
        self.call("POST", "/promote", {"version": version})

    def released(self, version: str) -> None:
        self.publish(version)
        self.promote(version)
        until(f"{version} has completed", lambda: self.phase(version) == "completed", seconds=90)

    def phase(self, version: str) -> str | None:
        return next((str(one["phase"]) for one in self.call("GET", "/deployments")["items"] if one["version"] == version), None)

    def now(self) -> dict[str, Any]:
        now: dict[str, Any] = self.call("GET", "")
        return now

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self.stack.call(method, f"/v1/services/{self.name}{path}", body)

    def sizes(self) -> Sizes:
        return self._tasks() if self.kind == "ecs" else self._instances()

    def scaled_by_itself(self) -> None:
        """Something scales both colours, in as well as out; groups always let it."""
        if self.kind == "ecs":
            for color in ("blue", "green"):
                self.stack.aws("application-autoscaling").register_scalable_target(**self._target(color), MinCapacity=0, MaxCapacity=10)

    def _tasks(self) -> Sizes:
        services = self.stack.aws("ecs").describe_services(cluster="turnout", services=[f"{self.name}-blue", f"{self.name}-green"])["services"]
        scaling = self.stack.aws("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
        held = {one["ResourceId"].rpartition("-")[2] for one in scaling if self.name in one["ResourceId"] and one["SuspendedState"]["DynamicScalingInSuspended"]}
        return Sizes({one["serviceName"].rpartition("-")[2]: one["desiredCount"] for one in services}, held)

    def _target(self, color: str) -> dict[str, str]:
        return {"ServiceNamespace": "ecs", "ResourceId": f"service/turnout/{self.name}-{color}", "ScalableDimension": "ecs:service:DesiredCount"}

    def _instances(self) -> Sizes:
        groups = self.stack.aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[f"{self.name}-blue", f"{self.name}-green"])["AutoScalingGroups"]
        wanted = {one["AutoScalingGroupName"].rpartition("-")[2]: one["DesiredCapacity"] for one in groups}
        return Sizes(wanted, {one["AutoScalingGroupName"].rpartition("-")[2] for one in groups if one["NewInstancesProtectedFromScaleIn"]})


def zipped(source: Path) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for file in sorted(source.iterdir()):
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes())
    return raw.getvalue()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("runtimes"), nullcontext) as made:
        yield made


@pytest.mark.parametrize("kind", ["ecs", "autoscaling"])
def test_a_service_is_released_rolled_back_and_spared_what_cannot_run(stack: Stack, kind: str, tmp_path: Path) -> None:
    place = Place(stack, kind, tmp_path)
    place.scaled_by_itself()
    place.call("POST", "/config", {"set": {"DEPOT": "York $HOME 'quoted'"}, "unset": []})
    place.released("1.0.0")

    with Traffic(place.url, per_second=30, paths=("/",)) as traffic:
        its_rollout_loses_nothing_and_lets_nothing_shrink(place)
        its_rollback_is_at_once_and_grows(place)
        what_cannot_run_gets_no_request(place)
        answers = traffic.since(0)

    bad = lost(answers)
    print(f"{kind}: {len(bad)} of {len(answers)} requests lost")
    assert not bad, bad[:3]
    assert {answer.release for answer in answers} == {"1.0.0", "1.1.0"}


def its_rollout_loses_nothing_and_lets_nothing_shrink(place: Place) -> None:
    place.publish("1.1.0")
    place.promote("1.1.0")
    until("scale-in of both is suspended", lambda: place.sizes() == Sizes({"blue": 2, "green": 2}, {"blue", "green"}), seconds=30)
    until("1.1.0 has completed", lambda: place.phase("1.1.0") == "completed", seconds=90)
    live, idle = place.now()["live"]["color"], place.now()["previous"]["color"]
    until("the old colour is small and both scale", lambda: place.sizes() == Sizes({live: 2, idle: 1}, set()), seconds=30)
    shown = json.loads(place.stack.http.request("GET", place.url).data)
    assert (shown["release"], shown["depot"]) == ("1.1.0", "York $HOME 'quoted'")


def its_rollback_is_at_once_and_grows(place: Place) -> None:
    to = place.now()["previous"]["color"]
    id = place.call("POST", "/rollback", {"reason": "it was nicer before"})["id"]
    assert place.now()["weights"]["desired"][to] == 100
    until("its target is as large as what it replaces", lambda: place.sizes().wanted[to] == 2, seconds=30)
    until("the rollback has completed", lambda: place.call("GET", f"/deployments/{id}")["phase"] == "completed", seconds=60)
    assert place.now()["live"]["version"] == "1.0.0"


def what_cannot_run_gets_no_request(place: Place) -> None:
    place.publish("1.2.0", before=BROKEN)
    until("1.2.0 has failed", lambda: place.phase("1.2.0") == "failed", seconds=90)
    live = place.now()["live"]
    assert live["version"] == "1.0.0"
    until("the failed colour is small", lambda: place.sizes().wanted[live["color"]] == 2 and min(place.sizes().wanted.values()) <= 1, seconds=30)
