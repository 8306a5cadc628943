"""The shop as its team sees it: through the API, and through its two URLs."""

import json
from dataclasses import dataclass
from typing import Any

from turnout.demo.stack import Stack, Stopped, until

NAME = "shop"
_ROLLOUT = {
    "strategy": "canary",
    "steps": [{"weight": 10, "hold_seconds": 15}, {"weight": 50, "hold_seconds": 3}],
    "watch_seconds": 5,
    "deadline_seconds": 120,
}
_CHECKS = {
    "probe": {"path": "/", "every_seconds": 1, "timeout_seconds": 2, "failures": 3},
    "smoke": [{"method": "GET", "path": "/products", "expect_body": "Signal lamp"}],
    "errors": {"max_rate": 0.05, "minimum_requests": 20, "false_alarm_rate": 0.01},
}


@dataclass(frozen=True)
class Page:
    """What `/about` says: the release, a digest of the very source files that run, the settings they see."""

    version: str
    source: str
    settings: dict[str, str]


class Shop:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        made = stack.create_service(NAME, "app.handler")
        definition = {**made["definition"], "rollout": _ROLLOUT, "checks": _CHECKS}
        self.picture: dict[str, Any] = stack.call("PUT", f"/v1/services/{NAME}", definition)
        self.production: str = self.picture["production_url"]
        self.staging: str = self.picture["staging_url"]
        self.traffic: dict[str, Any] = self.picture["definition"]["traffic"]

    def now(self) -> dict[str, Any]:
        now: dict[str, Any] = self._stack.call("GET", f"/v1/services/{NAME}")
        return now

    def about(self, url: str) -> Page:
        answer = self._stack.http.request("GET", f"{url}/about")
        if answer.status != 200:
            raise Stopped(f"{url}/about answered {answer.status}")
        said = json.loads(answer.data)
        return Page(said["version"], said["source"], said["settings"])

    def set(self, **settings: str) -> None:
        self._stack.call("POST", f"/v1/services/{NAME}/config", {"set": settings, "unset": [], "reason": "demo"})

    def stage(self, version: str, artifact: bytes) -> None:
        """What CI does is the upload; the rest happens by itself."""
        self.upload(version, artifact)
        until(f"{version} is staged", lambda: self.phase(version) == "staged", seconds=60)

    def upload(self, version: str, artifact: bytes) -> None:
        self._stack.upload(f"{NAME}/{version}/{NAME}.zip", artifact)

    def promote(self, version: str) -> None:
        self._stack.call("POST", f"/v1/services/{NAME}/promote", {"version": version, "reason": "demo"})

    def rollback(self) -> str:
        """Asks for what was before; answers the id of the deployment that brings it."""
        deployment: dict[str, Any] = self._stack.call("POST", f"/v1/services/{NAME}/rollback", {"reason": "demo"})
        return str(deployment["id"])

    def phase(self, version: str) -> str | None:
        """Of the newest deployment of this version."""
        return next((str(one["phase"]) for one in self.deployments() if one["version"] == version), None)

    def phase_of(self, id: str) -> str:
        return str(self._stack.call("GET", f"/v1/services/{NAME}/deployments/{id}")["phase"])

    def deployments(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self._stack.call("GET", f"/v1/services/{NAME}/deployments?limit=100")["items"]
        return listed

    def releases(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self._stack.call("GET", f"/v1/services/{NAME}/releases?limit=100")["items"]
        return listed

    def rejections(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self._stack.call("GET", "/v1/rejections?limit=100")["items"]
        return listed

    def state(self) -> dict[str, Any]:
        """Everything an upload could have changed."""
        now = self.now()
        picture = {name: now[name] for name in ("live", "candidate", "previous", "deployment", "paused")}
        digests = [(one["version"], one["artifact"]) for one in self.releases()]
        return {**picture, "weights": now["weights"]["desired"], "releases": digests, "deployments": [(one["id"], one["phase"]) for one in self.deployments()]}
