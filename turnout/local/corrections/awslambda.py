"""Lambda: code by object version, revisions that are checked, and updates that take a moment.

Plain moto ignores `S3ObjectVersion`, `CodeSha256` and `RevisionId`, accepts
keys that do not exist, and publishes a new version after an update that
changed nothing.
"""

import base64
import copy
import hashlib
import json
import time
import uuid
from typing import Any
from urllib.parse import unquote

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError, PreconditionFailedException
from moto.awslambda.models import LambdaAlias, LambdaBackend, LambdaFunction, LambdaStorage
from moto.awslambda.responses import LambdaResponse
from moto.s3.exceptions import MissingBucket, MissingKey
from moto.s3.models import s3_backends

from turnout.local.corrections.patches import Patches

UPDATE_SECONDS = 0.2
"""How long a change of code or configuration is `InProgress`."""

_CONFIGURATION = ("handler", "run_time", "role", "memory_size", "timeout", "environment_vars", "layers", "description")


def correct(patches: Patches) -> None:
    patches.replace(LambdaFunction, "_set_function_code", _by_object_version)
    patches.replace(LambdaFunction, "get_configuration", _with_revision_and_status)
    patches.replace(LambdaFunction, "update_configuration", _counted_as_a_change)
    patches.replace(LambdaAlias, "update", _with_a_new_revision)
    patches.replace(LambdaStorage, "publish_version", lambda _: _publish_version)
    patches.replace(LambdaStorage, "del_function", _keeping_what_aliases_name)
    patches.replace(LambdaBackend, "update_function_code", lambda _: _update_function_code)
    patches.replace(LambdaResponse, "publish_version", _checking_what_is_published)
    patches.replace(LambdaResponse, "update_function_code", _checking_the_function)
    patches.replace(LambdaResponse, "update_function_configuration", _checking_the_function)
    patches.replace(LambdaResponse, "update_alias", _checking_the_alias)


class ResourceConflict(LambdaClientError):
    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("ResourceConflictException", message)


# Code


def _by_object_version(original: Any) -> Any:
    """Take the object version that was named, and refuse one that is not there; moto takes the newest, or nothing."""

    def set_function_code(self: Any, spec: dict[str, Any]) -> None:
        if "ZipFile" in spec or "S3Key" not in spec or spec.get("DryRun"):
            original(self, spec)
            return
        content = _object(self, spec["S3Bucket"], spec["S3Key"], spec.get("S3ObjectVersion"))
        digest = hashlib.sha256(content)
        self.code_bytes, self.code_size = content, len(content)
        self.code_sha_256, self.code_digest = base64.b64encode(digest.digest()).decode(), digest.hexdigest()
        self.code = {"S3Bucket": spec["S3Bucket"], "S3Key": spec["S3Key"], "S3ObjectVersion": spec.get("S3ObjectVersion")}

    return set_function_code


def _object(function: Any, bucket: str, key: str, version: str | None) -> bytes:
    try:
        found = s3_backends[function.account_id][function.partition].get_object(bucket, key, version_id=version)
    except (MissingBucket, MissingKey) as missing:
        raise _not_read("NoSuchBucket" if isinstance(missing, MissingBucket) else "NoSuchKey") from missing
    if found is None:
        raise _not_read("NoSuchVersion" if version else "NoSuchKey")
    return bytes(found.value)


def _not_read(code: str) -> InvalidParameterValueException:
    return InvalidParameterValueException(f"Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: The specified object does not exist.")


# Changes, revisions, versions


def _changed(function: Any) -> None:
    function.revision_id = str(uuid.uuid4())
    function.busy_until = time.monotonic() + UPDATE_SECONDS


def _refuse_while_busy(function: Any) -> None:
    if getattr(function, "busy_until", 0.0) > time.monotonic():
        raise ResourceConflict(f"The operation cannot be performed at this time. An update is in progress for resource: {function.function_arn}")


def _with_revision_and_status(original: Any) -> Any:
    """Moto has no `RevisionId`, and calls every update Successful at once."""

    def get_configuration(self: Any, on_create: bool = False) -> dict[str, Any]:
        if not hasattr(self, "revision_id"):
            self.revision_id = str(uuid.uuid4())
        told: dict[str, Any] = original(self, on_create) | {"RevisionId": self.revision_id}
        if "LastUpdateStatus" in told and getattr(self, "busy_until", 0.0) > time.monotonic():
            told["LastUpdateStatus"] = "InProgress"
        return told

    return get_configuration


def _counted_as_a_change(original: Any) -> Any:
    """An update is refused while another is in progress, and is itself in progress for a moment."""

    def update_configuration(self: Any, updates: dict[str, Any]) -> Any:
        _refuse_while_busy(self)
        original(self, updates)
        _changed(self)
        return self.get_configuration()

    return update_configuration


