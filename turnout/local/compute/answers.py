"""What an invocation comes to, in the words AWS uses for it."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InvokeResult:
    """`status` is 200 also when the function failed (`function_error` is then "Unhandled"), 404 without such a function, 429 when throttled."""

    status: int
    function_error: str | None
    payload: bytes
    log_tail: str = ""
    executed_version: str = ""


def failure(kind: str, message: str, version: str) -> InvokeResult:
    """A function error that the function itself could not report."""
    payload = json.dumps({"errorType": kind, "errorMessage": message}).encode()
    return InvokeResult(200, "Unhandled", payload, executed_version=version)


def timed_out(request_id: str, seconds: float, version: str) -> InvokeResult:
    return failure("Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds", version)


def exited(request_id: str, status: int | None, version: str) -> InvokeResult:
    how = "" if status is None else f" with error: {f'signal: {-status}' if status < 0 else f'exit status {status}'}"
    return failure("Runtime.ExitError", f"RequestId: {request_id} Error: Runtime exited{how}", version)


def throttled() -> InvokeResult:
    payload = {"Reason": "ConcurrentInvocationLimitExceeded", "Type": "User", "message": "Rate Exceeded."}
    return InvokeResult(429, None, json.dumps(payload).encode())


def unknown(function: str, qualifier: str | None) -> InvokeResult:
    payload = {"Type": "User", "Message": f"Function not found: {function}{f':{qualifier}' if qualifier else ''}"}
    return InvokeResult(404, None, json.dumps(payload).encode())
