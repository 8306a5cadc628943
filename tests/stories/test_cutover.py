"""The "Cutover" ruling: what is written is `read-only until T`; the application enforces T; nothing ever makes it longer."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.api import views
from chalicelib.colors import Color, Split
from chalicelib.cutover.switch import read_from
from chalicelib.deployments.instructions import SetWeights
from chalicelib.deployments.model import Event, Phase
from chalicelib.errors import Conflict
from chalicelib.health.signal import Answer
from chalicelib.hooks.model import HookAnswer, Said
from chalicelib.ledger.port import Change
from chalicelib.services.model import Service
from tests.world import QUICK, World, a_definition

PARAMETER = "/turnout/web/read-only"
LIMIT, DRAIN = 20, 2
GROUPS = a_definition().traffic.target_groups
WITH_CUTOVER = {
    "cutover": {"read_only": "parameter", "parameter": PARAMETER, "limit_seconds": LIMIT, "drain_seconds": DRAIN},
    "rollout": {"steps": [{"weight": 50, "hold_seconds": 2}], "watch_seconds": 4, "deadline_seconds": 300},
}


@pytest.fixture
def world() -> World:
    return a_world()


def a_world(*, drain: int = DRAIN, failures: int = 3, **kwargs: Any) -> World:
    """1.0.0 is live on green, and 1.1.0 staged on blue; the next step to the whole traffic is read-only."""
    made = World(**{"pace": QUICK} | kwargs)
    made.register()
    made.wait(5)
    made.redefine(**WITH_CUTOVER | {"cutover": WITH_CUTOVER["cutover"] | {"drain_seconds": drain}}, checks={"probe": {"every_seconds": 1, "failures": failures}})
    made.live("1.0.0")
    made.staged("1.1.0")
    return made


def promoted(world: World) -> None:
    world.control.deployments.promote("web", world.asked(), version="1.1.0")


def entered(world: World) -> datetime:
    """Promoted, and waited for until the application is told; the moment it is told."""
    promoted(world)
    world.until(lambda: says(world))
    until = says(world)
    assert until
    return until


def says(world: World) -> datetime | None:
    """What the application reads."""
    return read_from(world.switch.texts.get(PARAMETER, "")).until


def is_writable(world: World) -> bool:
    """As the application decides it."""
    until = says(world)
    return until is None or world.clock.now() >= until


def shown(world: World) -> bool:
    picture = world.control.services.picture("web")
    return views.service(picture.service, picture.look, world.clock.now())["read_only"]


def told(world: World) -> list[str]:
    events: tuple[Event, ...] = world.control.deployments.events("web", world.deployment("1.1.0").id, limit=100, cursor=None).items
    return [event.kind for event in events if event.kind.startswith("read-only")][::-1]


class TestTheWholeTraffic:
    def test_comes_only_after_the_application_was_told_and_writes_have_drained(self, world: World) -> None:
        entered(world)
        assert world.share(Color.BLUE) == 50
        world.until(lambda: world.share(Color.BLUE) == 100)
        world.wait(3)

        (began, until), (left, _) = world.switch.writes
        moved = world.production_writes()[-1].at
        assert until == began + timedelta(seconds=LIMIT)
        assert (moved - began).total_seconds() >= DRAIN
        assert left >= moved

    def test_is_followed_by_leaving_once_the_candidate_answers(self, world: World) -> None:
        entered(world)
        world.until(lambda: world.share(Color.BLUE) == 100)

        world.wait(3)

        assert json.loads(world.switch.texts[PARAMETER]) == {"read_only_until": None}
        assert told(world) == ["read-only", "read-only-left"]

    def test_stays_read_only_while_another_release_answers_and_ends_at_its_limit_by_itself(self, world: World) -> None:
        until = entered(world)
        world.probe.answers["http://production.test/"] = Answer(200, "1.0.0", "", timedelta(0))
        world.until(lambda: world.share(Color.BLUE) == 100)
        world.wait(2)
        assert not is_writable(world)

        world.until(lambda: world.clock.now() >= until)

        assert is_writable(world)
        assert not shown(world)

    def test_ends_completed(self, world: World) -> None:
        promoted(world)

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

    def test_what_is_written_is_a_moment_and_the_deployment(self, world: World) -> None:
        until = entered(world)

        assert json.loads(world.switch.texts[PARAMETER]) == {"read_only_until": until.isoformat(), "deployment": world.deployment("1.1.0").id}

    def test_is_shown_as_read_only_exactly_from_entering_to_leaving(self, world: World) -> None:
        assert not shown(world)
        entered(world)
        assert shown(world)

        world.until(lambda: says(world) is None)
        world.wait(1)

        assert not shown(world)

    def test_canary_steps_go_on_without_it(self, world: World) -> None:
        promoted(world)
        world.until(lambda: world.share(Color.BLUE) == 50)

        assert world.switch.writes == []

    def test_a_first_release_has_nobody_who_writes(self) -> None:
        made = World()
        made.register()
        made.wait(5)
        made.redefine(**WITH_CUTOVER)

        made.live("1.0.0")

        assert made.switch.writes == []

    def test_is_not_announced_while_it_would_wait_for_something_else(self, world: World) -> None:
        world.targets.script(GROUPS.green, "healthy", "healthy")
        promoted(world)

        world.wait(20)

        assert world.switch.writes == []


class TestTheLimit:
    def test_runs_out_while_the_application_cannot_be_told_and_a_person_decides(self, world: World) -> None:
        world.switch.unreachable = True
        promoted(world)

        world.until(lambda: world.phase("1.1.0") is Phase.NEEDS_HUMAN)

        assert world.share(Color.BLUE) == 50
        assert "ran out before the weights moved; production is writable" in world.deployment("1.1.0").outcome
        world.wait(LIMIT)
        assert not shown(world)

    def test_is_never_made_longer_by_telling_it_again(self, world: World) -> None:
        until = entered(world)
        world.switch.texts.clear()

        world.wait(2)

        assert says(world) == until

    def test_is_left_early_when_weights_cannot_be_moved_in_time(self, world: World) -> None:
        real, world.router.set_weights = world.router.set_weights, _lost  # type: ignore[method-assign]
        promoted(world)
        world.router.set_weights = real  # type: ignore[method-assign]
        world.until(lambda: says(world))
        world.router.set_weights = _lost  # type: ignore[method-assign]

        world.until(lambda: world.phase("1.1.0") is Phase.NEEDS_HUMAN)
        world.wait(1)

        assert is_writable(world)
        assert world.share(Color.BLUE) == 50

    def test_bounds_the_write_of_the_weights_itself(self, world: World) -> None:
        """A worker that stalls between its record and its act finds that the time is over."""
        last_moment = entered(world) - timedelta(seconds=5)
        weights = SetWeights(Split.all_on(Color.BLUE), before=last_moment)
        world.clock.move(last_moment - world.clock.now())

        world.control.passes.performer.perform(world.service(), (weights,), None, since=world.clock.monotonic())

        assert world.share(Color.BLUE) == 50

    def test_bounds_what_a_worker_may_do_that_stalled_after_its_record(self) -> None:
        world = a_world(between=lambda name, adapter: Stalling(adapter) if name == "ledger" else adapter, pace=replace(QUICK, act_within=timedelta(seconds=60)))
        ledger: Any = world.control.passes.ledger
        ledger.until_after = lambda: world.clock.move(timedelta(seconds=LIMIT))

        promoted(world)
        world.until(lambda: world.phase("1.1.0") is Phase.NEEDS_HUMAN)

        assert ledger.until_after is None
        assert world.share(Color.BLUE) == 50

    def test_starts_anew_when_a_person_goes_on(self, world: World) -> None:
        world.switch.unreachable = True
        promoted(world)
        world.until(lambda: world.phase("1.1.0") is Phase.NEEDS_HUMAN)
        world.switch.unreachable = False

        world.control.deployments.promote("web", world.asked(), skip_holds=True)

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)
        assert all(until is None or until - at <= timedelta(seconds=LIMIT) for at, until in world.switch.writes)


class Stalling:
    """A ledger whose worker hears of its first record that asks for the whole traffic, read-only, only after `until_after`."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger
        self.until_after: Callable[[], None] | None = None

    def commit(self, change: Change) -> None:
        self._ledger.commit(change)
        asks = any(isinstance(put.document, Service) and put.document.read_only and put.document.desired.whole_on is Color.BLUE for put in change.puts)
        if asks and self.until_after:
            stalls, self.until_after = self.until_after, None
            stalls()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