def _update_function_code(self: Any, function_name: str, qualifier: str, body: dict[str, Any]) -> Any:
    """Moto updates twice, the second time what it has just published."""
    function = self.get_function(function_name, qualifier)
    _refuse_while_busy(function)
    if body.get("DryRun"):
        return function.get_configuration()
    function.code = dict(function.code)  # shared with published versions otherwise
    function.update_function_code(body)
    if body.get("Publish"):
        function = self.publish_version(function_name)
    _changed(self.get_function(function_name))
    return function.get_configuration()


def _publish_version(self: Any, name_or_arn: str, description: str = "") -> Any:
    """Nothing is published when code and configuration are those of the version published last, and no number is used twice.

    moto publishes after any update, and counts the versions it has left.
    """
    latest = self.get_function_by_name_or_arn_forbid_qualifier(name_or_arn)
    _refuse_while_busy(latest)
    entry = self._functions[latest.function_name]
    last = entry.get("published")
    if last in entry["versions"] and _fingerprint(last) == _fingerprint(latest):
        return last
    entry["published"] = version = copy.copy(latest)
    version.fingerprint = _fingerprint(latest)
    version.set_version(int(last.version) + 1 if last else 1)
    version.description = description or latest.description
    version.revision_id = str(uuid.uuid4())
    entry["versions"].append(version)
    self._arns[version.function_arn] = version
    return version


def _fingerprint(function: Any) -> Any:
    """A version's own description does not count, so what it was made from is kept beside it."""
    known = vars(function).get("fingerprint") if function.version != "$LATEST" else None
    return known or json.dumps([function.code_sha_256, *(getattr(function, name) for name in _CONFIGURATION)], sort_keys=True, default=repr)


def _keeping_what_aliases_name(original: Any) -> Any:
    """A version that an alias points to cannot be deleted."""

    def del_function(self: Any, name_or_arn: str, qualifier: str | None = None) -> None:
        version = qualifier or (name_or_arn.rpartition(":")[2] if name_or_arn.rpartition(":")[2].isdigit() else None)
        if version and version.isdigit():
            name = self.get_function_by_name_or_arn_with_qualifier(name_or_arn, version).function_name
            holding = [alias.name for alias in self._get_function_aliases(name).values() if str(alias.function_version) == version]
            if holding:
                raise ResourceConflict(f"Version {version} is referenced by aliases {holding}")
        original(self, name_or_arn, qualifier)

    return del_function


def _with_a_new_revision(original: Any) -> Any:
    """Moto keeps an alias's first revision for ever."""

    def update(self: Any, description: Any, function_version: Any, routing_config: Any) -> None:
        original(self, description, function_version, routing_config)
        self.revision_id = str(uuid.uuid4())

    return update


# What a caller may insist on


def _checking_what_is_published(original: Any) -> Any:
    """`CodeSha256` and `RevisionId` of PublishVersion are conditions; moto does not read them."""

    def publish_version(self: Any) -> Any:
        function = self.backend.get_function(_named(self.path))
        _check_revision(self._get_param("RevisionId"), function.get_configuration()["RevisionId"])
        wanted = self._get_param("CodeSha256")
        if wanted and wanted != function.code_sha_256:
            raise InvalidParameterValueException(
                f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({function.code_sha_256}). "
                "Please try again with the CodeSHA256 in $LATEST."
            )
        return original(self)

    return publish_version


def _checking_the_function(original: Any) -> Any:
    """`RevisionId` of an update is a condition; moto does not read it."""

    def update(self: Any) -> Any:
        _check_revision(self.json_body.get("RevisionId"), self.backend.get_function(_named(self.path)).get_configuration()["RevisionId"])
        return original(self)

    return update


def _checking_the_alias(original: Any) -> Any:
    """`RevisionId` of UpdateAlias is what makes it a compare-and-set; moto does not read it."""

    def update_alias(self: Any) -> Any:
        alias = self.backend.get_alias(name=self.path.rsplit("/", 1)[-1], function_name=_named(self.path))
        _check_revision(json.loads(self.body).get("RevisionId"), alias.revision_id)
        return original(self)

    return update_alias


def _named(path: str) -> str:
    return unquote(path.split("/functions/", 1)[1].split("/", 1)[0])


def _check_revision(wanted: str | None, found: str) -> None:
    if wanted and wanted != found:
        raise PreconditionFailedException(
            "The RevisionId provided does not match the latest RevisionId for the Lambda function or alias. "
            "Call the GetFunction or the GetAlias API to retrieve the latest RevisionId for your resource."
        )
