"""Mirrored traffic: production requests that are safe to repeat are asked of the candidate on staging before it counts as staged."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from chalicelib.deployments.model import Phase
from chalicelib.health.signal import Answer
from chalicelib.ledger import keys
from tests.mirrored import a_mirrored_definition, arrive
from tests.unit.api.an_api import Api
from tests.world import World, a_definition

PATHS = [f"/item/{number}" for number in range(30)]


@pytest.fixture
def world() -> World:
    """1.0.0 is live and 1.1.0 is checked on staging; all but the comparison finds it good."""
    world = World()
    world.register(a_mirrored_definition())
    world.live("1.0.0")
    world.upload("1.1.0")
    until_only_the_comparison_is_missing(world)
    return world


def until_only_the_comparison_is_missing(world: World) -> None:
    world.until(lambda: "requests of production" in waits_for(world), 30)


def waits_for(world: World) -> str:
    look = world.ledger.find(keys.look("web"))
    return look.waits_for if look else ""


def bodies(world: World, of: Callable[[str, str], str]) -> None:
    """The application answers with this body, made of the version and the path."""
    before = world.probe.otherwise

    def answer(method: str, url: str) -> Answer:
        found = before(method, url)
        return replace(found, body=of(found.release or "", "/" + url.split("/", 3)[3]))

    world.probe.otherwise = answer


def test_a_candidate_that_answers_as_live_does_is_staged(world: World) -> None:
    arrive(world, PATHS)
    world.wait(1)

    assert world.phase("1.1.0") is Phase.STAGED
    assert "30 of 30 requests of production are answered on staging as live does" in world.deployment("1.1.0").outcome


def test_a_candidate_that_answers_a_question_slowly_only_once_is_staged(world: World) -> None:
    """Live has been asked for these pages by users, and has them at hand; the candidate has not."""
    before, known = world.probe.otherwise, {("1.0.0", path) for path in PATHS}

    def answer(method: str, url: str) -> Answer:
        found = before(method, url)
        page = (found.release or "", "/" + url.split("/", 3)[3])
        took = timedelta(milliseconds=20 if page in known else 150)
        known.add(page)
        return replace(found, took=took)

    world.probe.otherwise = answer
    arrive(world, PATHS)
    world.wait(1)

    assert world.phase("1.1.0") is Phase.STAGED


def test_a_candidate_whose_answers_hold_half_of_a_character_fails_like_any_other(world: World) -> None:
    bodies(world, lambda version, _: '{"caf\\ud83d": 1}' if version == "1.1.0" else "{}")

    arrive(world, PATHS)
    world.wait(1)

    assert world.phase("1.1.0") is Phase.FAILED
    assert "\\ud83d is new" in world.deployment("1.1.0").outcome


def test_what_was_compared_is_shown_with_the_release(world: World) -> None:
    arrive(world, PATHS)
    world.wait(1)

    shown = Api(world)("GET", "/v1/services/web/releases/1.1.0").json["shadow"]

    assert (shown["compared_with"], shown["compared"], shown["differing"]) == ("1.0.0", 30, 0)
    assert Api(world)("GET", "/v1/services/web/releases/1.0.0").json["shadow"] is None


def test_a_candidate_that_answers_otherwise_fails_and_an_example_says_where(world: World) -> None:
    bodies(world, lambda version, path: json.dumps({"path": path, "price": 10 if version == "1.1.0" else 12}))

    arrive(world, PATHS, query="customer=7")
    world.wait(1)

    failed = world.deployment("1.1.0")
    assert failed.phase is Phase.FAILED
    assert "30 of 30 requests of production are answered otherwise than live answers them, for example /item/" in failed.outcome
    assert failed.outcome.endswith("$.price is 10, live 12")
    live = world.service().live
    assert live is not None
    assert world.share(live.color) == 100


def test_a_candidate_that_is_bad_on_one_path_only_fails_once_that_was_asked_often_enough(world: World) -> None:
    bodies(world, lambda version, path: json.dumps({"ok": not (version == "1.1.0" and path.startswith("/item/7"))}))

    for turn in range(6):
        arrive(world, [*PATHS, f"/item/7{turn}", f"/item/7{turn}0", f"/item/7{turn}1"])
        world.wait(1)

    assert world.phase("1.1.0") is Phase.FAILED
    assert "for example /item/7" in world.deployment("1.1.0").outcome


def test_what_is_new_in_every_answer_fails_nobody(world: World) -> None:
    numbers = count()
    bodies(world, lambda _, path: json.dumps({"path": path, "visits": next(numbers), "at": f"2026-01-01T00:00:{next(numbers) % 60:02}Z"}))

    arrive(world, PATHS)
    world.wait(1)

    assert world.phase("1.1.0") is Phase.STAGED


def test_without_logs_it_is_staged_all_the_same_after_a_while_and_says_so(world: World) -> None:
    world.wait(15)

    assert world.phase("1.1.0") is Phase.STAGED
    assert "no mirrored requests came in" in world.deployment("1.1.0").outcome


def test_requests_that_may_not_be_repeated_are_no_comparison(world: World) -> None:
    arrive(world, PATHS, query="access_token=1")
    arrive(world, PATHS, method="POST")
    world.wait(1)

    assert world.phase("1.1.0") is Phase.VERIFYING
    world.wait(15)
    assert "no mirrored requests came in" in world.deployment("1.1.0").outcome


def test_too_few_are_waited_for(world: World) -> None:
    arrive(world, PATHS[:5])
    world.wait(1)

    assert world.phase("1.1.0") is Phase.VERIFYING
    assert waits_for(world) == "5 of 20 requests of production compared with live"


def test_what_was_found_of_one_candidate_says_nothing_of_the_next(world: World) -> None:
    bodies(world, lambda version, _: "bad" if version == "1.1.0" else "good")
    arrive(world, PATHS)
    world.wait(1)
    assert world.phase("1.1.0") is Phase.FAILED

    world.upload("1.2.0")
    until_only_the_comparison_is_missing(world)
    arrive(world, PATHS)
    world.wait(1)

    assert world.phase("1.2.0") is Phase.STAGED


def test_a_way_back_waits_for_no_comparison(world: World) -> None:
    world.wait(15)
    world.control.deployments.promote("web", world.asked(), version="1.1.0")
    world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)
    world.control.deployments.rollback("web", world.asked("it is slow"))

    world.until(lambda: world.serving() == "1.0.0", 20)


def test_nobody_waits_where_it_is_switched_off() -> None:
    world = World()
    world.register(a_definition())
    world.live("1.0.0")

    assert "mirrored" not in world.staged("1.1.0").outcome
