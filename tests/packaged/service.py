"""A service on the emulator, as its team sees it: uploads, the API, the load balancer's two addresses."""

import io
import time
import zipfile
from collections import Counter
from dataclasses import dataclass
from typing import Any

import urllib3

from tests.packaged.api import Api
from tests.packaged.deployment import Deployment
from tests.packaged.events import harmless
from tests.packaged.waiting import until

_APP = """
import os
def handler(event, context):
    return {"statusCode": 200, "headers": {"Content-Type": "text/plain", "X-Release": os.environ["TURNOUT_VERSION"]}, "body": "THIS"}
"""

_TICK_SECONDS = 10
_BAD_ENDS = ("failed", "reverted", "aborted", "superseded")


@dataclass(frozen=True)
class Service:
    name: str
    deployment: Deployment
    admin: Api

    @property
    def bucket(self) -> str:
        return self.deployment.outputs["ArtifactBucketName"]

    def now(self) -> Any:
        return self.admin.call("GET", f"/v1/services/{self.name}")

    def change(self, **parts: Any) -> None:
        self.admin.call("PUT", f"/v1/services/{self.name}", {**self.now()["definition"], **parts})

    def upload(self, version: str, content: bytes | None = None) -> str:
        """Answers the version of the object."""
        body = a_release(version) if content is None else content
        put = self.deployment.emulator.client("s3").put_object(Bucket=self.bucket, Key=f"{self.name}/{version}/app.zip", Body=body)
        return str(put["VersionId"])

    def event_of(self, version: str, object_version: str) -> dict[str, Any]:
        """What S3 says of this upload."""
        event = harmless(self.deployment.functions["OnArtifact"])
        detail = {"bucket": {"name": self.bucket}, "object": {"key": f"{self.name}/{version}/app.zip", "version-id": object_version, "sequencer": "0"}}
        return {**event, "detail": detail}

    def releases(self) -> dict[str, Any]:
        return {one["version"]: one for one in self.admin.call("GET", f"/v1/services/{self.name}/releases")["items"]}

    def released(self, version: str) -> Any:
        return until(f"release {version}", lambda: self.releases().get(version), seen=lambda: self.deployment.told("OnArtifact")[-5:])

    def rejections(self) -> list[Any]:
        return [one for one in self.admin.call("GET", "/v1/rejections")["items"] if f"/{self.name}/" in str(one)]

    def deployment_of(self, version: str) -> Any:
        found = self.admin.call("GET", f"/v1/services/{self.name}/deployments")["items"]
        return next((one for one in found if one["version"] == version), None)

    def reaches(self, version: str, *phases: str, ticking: bool = True, within: float = 240) -> Any:
        """The deployment of this version, once it is in one of these phases. Ticks more often than the schedule, which does so each minute."""
        last = time.monotonic()

        def reached() -> Any:
            nonlocal last
            if ticking and time.monotonic() - last > _TICK_SECONDS:
                self.deployment.tick()
                last = time.monotonic()
            found = self.deployment_of(version)
            assert not found or found["phase"] in phases or found["phase"] not in _BAD_ENDS, self.story(version)
            return found if found and found["phase"] in phases else None

        return until(f"{version} is {' or '.join(phases)}", reached, within=within, seen=lambda: self.story(version))

    def story(self, version: str) -> list[Any]:
        """What the timeline says, oldest first, and the last lines of the workers' log."""
        if not (found := self.deployment_of(version)):
            return [f"{version} has no deployment"]
        events = self.admin.call("GET", f"/v1/services/{self.name}/deployments/{found['id']}/events")["items"]
        return [*((event["kind"], event["message"]) for event in reversed(events)), *self.deployment.told("OnDue")[-5:]]

    def kinds(self, version: str) -> list[str]:
        return [str(event[0]) for event in self.story(version) if isinstance(event, tuple)]

    def weights(self) -> dict[str, int]:
        """As the load balancer tells them, in percent."""
        traffic = self.now()["definition"]["traffic"]
        [rule] = self.deployment.emulator.client("elbv2").describe_rules(RuleArns=[traffic["production_rule"]])["Rules"]
        weight_by_group = {group["TargetGroupArn"]: group["Weight"] for group in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]}
        return {color: 100 * weight_by_group[arn] // sum(weight_by_group.values()) for color, arn in traffic["target_groups"].items()}

    def answering(self, where: str, requests: int = 1) -> Counter[str]:
        """Which releases answered that many requests to `production` or `staging`."""
        url = self.now()[f"{where}_url"]
        with urllib3.PoolManager(retries=False, timeout=30) as http:
            answers = [http.request("GET", url + "/") for _ in range(requests)]
        assert [answer.status for answer in answers] == [200] * requests
        return Counter(answer.headers["X-Release"] for answer in answers)


def a_release(version: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("app.py"), _APP.replace("THIS", version))
    return packed.getvalue()
