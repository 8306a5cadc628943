"""Good releases that once went back, and bad ones that once stayed: what the verdict must not hang on."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from chalicelib.errors import Unavailable
from chalicelib.health.model import AlarmState, Outcome
from chalicelib.health.signal import Answer
from chalicelib.ledger import keys
from chalicelib.services.model import Look
from tests.mirrored import SHADOW
from tests.world import World, a_definition

ALARM = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:web"
PROBE = {"every_seconds": 1, "failures": 3}
AT_ONCE = {"strategy": "all-at-once", "watch_seconds": 60}


def a_world(**parts: Any) -> World:
    """1.0.0 is live."""
    world = World()
    world.alarms.make(ALARM)
    world.register(a_definition(**parts))
    world.live("1.0.0")
    return world


def flow(world: World, color: Color, per_second: float, error_rate: float = 0.0) -> None:
    world.metrics.flow(world.service().definition.traffic.target_groups.of(color), per_second, error_rate)


def staged(world: World, *, per_second: float, error_rate: float = 0.0) -> Color:
    """1.1.0 on its colour, while users are at the other one, for half a minute."""
    color = world.staged("1.1.0").color
    assert color is not None
    flow(world, color.other, per_second, error_rate)
    world.wait(30)
    return color


def promote(world: World, **how: Any) -> None:
    world.control.deployments.promote("web", world.asked(), version="1.1.0", **how)


def over(world: World) -> bool:
    return world.phase("1.1.0") in {Phase.COMPLETED, Phase.REVERTED, Phase.NEEDS_HUMAN}


class TestAGoodReleaseStays:
    def test_when_the_path_that_is_probed_is_slow(self) -> None:
        world = a_world(checks={"probe": PROBE, "latency": {}})
        color = staged(world, per_second=90)
        before = world.probe.otherwise

        def slowly(method: str, url: str) -> Answer:
            """A deep health check; the balancer counts it like everybody's."""
            world.metrics.record(world.service().definition.traffic.target_groups.of(color), 1, seconds=0.8)
            return replace(before(method, url), took=timedelta(seconds=0.8))

        world.probe.otherwise = slowly
        promote(world)
        for _ in range(100):
            flow(world, color, world.share(color))
            flow(world, color.other, 100 - world.share(color))
            world.wait(1)

        assert world.phase("1.1.0") is Phase.COMPLETED

    def test_with_its_certificate_when_one_request_of_very_many_fails(self) -> None:
        world = a_world(rollout=AT_ONCE)
        color = staged(world, per_second=300)
        promote(world)
        world.until(lambda: world.share(color) == 100)
        flow(world, color.other, 0)
        flow(world, color, 300)
        world.wait(20)

        world.metrics.record(world.service().definition.traffic.target_groups.of(color), 1, errors=1)
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED, 1000)

        assert "not certified" not in world.deployment("1.1.0").outcome

    def test_when_a_worker_dies_before_it_noted_what_it_saw_and_an_alarm_had_been_red_before(self) -> None:
        dying = _DyingBeforeTheNote()
        world = World(between=lambda name, adapter: dying.around(adapter) if name == "ledger" else adapter)
        world.alarms.make(ALARM)
        world.register(a_definition(checks={"probe": PROBE, "alarms": [ALARM]}))
        world.live("1.0.0")
        world.staged("1.1.0")
        world.wait(30)
        world.alarms.turn(ALARM, AlarmState.ALARM, "red 8 s before the first weight")
        world.wait(8)

        dying.world, dying.written = world, len(world.production_writes())
        promote(world)
        world.wait(12)

        assert dying.died
        assert world.phase("1.1.0") is Phase.SHIFTING

    def test_staged_when_preparing_used_up_most_of_the_deadline_and_no_comparison_comes(self) -> None:
        world = a_world(rollout={"deadline_seconds": 16, "watch_seconds": 5}, checks={"probe": PROBE, "shadow": SHADOW})
        world.runtime.steps = 9

        world.upload("1.1.0")
        world.until(lambda: world.phase("1.1.0") in {Phase.STAGED, Phase.FAILED}, 60)

        assert world.phase("1.1.0") is Phase.STAGED

    def test_once_a_person_took_it_on_whatever_was_probed_before(self) -> None:
        """The first release: there is nothing to go back to, so it is held."""
        world = World()
        world.register(a_definition())
        world.staged("1.0.0")
        world.control.deployments.promote("web", world.asked(), version="1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.WATCHING)
        for second in range(40):
            (world.sick.discard if second % 2 else world.sick.add)("1.0.0")
            world.wait(1)
        assert world.phase("1.0.0") is Phase.NEEDS_HUMAN
        world.sick.clear()
        world.wait(120)

        world.control.deployments.promote("web", world.asked(), version="1.0.0", skip_holds=True)
        world.wait(5)

        assert world.phase("1.0.0") is Phase.WATCHING


class TestABadReleaseGoes:
    def test_when_an_alarm_turns_red_while_the_metrics_cannot_be_read(self) -> None:
        world = a_world(checks={"probe": PROBE, "alarms": [ALARM]})
        world.shifting("1.1.0")
        world.wait(3)

        world.metrics.unreadable = True
        world.alarms.turn(ALARM, AlarmState.ALARM, "12 failed orders")

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

    def test_after_a_person_took_it_on_too_by_what_the_release_before_had_shown(self) -> None:
        """Three per cent are less than is allowed, and 150 times as many as before."""
        world = a_world(rollout={"strategy": "canary", "steps": [{"weight": 10, "hold_seconds": 10}], "watch_seconds": 60, "deadline_seconds": 30})
        color = staged(world, per_second=1000, error_rate=0.0002)
        promote(world)
        world.until(lambda: world.share(color) == 10)
        flow(world, color.other, 900, 0.0002)
        flow(world, color, 100)
        world.metrics.unreadable = True
        world.until(lambda: world.phase("1.1.0") is Phase.NEEDS_HUMAN)
        world.metrics.unreadable = False
        world.wait(2)

        promote(world, skip_holds=True)
        world.until(lambda: world.share(color) == 100)
        flow(world, color.other, 0)
        flow(world, color, 1000, 0.03)
        world.until(lambda: over(world), 300)

        assert world.phase("1.1.0") is Phase.REVERTED

    def test_when_probes_of_it_time_out_besides(self) -> None:
        """A question that we gave up is no failed request to the balancer, and takes none of the users' away."""
        world = a_world(rollout=AT_ONCE | {"watch_seconds": 200})
        color = staged(world, per_second=2)
        before, asked = world.probe.otherwise, [0]

        def sometimes(method: str, url: str) -> Answer:
            asked[0] += 1
            world.metrics.record(world.service().definition.traffic.target_groups.of(color), 1)
            return Answer(None, None, "", timedelta(seconds=2), error="timed out") if asked[0] % 4 == 0 else before(method, url)

        promote(world)
        world.until(lambda: world.share(color) == 100)
        world.probe.otherwise = sometimes
        flow(world, color.other, 0)
        flow(world, color, 5 / 3, 0.15)
        world.until(lambda: over(world), 900)

        assert world.phase("1.1.0") is Phase.REVERTED

    def test_when_many_of_its_requests_find_no_connection_and_are_no_requests_to_the_balancer(self) -> None:
        world = a_world()
        color = staged(world, per_second=100)
        promote(world)
        world.until(lambda: world.share(color) == 10)
        flow(world, color.other, 90)
        for _ in range(30):
            world.metrics.record(world.service().definition.traffic.target_groups.of(color), 4, errors=6, at=world.clock.now())
            world.wait(1)

        assert world.phase("1.1.0") is Phase.REVERTED


def test_a_rollback_waits_for_no_metrics_before_its_weights() -> None:
    """Also where its first write was lost and a pass has to make it."""
    calls: list[str] = []
    lost = [0]
    world = World(between=lambda name, adapter: _Told(name, adapter, calls, lost) if name in {"metrics", "router"} else adapter)
    world.register(a_definition())
    world.live("1.0.0")
    world.live("1.1.0")
    calls.clear()

    lost[0] = 1
    world.control.deployments.rollback("web", world.asked("back"))
    world.wait(2)

    first, second = (number for number, call in enumerate(calls) if call == "router.set_weights")
    assert "metrics.read" not in calls[:second], calls
    assert first < second


@pytest.mark.parametrize("shadow", [False, True])
def test_smoke_checks_are_asked_once_however_long_a_comparison_takes(shadow: bool) -> None:
    """They may write."""
    smoke = [{"method": "POST", "path": "/orders", "expect_status": 200}]
    world = a_world(rollout={"deadline_seconds": 7200, "watch_seconds": 5}, checks={"probe": PROBE, "smoke": smoke, "shadow": SHADOW | {"enabled": shadow}})
    world.probe.asked.clear()

    world.upload("1.1.0")
    world.wait(300)

    assert [method for method, _ in world.probe.asked].count("POST") == 1


def test_few_requests_of_which_most_fail_are_no_quiet_service() -> None:
    world = a_world()
    color = staged(world, per_second=0)
    promote(world)
    world.until(lambda: world.share(color) == 10)
    world.metrics.record(world.service().definition.traffic.target_groups.of(color), 4, errors=4)
    world.wait(120)

    assert world.phase("1.1.0") is not Phase.COMPLETED
    look = world.ledger.find(keys.look("web"))
    assert look is not None
    assert look.verdict is None or look.verdict.outcome is not Outcome.HEALTHY


class _Told:
    """An adapter that tells what it is asked, and loses as many writes of weights as are to be lost."""

    def __init__(self, name: str, adapter: Any, calls: list[str], lost: list[int]) -> None:
        self._name, self._adapter, self._calls, self._lost = name, adapter, calls, lost

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._adapter, method)
        if not callable(found):
            return found

        def called(*given: Any, **more: Any) -> Any:
            self._calls.append(f"{self._name}.{method}")
            if method == "set_weights" and self._lost[0]:
                self._lost[0] -= 1
                raise Unavailable("throttled")
            return found(*given, **more)

        return called


class _DyingBeforeTheNote:
    """The ledger of a worker that dies once, after it wrote weights and before it noted what it had seen."""

    def __init__(self) -> None:
        self.world: World | None = None
        self.written, self.died = 0, False

    def around(self, ledger: Any) -> Any:
        dying = self

        class Ledger:
            def note(self, document: object, *rest: Any, **more: Any) -> Any:
                if not dying.died and isinstance(document, Look) and dying.world and len(dying.world.production_writes()) > dying.written:
                    dying.died = True
                    raise Unavailable("dead")
                return ledger.note(document, *rest, **more)

            def __getattr__(self, name: str) -> Any:
                return getattr(ledger, name)

        return Ledger()
