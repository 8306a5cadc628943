"""A local stack that writes down every call to AWS that the control plane makes: `python -m tests.local.recorded OPTIONS FILE`.

A line is `{"function", "service", "operation", "parameters"}`. Which function is at work is known from the moment it is called on,
in the threads it looks with as well. A call that comes from the control plane's code and from no function is written down as
nobody's, so that none is missed.
"""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

from botocore.client import BaseClient
from chalice.app import Chalice, ChaliceAuthorizer

from turnout.local import stack
from turnout.local.control_plane import Loaded, load
from turnout.local.handlers import NAMES

NOBODY, STARTING = "nobody", "starting"
_CODE = f"{os.sep}chalicelib{os.sep}"

_at_work: ContextVar[str] = ContextVar("at_work", default=NOBODY)


@contextmanager
def working(function: str) -> Iterator[None]:
    before = _at_work.set(function)
    try:
        yield
    finally:
        _at_work.reset(before)


def as_function(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def called(*arguments: Any) -> Any:
        with working(name):
            return call(*arguments)

    return called


def loaded() -> Loaded:
    """The production control plane, whose handlers say which one is at work. Its first token is made by whoever installs it, not by a function."""
    with working(STARTING):
        found = load()
    handlers = {name: as_function(name, getattr(found.app, name)) for name in NAMES}
    return Loaded(SimpleNamespace(app=found.app.app, **handlers), found.token)


def record(file: Path) -> None:
    """From now on, every call of every client of this process that the control plane's code makes."""
    make, lock = BaseClient._make_api_call, threading.Lock()

    def recorded(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if (function := _at_work.get()) != NOBODY or _is_ours(sys._getframe()):
            said = {"function": function, "service": client.meta.service_model.service_name, "operation": operation, "parameters": parameters}
            with lock, file.open("a") as lines:
                lines.write(json.dumps(said, default=str) + "\n")
        return make(client, operation, parameters)

    BaseClient._make_api_call = recorded  # type: ignore[method-assign]
    Chalice.__call__ = as_function("api_handler", Chalice.__call__)  # type: ignore[method-assign]
    ChaliceAuthorizer.__call__ = as_function("authorize", ChaliceAuthorizer.__call__)  # type: ignore[method-assign]


def _is_ours(frame: FrameType | None) -> bool:
    while frame is not None:
        if _CODE in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False


def main() -> None:
    record(Path(sys.argv[2]))
    stack.run(stack.Options.from_json(sys.argv[1]), ready=lambda _: None, parts=stack.Parts(load=loaded))
    os._exit(0)  # a prober may still sleep in its thread


if __name__ == "__main__":
    main()
