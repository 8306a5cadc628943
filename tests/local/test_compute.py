"""What a deployed function gets, and what becomes of it when it misbehaves."""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.local.stage import ACCOUNT, HELLO, Stage, eventually

PID = """
import os

def handler(event, context):
    return {"statusCode": 200, "body": str(os.getpid())}
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage.opened(tmp_path_factory.mktemp("compute"))
    yield stage
    stage.close()


def returning(expression: str, imports: str = "") -> str:
    return f"{imports}\ndef handler(event, context):\n    return {expression}\n"


def value_of(stage: Stage, name: str, qualifier: str | None = "live", event: Any = None) -> Any:
    result = stage.plane.invoke(name, qualifier, json.dumps(event).encode())
    assert result.function_error is None, result.payload
    return json.loads(result.payload)


def failure_of(stage: Stage, name: str) -> Any:
    result = stage.plane.invoke(name, "live", b"{}")
    assert (result.status, result.function_error) == (200, "Unhandled")
    return json.loads(result.payload)


def is_running(pid: int) -> bool:
    """A process that has ended and that nobody has asked about yet does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_versions_aliases_and_latest_resolve(stage: Stage) -> None:
    name = stage.function(returning("1"))
    second = stage.publish(name, returning("2"))
    assert [value_of(stage, name, qualifier) for qualifier in ("1", second, "live", "$LATEST", None)] == [1, 2, 1, 2, 2]
    stage.point_alias(name, second)
    assert value_of(stage, name, "live") == 2
    assert stage.plane.invoke(name, "live", b"{}").executed_version == second


def test_an_unknown_function_or_qualifier_is_not_found(stage: Stage) -> None:
    assert stage.plane.invoke("nobody", None, b"{}").status == 404
    assert stage.plane.invoke(stage.function(), "nothing", b"{}").status == 404


def test_the_context_says_what_runs(stage: Stage) -> None:
    source = """
    def handler(event, c):
        return [c.function_name, c.function_version, c.invoked_function_arn, c.memory_limit_in_mb, len(c.aws_request_id),
                c.log_group_name, bool(c.log_stream_name), 0 < c.get_remaining_time_in_millis() <= 3000]
    """
    name = stage.function(source)
    arn = f"arn:aws:lambda:{stage.region}:{ACCOUNT}:function:{name}:live"
    assert value_of(stage, name) == [name, "1", arn, "128", 36, f"/aws/lambda/{name}", True, True]


def test_nothing_of_ours_leaks_into_the_environment(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "secret")
    seen = value_of(stage, stage.function(returning("dict(os.environ)", "import os"), COLOR="blue"))
    assert (seen["COLOR"], seen["AWS_REGION"], seen["_HANDLER"]) == ("blue", stage.region, "app.handler")
    assert not {"OURS", "VIRTUAL_ENV", "PYTHONPATH", "HOME"} & set(seen)


def test_the_zip_brings_its_own_dependencies(stage: Stage) -> None:
    source = """
    def handler(event, context):
        import sys
        try:
            import flask
        except ImportError:
            return sys.path[0] == __file__.rpartition("/")[0] and not any("site-packages" in path for path in sys.path)
    """
    assert value_of(stage, stage.function(source)) is True


def test_aws_is_the_embedded_one_and_boto3_is_there_as_in_lambda(stage: Stage) -> None:
    stage.client("ssm").put_parameter(Name="/turnout/any/switch", Value="on", Type="String")
    source = """
    import boto3

    def handler(event, context):
        return boto3.client("ssm").get_parameter(Name="/turnout/any/switch")["Parameter"]["Value"]
    """
    assert value_of(stage, stage.function(source, timeout=20)) == "on"


def test_the_zip_s_own_boto3_goes_before_the_runtime_s(stage: Stage) -> None:
    files: dict[str, str | bytes] = {"app.py": "import boto3\ndef handler(e, c): return boto3.MINE", "boto3/__init__.py": "MINE = 1"}
    assert value_of(stage, stage.function(files=files)) == 1


