"""`turnout local up` and `down`: the control plane, an AWS for it to talk to, and what moves between them, in one process.

claim the directory, bind the API's port          or say at once why not
embedded AWS, corrections, data plane             moto, put right; ALB and functions
resources, environment                            bucket, table, queues, load balancer
control plane, first token, gateway, events       the production code
announce                                          .turnout/local.json, then `ready`
"""

import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turnout.local import state, surroundings
from turnout.local.addresses import ACCOUNT, HOST, REGION
from turnout.local.control_plane import Loaded, load, table_definition

if TYPE_CHECKING:
    from turnout.local.corrections import DataPlane

log = logging.getLogger(__name__)

Info = dict[str, Any]

START_SECONDS = 60
WORK_DIR = "local"
LOG_TAIL_LINES = 30


class CannotStart(Exception):
    """The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """Seconds, but for the port and the share of AWS calls that are refused. AWS's own pace would be 60, a few, 60, 150 and 300."""

    port: int = 8640
    tick: float = 1.0
    alb_lag: float = 0.0
    metric_period: float = 1.0
    metric_delay: float = 0.0
    log_period: float = 5.0
    throttle: float = 0.0
    state_dir: Path = Path(".turnout")

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"state_dir": str(self.state_dir.absolute())})

    @classmethod
    def from_json(cls, text: str) -> "Options":
        given = json.loads(text)
        return cls(**(given | {"state_dir": Path(given["state_dir"])}))


