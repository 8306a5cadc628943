"""Hooks: asked before and after each step, told of each way back."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from chalicelib.colors import Color
from chalicelib.deployments.model import Deployment, Phase
from chalicelib.errors import Invalid
from chalicelib.hooks.model import HookAnswer, Outcome, Said
from chalicelib.ledger import keys
from tests.world import World

SMOKE, SWEEP, PAGER = "turnout-hook-smoke", "turnout-hook-sweep", "turnout-hook-pager"


def a_hook(at: str, target: str = SMOKE, **more: object) -> dict[str, object]:
    return {"at": at, "lambda": target, **more}


def saying(*answers: HookAnswer) -> Callable[[dict[str, object]], HookAnswer]:
    """One after another; the last one from then on."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def in_progress(state: str | None = None, seconds: float = 5) -> HookAnswer:
    return HookAnswer(Said.IN_PROGRESS, "migrating", state, timedelta(seconds=seconds))


YES, NO, SILENCE = HookAnswer(Said.SUCCEEDED), HookAnswer(Said.FAILED, "rows are missing"), HookAnswer(Said.NOTHING, "it raised")


def kinds(world: World, deployment: Deployment) -> list[str]:
    """The timeline's kinds, oldest first."""
    events = world.ledger.list(keys.events("web", deployment.id), limit=100).items
    return [event.kind for event in sorted(events, key=lambda event: event.id) if event.kind.startswith(("hook", "weights", "reverted"))]


def promote(world: World, version: str = "1.1.0") -> None:
    world.control.deployments.promote("web", world.asked(), version=version)


def staged(world: World, *hooks: dict[str, object], version: str = "1.1.0") -> None:
    """A second release on staging, of a service with these hooks, none of which was asked yet."""
    world.live("1.0.0")
    world.redefine(hooks=list(hooks))
    world.staged(version)
    assert world.hooks.asked == []


def asked_at(world: World) -> list[tuple[object, object]]:
    return [(payload["at"], payload["step"]) for payload in world.hooks.asked]


class TestBeforeShift:
    def test_is_asked_before_the_weight_of_each_step_is_asked_for(self, world: World) -> None:
        staged(world, a_hook("before_shift"))

        promote(world)
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

        assert asked_at(world) == [("before_shift", 1), ("before_shift", 2), ("before_shift", 3)]
        assert kinds(world, world.deployment("1.1.0")) == ["hook-asked", "hook-succeeded", "weights-asked", "weights-confirmed"] * 3

    def test_moves_no_weight_until_it_answers(self, world: World) -> None:
        staged(world, a_hook("before_shift"))
        world.hooks.answers[SMOKE] = saying(in_progress())

        promote(world)
        world.wait(60)

        assert world.share(Color.BLUE) == 0
        assert world.phase("1.1.0") is Phase.SHIFTING

    def test_that_fails_turns_back_without_a_write(self, world: World) -> None:
        staged(world, a_hook("before_shift"))
        world.hooks.answers[SMOKE] = saying(NO)
        writes = len(world.production_writes())

        promote(world)
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        assert len(world.production_writes()) == writes
        assert "rows are missing" in world.deployment("1.1.0").outcome

    def test_that_fails_at_a_later_step_brings_the_weights_back(self, world: World) -> None:
        staged(world, a_hook("before_shift"))
        world.hooks.answers[SMOKE] = saying(YES, NO)

        promote(world)
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        assert world.serving() == "1.0.0"
        assert asked_at(world) == [("before_shift", 1), ("before_shift", 2)]

    def test_that_fails_for_a_first_release_ends_it_where_it_is(self, world: World) -> None:
        world.redefine(hooks=[a_hook("before_shift")])
        world.hooks.answers[SMOKE] = saying(NO)
        world.staged("1.0.0")

        promote(world, "1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.REVERTED)

        assert world.production_writes() == []

    def test_is_not_asked_while_paused(self, world: World) -> None:
        staged(world, a_hook("before_shift"))
        world.hooks.answers[SMOKE] = saying(in_progress())
        promote(world)
        world.wait(10)
        world.control.deployments.pause("web", world.asked())
        asked = len(world.hooks.asked)

        world.wait(60)

        assert len(world.hooks.asked) == asked

    def test_is_part_of_a_step_that_has_a_deadline(self, world: World) -> None:
        staged(world, a_hook("before_shift", timeout_seconds=86400))
        world.hooks.answers[SMOKE] = saying(in_progress())

        promote(world)
        world.until(lambda: world.phase("1.1.0") is Phase.NEEDS_HUMAN, 320)

        assert world.share(Color.BLUE) == 0

    def test_is_asked_anew_when_a_person_goes_on(self, world: World) -> None:
        staged(world, a_hook("before_shift", timeout_seconds=86400))
        world.hooks.answers[SMOKE] = saying(in_progress())
        promote(world)
        world.until(lambda: world.phase("1.1.0") is Phase.NEEDS_HUMAN, 320)
        world.hooks.answers[SMOKE] = saying(YES)

        world.control.deployments.promote("web", world.asked(), skip_holds=True)

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)


    def test_is_asked_about_a_step_whose_weight_somebody_else_had_set(self, world: World) -> None:
        staged(world, a_hook("before_shift", timeout_seconds=200))
        world.hooks.answers[SMOKE] = saying(in_progress())
        promote(world)
        groups = world.service().definition.traffic.target_groups
        world.router.meddle(world.service().definition.traffic.production_rule, {groups.blue: 100, groups.green: 900})
        world.wait(3)
        world.control.deployments.resume("web", world.asked(), drift="adopt")

        world.wait(60)
        assert world.share(Color.BLUE) == 10
        world.hooks.answers[SMOKE] = saying(YES)

        world.until(lambda: world.share(Color.BLUE) == 50)