@pytest.mark.parametrize("handler", ["pkg.sub.module.fn", "pkg/sub/module.fn"])
def test_handlers_live_in_packages_too(stage: Stage, handler: str) -> None:
    files: dict[str, str | bytes] = {
        "pkg/__init__.py": "",
        "pkg/sub/__init__.py": "ANSWER = 42",
        "pkg/sub/module.py": "from pkg.sub import ANSWER\ndef fn(e, c): return ANSWER",
    }
    assert value_of(stage, stage.function(handler=handler, files=files)) == 42


def test_an_import_that_fails_fails_every_call_and_says_why(stage: Stage) -> None:
    name = stage.function("import nothing_of_that_name")
    for _ in range(3):
        failure = failure_of(stage, name)
        assert failure["errorType"] == "Runtime.ImportModuleError"
        assert "No module named 'nothing_of_that_name'" in failure["errorMessage"]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("def handler(:", "Runtime.UserCodeSyntaxError"),
        ("other = 1", "Runtime.HandlerNotFound"),
        ("raise ValueError('at import')", "ValueError"),
        ("import os; os._exit(3)", "Runtime.ExitError"),
        ("import sys; sys.exit(1)", "SystemExit"),
        (returning("{}['missing']"), "KeyError"),
        (returning("object()"), "Runtime.MarshalError"),
        (returning("os._exit(7)", "import os"), "Runtime.ExitError"),
        (returning("os.kill(os.getpid(), 9)", "import os"), "Runtime.ExitError"),
        (returning("'x' * 7_000_000"), "Function.ResponseSizeTooLarge"),
    ],
)
def test_faults_have_the_names_aws_gives_them(stage: Stage, source: str, kind: str) -> None:
    assert failure_of(stage, stage.function(source))["errorType"] == kind


def test_a_zip_that_is_none_is_a_fault(stage: Stage) -> None:
    name = stage.function()
    stage.client("lambda").update_function_code(FunctionName=name, ZipFile=b"not a zip")
    assert stage.plane.invoke(name, "$LATEST", b"{}").function_error == "Unhandled"


