"""Provisioned concurrency: how many executions of a colour's alias Lambda has ready before requests come.

    alias moved ─▶ put, as much as the other alias has ─▶ allocated (some minutes) ─▶ production moves ─▶ the old alias's is taken away

It is taken from an alias before that moves: Lambda would go on answering with
the old version until the new one's executions are ready, and weigh the alias
meanwhile. A failed allocation is then always of the version that is there.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import code_of, translated
from chalicelib.clock import Clock
from chalicelib.colors import Color
from chalicelib.errors import Conflict, NotFound
from chalicelib.runtimes.lambda_.function import function_of, runtime_of
from chalicelib.runtimes.lambda_.refusals import unless_refused
from chalicelib.runtimes.runtime import Fence, Progress, Size, Standing
from chalicelib.services.definition import Definition

FAILURE_IS_NEWS = timedelta(minutes=10)
TAKEN_OVER = Standing(Progress.WORKING, reason="another deployment has taken over")
_NONE = "ProvisionedConcurrencyConfigNotFoundException"


@dataclass(frozen=True, slots=True)
class _Allocation:
    requested: int
    allocated: int
    status: str
    reason: str
    modified: datetime

    @property
    def has_failed(self) -> bool:
        return self.status == "FAILED"

    @property
    def said(self) -> str:
        if self.has_failed:
            return f"Lambda could not make {self.requested} executions ready: {self.reason or 'no reason given'}"
        return f"Lambda has {self.allocated} of {self.requested} executions ready"


class Provisioned:
    """Nothing here calls AWS for a service whose definition asks for none."""

    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock

    def requested(self, definition: Definition) -> dict[Color, Size] | None:
        """Nothing scales it in that could be suspended here."""
        if not runtime_of(definition).has_sizes:
            return None
        return {color: Size(self._requested(definition, color)) for color in Color}

    def awaited(self, definition: Definition, color: Color, standing: Standing) -> Standing:
        """A build that stands, stands once what was asked for it is there.

        With nothing asked for, it stands where the idle colour keeps nothing: nobody can tell an idle colour from one that was
        forgotten, and what was forgotten is asked for again before the first weight (`deployments/sizing.py`).
        """
        runtime = runtime_of(definition)
        if not runtime.has_sizes or standing.progress is not Progress.READY:
            return standing
        there = self._find(definition, color)
        if there is None:
            missing = replace(standing, progress=Progress.WORKING, reason=f"{color} has no provisioned concurrency")
            return missing if runtime.kept_idle else standing
        return standing if there.status == "READY" else replace(standing, progress=Progress.WORKING, reason=there.said)

    def see_to(self, definition: Definition, color: Color, standing: Standing, still_ours: Fence) -> Standing:
        """Once the build stands, it is given as much as the other colour has, never less than it has, and waited for.

        What failed long ago, or while less was asked for, is asked for once more.
        """
        runtime = runtime_of(definition)
        if not runtime.has_sizes or standing.progress is not Progress.READY:
            return standing
        there = self._find(definition, color)
        wanted = max(self._requested(definition, color.other), runtime.first_size)
        if there is None or there.requested < wanted or (there.has_failed and self._clock.now() - there.modified >= FAILURE_IS_NEWS):
            if not still_ours():
                return TAKEN_OVER
            refused = self._put(definition, color, wanted)
            return refused or Standing(Progress.WORKING, reason=f"Lambda was asked for {wanted} executions")
        if there.has_failed:
            return Standing(Progress.FAILED, reason=there.said)
        return standing if there.status == "READY" else Standing(Progress.WORKING, reason=there.said)

    def taken_away(self, definition: Definition, color: Color, still_ours: Fence) -> Standing | None:
        """Before the alias moves. None where it has none."""
        if not runtime_of(definition).has_sizes or not self._find(definition, color):
            return None
        if not still_ours():
            return TAKEN_OVER
        self._delete(definition, color)
        return Standing(Progress.WORKING, reason=f"the provisioned concurrency of {color} is taken away before that moves")

    def bring(self, definition: Definition, color: Color, *, at_least: int, at_most: int | None) -> None:
        """Raises `Conflict` when Lambda does not take it: a colour that may not have more goes on without."""
        if not runtime_of(definition).has_sizes:
            return
        now = self._requested(definition, color)
        wanted = max(at_least, now if at_most is None else min(now, at_most))
        if wanted == now:
            return
        if not wanted:
            self._delete(definition, color)
        elif refused := self._put(definition, color, wanted):
            raise Conflict(f"{function_of(definition)}:{color} cannot have {wanted} executions ready: {refused.reason}")

    def _requested(self, definition: Definition, color: Color) -> int:
        found = self._find(definition, color)
        return found.requested if found else 0

    def _find(self, definition: Definition, color: Color) -> _Allocation | None:
        """None where nothing was asked for, or there is no alias."""
        from botocore.exceptions import ClientError

        try:
            with translated(f"reading the provisioned concurrency of {function_of(definition)}:{color}"):
                found = self._clients.lambda_look.get_provisioned_concurrency_config(FunctionName=function_of(definition), Qualifier=color.value)
        except NotFound:
            return None
        except ClientError as error:
            if code_of(error.response) != _NONE:
                raise
            return None
        return _allocation(found)

    def _put(self, definition: Definition, color: Color, executions: int) -> Standing | None:
        """Why it was not taken. One attempt: what was ours to ask for may not be when it is tried again."""
        function = function_of(definition)
        taken = unless_refused(
            f"putting the provisioned concurrency {executions} on {color}",
            function,
            lambda: self._clients.lambda_look.put_provisioned_concurrency_config(
                FunctionName=function, Qualifier=color.value, ProvisionedConcurrentExecutions=executions
            ),
        )
        return taken if isinstance(taken, Standing) else None

    def _delete(self, definition: Definition, color: Color) -> None:
        with translated(f"taking away the provisioned concurrency of {function_of(definition)}:{color}"):
            self._clients.lambda_look.delete_provisioned_concurrency_config(FunctionName=function_of(definition), Qualifier=color.value)


def _allocation(found: dict[str, Any]) -> _Allocation:
    return _Allocation(
        found["RequestedProvisionedConcurrentExecutions"],
        found.get("AllocatedProvisionedConcurrentExecutions", 0),
        found["Status"],
        found.get("StatusReason", ""),
        datetime.fromisoformat(found["LastModified"]),
    )
