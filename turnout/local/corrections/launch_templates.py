"""Launch templates: versions that come from another one, are made once, and are all listed.

Plain moto ignores `SourceVersion` and `ClientToken`, hands user data of a second
version on as mere text, on which a launch then fails, and lists the first fifteen
versions without saying that there are more.
"""

import copy
import sys
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidLaunchTemplateVersionNotFound
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.ec2.utils import parse_user_data

from turnout.local.corrections.patches import Patches

PAGE = 200
"""The most that one answer lists, asked for or not."""


def correct(patches: Patches) -> None:
    patches.replace(LaunchTemplate, "create_version", _with_user_data)
    patches.replace(LaunchTemplate, "get_version", _only_what_there_is)
    patches.replace(LaunchTemplates, "create_launch_template_version", _from_its_source_and_once)
    patches.replace(LaunchTemplates, "describe_launch_template_versions", _paged)


def _with_user_data(original: Any) -> Any:
    """Moto reads it in the first version only; anywhere else it stays text, which its own launch does not take."""

    def create_version(self: Any, data: dict[str, Any], description: str) -> Any:
        if isinstance(data.get("UserData"), str):
            data = data | {"UserData": parse_user_data(data["UserData"])}
        return original(self, data, description)

    return create_version


def _only_what_there_is(original: Any) -> Any:
    """Moto counts from the end for version 0, and stumbles over what is no number."""

    def get_version(self: Any, number: Any) -> Any:
        if str(number).lower() not in {"$latest", "$default"} and not (str(number).isdecimal() and 1 <= int(number) <= len(self.versions)):
            raise InvalidLaunchTemplateVersionNotFound(template_id=self.id, version=number)
        return original(self, number)

    return get_version


def _from_its_source_and_once(original: Any) -> Any:
    """What the new version does not say is taken from its source; the same client token makes the same version."""

    def create_launch_template_version(self: Any) -> Any:
        template = _template(self)
        made = vars(template).setdefault("version_by_token", {})
        token = self.params.get("ClientToken")
        if token in made:
            return made[token]
        source = self.params.get("SourceVersion")
        before = copy.deepcopy(template.get_version(source).data) if source else {}
        self.params["LaunchTemplateData"] = before | self.params.get("LaunchTemplateData", {})
        answer = original(self)
        if token:
            made[token] = answer
        return answer

    return create_launch_template_version


def _template(response: Any) -> Any:
    name, id = response.params.get("LaunchTemplateName"), response.params.get("LaunchTemplateId")
    return response.ec2_backend.get_launch_template_by_name(name) if name else response.ec2_backend.get_launch_template(id)


def _paged(original: Any) -> Any:
    """Newest first, all of them, page by page."""

    def describe_launch_template_versions(self: Any) -> ActionResult:
        start, wanted = int(self.params.get("NextToken") or 0), self.params.get("Versions", [])
        size = min(int(self.params.get("MaxResults") or PAGE), PAGE)
        self.params["MaxResults"] = sys.maxsize
        found = original(self).result["LaunchTemplateVersions"]
        found = found if wanted else sorted(found, key=lambda each: -each["VersionNumber"])
        more = {"NextToken": str(start + size)} if len(found) > start + size else {}
        return ActionResult({"LaunchTemplateVersions": found[start : start + size], **more})

    return describe_launch_template_versions
