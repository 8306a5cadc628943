"""The local stack as a process: one at a time in a directory, quick to refuse, nothing left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from turnout.local import environment, stack, state, surroundings
from turnout.local.embedded import EmbeddedAws

HOLDER = """
import signal, sys, time
from pathlib import Path
from turnout.local import state
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
claim = state.Claim(Path(sys.argv[1]))
claim.announce({"pid": 1})
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holders() -> Iterator[Any]:
    """Starts processes that hold a directory as a stack does."""
    started: list[subprocess.Popen[bytes]] = []

    def hold(directory: Path, *how: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen([sys.executable, "-c", HOLDER, str(directory), *how], stdout=subprocess.PIPE, start_new_session=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


class TestADirectory:
    def test_holds_one_stack(self, tmp_path: Path, holders: Any) -> None:
        process = holders(tmp_path)

        with pytest.raises(state.AlreadyRunning, match=f"pid {process.pid}.*turnout local down"):
            state.Claim(tmp_path)

    def test_is_free_again_when_its_stack_was_killed(self, tmp_path: Path, holders: Any) -> None:
        process = holders(tmp_path)
        process.kill()
        process.wait()

        assert state.running(tmp_path) is None
        state.Claim(tmp_path).release()

    def test_names_its_info_to_its_owner_only(self, tmp_path: Path) -> None:
        claim = state.Claim(tmp_path)
        claim.announce({"token": "secret"})

        assert json.loads((tmp_path / "local.json").read_text()) == {"token": "secret"}
        assert (tmp_path / "local.json").stat().st_mode & 0o077 == 0
        claim.release()

    def test_is_left_empty(self, tmp_path: Path) -> None:
        claim = state.Claim(tmp_path)
        claim.announce({})

        claim.release()

        assert list(tmp_path.iterdir()) == []


class TestDown:
    def test_stops_what_runs_and_says_so(self, tmp_path: Path, holders: Any) -> None:
        process = holders(tmp_path)

        assert stack.down(tmp_path) is True

        assert process.wait(5) == -signal.SIGTERM
        assert list(tmp_path.iterdir()) == []

    def test_ends_what_does_not_listen(self, tmp_path: Path, holders: Any) -> None:
        process = holders(tmp_path, "stubborn")

        assert state.stop(tmp_path, patience_seconds=0.2) is True

        assert process.wait(5) == -signal.SIGKILL

    def test_is_content_when_nothing_runs(self, tmp_path: Path) -> None:
        assert stack.down(tmp_path / "never") is False
        assert stack.down(tmp_path) is False

    def test_leaves_a_stranger_alone_whose_pid_was_left_behind(self, tmp_path: Path) -> None:
        (tmp_path / state.LOCK_FILE).write_text(f"{os.getpid()}\n")
        (tmp_path / state.INFO_FILE).write_text("{}")

        assert stack.down(tmp_path) is False
        assert list(tmp_path.iterdir()) == []


class TestUp:
    def test_is_refused_at_once_where_a_stack_runs(self, tmp_path: Path, holders: Any) -> None:
        process = holders(tmp_path)

        with pytest.raises(stack.CannotStart, match=str(process.pid)):
            stack.start_detached(stack.Options(port=0, state_dir=tmp_path))

    @pytest.mark.parametrize("start", [stack.start_detached, lambda options: stack.run(options, ready=print)])
    def test_is_refused_at_once_when_the_port_is_taken(self, tmp_path: Path, start: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]

            with pytest.raises(stack.CannotStart, match=f"port {port} is not free"):
                start(stack.Options(port=port, state_dir=tmp_path))

        assert state.running(tmp_path) is None

    def test_says_what_the_log_says_when_it_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "aiohttp.py").write_text("raise RuntimeError('no such luck')")
        monkeypatch.syspath_prepend(str(tmp_path))

        with pytest.raises(stack.CannotStart, match="no such luck"):
            stack.start_detached(stack.Options(port=0, state_dir=tmp_path / "state"))

        assert state.running(tmp_path / "state") is None


class TestTwoAtOnce:
    def test_wait_for_each_other_to_have_started(self, tmp_path: Path) -> None:
        order: list[str] = []

        def second() -> None:
            with state.starting(tmp_path):
                order.append("second")

        with state.starting(tmp_path):
            waiting = threading.Thread(target=second)
            waiting.start()
            waiting.join(0.2)
            order.append("first")
        waiting.join(5)

        assert order == ["first", "second"]
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.local
    def test_make_one_stack_and_the_other_says_that_it_runs(self, tmp_path: Path) -> None:
        def up(_: int) -> str:
            try:
                return f"pid {stack.start_detached(stack.Options(port=0, state_dir=tmp_path))['pid']}"
            except stack.CannotStart as refusal:
                return str(refusal)

        try:
            with ThreadPoolExecutor(2) as threads:
                pid, refusal = sorted(threads.map(up, range(2)), key=len)
        finally:
            stack.down(tmp_path)

        assert refusal == f"a local stack already runs in {tmp_path} ({pid}); stop it with `turnout local down`"


class TestOptions:
    def test_survive_the_way_to_the_detached_process(self, tmp_path: Path) -> None:
        options = stack.Options(port=1, tick=0.5, alb_lag=2.0, metric_period=60.0, metric_delay=150.0, log_period=300.0, state_dir=tmp_path)

        assert stack.Options.from_json(options.to_json()) == options


class TestTheEnvironment:
    def test_points_at_the_embedded_aws_and_nowhere_else(self) -> None:
        aws = EmbeddedAws()
        aws.url = "http://127.0.0.1:1"
        environ = {"AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "t", "AWS_ENDPOINT_URL_S3": "http://elsewhere", "HTTP_PROXY": "p", "PATH": "/bin"}

        environment.prepare(environ, aws, environment.pace(tick=1, metric_period=1, metric_delay=0, alb_lag=2))

        assert environ["AWS_ENDPOINT_URL"] == aws.url
        assert environ["PATH"] == "/bin"
        assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "HTTP_PROXY"} & set(environ)
        assert environ["TURNOUT_PACE_ASK_AGAIN_SECONDS"] == "3.5"

    def test_lets_a_pass_poll_for_one_tick_and_no_longer(self) -> None:
        patience = [environment.pace(tick=tick, metric_period=1, metric_delay=0, alb_lag=0)["patience"] for tick in (0.2, 1, 2)]

        assert patience == [1, 1, 2]

    def test_waits_for_the_balancers_lag_where_traffic_must_have_gone(self) -> None:
        at_once, lagging = (environment.pace(tick=1, metric_period=1, metric_delay=0, alb_lag=lag) for lag in (0, 2))

        assert {name for name in lagging if lagging[name] == at_once[name] + 2} == {"settle", "look_again", "drain_floor", "health_margin", "ask_again"}

    def test_is_one_the_control_plane_takes(self) -> None:
        from chalicelib.settings import Settings

        aws, environ = EmbeddedAws(), {}  # type: ignore[var-annotated]
        aws.url = "http://127.0.0.1:1"
        pace = environment.pace(tick=1, metric_period=1, metric_delay=0, alb_lag=0)

        environment.prepare(environ, aws, pace)

        settings = Settings.from_environ(environ)
        assert {name: getattr(settings.pace, name).total_seconds() for name in pace} == pace


def test_threads_give_way_quickly_while_a_stack_runs() -> None:
    before = sys.getswitchinterval()

    with surroundings.switching_quickly():
        assert sys.getswitchinterval() < 0.001

    assert sys.getswitchinterval() == before


@pytest.mark.local
class TestTheRealStack:
    def test_answers_once_it_is_ready_and_leaves_nothing_behind(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "work").mkdir()
        (tmp_path / "work" / "app.py").write_text("raise RuntimeError('this is somebody else’s app')")
        monkeypatch.chdir(tmp_path / "work")
        tmp_path /= "state"

        info = stack.start_detached(stack.Options(port=0, state_dir=tmp_path))
        try:
            assert set(info) == {"api_url", "token", "aws_endpoint_url", "region", "artifact_bucket", "pid"}
            request = urllib.request.Request(f"{info['api_url']}/v1/services", headers={"Authorization": f"Bearer {info['token']}"})
            with urllib.request.urlopen(request) as answer:
                assert json.load(answer) == {"items": [], "cursor": None}
            assert os.getsid(info["pid"]) != os.getsid(0)
        finally:
            assert stack.down(tmp_path) is True

        assert [path.name for path in tmp_path.iterdir()] == [state.LOG_FILE]
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", int(info["api_url"].rpartition(":")[2]))).close()