class TestAfterShift:
    def test_is_asked_once_each_weight_is_confirmed(self, world: World) -> None:
        staged(world, a_hook("after_shift"))

        promote(world)
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

        assert asked_at(world) == [("after_shift", 1), ("after_shift", 2), ("after_shift", 3)]
        assert kinds(world, world.deployment("1.1.0")) == ["weights-asked", "weights-confirmed", "hook-asked", "hook-succeeded"] * 3

    def test_keeps_the_next_step_waiting(self, world: World) -> None:
        staged(world, a_hook("after_shift"))
        world.hooks.answers[SMOKE] = saying(in_progress())

        promote(world)
        world.wait(60)

        assert world.share(Color.BLUE) == 10

    def test_keeps_a_skipped_hold_waiting_too(self, world: World) -> None:
        staged(world, a_hook("after_shift"))
        world.hooks.answers[SMOKE] = saying(in_progress())

        world.control.deployments.promote("web", world.asked(), skip_holds=True)
        world.wait(30)

        assert world.share(Color.BLUE) == 10

    def test_keeps_the_watch_from_ending(self, world: World) -> None:
        staged(world, a_hook("after_shift", timeout_seconds=1000))
        world.hooks.answers[SMOKE] = saying(YES, YES, in_progress())

        promote(world)
        world.wait(150)

        assert world.phase("1.1.0") is Phase.WATCHING
        world.hooks.answers[SMOKE] = saying(YES)
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

    def test_gives_way_to_a_person_who_ends_the_watch(self, world: World) -> None:
        staged(world, a_hook("after_shift", timeout_seconds=1000))
        world.hooks.answers[SMOKE] = saying(YES, YES, in_progress())
        promote(world)
        world.until(lambda: world.phase("1.1.0") is Phase.WATCHING)

        world.control.deployments.certify("web", world.asked())

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

    def test_that_fails_turns_back(self, world: World) -> None:
        staged(world, a_hook("after_shift"))
        world.hooks.answers[SMOKE] = saying(NO)

        promote(world)
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        assert world.serving() == "1.0.0"

    def test_that_fails_for_a_first_release_needs_a_person_who_may_go_on(self, world: World) -> None:
        world.redefine(hooks=[a_hook("after_shift")])
        world.hooks.answers[SMOKE] = saying(NO, YES)
        world.staged("1.0.0")
        promote(world, "1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.NEEDS_HUMAN)

        world.control.deployments.promote("web", world.asked(), skip_holds=True)

        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)

    def test_does_not_keep_an_unhealthy_verdict_waiting(self, world: World) -> None:
        staged(world, a_hook("after_shift"))
        world.hooks.answers[SMOKE] = saying(in_progress())
        promote(world)
        world.until(lambda: world.share(Color.BLUE) == 10)

        world.sick.add("1.1.0")

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED, 30)


