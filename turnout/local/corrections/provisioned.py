"""Lambda: provisioned concurrency of aliases and versions, allocated in a moment. Plain moto has none.

It is kept and told as AWS does it, with AWS's refusals; executions are made by the
pool as ever. An alias that moves with it says that the old version has the whole
weight until the new one's executions are ready, and cannot be given more meanwhile.
"""

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from moto.awslambda import urls
from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.models import LambdaAlias
from moto.awslambda.responses import LambdaResponse

from turnout.local.corrections.patches import Patches

ALLOCATION_SECONDS = 0.5
"""How long an allocation is `IN_PROGRESS`; minutes in AWS."""
UNRESERVED = 900
"""How many executions of an account may be provisioned: 1000, of which 100 are left for what reserves none."""

_PATH = r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)/provisioned-concurrency$"


class NoneProvisioned(LambdaClientError):
    code = 404

    def __init__(self) -> None:
        super().__init__("ProvisionedConcurrencyConfigNotFoundException", "No Provisioned Concurrency Config found for this function")


@dataclass
class Allocation:
    requested: int
    modified: datetime = field(default_factory=lambda: datetime.now(UTC))
    until: float = field(default_factory=lambda: time.monotonic() + ALLOCATION_SECONDS)
    moved_from: str | None = None

    @property
    def is_ready(self) -> bool:
        return time.monotonic() >= self.until

    def move(self, before: str) -> None:
        """Executions of another version have to be made ready; a user changed the alias and not this."""
        self.moved_from, self.until = before, time.monotonic() + ALLOCATION_SECONDS

    def told(self) -> dict[str, Any]:
        ready = self.requested if self.is_ready else 0
        return {
            "RequestedProvisionedConcurrentExecutions": self.requested,
            "AllocatedProvisionedConcurrentExecutions": ready,
            "AvailableProvisionedConcurrentExecutions": ready,
            "Status": "READY" if self.is_ready else "IN_PROGRESS",
            "LastModified": self.modified.strftime("%Y-%m-%dT%H:%M:%S+0000"),
        }


def correct(patches: Patches) -> None:
    patches.replace(urls, "url_paths", lambda original: {_PATH: LambdaResponse.dispatch, **original})
    for method in (put_provisioned_concurrency_config, get_provisioned_concurrency_config, delete_provisioned_concurrency_config):
        setattr(LambdaResponse, method.__name__, method)
        patches.callback(delattr, LambdaResponse, method.__name__)
    patches.replace(LambdaAlias, "update", _moving_with_its_executions)
    patches.replace(LambdaAlias, "to_json", _weighed_meanwhile)


def put_provisioned_concurrency_config(self: Any) -> Any:
    holder, executions = _named(self), int(json.loads(self.body)["ProvisionedConcurrentExecutions"])
    if _version_of(holder) == "$LATEST":
        raise InvalidParameterValueException("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
    if isinstance(holder, LambdaAlias) and (holder.to_json()["RoutingConfig"] or {}).get("AdditionalVersionWeights"):
        raise InvalidParameterValueException("Alias with weights can not be used with Provisioned Concurrency")
    if executions + sum(each.requested for other in _holders(self.backend) if other is not holder and (each := _of(other))) > UNRESERVED:
        raise InvalidParameterValueException(
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100]."
        )
    holder.allocation = Allocation(executions)
    return 202, {"status": 202}, json.dumps(holder.allocation.told())


def get_provisioned_concurrency_config(self: Any) -> Any:
    found = _of(_named(self))
    if found is None:
        raise NoneProvisioned
    return 200, {"status": 200}, json.dumps(found.told())


def delete_provisioned_concurrency_config(self: Any) -> Any:
    _named(self).allocation = None
    return 204, {"status": 204}, ""


def _moving_with_its_executions(original: Any) -> Any:
    def update(self: Any, description: Any, function_version: Any, routing_config: Any) -> None:
        before, allocation = str(self.function_version), _of(self)
        if allocation and function_version is not None and str(function_version) != before:
            if str(function_version) == "$LATEST":
                raise InvalidParameterValueException("Alias with Provisioned Concurrency can not point to $LATEST")
            allocation.move(before)
        original(self, description, function_version, routing_config)

    return update


def _weighed_meanwhile(original: Any) -> Any:
    def to_json(self: Any) -> dict[str, Any]:
        told: dict[str, Any] = original(self)
        allocation = _of(self)
        if allocation and allocation.moved_from and not allocation.is_ready:
            told["RoutingConfig"] = {"AdditionalVersionWeights": {allocation.moved_from: 1.0}}
        return told

    return to_json


def _named(response: Any) -> Any:
    """The alias or version that the request means."""
    function = unquote(response.path.split("/functions/", 1)[1].split("/", 1)[0])
    qualifier = response.querystring["Qualifier"][0]
    if qualifier == "$LATEST" or qualifier.isdigit():
        return response.backend.get_function(function, qualifier)
    return response.backend.get_alias(name=qualifier, function_name=function)


def _version_of(holder: Any) -> str:
    return str(holder.function_version if isinstance(holder, LambdaAlias) else holder.version)


def _holders(backend: Any) -> list[Any]:
    """Every alias and version there is."""
    kept = backend._lambdas  # noqa: SLF001  # moto lists them one function at a time
    aliases = [alias for of_one in list(kept._aliases.values()) for alias in list(of_one.values())]  # noqa: SLF001
    return [*aliases, *(version for entry in list(kept._functions.values()) for version in list(entry["versions"]))]  # noqa: SLF001


def _of(holder: Any) -> Allocation | None:
    return getattr(holder, "allocation", None)
