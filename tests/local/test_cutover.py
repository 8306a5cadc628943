"""A read-only cutover of an application with a real database, under writes: what its customers and its database saw."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, nullcontext
from datetime import datetime
from pathlib import Path

import pytest

from turnout.demo.ledger import LIMIT_SECONDS, WATCH_SECONDS, Finding, Ledger, Row, Write, Writers, artifact, found
from turnout.demo.stack import Stack, running, until
from turnout.local.embedded import ROLE

ROOT = Path(__file__).resolve().parents[2]
HOOK = "turnout-hook-ledger"


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with running(tmp_path, nullcontext) as made:
        yield made


def cut_over(ledger: Ledger) -> Finding:
    """1.0.0 is live and written to, and 2.0.0 takes over."""
    ledger.upload("1.0.0")
    ledger.promote("1.0.0")
    until("1.0.0 has completed", lambda: ledger.has_settled_on("1.0.0"), seconds=60)
    old = ledger.now()["live"]["color"]
    with Writers(ledger.url) as writers:
        until("there are rows", lambda: len(writers.taken()) > 20, seconds=30)
        ledger.upload("2.0.0")
        ledger.promote("2.0.0")
        until("it is shown as read-only", lambda: ledger.now()["read_only"], seconds=30)
        until("2.0.0 has completed", lambda: ledger.has_settled_on("2.0.0"), seconds=60)
        assert not ledger.now()["read_only"]
        after = time.monotonic()
        until("2.0.0 takes writes", lambda: writers.taken(since=after), seconds=30)
    return found(writers.answers, ledger.rows(), old)


def watched_for(ledger: Ledger, version: str) -> float:
    """From the whole traffic to the end, in seconds."""
    deployment = ledger.deployment(version)
    at = {event["kind"]: datetime.fromisoformat(event["at"]) for event in ledger.events(deployment["id"])}
    assert deployment["confirmation"]["confirmed"], deployment["confirmation"]
    return (at["completed"] - at["watching"]).total_seconds()


def test_no_write_is_lost_and_none_is_taken_by_both_sides(stack: Stack, tmp_path: Path) -> None:
    ledger = Ledger(stack, tmp_path / "ledger.db")

    finding = cut_over(ledger)

    print(finding)
    assert finding.is_clean, finding
    assert watched_for(ledger, "2.0.0") < WATCH_SECONDS + 10, "it is over within ten seconds of the end of its watch"


def test_nor_where_a_hook_of_the_team_is_told_instead_of_a_parameter(stack: Stack, tmp_path: Path) -> None:
    database = tmp_path / "ledger.db"
    make_hook(stack, database)
    by_hook = {"read_only": "hook", "limit_seconds": LIMIT_SECONDS, "drain_seconds": 2}
    ledger = Ledger(stack, database, by_hook, hooks=[{"at": "read_only", "lambda": HOOK}])

    finding = cut_over(ledger)

    print(finding)
    assert finding.is_clean, finding
    deployment = ledger.deployment("2.0.0")
    [(entered, moment), (left, nothing)] = told(database)
    assert nothing is None
    assert entered.startswith(f"{deployment['id']}/")
    assert left.startswith(f"{deployment['id']}/")
    kinds = [event["kind"] for event in reversed(ledger.events(deployment["id"]))]
    assert [kind for kind in kinds if kind in {"read-only", "weights-asked", "read-only-left"}] == ["read-only", "weights-asked", "read-only-left"]
    told_at = {event["kind"]: datetime.fromisoformat(event["at"]) for event in ledger.events(deployment["id"])}
    assert told_at["read-only-left"] < datetime.fromisoformat(moment), "it did not need its whole limit"
    assert stack.aws("ssm").describe_parameters()["Parameters"] == [], "and nobody wrote a parameter"


def make_hook(stack: Stack, database: Path) -> None:
    """The example's hook, as its team would deploy it."""
    role = stack.aws("iam").get_role(RoleName=ROLE)["Role"]["Arn"]
    settings = {"Variables": {"LEDGER_DATABASE": str(database)}}
    code = {"ZipFile": artifact("hook")}
    stack.aws("lambda").create_function(FunctionName=HOOK, Runtime="python3.11", Handler="hook.handler", Role=role, Code=code, Environment=settings, Timeout=5)


def told(database: Path) -> list[tuple[str, str]]:
    """What the hook heard, each id once."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT DISTINCT id, read_only_until FROM told ORDER BY rowid").fetchall()


OLD = [Row("a", "blue", 1.0), Row("b", "blue", 2.0)]
NEW = [Row("d", "green", 4.0)]
TAKEN = [Write("a", 1.0, 1.1, 201, side="blue"), Write("b", 2.0, 2.1, 201, side="blue"), Write("d", 4.0, 4.1, 201, side="green")]
REFUSED = [Write("c", 3.0, 3.5, 503, retry_after="1", side="blue")]


class TestWhatIsFound:
    def test_is_clean_when_everything_is_as_it_should_be(self) -> None:
        finding = found([*TAKEN, *REFUSED], [*OLD, *NEW], "blue")

        assert finding.is_clean
        assert (finding.taken, finding.refused, finding.between, finding.read_only) == (3, 1, 2.0, 0.5)

    @pytest.mark.parametrize(
        ("answers", "rows"),
        [
            pytest.param([*TAKEN, *REFUSED], [*OLD], id="a write that was answered is not kept"),
            pytest.param([*TAKEN, *REFUSED], [*OLD, *NEW, Row("c", "blue", 3.0)], id="a write that was refused is kept"),
            pytest.param([*TAKEN, *REFUSED], [OLD[0], Row("b", "green", 2.0), *NEW], id="kept by another side than the one that answered"),
            pytest.param([*TAKEN, *REFUSED, Write("e", 4.2, 4.3, 201, side="blue")], [*OLD, *NEW, Row("e", "blue", 4.2)], id="the old side after the new one"),
            pytest.param([*TAKEN, *REFUSED, Write("e", 3.0, 3.1, None)], [*OLD, *NEW], id="one was not answered at all"),
            pytest.param([*TAKEN, *REFUSED, Write("e", 3.0, 3.1, 503)], [*OLD, *NEW], id="one was not told when to come again"),
            pytest.param(TAKEN, [*OLD, *NEW], id="it never was read-only"),
            pytest.param([*TAKEN, *REFUSED, Write("e", 20.0, 20.1, 503, retry_after="1")], [*OLD, *NEW], id="read-only for too long"),
        ],
    )
    def test_is_not_clean_when(self, answers: list[Write], rows: list[Row]) -> None:
        assert not found(answers, rows, "blue").is_clean