@contextmanager
def data_plane(options: Options, endpoint_url: str) -> "Iterator[DataPlane]":
    """The ALB and the functions behind it, which find AWS at `endpoint_url`. What they write lies in the state directory and goes with them."""
    from turnout.local.dataplane import DataPlane

    directory = options.state_dir / WORK_DIR
    pace = {"alb_lag": options.alb_lag, "metric_period": options.metric_period, "log_period": options.log_period}
    plane = DataPlane(region=REGION, account=ACCOUNT, **pace, work_dir=directory, endpoint_url=endpoint_url)
    plane.start()
    try:
        yield plane
    finally:
        plane.stop()
        shutil.rmtree(directory, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the stack is made of; tests bring their own."""

    load: Callable[[], Loaded] = load
    data_plane: "Callable[[Options, str], AbstractContextManager[DataPlane]]" = data_plane


def run(options: Options, *, ready: Callable[[Info], None], stop: threading.Event | None = None, parts: Parts = Parts()) -> None:
    """Run until SIGINT, SIGTERM or `stop`; `ready` is called once the API answers. Raises `CannotStart`.

    What the control plane prints goes to the log file: standard output is for `ready`.
    """
    stop = stop or threading.Event()
    with ExitStack() as cleanup:
        claim = _claim(options, cleanup)
        listening = cleanup.enter_context(_bound(options.port))
        said = cleanup.enter_context(surroundings.logging_to(options.state_dir / state.LOG_FILE))
        cleanup.enter_context(surroundings.stopping_on_signals(stop))
        cleanup.enter_context(surroundings.environment_restored())
        cleanup.enter_context(surroundings.switching_quickly())
        info = _start(options, listening, parts, cleanup)
        claim.announce(info)
        with said():
            ready(info)
        stop.wait()
        log.info("stack.stopping")


def start_detached(options: Options) -> Info:
    """Start a stack that outlives us and holds none of our streams. Returns once it is ready; raises `CannotStart` with the end of its log."""
    with state.starting(options.state_dir):
        _refuse_if_running(options)
        with _bound(options.port):
            pass
        return _started(options)


def _started(options: Options) -> Info:
    log_file = options.state_dir / state.LOG_FILE
    with log_file.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "turnout.local", options.to_json()],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            close_fds=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONUNBUFFERED": "1"},
        )
    threading.Thread(target=process.wait, name="stack-waiter", daemon=True).start()  # so that no zombie of it stays while we live
    return _when_ready(process, options, log_file)


def down(state_dir: Path = Path(".turnout")) -> bool:
    """Stop the stack of this directory and remove what it left. False when none ran."""
    was_running = state.stop(state_dir)
    shutil.rmtree(state_dir / WORK_DIR, ignore_errors=True)  # still there after a stack that was killed
    return was_running


# Starting


def _start(options: Options, listening: socket.socket, parts: Parts, cleanup: ExitStack) -> Info:
    """Moto and all that needs it are imported here, so that a refusal comes at once."""
    from turnout.local import corrections, embedded, environment, throttling
    from turnout.local.events import Dispatcher, Sources
    from turnout.local.gateway import Gateway
    from turnout.local.handlers import NAMES, Handlers, arn_of

    aws = embedded.EmbeddedAws()
    aws.start()
    cleanup.callback(aws.stop)
    pace = environment.pace(tick=options.tick, metric_period=options.metric_period, metric_delay=options.metric_delay, alb_lag=options.alb_lag)
    environment.prepare(os.environ, aws, pace)
    dispatcher = Dispatcher(tick=options.tick)
    plane = cleanup.enter_context(parts.data_plane(options, aws.url))
    delay = timedelta(seconds=options.metric_delay)
    cleanup.enter_context(corrections.apply(plane=plane, deliver=dispatcher.deliver, changed=dispatcher.stream_changed, metric_delay=delay))
    aws.furnish(table=table_definition(embedded.TABLE), handlers={name: arn_of(name) for name in embedded.EVENTS if name in NAMES})
    loaded = parts.load()
    cleanup.enter_context(throttling.throttled(options.throttle))
    gateway = Gateway(loaded.app.app, listening)
    gateway.start()
    cleanup.callback(gateway.stop)
    queues = embedded.clients(aws.url)("sqs"), aws.queue_url(embedded.DUE_QUEUE), aws.queue_url(embedded.PROBE_QUEUE)
    dispatcher.start(Handlers(loaded.app), Sources(*queues, embedded.StreamReader(embedded.TABLE)))
    cleanup.callback(dispatcher.stop)
    api_url = f"http://{HOST}:{listening.getsockname()[1]}"
    _await_answer(f"{api_url}/healthz")
    return {
        "api_url": api_url,
        "token": loaded.token,
        "aws_endpoint_url": aws.url,
        "region": REGION,
        "artifact_bucket": embedded.BUCKET,
        "pid": os.getpid(),
    }


def _await_answer(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310  # our own
                return
        except urllib.error.HTTPError as refused:
            raise CannotStart(f"{url} answers {refused.code}; see the log") from refused
        except OSError:
            if time.monotonic() > deadline:
                raise CannotStart(f"{url} does not answer") from None
            time.sleep(0.02)


# Before anything is started


def _refuse_if_running(options: Options) -> None:
    if (pid := state.running(options.state_dir)) is not None:
        raise CannotStart(f"a local stack already runs in {options.state_dir.absolute()} (pid {pid}); stop it with `turnout local down`")


def _claim(options: Options, cleanup: ExitStack) -> state.Claim:
    try:
        claim = state.Claim(options.state_dir)
    except state.AlreadyRunning as running:
        raise CannotStart(str(running)) from running
    cleanup.callback(claim.release)
    return claim


@contextmanager
def _bound(port: int) -> Iterator[socket.socket]:
    """The API's port, taken before anything else is done."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
            listening.listen()
        except OSError as error:
            raise CannotStart(f"port {port} is not free ({error.strerror}); choose another one with --port") from error
        yield listening


# The detached process, from outside


def _when_ready(process: "subprocess.Popen[bytes]", options: Options, log_file: Path) -> Info:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        info = state.info(options.state_dir)
        if info is not None and info["pid"] == process.pid:
            return info
        if process.poll() is not None:
            _refuse_if_running(options)  # one in the foreground was quicker
            raise CannotStart(f"the local stack ended with status {process.returncode} before it was ready:\n{_tail(log_file)}")
        time.sleep(0.02)
    state.stop(options.state_dir)
    raise CannotStart(f"the local stack was not ready within {START_SECONDS} seconds:\n{_tail(log_file)}")


def _tail(log_file: Path) -> str:
    return "\n".join(log_file.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
