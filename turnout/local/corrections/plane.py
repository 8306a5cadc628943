"""What the corrections ask of the part that really serves traffic and runs code."""

from typing import Protocol


class Invoked(Protocol):
    """The answer to an invocation. `status` is 200 also when the function failed: `function_error` says so, `payload` how."""

    @property
    def status(self) -> int: ...

    @property
    def function_error(self) -> str | None: ...

    @property
    def payload(self) -> bytes: ...

    @property
    def log_tail(self) -> str: ...

    @property
    def executed_version(self) -> str: ...


class DataPlane(Protocol):
    def health(self, target_group_arn: str, target_id: str, port: int | None) -> tuple[str, str | None, str | None]:
        """State, reason and description of a registered target, in AWS's words."""

    def invoke(self, function: str, qualifier: str | None, payload: bytes) -> Invoked:
        """Run a function with this event and wait for its answer."""
