"""Versions of launch templates: read once, made so that two workers make one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import message_of, translated
from chalicelib.errors import Invalid, NotFound
from chalicelib.runtimes.autoscaling.launch import Launch, Version, decoded, described, encoded

_KEPT = 256
"""Versions whose contents are remembered; each is up to 16 KB."""


@dataclass(frozen=True, slots=True)
class Ends:
    """A template's default version, which says everything but user data, and its newest."""

    template: str
    base: Mapping[str, Any]
    newest: Mapping[str, Any]


class LaunchTemplates:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        # What is in a version never changes. One that is not found is asked for again.
        self._remembered = lru_cache(maxsize=_KEPT)(self._read)

    def find(self, version: Version) -> Launch | None:
        """What instances of this version run; None where it is gone or not seen yet."""
        try:
            return self._remembered(version)
        except NotFound:
            return None

    def ends(self, name: str) -> Ends:
        """Raises `NotFound` where there is no such template."""
        with translated(f"reading launch template {name}"):
            answer = self._clients.ec2_look.describe_launch_template_versions(LaunchTemplateName=name, Versions=["$Default", "$Latest"])
        found = answer["LaunchTemplateVersions"]
        if not found:
            raise NotFound(f"launch template {name} has no versions; look again")
        base = next((each for each in found if each["DefaultVersion"]), found[0])
        return Ends(base["LaunchTemplateId"], base, max(found, key=lambda each: each["VersionNumber"]))

    def version_with(self, launch: Launch, ends: Ends) -> tuple[Version, Launch]:
        """A version with which instances run this; made on the default one if the newest is not it."""
        newest = _launch_of(ends.newest)
        return (_version_of(ends.newest), newest) if newest == launch else self._make(ends, launch)

    def _make(self, ends: Ends, launch: Launch) -> tuple[Version, Launch]:
        base = str(ends.base["VersionNumber"])
        # What is not given is as in the source version, but for the snapshots of its block devices, which EC2 leaves out.
        devices = ends.base.get("LaunchTemplateData", {}).get("BlockDeviceMappings")
        data = {"UserData": encoded(launch)} | ({"BlockDeviceMappings": devices} if devices else {})
        request = {"LaunchTemplateId": ends.template, "SourceVersion": base, "VersionDescription": described(launch, base), "LaunchTemplateData": data}
        # By the token a worker that asks for the same gets the same version, should the first have died before it was used.
        token = sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        made = self._create({**request, "ClientToken": token})
        return _version_of(made), Launch(launch.coordinates, launch.variables, made.get("CreateTime"))

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        """Raises `Invalid` where EC2 will not make it: user data or a template that it does not take, or more versions than it keeps."""
        from botocore.exceptions import ClientError

        try:
            with translated(f"making a version of launch template {request['LaunchTemplateId']}"):
                made: dict[str, Any] = self._clients.ec2.create_launch_template_version(**request)["LaunchTemplateVersion"]
        except ClientError as error:
            raise Invalid(f"EC2 refused a version of launch template {request['LaunchTemplateId']}: {message_of(error.response)}") from error
        return made

    def _read(self, version: Version) -> Launch:
        with translated(f"reading version {version.number} of launch template {version.template}"):
            answer = self._clients.ec2_look.describe_launch_template_versions(LaunchTemplateId=version.template, Versions=[version.number])
        if not answer["LaunchTemplateVersions"]:
            raise NotFound(f"there is no version {version.number} of launch template {version.template}")
        return _launch_of(answer["LaunchTemplateVersions"][0])


def _launch_of(described_version: Mapping[str, Any]) -> Launch:
    return decoded(described_version.get("LaunchTemplateData", {}).get("UserData"), described_version.get("CreateTime"))


def _version_of(described_version: Mapping[str, Any]) -> Version:
    return Version(described_version["LaunchTemplateId"], str(described_version["VersionNumber"]))
