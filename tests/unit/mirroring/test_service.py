"""A log arrives: who is asked what, when nobody is, and what is kept. On a whole control plane in memory."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from chalicelib.health.signal import Answer
from chalicelib.ledger import keys
from chalicelib.mirroring.model import Comparison
from tests.mirrored import LOGS, a_key, a_line, a_mirrored_definition, arrive
from tests.world import World, a_definition

PATHS = [f"/item/{number}" for number in range(30)]


@pytest.fixture
def world() -> World:
    """1.0.0 is live, 1.1.0 is staged, and neither was compared with the other yet: no log came in time."""
    world = World()
    world.register(a_mirrored_definition())
    world.live("1.0.0")
    world.upload("1.1.0")
    world.wait(60)
    world.probe.asked.clear()
    world.queues.due.clear()
    return world


def compared(world: World) -> Comparison:
    found = world.ledger.find(keys.comparison("web"))
    assert found is not None
    return found


def has_moved(world: World) -> bool:
    deployment = world.service().deployment
    return deployment is not None and deployment.moved


def asked(world: World, where: str) -> list[str]:
    return [url for _, url in world.probe.asked if where in url]


def answering(world: World, on_staging: Callable[[str], Answer]) -> None:
    """Staging answers so, whatever stands there."""
    before = world.probe.otherwise
    world.probe.otherwise = lambda method, url: on_staging(url) if "staging" in url else before(method, url)


def an_answer(body: str = "hello", status: int = 200, release: str | None = "1.1.0") -> Answer:
    return Answer(status, release, body, timedelta(milliseconds=5))


class TestALogOfRequests:
    def test_is_asked_once_of_the_candidate_and_twice_of_live(self, world: World) -> None:
        assert arrive(world, PATHS) == 30

        assert len(asked(world, "staging")) == 30
        assert len(asked(world, "production") or asked(world, "prod")) == 60
        assert compared(world).compared == 30
        assert compared(world).differing == 0

    def test_starts_a_pass(self, world: World) -> None:
        arrive(world, PATHS)

        assert world.queues.due == ["web"]

    def test_is_kept_with_the_release(self, world: World) -> None:
        arrive(world, PATHS)

        kept = world.ledger.find(keys.release_comparison("web", "1.1.0"))
        assert kept is not None
        assert kept.comparison == compared(world)

    def test_is_told_as_traffic_of_ours(self, world: World) -> None:
        arrive(world, PATHS)

        found = compared(world)
        live = world.service().live
        assert live is not None
        begin, end = min(found.sent), max(found.sent) + timedelta(seconds=1)
        assert (found.between(live.color, begin, end).requests, found.between(live.color.other, begin, end).requests) == (60, 30)

    def test_is_asked_at_a_bounded_rate_and_for_a_bounded_time(self, world: World) -> None:
        began = world.clock.monotonic()

        arrive(world, [f"/item/{number}" for number in range(5000)])

        assert world.clock.monotonic() - began <= world.pace.shadow_run.total_seconds()
        assert len(asked(world, "staging")) <= world.pace.shadow_run.total_seconds() * 20

    def test_changes_nothing_when_it_comes_again(self, world: World) -> None:
        arrive(world, PATHS, name="once")
        before = compared(world)

        assert arrive(world, PATHS, name="once") == 0
        assert compared(world) == before

    def test_is_left_out_while_another_is_compared(self, world: World) -> None:
        assert world.ledger.claim("shadow#web", now=world.clock.now(), lasting=timedelta(seconds=60))

        assert arrive(world, PATHS) == 0
        assert world.probe.asked == []

    def test_adds_to_what_was_compared(self, world: World) -> None:
        arrive(world, PATHS)
        arrive(world, PATHS)

        assert compared(world).compared == 60

    def test_shows_what_differs(self, world: World) -> None:
        answering(world, lambda _: an_answer("oops"))

        arrive(world, PATHS, query="q=private")

        found = compared(world)
        assert (found.compared, found.differing, len(found.examples)) == (30, 30, 10)
        assert found.examples[0].what == 'line 1 is "oops", live "hello"'
        assert "private" not in str(found)

    def test_counts_only_answers_of_who_was_asked(self, world: World) -> None:
        answering(world, lambda _: an_answer("oops", release="1.0.0"))

        assert arrive(world, PATHS) == 0
        assert compared(world).unanswered == 30

    def test_says_nothing_where_live_refuses_without_the_users_credentials(self, world: World) -> None:
        world.probe.otherwise = lambda _method, _url: Answer(401, None, "who are you", timedelta(0))

        assert arrive(world, PATHS) == 0
        assert compared(world).unanswered == 30

    def test_goes_nowhere_but_to_the_services_own_addresses(self, world: World) -> None:
        arrive(world, PATHS, host="evil.example")

        assert not asked(world, "evil")


class TestNobodyIsAsked:
    def quiet(self, world: World, **named: Any) -> bool:
        return arrive(world, PATHS, **named) == 0 and world.probe.asked == []

    def test_where_it_is_switched_off(self) -> None:
        world = World()
        world.register(a_definition())
        world.live("1.0.0")
        world.staged("1.1.0")
        world.probe.asked.clear()

        assert self.quiet(world)

    def test_where_nothing_is_in_progress(self, world: World) -> None:
        world.control.deployments.abort("web", world.asked())
        world.probe.asked.clear()

        assert self.quiet(world)

    def test_while_it_is_paused(self, world: World) -> None:
        world.control.deployments.pause("web", world.asked())

        assert self.quiet(world)

    def test_once_a_weight_was_asked_for(self, world: World) -> None:
        world.control.deployments.promote("web", world.asked(), version="1.1.0")
        world.until(lambda: has_moved(world))
        world.probe.asked.clear()

        assert self.quiet(world)

    def test_by_requests_that_another_colour_answered(self, world: World) -> None:
        live = world.service().live
        assert live is not None

        assert self.quiet(world, color=live.color.other)

    def test_by_anything_else_that_lies_in_the_bucket(self, world: World) -> None:
        world.objects.put(LOGS, "AWSLogs/123456789012/ELBAccessLogTestFile", b"Enable AccessLogs for ELB")

        assert world.control.mirroring.take(LOGS, "AWSLogs/123456789012/ELBAccessLogTestFile") == 0
        assert world.control.mirroring.take(LOGS, a_key("gone")) == 0

    def test_by_a_log_that_cannot_be_read(self, world: World) -> None:
        world.objects.put(LOGS, a_key("damaged"), b"\x1f\x8b nothing of the kind")

        assert world.control.mirroring.take(LOGS, a_key("damaged")) == 0

    def test_by_a_log_of_strangers(self, world: World) -> None:
        line = a_line("/", "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/other/1")
        world.objects.put(LOGS, a_key("other"), line.encode())

        assert world.control.mirroring.take(LOGS, a_key("other")) == 0


class TestTheRunStops:
    def test_at_the_first_weight(self, world: World) -> None:
        def promoting(url: str) -> Answer:
            if len(asked(world, "staging")) == 5:
                world.control.deployments.promote("web", world.asked(), version="1.1.0")
                for _ in range(5):
                    world.control.passes.run("web")
            return an_answer()

        answering(world, promoting)

        arrive(world, [f"/item/{number}" for number in range(300)])

        assert has_moved(world)
        assert len(asked(world, "/item")) <= 3 * (5 + 20)  # what fits into the second until the service is read again

    def test_when_it_is_paused(self, world: World) -> None:
        def pausing(_: str) -> Answer:
            if len(asked(world, "staging")) == 5:
                world.control.deployments.pause("web", world.asked())
            return an_answer()

        answering(world, pausing)

        arrive(world, [f"/item/{number}" for number in range(300)])

        assert len(asked(world, "/item")) <= 3 * (5 + 20)


def test_another_candidate_begins_anew(world: World) -> None:
    arrive(world, PATHS)
    world.upload("1.2.0")
    world.until(lambda: world.phase("1.2.0") is Phase.STAGED, 60)

    arrive(world, PATHS)

    assert (compared(world).version, compared(world).compared) == ("1.2.0", 30)
    old = world.ledger.find(keys.release_comparison("web", "1.1.0"))
    assert old is not None
    assert replace(old.comparison, color=Color.BLUE).compared == 30
