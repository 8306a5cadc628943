"""Calls the event handlers of the app as Lambda would."""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from turnout.local.addresses import ACCOUNT, REGION

Handler = Callable[[dict[str, Any], "Context"], Any]

NAMES = ("on_artifact", "on_image", "on_ecs_deployment", "on_alarm", "on_access_log", "on_due", "on_probe_due", "on_change", "tick", "reconcile")
TIMEOUT_SECONDS = 60
MEMORY_MB = 512


class Context:
    """What Lambda tells a function about one invocation."""

    function_version = "$LATEST"
    memory_limit_in_mb = MEMORY_MB
    identity = None
    client_context = None

    def __init__(self, function: str, *, seconds: float = TIMEOUT_SECONDS) -> None:
        self.function_name = f"turnout-local-{function}"
        self.aws_request_id = str(uuid.uuid4())
        self.invoked_function_arn = arn_of(function)
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = "local"
        self._ends_at = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._ends_at - time.monotonic()) * 1000))


def arn_of(function: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:turnout-local-{function}"


def name_in(arn: str) -> str | None:
    """Which handler an ARN means; None for any other function."""
    name = arn.rsplit(":function:", maxsplit=1)[-1].removeprefix("turnout-local-")
    return name if arn == arn_of(name) and name in NAMES else None


class Handlers:
    """The handlers of `app`, by name. Raises `AttributeError` at once when one is missing."""

    def __init__(self, app: Any) -> None:
        self._by_name: Mapping[str, Handler] = {name: getattr(app, name) for name in NAMES}

    def call(self, name: str, event: dict[str, Any]) -> Any:
        """Raises whatever the handler raises."""
        return self._by_name[name](event, Context(name))