def test_a_call_that_takes_too_long_is_ended_and_the_next_one_works(stage: Stage) -> None:
    source = """
    def handler(event, context):
        while event.get("hang"):
            pass
        return "fine"
    """
    name = stage.function(source, timeout=1)
    began = time.monotonic()
    failure = json.loads(stage.plane.invoke(name, "live", b'{"hang": true}').payload)
    assert failure["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert time.monotonic() - began < 3
    assert value_of(stage, name, event={}) == "fine"


def test_an_idle_worker_that_died_is_noticed_before_it_is_used(stage: Stage) -> None:
    name = stage.function(PID)
    before = int(value_of(stage, name)["body"])
    os.kill(before, 9)
    eventually(lambda: not is_running(before))
    assert int(value_of(stage, name)["body"]) != before


def test_calls_one_after_the_other_share_a_worker_and_its_state(stage: Stage) -> None:
    name = stage.function(PID)
    assert len({value_of(stage, name)["body"] for _ in range(20)}) == 1


def test_slow_calls_at_once_get_workers_of_their_own_up_to_the_limit(stage: Stage) -> None:
    name = stage.function("import os, time\ndef handler(event, context):\n    time.sleep(0.5)\n    return os.getpid()", timeout=10)
    with ThreadPoolExecutor(14) as pool:
        pids = list(pool.map(lambda _: value_of(stage, name), range(14)))
    assert 5 <= len(set(pids)) <= 10


def test_megabytes_of_output_stop_nothing_and_the_log_stays_bounded(stage: Stage) -> None:
    name = stage.function(returning("[print('x' * 1_000_000) for _ in range(12)] and 'done'"), timeout=10)
    assert value_of(stage, name) == "done"
    assert value_of(stage, name) == "done"
    log = stage.work_dir / "logs" / "lambda" / f"{name}.log"
    eventually(lambda: log.stat().st_size <= 5 * 1024 * 1024)


def test_the_log_tail_is_what_the_call_printed(stage: Stage) -> None:
    name = stage.function(returning("print('words', event)"))
    assert stage.plane.invoke(name, "live", b'"one"').log_tail == "words one\n"


def test_workers_of_a_version_no_alias_points_at_go_and_calls_in_flight_finish(stage: Stage) -> None:
    name = stage.function(PID.replace("    return", "    import time; time.sleep(event)\n    return"), timeout=10)
    idle = int(value_of(stage, name, event=0)["body"])
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(value_of, stage, name, "1", 1.5)
        time.sleep(0.2)
        stage.point_alias(name, stage.publish(name, HELLO))
        assert slow.result()["body"]
    eventually(lambda: not is_running(idle), within=8)


def test_stopping_leaves_no_process_no_code_and_no_thread(tmp_path: Path) -> None:
    stage = Stage.opened(tmp_path)
    name = stage.function(
        "import os, subprocess, time\nchild = subprocess.Popen(['sleep', '60'])\ndef handler(event, context):\n    time.sleep(event)\n    return [os.getpid(), child.pid]",
        timeout=30,
    )
    pids = value_of(stage, name, event=0)
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(stage.plane.invoke, name, "live", b"20")
        time.sleep(0.3)
        stage.close()
        assert busy.result(timeout=1).function_error == "Unhandled"
    eventually(lambda: not is_running(pids[0]))
    eventually(lambda: not is_running(pids[1]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs"]


def test_flask_in_a_zip_works(stage: Stage) -> None:
    packages = [importlib.import_module(name) for name in ("flask", "werkzeug", "jinja2", "markupsafe", "itsdangerous", "click", "blinker")]
    files: dict[str, str | bytes] = {"app.py": FLASK_APPLICATION}
    for package in packages:
        root = Path(package.__file__ or "").parent
        files |= {str(path.relative_to(root.parent)): path.read_bytes() for path in root.rglob("*") if path.suffix in {".py", ".so"}}
    listening = stage.serving(stage.function(files=files, timeout=20), HealthCheckTimeoutSeconds=9, HealthCheckIntervalSeconds=10)
    answer = listening.ask("/greet?name=World%20Wide", "POST", "x=1", {"Content-Type": "application/x-www-form-urlencoded"}, timeout=25)
    assert (answer.status, answer.json) == (200, {"greeting": "World Wide", "x": "1"})


def test_workers_die_with_the_stack_even_in_the_middle_of_a_call(tmp_path: Path) -> None:
    stack = subprocess.Popen([sys.executable, "-c", KILLED_STACK, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert stack.stdout
    worker = int(stack.stdout.readline())
    assert is_running(worker)
    stack.kill()
    stack.wait()
    stack.stdout.close()
    eventually(lambda: not is_running(worker))


FLASK_APPLICATION = """
import base64
from flask import Flask, jsonify, request
from werkzeug.test import Client

app = Flask(__name__)

@app.route("/")
def health():
    return "well"

@app.post("/greet")
def greet():
    return jsonify(greeting=request.args["name"], x=request.form["x"])

def handler(event, context):
    body = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
    query = "&".join(f"{name}={value}" for name, value in event["queryStringParameters"].items())
    answer = Client(app).open(event["path"], method=event["httpMethod"], query_string=query, headers=event["headers"], data=body)
    return {"statusCode": answer.status_code, "headers": dict(answer.headers), "body": answer.get_data(as_text=True)}
"""

KILLED_STACK = """
import sys, threading, time
from pathlib import Path
from tests.local.stage import Stage

stage = Stage.opened(Path(sys.argv[1]))
name = stage.function("import os, pathlib\\ndef handler(e, c):\\n    pathlib.Path(e).write_text(str(os.getpid()))\\n    while True: pass", timeout=60)
note = Path(sys.argv[1], "pid")
threading.Thread(target=stage.plane.invoke, args=(name, "live", f'"{note}"'.encode()), daemon=True).start()
while not (note.exists() and note.read_text()):
    time.sleep(0.02)
print(note.read_text(), flush=True)
time.sleep(60)
"""


def test_code_that_hangs_while_it_loads_keeps_no_other_from_starting(stage: Stage) -> None:
    hanging = stage.function("import time\ntime.sleep(60)\n")
    with ThreadPoolExecutor(8) as calls:
        waiting = [calls.submit(stage.plane.invoke, hanging, "live", b"{}") for _ in range(8)]
        time.sleep(0.5)
        began = time.monotonic()

        assert value_of(stage, stage.function(returning("1"))) == 1

        assert time.monotonic() - began < 5
        for call in waiting:
            call.result()