class TestAWayBack:
    def test_enters_no_read_only(self, world: World) -> None:
        promoted(world)
        world.until(lambda: world.share(Color.BLUE) == 50)
        world.control.deployments.rollback("web", world.asked())

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        assert world.switch.writes == []

    def test_leaves_one_that_is_on(self, world: World) -> None:
        entered(world)

        world.control.deployments.rollback("web", world.asked())
        assert world.serving() == "1.0.0"
        world.wait(2)

        assert is_writable(world)
        assert not shown(world)

    def test_is_not_delayed_when_the_application_cannot_be_told(self, world: World) -> None:
        until = entered(world)
        world.switch.unreachable = True

        world.control.deployments.rollback("web", world.asked())

        assert world.serving() == "1.0.0"
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)
        world.until(lambda: world.clock.now() >= until)
        assert is_writable(world)
        assert not shown(world)
        world.wait(2)
        assert world.service().read_only is None

    def test_by_a_deployment_of_its_own_is_not_read_only_either(self, world: World) -> None:
        promoted(world)
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)
        writes = len(world.switch.writes)

        world.control.deployments.rollback("web", world.asked())
        world.until(lambda: world.service().deployment is None)

        assert len(world.switch.writes) == writes

    def test_by_itself_leaves_it_too(self, world: World) -> None:
        entered(world)
        world.sick.add("1.1.0")

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        assert is_writable(world)

    def test_an_abort_leaves_it(self, world: World) -> None:
        entered(world)

        world.control.deployments.abort("web", world.asked())
        world.wait(2)

        assert is_writable(world)


