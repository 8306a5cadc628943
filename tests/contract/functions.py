"""The part of Lambda and ELB that a runtime uses, with AWS's rules where moto has none: updates take a while, an update
in progress refuses the next, revision ids lock, publishing what has not changed gives the same version, provisioned
concurrency is allocated in a while and weighs an alias that moves with it. Every request is checked
against botocore's own model of it.

`interrupt_at(n)` lets the n-th call from now happen and then kills the caller; `refuse` makes an operation fail.
"""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from hashlib import sha256
from itertools import count
from types import SimpleNamespace
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

_SESSION = botocore.session.get_session()
_MODELS = {name: _SESSION.get_service_model(name) for name in ("lambda", "elbv2")}
_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:web"


class Interrupted(Exception):
    """The caller's process died right after this call."""


def digest_of(content: bytes) -> str:
    return sha256(content).hexdigest()


def failure(code: str, operation: str, message: str = "because") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}, operation)


class Functions:
    """One function `web`. `slow` is how many reads an update, or an allocation, stays in progress; `unreserved` executions may be provisioned."""

    def __init__(self, slow: int = 1) -> None:
        self.slow = slow
        self.objects: dict[tuple[str, str, str | None], bytes] = {}
        self.aliases: dict[str, dict[str, Any]] = {}
        self.versions: list[dict[str, Any]] = []
        self.targets: dict[str, list[str]] = {}
        self.permissions: set[tuple[str, str]] = set()
        self.calls: list[str] = []
        self.fails_with: str | None = None
        self.provisioned: dict[str, dict[str, Any]] = {}
        self.unreserved = 900
        self.allocation_fails_with: str | None = None
        self.modified = "2026-01-01T00:00:00.000+0000"
        self.lambda_ = SimpleNamespace(**{name[3:]: self._called("lambda", name[3:]) for name in dir(self) if name.startswith("_l_")})
        self.lambda_look = self.lambda_
        self.elbv2 = SimpleNamespace(**{name[3:]: self._called("elbv2", name[3:]) for name in dir(self) if name.startswith("_e_")})
        self._revisions = count(1)
        self._left: int | None = None
        self._refused: dict[str, ClientError] = {}
        self._busy = 0
        self.latest: dict[str, Any] = self._revised({"CodeSha256": self._sha(b"placeholder"), "Environment": {"Variables": {}}, "LastUpdateStatus": "Successful"})

    def interrupt_at(self, call: int) -> None:
        self._left = call

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Calls that a test makes for itself are not counted towards the interruption."""
        left, self._left = self._left, None
        yield
        self._left = left

    def refuse(self, operation: str, code: str, message: str = "because") -> None:
        self._refused[operation] = failure(code, operation, message)

    def allow(self, operation: str) -> None:
        self._refused.pop(operation, None)

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if not call.startswith(("get_", "describe_"))]

    def _called(self, service: str, name: str) -> Any:
        def call(**parameters: Any) -> dict[str, Any]:
            operation = "".join(part.capitalize() for part in name.split("_"))
            validate_parameters(parameters, _MODELS[service].operation_model(operation).input_shape)
            self.calls.append(name)
            if error := self._refused.get(name):
                raise error
            answer = getattr(self, ("_l_" if service == "lambda" else "_e_") + name)(**parameters)
            if self._left is not None:
                self._left -= 1
                if self._left == 0:
                    self._left = None
                    raise Interrupted
            return deepcopy(answer)

        return call

    def _sha(self, content: bytes) -> str:
        return b64encode(sha256(content).digest()).decode()

    def _revised(self, configuration: dict[str, Any]) -> dict[str, Any]:
        fixed = {"FunctionName": "web", "FunctionArn": _ARN, "Version": "$LATEST", "State": "Active", "LastModified": self.modified}
        return configuration | fixed | {"RevisionId": f"r{next(self._revisions)}"}

    def _updated(self, revision: str, operation: str, **changes: Any) -> dict[str, Any]:
        if self._busy:
            raise failure("ResourceConflictException", operation)
        if revision != self.latest["RevisionId"]:
            raise failure("PreconditionFailedException", operation)
        self.latest = self._revised(self.latest | changes | {"LastUpdateStatus": "InProgress"})
        self._busy = self.slow
        if not self.slow:
            self._finish()
        return self.latest

    def _finish(self) -> None:
        status = "Failed" if self.fails_with else "Successful"
        self.latest = self._revised(self.latest | {"LastUpdateStatus": status, "LastUpdateStatusReason": self.fails_with or ""})

    def _l_get_function_configuration(self, FunctionName: str, Qualifier: str) -> dict[str, Any]:
        if FunctionName != "web":
            raise failure("ResourceNotFoundException", "GetFunctionConfiguration")
        if Qualifier == "$LATEST":
            seen = self.latest
            if self._busy:
                self._busy -= 1
                if not self._busy:
                    self._finish()
            return seen
        if Qualifier not in self.aliases:
            raise failure("ResourceNotFoundException", "GetFunctionConfiguration")
        number = self.aliases[Qualifier]["FunctionVersion"]
        return self.latest if number == "$LATEST" else self.versions[int(number) - 1]

    def _l_update_function_code(self, FunctionName: str, S3Bucket: str, S3Key: str, RevisionId: str, S3ObjectVersion: str | None = None) -> dict[str, Any]:
        content = self.objects.get((S3Bucket, S3Key, S3ObjectVersion))
        if content is None:
            raise failure("InvalidParameterValueException", "UpdateFunctionCode", "Error occurred while GetObject. S3 Error Code: NoSuchKey")
        return self._updated(RevisionId, "UpdateFunctionCode", CodeSha256=self._sha(content))

    def _l_update_function_configuration(self, FunctionName: str, Environment: dict[str, Any], RevisionId: str) -> dict[str, Any]:
        return self._updated(RevisionId, "UpdateFunctionConfiguration", Environment=Environment)

    def _l_publish_version(self, FunctionName: str, CodeSha256: str, RevisionId: str, Description: str) -> dict[str, Any]:
        if self._busy:
            raise failure("ResourceConflictException", "PublishVersion")
        if RevisionId != self.latest["RevisionId"] or CodeSha256 != self.latest["CodeSha256"]:
            raise failure("PreconditionFailedException", "PublishVersion")
        same = ("CodeSha256", "Environment")
        if not self.versions or any(self.versions[-1][name] != self.latest[name] for name in same):
            self.versions.append(self.latest | {"Version": str(len(self.versions) + 1), "Description": Description})
        return self.versions[-1]

    def _l_get_alias(self, FunctionName: str, Name: str) -> dict[str, Any]:
        if Name not in self.aliases:
            raise failure("ResourceNotFoundException", "GetAlias")
        return self.aliases[Name]

    def _l_create_alias(self, FunctionName: str, Name: str, FunctionVersion: str) -> dict[str, Any]:
        if Name in self.aliases:
            raise failure("ResourceConflictException", "CreateAlias")
        self.aliases[Name] = {"AliasArn": f"{_ARN}:{Name}", "Name": Name, "FunctionVersion": FunctionVersion, "RevisionId": f"r{next(self._revisions)}"}
        return self.aliases[Name]

    def _l_update_alias(self, FunctionName: str, Name: str, FunctionVersion: str, RoutingConfig: dict[str, Any], RevisionId: str) -> dict[str, Any]:
        before = self.aliases[Name]
        if before["RevisionId"] != RevisionId:
            raise failure("PreconditionFailedException", "UpdateAlias")
        if (there := self.provisioned.get(Name)) and before["FunctionVersion"] != FunctionVersion:
            # The old version answers, with the whole weight, until the new one's executions are ready.
            RoutingConfig = {"AdditionalVersionWeights": {before["FunctionVersion"]: 1.0}}
            there |= {"Status": "IN_PROGRESS", "AllocatedProvisionedConcurrentExecutions": 0, "left": self.slow}
        self.aliases[Name] |= {"FunctionVersion": FunctionVersion, "RoutingConfig": RoutingConfig, "RevisionId": f"r{next(self._revisions)}"}
        return self.aliases[Name]

    def _l_get_provisioned_concurrency_config(self, FunctionName: str, Qualifier: str) -> dict[str, Any]:
        if Qualifier not in self.aliases:
            raise failure("ResourceNotFoundException", "GetProvisionedConcurrencyConfig")
        if Qualifier not in self.provisioned:
            raise failure("ProvisionedConcurrencyConfigNotFoundException", "GetProvisionedConcurrencyConfig")
        there = self.provisioned[Qualifier]
        seen = {name: value for name, value in there.items() if name != "left"}
        there["left"] -= 1
        if there["Status"] == "IN_PROGRESS" and there["left"] <= 0:
            self._allocate(Qualifier, there)
        return seen

    def _allocate(self, alias: str, there: dict[str, Any]) -> None:
        requested = there["RequestedProvisionedConcurrentExecutions"]
        if self.allocation_fails_with:
            there |= {"Status": "FAILED", "StatusReason": self.allocation_fails_with}
        else:
            there |= {"Status": "READY", "AllocatedProvisionedConcurrentExecutions": requested, "AvailableProvisionedConcurrentExecutions": requested}
            self.aliases[alias]["RoutingConfig"] = {}

    def _l_put_provisioned_concurrency_config(self, FunctionName: str, Qualifier: str, ProvisionedConcurrentExecutions: int) -> dict[str, Any]:
        operation, refused = "PutProvisionedConcurrencyConfig", "InvalidParameterValueException"
        if Qualifier not in self.aliases:
            raise failure("ResourceNotFoundException", operation)
        alias = self.aliases[Qualifier]
        if alias["FunctionVersion"] == "$LATEST":
            raise failure(refused, operation, "Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
        if alias.get("RoutingConfig", {}).get("AdditionalVersionWeights"):
            raise failure(refused, operation, "Alias with weights can not be used with Provisioned Concurrency")
        others = sum(each["RequestedProvisionedConcurrentExecutions"] for name, each in self.provisioned.items() if name != Qualifier)
        if others + ProvisionedConcurrentExecutions > self.unreserved:
            raise failure(refused, operation, "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum")
        self.provisioned[Qualifier] = {
            "RequestedProvisionedConcurrentExecutions": ProvisionedConcurrentExecutions, "AllocatedProvisionedConcurrentExecutions": 0,
            "AvailableProvisionedConcurrentExecutions": 0, "Status": "IN_PROGRESS", "LastModified": self.modified, "left": self.slow,
        }  # fmt: skip
        return {name: value for name, value in self.provisioned[Qualifier].items() if name != "left"}

    def _l_delete_provisioned_concurrency_config(self, FunctionName: str, Qualifier: str) -> dict[str, Any]:
        if Qualifier not in self.aliases:
            raise failure("ResourceNotFoundException", "DeleteProvisionedConcurrencyConfig")
        self.provisioned.pop(Qualifier, None)
        return {}

    def _l_add_permission(self, *, Qualifier: str, SourceArn: str, **_: str) -> dict[str, Any]:
        if (Qualifier, SourceArn) in self.permissions:
            raise failure("ResourceConflictException", "AddPermission")
        self.permissions.add((Qualifier, SourceArn))
        return {}

    def _e_describe_target_groups(self, TargetGroupArns: list[str]) -> dict[str, Any]:
        return {"TargetGroups": [{"TargetGroupArn": arn, "TargetType": "lambda"} for arn in TargetGroupArns]}

    def _e_describe_target_health(self, TargetGroupArn: str) -> dict[str, Any]:
        return {"TargetHealthDescriptions": [{"Target": {"Id": target}} for target in self.targets.get(TargetGroupArn, [])]}

    def _e_register_targets(self, TargetGroupArn: str, Targets: list[dict[str, str]]) -> dict[str, Any]:
        [target] = [each["Id"] for each in Targets]
        if (target.rpartition(":")[2], TargetGroupArn) not in self.permissions:
            raise failure("AccessDenied", "RegisterTargets")
        if self.targets.get(TargetGroupArn, []) not in ([], [target]):
            raise failure("TooManyTargets", "RegisterTargets")
        self.targets[TargetGroupArn] = [target]
        return {}

    def _e_deregister_targets(self, TargetGroupArn: str, Targets: list[dict[str, str]]) -> dict[str, Any]:
        gone = {each["Id"] for each in Targets}
        self.targets[TargetGroupArn] = [target for target in self.targets.get(TargetGroupArn, []) if target not in gone]
        return {}
