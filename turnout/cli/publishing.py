"""Waiting for what becomes of an upload: a release and its deployment, or a rejection."""

from collections.abc import Callable
from dataclasses import dataclass

from turnout.cli.context import Context, Json
from turnout.cli.exits import Exit, Failure
from turnout.cli.waiting import Goal, Pace, Patience, failure, wait
from turnout.problems import ApiProblem, Unreachable

LOOKS_FOR_A_DEPLOYMENT = 4
"""A release that is deployed by itself is so within a moment of being recorded."""


@dataclass(frozen=True, slots=True)
class Published:
    release: Json | None
    deployment: Json | None
    exit_code: Exit
    failure: Failure | None


def wait_until_published(context: Context, service: str, version: str, sha256: str) -> Callable[[], Published]:
    """To be called before the upload, so that what was refused earlier is known; what it returns waits."""
    refused = {str(item.get("id")) for item in _rejections(context, service, version)}
    started = [str(item.get("id")) for item in context.client.deployments(service).items if item.get("version") == version]
    return lambda: _Upload(context, service, version, sha256, refused, started).wait()


@dataclass(frozen=True, slots=True)
class _Upload:
    context: Context
    service: str
    version: str
    sha256: str
    refused: set[str]
    """Rejections from before."""
    started: list[str]
    """Deployments of this version from before."""

    def wait(self) -> Published:
        try:
            return self._until_registered(Patience(self.context.monotonic, self.context.flags.timeout), Pace())
        except KeyboardInterrupt:
            detail = f"stopped waiting; {self.service} {self.version} is uploaded and goes its way: `turnout status {self.service}` shows it"
            return self._ended(None, Exit.INTERRUPTED, detail, "interrupted")

    def _until_registered(self, patience: Patience, pace: Pace) -> Published:
        looks = 0
        release: Json | None = None
        while True:
            try:
                release = self._release()
                looks += release is not None
                if rejection := None if release else self._rejection():
                    return self._ended(None, Exit.ERROR, f"{self.service} {self.version} was refused: {rejection.get('reason')}", "rejected")
                deployment = self._deployment() if release else None
                patience.heard()
                if deployment:
                    return self._until_staged(release, deployment)
                if looks >= LOOKS_FOR_A_DEPLOYMENT:
                    self.context.say(f"it is not deployed by itself; `turnout deploy {self.service} {self.version}` does")
                    return Published(release, None, Exit.DONE, None)
            except (ApiProblem, Unreachable) as trouble:
                patience.bear(trouble)
            if patience.left == 0:
                seen = "registered and not deployed yet" if release else "neither registered nor refused yet"
                detail = f"{self.service} {self.version} is {seen}; `turnout status {self.service}` shows what becomes of it"
                return self._ended(release, Exit.TIMED_OUT, detail, "wait-timed-out")
            self.context.sleep(patience.bounded(pace.pause()))

    def _until_staged(self, release: Json | None, deployment: Json) -> Published:
        waited = wait(self.context, self.service, deployment, Goal.STAGED)
        return Published(release, waited.deployment, waited.exit_code, failure(self.service, waited))

    def _release(self) -> Json | None:
        """The release, if it is of this very file: the version may have been another one's before."""
        try:
            release = self.context.client.release(self.service, self.version)
        except ApiProblem as problem:
            if problem.status == 404:
                return None
            raise
        artifact = release.get("artifact") or {}
        digest = str(artifact.get("sha256") or artifact.get("digest") or "").removeprefix("sha256:")
        return release if digest == self.sha256 else None

    def _rejection(self) -> Json | None:
        return next((item for item in _rejections(self.context, self.service, self.version) if str(item.get("id")) not in self.refused), None)

    def _deployment(self) -> Json | None:
        """A deployment of it: a new one, or the one that an upload of the same file has started before and that is still under way."""
        ours = [item for item in self.context.client.deployments(self.service).items if item.get("version") == self.version]
        new = [item for item in ours if str(item.get("id")) not in self.started]
        return next(iter(new + [item for item in ours if not item.get("ended_at")]), None)

    def _ended(self, release: Json | None, code: Exit, detail: str, slug: str) -> Published:
        return Published(release, None, code, Failure(detail, code, slug))


def _rejections(context: Context, service: str, version: str) -> list[Json]:
    return [item for item in context.client.rejections().items if (item.get("service"), item.get("version")) == (service, version)]