class TestAPause:
    def test_leaves_it_and_resuming_enters_it_again(self, world: World) -> None:
        entered(world)
        world.control.deployments.pause("web", world.asked())
        world.wait(2)
        assert is_writable(world)
        assert world.share(Color.BLUE) == 50

        world.control.deployments.resume("web", world.asked())

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)


HOOK = "turnout-hook-switch"
BY_HOOK = WITH_CUTOVER | {
    "cutover": {"read_only": "hook", "limit_seconds": LIMIT, "drain_seconds": DRAIN},
    "hooks": [{"at": "read_only", "lambda": HOOK}],
}


@pytest.fixture
def by_hook() -> World:
    """As before, but a hook tells the application; 1.1.0 is promoted."""
    made = World()
    made.register()
    made.wait(5)
    made.live("1.0.0")
    made.redefine(**BY_HOOK)
    made.staged("1.1.0")
    return made


def untils(world: World) -> list[object]:
    assert all(payload["at"] == "read_only" for payload in world.hooks.asked)
    return [payload["read_only_until"] for payload in world.hooks.asked]


class TestByAHook:
    def test_it_is_told_until_when_and_then_that_it_is_over(self, by_hook: World) -> None:
        promoted(by_hook)
        by_hook.until(lambda: by_hook.phase("1.1.0") is Phase.COMPLETED)

        enter, leave = untils(by_hook)
        assert datetime.fromisoformat(str(enter)) <= by_hook.clock.now() + timedelta(seconds=LIMIT)
        assert leave is None
        assert told(by_hook) == ["read-only", "read-only-left"]
        assert by_hook.switch.writes == []

    def test_weights_wait_for_its_yes_and_it_hears_the_same_moment_each_time(self, by_hook: World) -> None:
        by_hook.hooks.answers[HOOK] = lambda _: HookAnswer(Said.IN_PROGRESS)
        promoted(by_hook)
        by_hook.until(lambda: len(by_hook.hooks.asked) > 3)
        assert by_hook.share(Color.BLUE) == 50
        assert len(set(untils(by_hook))) == 1

        del by_hook.hooks.answers[HOOK]

        by_hook.until(lambda: by_hook.phase("1.1.0") is Phase.COMPLETED)

    def test_without_its_yes_a_person_decides_when_the_limit_is_over(self, by_hook: World) -> None:
        by_hook.hooks.answers[HOOK] = lambda _: HookAnswer(Said.NOTHING)
        promoted(by_hook)

        by_hook.until(lambda: by_hook.phase("1.1.0") is Phase.NEEDS_HUMAN)

        assert by_hook.share(Color.BLUE) == 50
        by_hook.wait(LIMIT)
        assert not shown(by_hook)

    def test_a_way_back_tells_it_that_it_is_over(self, by_hook: World) -> None:
        promoted(by_hook)
        by_hook.until(lambda: shown(by_hook))
        by_hook.control.deployments.rollback("web", by_hook.asked())
        assert by_hook.serving() == "1.0.0"

        by_hook.until(lambda: by_hook.phase("1.1.0") is Phase.REVERTED)

        assert untils(by_hook)[-1] is None
        assert not shown(by_hook)


class TestItsDefinition:
    def test_by_a_hook_names_one(self) -> None:
        with pytest.raises(ValueError, match="exactly one hook"):
            a_definition(cutover={"read_only": "hook"})
        with pytest.raises(ValueError, match="exactly one hook"):
            a_definition(hooks=[{"at": "read_only", "lambda": HOOK}])

    @pytest.mark.parametrize(
        "cutover",
        [
            {"read_only": "parameter"},
            {"read_only": "off", "parameter": PARAMETER},
            {"read_only": "parameter", "parameter": "/elsewhere/web/read-only"},
            {"read_only": "parameter", "parameter": "/turnout/web/database-password"},
            {"read_only": "parameter", "parameter": PARAMETER, "limit_seconds": 301},
            {"read_only": "parameter", "parameter": PARAMETER, "limit_seconds": 10, "drain_seconds": 6},
        ],
    )
    def test_that_cannot_work_is_refused(self, cutover: dict[str, object]) -> None:
        with pytest.raises(ValueError, match="cutover"):
            a_definition(cutover=cutover)

    def test_that_changes_meanwhile_applies_to_the_next_deployment(self, world: World) -> None:
        world.redefine(cutover={"read_only": "off"})

        until = entered(world)

        assert until


