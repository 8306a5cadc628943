"""Lambda: functions run on the data plane. Plain moto needs Docker for it, and runs `$LATEST` whatever it is asked for."""

import base64
import threading
from http import HTTPStatus
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.models import LambdaBackend
from moto.awslambda.responses import LambdaResponse

from turnout.local.corrections.patches import Patches
from turnout.local.corrections.plane import DataPlane, Invoked


def correct(patches: Patches, *, plane: DataPlane | None) -> None:
    patches.replace(LambdaBackend, "invoke", lambda _: _invoked_on(plane))
    patches.replace(LambdaResponse, "invoke", _reading_the_qualifier)


class TooManyRequests(LambdaClientError):
    code = 429

    def __init__(self, message: str) -> None:
        super().__init__("TooManyRequestsException", message)


def _invoked_on(plane: DataPlane | None) -> Any:
    """Functions run on the data plane; moto wants Docker, or echoes."""

    def invoke(self: Any, function_name: str, qualifier: str | None, body: Any, headers: Any, response_headers: Any) -> bytes:  # noqa: PLR0917  # moto's
        self.get_function(function_name, qualifier)  # raises for one that is not there
        if plane is None:
            raise InvalidParameterValueException("nothing runs functions here")
        _, name, named = self._lambdas.split_function_arn(function_name)
        call = (name, qualifier or named, body if isinstance(body, bytes) else (body or "{}").encode())
        match headers.get("X-Amz-Invocation-Type"):
            case "DryRun":
                return b""
            case "Event":
                threading.Thread(target=plane.invoke, args=call, daemon=True).start()
                return b""
        return _answered(plane.invoke(*call), response_headers)

    return invoke


def _reading_the_qualifier(original: Any) -> Any:
    """Moto looks for a parameter of another name and so always runs `$LATEST`; a qualifier in the function's name it understands."""

    def invoke(self: Any) -> Any:
        if qualifier := self.querystring.get("Qualifier", [None])[0]:
            before, name, after = self.path.rsplit("/", 2)
            self.path = f"{before}/{name}:{qualifier}/{after}"
        return original(self)

    return invoke


def _answered(invoked: Invoked, response_headers: Any) -> bytes:
    if invoked.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise TooManyRequests("Rate Exceeded.")
    response_headers["x-amz-executed-version"] = invoked.executed_version
    response_headers["x-amz-log-result"] = base64.b64encode(invoked.log_tail.encode()).decode()  # left out again unless asked for
    if invoked.function_error:
        response_headers["x-amz-function-error"] = invoked.function_error
    return invoked.payload