class TestAsking:
    def test_goes_on_until_it_answers_with_the_state_it_gave(self, world: World) -> None:
        staged(world, a_hook("before_shift"))
        world.hooks.answers[SMOKE] = saying(in_progress('{"row":100}'), in_progress('{"row":200}'), in_progress(), YES)

        promote(world)
        world.until(lambda: world.share(Color.BLUE) == 10)

        assert [payload["state"] for payload in world.hooks.asked] == [{}, {"row": 100}, {"row": 200}, {"row": 200}]
        assert {payload["id"] for payload in world.hooks.asked} == {f"{world.deployment('1.1.0').id}/before_shift/1/0"}

    def test_again_waits_as_long_as_the_hook_said(self, world: World) -> None:
        staged(world, a_hook("before_shift"))
        world.hooks.answers[SMOKE] = saying(in_progress(seconds=30), YES)

        promote(world)
        world.wait(25)
        assert len(world.hooks.asked) == 1
        world.wait(10)

        assert len(world.hooks.asked) == 2

    def test_again_after_silence_until_the_timeout(self, world: World) -> None:
        staged(world, a_hook("before_shift", timeout_seconds=60))
        world.hooks.answers[SMOKE] = saying(SILENCE)

        promote(world)
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        assert len(world.hooks.asked) == 13
        [run] = world.deployment("1.1.0").hooks_run
        assert (run.answer, run.reason) == (Outcome.TIMED_OUT, "it raised")
        assert "hook-timed-out" in kinds(world, world.deployment("1.1.0"))

    def test_an_answer_that_cannot_be_read_is_none(self, world: World) -> None:
        staged(world, a_hook("before_shift"))
        answers = [b"{", b'{"status": "succeeded"}']
        world.hooks.answers[SMOKE] = lambda _: answers.pop(0)

        promote(world)
        world.until(lambda: world.share(Color.BLUE) == 10)

        assert answers == []

    def test_that_times_out_may_be_declared_to_go_on(self, world: World) -> None:
        staged(world, a_hook("before_shift", timeout_seconds=10, on_timeout="continue"))
        world.hooks.answers[SMOKE] = saying(SILENCE)

        promote(world)

        world.until(lambda: world.share(Color.BLUE) == 10, 30)

    def test_does_not_run_out_of_time_while_paused(self, world: World) -> None:
        staged(world, a_hook("before_shift", timeout_seconds=60))
        world.hooks.answers[SMOKE] = saying(in_progress())
        promote(world)
        world.wait(20)
        world.control.deployments.pause("web", world.asked())

        world.wait(200)
        world.control.deployments.resume("web", world.asked())
        world.wait(30)
        assert world.phase("1.1.0") is Phase.SHIFTING
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED, 30)

    def test_once_more_at_the_end_of_its_time(self, world: World) -> None:
        staged(world, a_hook("before_shift", timeout_seconds=60))
        world.hooks.answers[SMOKE] = saying(in_progress(seconds=3600), YES)

        promote(world)
        world.wait(55)
        assert len(world.hooks.asked) == 1

        world.until(lambda: world.share(Color.BLUE) == 10, 15)

    def test_is_not_given_up_for_time_in_which_nobody_asked(self, world: World) -> None:
        staged(world, a_hook("before_shift", timeout_seconds=60))
        world.hooks.answers[SMOKE] = saying(in_progress(), YES)
        promote(world)
        world.wait(1)

        world.clock.move(timedelta(seconds=200))

        world.until(lambda: world.share(Color.BLUE) == 10, 10)

    def test_is_told_on_the_timeline_once(self, world: World) -> None:
        staged(world, a_hook("before_shift"))
        world.hooks.answers[SMOKE] = saying(in_progress(), SILENCE, in_progress(), YES)

        promote(world)
        world.until(lambda: world.share(Color.BLUE) == 10)

        assert kinds(world, world.deployment("1.1.0"))[:2] == ["hook-asked", "hook-succeeded"]

    def test_takes_several_hooks_one_after_another(self, world: World) -> None:
        staged(world, a_hook("before_shift", SMOKE), a_hook("before_shift", SWEEP))
        world.hooks.answers[SMOKE] = saying(in_progress(), YES)

        promote(world)
        world.until(lambda: world.share(Color.BLUE) == 10)

        assert [str(payload["id"])[-1] for payload in world.hooks.asked] == ["0", "0", "1"]

    def test_tells_the_hook_what_it_is_about(self, world: World) -> None:
        staged(world, a_hook("before_shift"))

        promote(world)
        world.until(lambda: world.share(Color.BLUE) == 10)

        deployment = world.deployment("1.1.0")
        assert world.hooks.asked == [
            {
                "id": f"{deployment.id}/before_shift/1/0", "service": "web", "deployment": deployment.id, "kind": "rollout", "version": "1.1.0",
                "previous": "1.0.0", "at": "before_shift", "step": 1, "steps": 3, "weight": 10.0, "state": {},
            }
        ]  # fmt: skip

    def test_does_not_wait_for_a_worker_that_died(self, world: World) -> None:
        def dies(_: dict[str, object]) -> HookAnswer:
            world.hooks.answers[SMOKE] = saying(YES)
            raise ZeroDivisionError

        world.died = ZeroDivisionError
        staged(world, a_hook("before_shift"))
        world.hooks.answers[SMOKE] = dies

        promote(world)
        world.until(lambda: world.share(Color.BLUE) == 10, 40)

        assert len({payload["id"] for payload in world.hooks.asked}) == 1
        assert len(world.hooks.asked) == 2

    def test_a_no_is_no_verdict_and_quarantines_nothing(self, world: World) -> None:
        staged(world, a_hook("after_shift"))
        world.hooks.answers[SMOKE] = saying(NO)

        promote(world)
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        assert world.service().quarantined == ()

    def test_follows_the_hooks_declared_when_the_deployment_began(self, world: World) -> None:
        staged(world, a_hook("before_shift"))
        world.redefine(hooks=[])

        promote(world)
        world.until(lambda: world.share(Color.BLUE) == 10)

        assert len(world.hooks.asked) == 1

    def test_is_explained(self, world: World) -> None:
        staged(world, a_hook("before_shift"))
        world.hooks.answers[SMOKE] = saying(in_progress())

        promote(world)
        world.wait(12)

        [check] = [check for check in world.control.deployments.explain("web") if check.name.startswith("hook")]
        assert check.reason.startswith("pending, asked ")
        assert check.reason.endswith("migrating")