class Died(BaseException):
    """The worker is gone."""


CHANGES = frozenset({"ledger.commit", "switch.set", "switch.read", "router.set_weights"})


@dataclass
class Crash:
    """Ends the worker at the `at`-th call that changes something or waits for what was changed, before or after it."""

    at: int = -1
    after: bool = False
    armed: bool = False
    calls: list[str] = field(default_factory=list)

    def between(self, name: str, adapter: Any) -> Any:
        return _Between(self, name, adapter)

    def call(self, name: str, method: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if not self.armed or name not in CHANGES:
            return method(*args, **kwargs)
        self.calls.append(name)
        if len(self.calls) - 1 != self.at:
            return method(*args, **kwargs)
        if self.after:
            method(*args, **kwargs)
        raise Died


class _Between:
    def __init__(self, crash: Crash, name: str, adapter: Any) -> None:
        self._crash, self._name, self._adapter = crash, name, adapter

    def __getattr__(self, method: str) -> Any:
        real = getattr(self._adapter, method)
        return (lambda *args, **kwargs: self._crash.call(f"{self._name}.{method}", real, args, kwargs)) if callable(real) else real


def played(crash: Crash) -> World:
    """The cutover with this crash. At every moment the application is read-only no longer than its limit."""
    world = a_world(between=crash.between, died=Died)
    promoted(world)
    world.until(lambda: world.share(Color.BLUE) == 50)
    crash.armed = True
    first: datetime | None = None
    for _ in range(2 * LIMIT):
        world.wait(1)
        if says(world):
            first = first or world.clock.now()
        assert first is None or is_writable(world) or world.clock.now() - first <= timedelta(seconds=LIMIT)
        assert not shown(world) or not first or world.clock.now() - first <= timedelta(seconds=LIMIT + 1)
    return world


class TestAnyCrash:
    """Invariant 10: never read-only past the limit, whatever crashed. Crashes are at each call that changes anything."""

    def test_leaves_production_writable_and_the_rollout_where_it_was_going(self) -> None:
        clean = Crash()
        assert played(clean).phase("1.1.0") is Phase.COMPLETED
        assert {"switch.set", "switch.read", "router.set_weights"} <= set(clean.calls)

        for at in range(len(clean.calls)):
            for after in (False, True):
                world = played(Crash(at, after))

                where = f"{clean.calls[at]} ({at}), {'after' if after else 'before'}"
                assert is_writable(world), where
                assert not shown(world), where
                assert world.phase("1.1.0") is Phase.COMPLETED, where
                assert all(until is None or until - written <= timedelta(seconds=LIMIT) for written, until in world.switch.writes), where


def _lost(*_args: object, **_kwargs: object) -> None:
    raise Conflict("not now")


def failing(world: World, seconds: int) -> None:
    """Three of four requests to the candidate fail in each of the next seconds: longer than a burst."""
    for second in range(seconds):
        world.metrics.record(GROUPS.blue, requests=400, errors=300, at=world.clock.now() + timedelta(seconds=second + 0.5))


class TestTheVerdict:
    def test_does_not_hold_refused_writes_against_the_candidate(self) -> None:
        """While it is read-only an application refuses writes, as it was asked to."""
        world = a_world(failures=20)
        entered(world)
        world.probe.answers["http://production.test/"] = Answer(503, None, "", timedelta(0))
        world.until(lambda: world.share(Color.BLUE) == 100)
        refused = 0
        while world.service().read_only and refused < 6:
            failing(world, seconds=1)
            world.wait(1)
            refused += 1
        assert refused >= 3  # longer than a burst
        del world.probe.answers["http://production.test/"]

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

    def test_nor_those_refused_until_the_application_has_heard_that_it_may_write(self) -> None:
        """It reads the moment every half second or so, and less often than it drains."""
        world = a_world(drain=6)
        entered(world)
        world.until(lambda: world.phase("1.1.0") is Phase.WATCHING and world.service().read_only is None)
        failing(world, seconds=5)

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

    def test_holds_errors_after_it_against_the_candidate(self, world: World) -> None:
        entered(world)
        world.until(lambda: world.phase("1.1.0") is Phase.WATCHING and world.service().read_only is None)
        world.wait(DRAIN + 1)
        failing(world, seconds=5)

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)
