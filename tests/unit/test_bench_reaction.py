"""What the measurement of reactions stands on: releases that are good until their sign is there, and honest figures."""

import io
import math
import zipfile

import pytest

from bench.failing import KINDS, PATHS, PROBE_PATH, Sign
from bench.reaction import Run, signals
from turnout.demo.traffic import Answer

ANSWERING = [name for name, kind in KINDS.items() if "return" in kind.fault]


def a_release(kind, sign, monkeypatch):
    monkeypatch.setenv("TURNOUT_VERSION", "2.0.0")
    source = zipfile.ZipFile(io.BytesIO(sign.artifact(KINDS[kind], "2.0.0"))).read("app.py")
    names = {}
    exec(compile(source, "app.py", "exec"), names)  # it is a release's handler
    return lambda path: names["handler"]({"path": path}, None)["statusCode"]


def an_answer(*, status=200, took=0.01, release="2.0.0"):
    return Answer(1, "/", 0.0, took, status, release)


def a_run(*, turned=100.0, back=101.5, bad=(100.5,), outcome=""):
    return Run(turned, back, bad, outcome)


@pytest.mark.parametrize("kind", KINDS)
def test_a_release_is_good_until_the_sign_is_there(kind, tmp_path, monkeypatch):
    release = a_release(kind, Sign(tmp_path / "sign"), monkeypatch)
    assert {release(path) for path in (*PATHS, PROBE_PATH)} == {200}


@pytest.mark.parametrize("kind", ANSWERING)
def test_and_good_again_when_it_is_gone(kind, tmp_path, monkeypatch):
    sign = Sign(tmp_path / "sign")
    release = a_release(kind, sign, monkeypatch)
    sign.show()
    sign.hide()
    assert {release(path) for path in (*PATHS, PROBE_PATH)} == {200}


@pytest.mark.parametrize(
    ("kind", "bad"),
    [("errors", {*PATHS, PROBE_PATH}), ("errors-for-users", set(PATHS)), ("flapping", {*PATHS, PROBE_PATH}), ("one-path", {"/3"})],
)
def test_what_a_kind_answers_badly_once_the_sign_is_there(kind, bad, tmp_path, monkeypatch):
    sign = Sign(tmp_path / "sign")
    release = a_release(kind, sign, monkeypatch)
    sign.show()
    assert {path for path in (*PATHS, PROBE_PATH) if release(path) == 500} == bad


def test_one_in_twenty_is_about_that(tmp_path, monkeypatch):
    sign = Sign(tmp_path / "sign")
    release = a_release("errors-5-percent", sign, monkeypatch)
    sign.show()
    assert 0 < sum(release("/1") == 500 for _ in range(2000)) < 200


def test_a_late_answer_is_bad_only_where_slowness_is_measured_and_only_of_the_release():
    assert KINDS["slow"].is_bad(an_answer(took=0.5), "2.0.0")
    assert not KINDS["slow"].is_bad(an_answer(took=0.5, release="1.0.0"), "2.0.0")
    assert not KINDS["errors"].is_bad(an_answer(took=0.5), "2.0.0")
    assert KINDS["slow"].is_bad(an_answer(status=502, release=None), "2.0.0")


def test_a_run_that_was_not_turned_back_is_slower_than_any_other():
    assert a_run(back=None).since_sign() == a_run(back=None).since_answer() == math.inf


def test_reaction_is_counted_from_the_sign_and_from_the_first_bad_answer():
    assert (a_run().since_sign(), a_run().since_answer()) == (1.5, 1.0)


def test_weights_that_were_back_before_any_bad_answer_took_no_time_from_there():
    assert a_run(bad=()).since_answer() == a_run(bad=(103.0,)).since_answer() == 0.0


@pytest.mark.parametrize(
    ("outcome", "signal"),
    [
        ("GET /health answered 500, expected 200 (3 times in a row, on staging)", "probe"),
        ("it flaps: 6 of the last 9 probes on staging failed", "probe"),
        ("none of 1 targets is healthy; 9 of 90 requests failed (10.0%, allowed 5.0%)", "errors + targets"),
        ("40 of 41 requests took longer than 0.02 s (97.6%, allowed 2.0%): slower, and not by chance", "latency"),
        ("alarm errors-high turned red: Threshold Crossed", "alarms"),
        ("something else", "other"),
    ],
)
def test_the_signals_are_told_by_the_words_of_the_checks(outcome, signal):
    assert signals(a_run(outcome=outcome)) == signal


def test_a_false_alarm_and_a_run_turned_back_by_hand_were_decided_by_no_signal():
    assert signals(a_run(turned=None, back=None, outcome="9 of 90 requests failed")) == "turned back while it was good"
    assert signals(a_run(back=None, outcome="rolled back by local: bench")) == "not turned back"
