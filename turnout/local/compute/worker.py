"""The program inside a Lambda worker process: the standard library and the deployed code, nothing of ours.

It talks over one inherited socket. A frame is two big-endian lengths, then a JSON object about the call, then the
event or the answer as bytes. A second inherited descriptor is the lifeline: a pipe that nobody writes to and that
ends with the local stack, whatever way that went, so that no worker is left behind.
"""

import _thread
import importlib
import json
import os
import signal
import struct
import sys
import time
import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would make every cold start slower
    from collections.abc import Callable
    from typing import Any

LENGTHS = struct.Struct(">II")


class Context:
    """What a Python handler gets as its second argument."""

    def __init__(self, call: "dict[str, Any]") -> None:
        self.aws_request_id = call["request_id"]
        self.invoked_function_arn = call["arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = None
        self.client_context = None
        self.tenant_id = None
        self._deadline = time.monotonic() + call["timeout"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def log(self, message: object) -> None:
        print(message)


def main(channel: int, lifeline: int) -> None:
    for descriptor in (channel, lifeline):
        os.set_inheritable(descriptor, False)
    _thread.start_new_thread(die_with, (lifeline,))
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]  # it is a real file here
    handler, failure = load(os.environ["_HANDLER"])
    send(channel, {"ready": failure is None}, encoded(failure or {}))
    while handler is not None:
        call, event = receive(channel)
        send(channel, *answer(handler, call, event))


def die_with(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.killpg(os.getpgid(0), signal.SIGKILL)


def load(name: str) -> "tuple[Callable[..., Any] | None, dict[str, Any] | None]":
    """The handler, or what AWS's own runtime says when it cannot be had. Any fault of the deployed code is its answer, never ours."""
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    sys.path.append(os.environ["LAMBDA_RUNTIME_DIR"])
    module_name, _, function_name = name.rpartition(".")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        return None, fault(error, "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}")
    except SyntaxError as error:
        return None, fault(error, "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}")
    except BaseException as error:  # noqa: BLE001  # sys.exit() at import included: it is the deployed code's failure to load
        return None, fault(error)
    handler = getattr(module, function_name, None)
    if handler is None:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        return None, {"errorMessage": message, "errorType": "Runtime.HandlerNotFound", "stackTrace": []}
    return handler, None


def answer(handler: "Callable[..., Any]", call: "dict[str, Any]", event: bytes) -> "tuple[dict[str, Any], bytes]":
    try:
        result = handler(json.loads(event), Context(call))
    except Exception as error:  # noqa: BLE001  # whatever the handler raises is its answer
        return failed(call, fault(error))
    try:
        return {}, json.dumps(result, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        return failed(call, fault(error, "Runtime.MarshalError", f"Unable to marshal response: {error}"))


def failed(call: "dict[str, Any]", failure: "dict[str, Any]") -> "tuple[dict[str, Any], bytes]":
    print(f"[ERROR] {failure['errorType']}: {failure['errorMessage']}\n{''.join(failure['stackTrace'])}")
    return {"error": "Unhandled"}, encoded({**failure, "requestId": call["request_id"]})


def fault(error: BaseException, kind: str = "", message: str = "") -> "dict[str, Any]":
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename != __file__ and "importlib" not in frame.filename]
    return {"errorMessage": message or str(error), "errorType": kind or type(error).__name__, "stackTrace": traceback.format_list(ours)}


def encoded(value: object) -> bytes:
    # Not every text that a fault carries can be written as UTF-8 (lone surrogates); escaped, every one can.
    return json.dumps(value).encode()


def send(channel: int, about: "dict[str, Any]", body: bytes) -> None:
    head = json.dumps(about).encode()
    rest = memoryview(LENGTHS.pack(len(head), len(body)) + head + body)
    while rest:
        rest = rest[os.write(channel, rest) :]


def receive(channel: int) -> "tuple[dict[str, Any], bytes]":
    head, body = LENGTHS.unpack(exactly(channel, LENGTHS.size))
    return json.loads(exactly(channel, head)), exactly(channel, body)


def exactly(channel: int, size: int) -> bytes:
    """`size` bytes; the process ends when the other side has closed, which is how it is told to."""
    parts = []
    while size:
        part = os.read(channel, min(size, 1 << 20))
        if not part:
            sys.stdout.flush()
            os._exit(0)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
