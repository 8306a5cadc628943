"""Why it is waiting: every condition with its answer, each in one sentence that says what to do."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.access.model import Caller, Role
from chalicelib.deployments import conditions
from chalicelib.deployments.answers import Asked
from chalicelib.deployments.model import Phase
from chalicelib.health.model import Check, Outcome
from chalicelib.services.model import ReadOnly
from tests.stories.test_drift import somebody_sets
from tests.unit.api.an_api import Api
from tests.world import BUCKET, World, a_definition, a_zip

HEALTHY, PENDING, UNHEALTHY = Outcome.HEALTHY, Outcome.INCONCLUSIVE, Outcome.UNHEALTHY
ROLLOUT = {"steps": [{"weight": 10, "hold_seconds": 10}, {"weight": 50, "hold_seconds": 10}], "watch_seconds": 30, "deadline_seconds": 300}
BLUE = a_definition().traffic.target_groups.blue


def explained(world: World) -> dict[str, Check]:
    return {check.name: check for check in world.control.deployments.explain("web")}


def condition(world: World, name: str) -> tuple[Outcome, str]:
    found = explained(world)[name]
    return found.outcome, found.reason


class TestAtAnyTime:
    def test_says_the_phase_and_since_when(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.wait(3)

        found = explained(world)["phase"]

        assert found.outcome is PENDING
        assert found.reason.startswith("d-000002 (1.1.0) is shifting, step 1 of 3, for ")
        assert found.numbers["seconds"] >= 3

    def test_says_who_paused_it_and_how_to_go_on(self, world: World) -> None:
        world.staged("1.0.0")
        assert condition(world, "paused") == (HEALTHY, "not paused")

        world.control.deployments.pause("web", world.asked("lunch"))

        outcome, reason = condition(world, "paused")
        assert outcome is PENDING
        assert "paused by alice since 2026-01-01 " in reason
        assert reason.endswith(': lunch; "turnout resume web" lets it go on')

    def test_says_what_drifted_and_the_ways_out(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        assert condition(world, "drift")[0] is HEALTHY

        somebody_sets(world, 30, 70)
        world.wait(2)

        outcome, reason = condition(world, "drift")
        assert outcome is UNHEALTHY
        assert "blue 30 %, green 70 %" in reason
        assert "--drift restore" in reason
        assert "adopt" in reason

    def test_says_that_a_drift_is_being_written_over(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        somebody_sets(world, 30, 70)
        world.wait(2)
        world.control.deployments.resume("web", world.asked("ours"), drift="restore")

        assert condition(world, "drift")[0] is PENDING

    def test_says_how_many_targets_of_both_colours_are_healthy(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")

        assert condition(world, "targets-green") == (HEALTHY, "1 of 1 targets of green are healthy")
        world.targets.script(BLUE, "unhealthy")
        world.wait(1)
        assert explained(world)["targets-blue"].outcome is PENDING
        assert explained(world)["targets-blue"].numbers == {"healthy": 0.0, "total": 1.0}

    def test_says_that_targets_cannot_be_read(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        world.targets.unreadable.add(BLUE)
        world.control.deployments.promote("web", world.asked())
        world.wait(2)

        assert condition(world, "targets-blue") == (PENDING, "the targets of blue could not be read at the last look")

    def test_says_which_weights_were_asked_for_and_which_are_seen(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.wait(1)
        assert condition(world, "weights") == (HEALTHY, "the balancer shows what was asked for, blue 10 %, green 90 %")

        somebody_sets(world, 30, 70)
        world.wait(1)

        assert condition(world, "weights") == (PENDING, "asked for blue 10 %, green 90 %, the balancer shows blue 30 %, green 70 %")

    def test_says_until_when_the_application_is_read_only_and_nothing_when_that_is_over(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        now = world.clock.now()
        service = replace(world.service(), read_only=ReadOnly(now + timedelta(seconds=20), "d-000002", "/web/read-only"))
        assert service.deployment is not None

        found = {check.name: check for check in conditions.of(service, service.deployment, None, now)}
        late = {check.name for check in conditions.of(service, service.deployment, None, now + timedelta(seconds=20))}

        assert found["read-only"].numbers == {"remaining": 20.0}
        assert "read-only" not in late

    def test_says_what_the_data_plane_showed(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")
        world.until(lambda: world.deployment("1.1.0").confirmation)

        assert explained(world)["data-plane"].reason

    def test_says_what_the_last_pass_waited_for(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.wait(1)

        assert condition(world, "waits-for") == (PENDING, "step 1 of 3 is held for 10 s")

    def test_says_what_waits_behind_it_and_why(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.upload("1.2.0")

        assert condition(world, "behind") == (PENDING, "d-000003 (1.2.0) waits in pending until d-000002 (1.1.0) is over")

    def test_says_that_a_rollback_waits_for_the_revert_before_it(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.shifting("1.2.0")
        world.control.deployments.rollback("web", world.asked("further back"), to="1.0.0")

        assert condition(world, "behind")[1] == "d-000004 (the rollback to 1.0.0) waits in pending until d-000003 (1.2.0) is over"


class TestBeforeTheShift:
    def test_says_that_somebody_has_to_promote(self, world: World) -> None:
        world.upload("1.0.0")
        assert condition(world, "promotion") == (PENDING, 'somebody has to promote it once it is staged: "turnout promote web 1.0.0"')

        world.until(lambda: world.phase("1.0.0") is Phase.STAGED)

        assert condition(world, "promotion") == (PENDING, 'somebody has to promote it: "turnout promote web 1.0.0"')

    def test_says_who_approved_and_how_many_are_missing(self, world: World) -> None:
        world.redefine(rollout=ROLLOUT | {"approvals": 2})
        world.staged("1.0.0")
        world.control.deployments.approve("web", Asked(Caller("bob", Role.APPROVER)), version="1.0.0")

        outcome, reason = condition(world, "approvals")

        assert outcome is PENDING
        assert reason == 'web 1.0.0 waits for 1 more approval (of 2); ask an approver to run "turnout approve web 1.0.0"; given by bob'
        assert explained(world)["approvals"].numbers == {"needed": 2.0, "missing": 1.0}
        world.control.deployments.approve("web", Asked(Caller("carol", Role.APPROVER)), version="1.0.0")
        assert condition(world, "approvals") == (HEALTHY, "approved by bob, carol (2 needed)")

    def test_says_that_no_approval_and_no_gate_is_needed(self, world: World) -> None:
        world.staged("1.0.0")

        assert condition(world, "approvals") == (HEALTHY, "no approval is needed")
        assert condition(world, "gates") == (HEALTHY, "no gate is switched on")

    def test_says_that_going_on_by_itself_is_suspended(self, world: World) -> None:
        world.live("1.0.0")
        world.redefine(rollout=ROLLOUT | {"promotion": "automatic"})
        world.upload("1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.WATCHING)
        world.control.deployments.rollback("web", world.asked("bad"))
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)
        assert "is suspended since the last rollback" in condition(world, "promotion")[1]

        world.staged("1.2.0")

        assert condition(world, "promotion") == (
            PENDING, 'going on by itself is suspended since the last rollback; a person lifts that with "turnout promote web 1.2.0"',
        )  # fmt: skip

    def test_says_that_it_goes_on_by_itself(self, world: World) -> None:
        world.redefine(rollout=ROLLOUT | {"promotion": "automatic"})
        world.upload("1.0.0")

        assert condition(world, "promotion") == (HEALTHY, "it goes on by itself once it is staged, when everything else allows it")

    def test_says_that_the_candidate_is_quarantined(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.control.deployments.rollback("web", world.asked("bad"))
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)
        world.control.deployments.deploy("web", world.asked("again"), version="1.1.0", override_quarantine=True)

        outcome, reason = condition(world, "quarantine")

        assert outcome is UNHEALTHY
        assert '"turnout promote web 1.1.0 --override-quarantine' in reason

    def test_says_how_long_it_may_still_take(self, world: World) -> None:
        world.targets.script(a_definition().traffic.target_groups.green, "initial")
        world.upload("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.VERIFYING)
        world.wait(50)

        found = explained(world)["deadline"]

        assert 200 < found.numbers["remaining"] < 250
        assert found.reason.endswith("s left; then it has failed")

    def test_says_when_what_is_staged_is_aborted(self, world: World) -> None:
        world.staged("1.0.0")
        world.wait(24 * 3600, step=3600)

        found = explained(world)["deadline"]

        assert found.numbers["remaining"] == pytest.approx(13 * 24 * 3600, abs=60)
        assert found.reason.endswith("then it is aborted")


class TestDuringTheShift:
    def test_says_how_long_a_step_is_still_held_and_how_to_shorten_it(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.wait(1)
        before = explained(world)["hold"].numbers["remaining"]
        world.wait(3)

        found = explained(world)["hold"]

        assert (found.outcome, before - found.numbers["remaining"]) == (PENDING, 3)
        assert found.reason.endswith('"turnout promote web 1.1.0 --skip-holds" goes on now')

    def test_says_that_the_holds_clock_stands_still(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.wait(1)
        world.control.deployments.pause("web", world.asked())
        before = explained(world)["hold"].numbers["remaining"]
        world.wait(60)

        found = explained(world)["hold"]

        assert found.numbers["remaining"] == before > 0
        assert "its clock stands still while the service is paused" in found.reason

    def test_says_the_verdict_with_its_numbers(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.metrics.flow(BLUE, per_second=4)
        world.metrics.flow(a_definition().traffic.target_groups.green, per_second=36)
        world.wait(6)

        found = explained(world)

        assert found["verdict"].outcome is PENDING
        assert "of 100 requests seen" in found["verdict-errors"].reason
        assert found["verdict-errors"].numbers["requests"] > 0
        assert {"verdict-targets", "verdict-probe"} <= found.keys()

    def test_says_how_long_the_watch_still_lasts_and_who_may_end_it(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")
        world.wait(10)

        found = explained(world)["watch"]

        assert found.outcome is PENDING
        assert 15 <= found.numbers["remaining"] <= 21
        assert found.reason.endswith('an approver ends it now with "turnout certify web"')

    def test_says_that_the_watch_is_over_and_the_old_colour_drains(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")
        world.until(lambda: world.deployment("1.1.0").retiring)

        assert condition(world, "watch")[0] is HEALTHY

    def test_says_how_a_person_gets_it_out_of_needs_human(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.control.deployments.rollback("web", world.asked())
        world.sick.add("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.NEEDS_HUMAN)
        world.upload("1.2.0")

        outcome, reason = condition(world, "phase")

        assert outcome is UNHEALTHY
        for verb in ("rollback", "abort", "promote", "certify"):
            assert f"turnout {verb} web" in reason
        assert "a person has to end that" in condition(world, "behind")[1]


class TestWithNothingInProgress:
    def test_says_that_there_is_no_release_yet(self, world: World) -> None:
        assert condition(world, "release")[0] is PENDING
        assert "web has no release yet" in condition(world, "release")[1]

    def test_says_that_the_newest_is_live(self, world: World) -> None:
        world.live("1.0.0")

        assert condition(world, "release") == (HEALTHY, "1.0.0 is live, and no release is newer")

    def test_says_that_a_newer_config_is_not_live(self, world: World) -> None:
        world.live("1.0.0")
        world.control.configs.change("web", set={"GREETING": "hello"}, unset=[], by=world.asked().by)

        assert condition(world, "config") == (PENDING, 'config 1 is newer than config 0, which is live; "turnout deploy web 1.0.0" puts it on staging')

    def test_says_that_the_newest_is_quarantined(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.control.deployments.rollback("web", world.asked("bad"))
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        outcome, reason = condition(world, "release")

        assert outcome is UNHEALTHY
        assert "1.1.0 is the newest release and not live: it proved bad on " in reason
        assert '"turnout deploy web 1.1.0 --override-quarantine' in reason

    def test_says_that_the_newest_was_aborted(self, world: World) -> None:
        world.live("1.0.0")
        world.staged("1.1.0")
        world.control.deployments.abort("web", world.asked("wrong branch"))

        assert condition(world, "release") == (
            PENDING, '1.1.0 is the newest release and not live: d-000002 ended aborted: aborted: wrong branch; "turnout deploy web 1.1.0" puts it on staging again',
        )  # fmt: skip

    def test_says_why_the_newest_failed(self, world: World) -> None:
        world.sick.add("1.0.0")
        world.upload("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.FAILED)

        outcome, reason = condition(world, "release")

        assert outcome is UNHEALTHY
        assert "answered 500, expected 200" in reason

    def test_says_that_the_newest_registered_is_older_than_what_was_deployed(self, world: World) -> None:
        older = world.objects.put(BUCKET, "web/0.9.0/app.zip", a_zip("older"))
        world.wait(5)
        world.live("1.0.0")
        world.control.intake.take(BUCKET, "web/0.9.0/app.zip", older)

        outcome, reason = condition(world, "release")

        assert outcome is PENDING
        assert "before the newest that was deployed" in reason
        assert reason.endswith('"turnout deploy web 0.9.0" puts it on staging')

    def test_says_that_the_newest_is_older_than_the_service(self) -> None:
        world = World()
        early = world.objects.put(BUCKET, "web/1.0.0/app.zip", a_zip())
        world.wait(10)
        world.register()
        world.control.intake.take(BUCKET, "web/1.0.0/app.zip", early)

        assert "before web was registered" in condition(world, "release")[1]

    def test_says_that_the_last_upload_was_rejected(self, world: World) -> None:
        world.live("1.0.0")
        world.upload("1.1.0", content=b"no zip")

        outcome, reason = condition(world, "rejection")

        assert outcome is UNHEALTHY
        assert reason.startswith("the upload of 1.1.0 was refused on ")
        assert reason.endswith('"turnout rejections" lists them')

    def test_says_that_it_is_paused_or_drifted_all_the_same(self, world: World) -> None:
        world.live("1.0.0")
        world.control.deployments.pause("web", world.asked("holidays"))
        somebody_sets(world, 500, 500)
        world.wait(10)

        assert condition(world, "paused")[0] is PENDING
        assert condition(world, "drift")[0] is UNHEALTHY


def test_the_api_answers_each_with_passed_pending_or_failed() -> None:
    api = Api()
    api.world.register()
    api.world.staged("1.0.0")

    answer = api("GET", "/v1/services/web/explain")

    answers = {item["name"]: item["answer"] for item in answer.json["items"]}
    assert (answers["paused"], answers["promotion"], answers["gates"]) == ("passed", "pending", "passed")
    assert all(item["reason"] for item in answer.json["items"])
