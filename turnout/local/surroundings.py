"""What a stack changes about the process it runs in, for as long as it runs: its log, its output, its signals, its environment."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def logging_to(file: Path) -> Iterator[Callable[[], Any]]:
    """Log lines and everything printed go to the file. What it yields gives the real streams back for a moment."""
    streams = sys.stdout, sys.stderr
    with file.open("a", buffering=1) as output:
        handler = logging.StreamHandler(output)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s %(message)s"))
        root = logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        for noisy in ("werkzeug", "botocore", "boto3", "urllib3", "aiohttp.access"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        sys.stdout = sys.stderr = output
        try:
            yield lambda: _streams(*streams)
        finally:
            sys.stdout, sys.stderr = streams
            root.removeHandler(handler)
            root.setLevel(level)


@contextmanager
def _streams(out: Any, err: Any) -> Iterator[None]:
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


@contextmanager
def stopping_on_signals(stop: threading.Event) -> Iterator[None]:
    """A second signal while we stop has no other effect than the first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


SWITCH_SECONDS = 0.0005


@contextmanager
def switching_quickly() -> Iterator[None]:
    """The data plane's loop gives the interpreter away with every read and write and has to wait for it again, by default
    5 ms for each thread that computes. With the control plane and the embedded AWS in the same process that is most of a
    request, and under load enough for health checks to fail.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def environment_restored() -> Iterator[None]:
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