class TestWayBack:
    BOTH = (a_hook("before_shift", SMOKE), a_hook("after_shift", SMOKE), a_hook("before_revert", PAGER), a_hook("after_revert", SWEEP))

    def test_is_told_after_the_weights_and_when_they_are_back(self, world: World) -> None:
        staged(world, *self.BOTH)
        promote(world)
        world.until(lambda: world.share(Color.BLUE) == 10)
        world.sick.add("1.1.0")

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        told = kinds(world, world.deployment("1.1.0"))
        assert told[-7:] == ["weights-asked", "weights-confirmed", "hook-told", "hook-succeeded", "hook-told", "hook-succeeded", "reverted"]
        assert [payload["weight"] for payload in world.hooks.asked if "revert" in str(payload["at"])] == [0.0, 0.0]

    def test_is_told_while_the_weights_are_on_their_way(self, world: World) -> None:
        staged(world, *self.BOTH)
        promote(world)
        world.until(lambda: world.share(Color.BLUE) == 10)
        world.router.lag = timedelta(seconds=1)
        world.sick.add("1.1.0")

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        told = [kind for kind in kinds(world, world.deployment("1.1.0")) if kind in {"weights-asked", "weights-confirmed", "hook-told"}]
        assert told[-4:] == ["weights-asked", "hook-told", "weights-confirmed", "hook-told"]

    def test_waits_for_no_hook(self, world: World) -> None:
        staged(world, a_hook("before_revert", PAGER), a_hook("after_revert", SWEEP))
        world.hooks.answers |= {PAGER: saying(in_progress()), SWEEP: saying(NO)}
        promote(world)
        world.until(lambda: world.share(Color.BLUE) == 10)

        world.control.deployments.abort("web", world.asked())
        assert world.share(Color.BLUE) == 0
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED, 20)

        assert asked_at(world) == [("before_revert", 1), ("after_revert", 1)]
        assert "hook-failed" in kinds(world, world.deployment("1.1.0"))

    def test_asks_nothing_in_the_command_that_moves_the_weights(self, world: World) -> None:
        staged(world, a_hook("before_revert", PAGER))
        promote(world)
        world.until(lambda: world.share(Color.BLUE) == 10)

        world.control.deployments.rollback("web", world.asked())

        assert world.hooks.asked == []
        assert world.share(Color.BLUE) == 0
        world.until(lambda: asked_at(world) == [("before_revert", 1)], 5)

    def test_is_told_too_where_no_weight_had_moved(self, world: World) -> None:
        staged(world, a_hook("before_shift", SMOKE), a_hook("before_revert", PAGER), a_hook("after_revert", SWEEP))
        world.hooks.answers[SMOKE] = saying(NO)

        promote(world)
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        assert asked_at(world) == [("before_shift", 1), ("before_revert", 1), ("after_revert", 1)]

    @pytest.mark.parametrize("answer", [YES, NO, SILENCE])
    def test_ends_as_reverted_whatever_a_hook_says(self, world: World, answer: HookAnswer) -> None:
        staged(world, a_hook("before_revert", PAGER), a_hook("after_revert", SWEEP))
        world.hooks.answers |= {PAGER: saying(answer), SWEEP: saying(answer)}
        promote(world)
        world.until(lambda: world.share(Color.BLUE) == 10)

        world.control.deployments.abort("web", world.asked())

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED, 20)
        assert len(world.hooks.asked) == 2

    def test_of_a_rollback_deployment_asks_no_step_and_tells(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.redefine(hooks=list(self.BOTH))
        world.hooks.answers[PAGER] = saying(SILENCE)

        world.control.deployments.rollback("web", world.asked())
        assert world.serving() == "1.0.0"
        world.until(lambda: world.service().deployment is None)

        assert asked_at(world) == [("before_revert", 1), ("after_revert", 1)]
        assert {payload["kind"] for payload in world.hooks.asked} == {"rollback"}

    def test_of_a_worker_that_died_while_telling_goes_on(self, world: World) -> None:
        def dies(_: dict[str, object]) -> HookAnswer:
            raise ZeroDivisionError

        world.died = ZeroDivisionError
        staged(world, a_hook("before_revert", PAGER))
        world.hooks.answers[PAGER] = dies
        promote(world)
        world.until(lambda: world.share(Color.BLUE) == 10)

        world.control.deployments.abort("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED, 20)

        assert len(world.hooks.asked) == 1


class TestDeclaring:
    def test_refuses_a_function_that_is_not_there(self, world: World) -> None:
        world.hooks.missing.add(SMOKE)

        with pytest.raises(Invalid) as refused:
            world.redefine(hooks=[a_hook("after_shift", SWEEP), a_hook("before_shift", SMOKE)])

        [error] = refused.value.extra["errors"]  # type: ignore[misc]
        assert error["field"] == "hooks.1.lambda"

    def test_does_not_look_again_at_what_was_declared_before(self, world: World) -> None:
        world.redefine(hooks=[a_hook("before_shift", SMOKE)])
        world.hooks.missing.add(SMOKE)

        service = world.redefine(hooks=[a_hook("before_shift", SMOKE), a_hook("after_shift", SWEEP)])

        assert len(service.definition.hooks) == 2
