"""Waiting: whose success counts, how long, and what is said meanwhile. No test sleeps."""

import pytest

from tests.cli.builders import a_deployment, a_service, live_on_green
from tests.cli.fake_api import a_problem
from tests.cli.running import Runner
from turnout.cli.exits import Exit
from turnout.cli.waiting import Goal, Pace, Patience, outcome

ONE = "/v1/services/web/deployments/d-000012"
WEB = "/v1/services/web"


@pytest.fixture
def promoted(api):
    return api.on("POST", f"{WEB}/promote", (202, a_deployment()))


class TestLive:
    def test_is_all_traffic_seen_on_it(self):
        assert outcome(a_deployment(phase="watching"), live_on_green(), Goal.LIVE) is Exit.DONE

    def test_is_not_traffic_that_was_only_asked_for(self):
        asked = live_on_green() | {"weights": {"desired": {"green": 100.0}, "observed": {"blue": 50.0, "green": 50.0}}}

        assert outcome(a_deployment(phase="shifting"), asked, Goal.LIVE) is None

    def test_is_not_the_same_version_of_another_deployment(self):
        other = live_on_green() | {"deployment": a_deployment(id="d-000013", phase="watching")}

        assert outcome(a_deployment(phase="shifting"), other, Goal.LIVE) is None

    def test_is_not_the_same_version_with_another_config(self):
        other = live_on_green() | {"live": {"color": "green", "version": "1.4.2", "config_version": 2}}

        assert outcome(a_deployment(phase="shifting"), other, Goal.LIVE) is None

    @pytest.mark.parametrize(("color", "code"), [("green", Exit.DONE), ("blue", None)])
    def test_of_what_stood_there_before_registration_is_told_by_its_colour(self, color, code):
        adopted = a_deployment(kind="rollback", phase="watching", version=None, config_version=0, color=color)
        service = live_on_green() | {"live": {"color": "green", "version": None, "config_version": None}, "deployment": adopted}

        assert outcome(adopted, service, Goal.LIVE) is code

    def test_is_not_what_is_being_put_back(self):
        assert outcome(a_deployment(phase="reverting"), live_on_green(), Goal.LIVE) is None

    def test_is_reached_by_a_deployment_that_completed_meanwhile(self):
        assert outcome(a_deployment(phase="completed"), a_service(deployment=None), Goal.LIVE) is Exit.DONE


class TestStaged:
    @pytest.mark.parametrize("phase", ["staged", "shifting", "watching", "completed"])
    def test_is_reached_by_being_staged_or_further(self, phase):
        assert outcome(a_deployment(phase=phase), {}, Goal.STAGED) is Exit.DONE

    @pytest.mark.parametrize("phase", ["pending", "preparing", "verifying", "reverting"])
    def test_is_not_reached_before(self, phase):
        assert outcome(a_deployment(phase=phase), {}, Goal.STAGED) is None


class TestWithdrawn:
    @pytest.mark.parametrize(("phase", "code"), [("aborted", Exit.DONE), ("reverted", Exit.DONE), ("reverting", None), ("needs-human", Exit.NEEDS_HUMAN)])
    def test_is_done_when_it_was_stopped_as_asked(self, phase, code):
        assert outcome(a_deployment(phase=phase), {}, Goal.WITHDRAWN) is code


class TestPace:
    def test_looks_soon_then_every_second_then_seldom(self):
        pace = Pace()

        assert [pace.pause() for _ in range(7)] == [0.3, 1.0, 1.5, 2.25, 3.375, 5.0, 5.0]

    def test_hurries_again_when_something_happened(self):
        pace = Pace()
        for _ in range(6):
            pace.pause()

        pace.hurry()

        assert pace.pause() == 1.0


class TestPatience:
    def test_never_sleeps_past_the_end(self):
        assert Patience(lambda: 0.0, 2.0).bounded(5.0) == 2.0


class TestPromoteWait:
    def test_looks_until_it_is_completed(self, promoted, cli: Runner):
        promoted.on("GET", ONE, a_deployment(), a_deployment(phase="watching", step=3), a_deployment(phase="completed", step=3))

        ran = cli.turnout("promote", "web", "1.4.2", "--wait")

        assert ran.exit_code == 0
        assert ran.out == "d-000012  web 1.4.2  completed, step 3 of 3\n"
        assert "shifting, step 1 of 3" in ran.err
        assert "watching, step 3 of 3" in ran.err

    def test_prints_one_json_document_and_no_talk(self, promoted, cli: Runner):
        promoted.on("GET", ONE, a_deployment(), a_deployment(phase="completed"))

        ran = cli.turnout("promote", "web", "1.4.2", "--wait", "--json")

        assert ran.json["phase"] == "completed"
        assert ran.err == ""

    def test_until_live_ends_when_all_traffic_was_seen(self, promoted, cli: Runner):
        promoted.on("GET", ONE, a_deployment(), a_deployment(phase="watching", step=3)).on("GET", WEB, a_service(), live_on_green())

        ran = cli.turnout("promote", "web", "1.4.2", "--until", "live")

        assert ran.exit_code == 0
        assert "watching" in ran.out

    def test_asks_with_the_etag_it_has(self, promoted, cli: Runner):
        promoted.on("GET", ONE, a_deployment(), a_deployment(), a_deployment(phase="completed"))

        cli.turnout("promote", "web", "1.4.2", "--wait")

        first, second, *_ = [asked for asked in promoted.asked if asked.path == ONE]
        assert "If-None-Match" not in first.headers
        assert "If-None-Match" in second.headers

    def test_runs_out_of_time_with_3_and_says_that_it_goes_on(self, promoted, cli: Runner):
        promoted.on("GET", ONE, a_deployment())

        ran = cli.turnout("promote", "web", "1.4.2", "--timeout", "7")

        assert ran.exit_code == 3
        assert "goes on" in ran.err
        assert ran.out.startswith("d-000012")
        assert cli.clock.seconds == pytest.approx(7)

    def test_of_no_time_looks_once(self, promoted, cli: Runner):
        promoted.on("GET", ONE, a_deployment())

        assert cli.turnout("promote", "web", "1.4.2", "--timeout", "0").exit_code == 3
        assert cli.clock.slept == []

    def test_interrupted_ends_at_once_with_130_and_says_that_it_goes_on(self, promoted, cli: Runner):
        promoted.on("GET", ONE, a_deployment())
        cli.clock.on_sleep = interrupt

        ran = cli.turnout("promote", "web", "1.4.2", "--wait")

        assert (ran.exit_code, ran.out) == (130, "")
        assert "goes on" in ran.err
        assert "turnout watch web" in ran.err

    def test_outlives_a_server_that_is_gone_for_a_while(self, promoted, cli: Runner):
        promoted.on("GET", ONE, (503, a_problem(503, "unavailable")), (0, None), a_deployment(phase="completed"))

        assert cli.turnout("promote", "web", "1.4.2", "--wait").exit_code == 0

    def test_gives_up_on_a_server_that_is_gone_for_good(self, promoted, cli: Runner):
        promoted.on("GET", ONE, (503, a_problem(503, "unavailable", "AWS does not answer; try again later")))

        ran = cli.turnout("promote", "web", "1.4.2", "--wait")

        assert ran.exit_code == 1
        assert 60 < cli.clock.seconds < 70

    def test_is_contradicted_by_no_wait(self, cli: Runner):
        assert cli.turnout("promote", "web", "1.4.2", "--no-wait", "--timeout", "3").exit_code == 2


class TestRollbackWait:
    def test_ends_when_the_target_holds_all_traffic(self, api, cli: Runner):
        back = a_deployment(kind="rollback", version="1.4.1", color="blue")
        live = {"color": "blue", "version": "1.4.1", "config_version": 3}
        there = a_service(live=live, deployment=back | {"phase": "watching"}, weights={"observed": {"blue": 100.0, "green": 0.0}})
        api.on("POST", f"{WEB}/rollback", (202, back)).on("GET", ONE, back, back | {"phase": "watching"}).on("GET", WEB, a_service(), there)

        ran = cli.turnout("rollback", "web", "--wait")

        assert ran.exit_code == 0
        assert "rollback to 1.4.1" in ran.out

    def test_of_a_rollout_that_is_reverted_ends_when_it_is(self, api, cli: Runner):
        api.on("POST", f"{WEB}/rollback", (202, a_deployment(phase="reverting"))).on("GET", ONE, a_deployment(phase="reverting"), a_deployment(phase="reverted"))

        assert cli.turnout("rollback", "web", "--wait").exit_code == 0


class TestAbortWait:
    def test_is_done_when_it_is_aborted(self, api, cli: Runner):
        api.on("POST", f"{WEB}/abort", (202, a_deployment(phase="staged"))).on("GET", ONE, a_deployment(phase="aborted"))

        assert cli.turnout("abort", "web", "--wait").exit_code == 0


class TestDeployWait:
    def test_is_done_when_it_is_staged(self, api, cli: Runner):
        api.on("POST", f"{WEB}/deployments", (202, a_deployment(phase="pending", step=0))).on(
            "GET", ONE, a_deployment(phase="preparing", step=0), a_deployment(phase="staged", step=0)
        )

        ran = cli.turnout("deploy", "web", "1.4.2", "--wait")

        assert ran.exit_code == 0
        assert ran.out == "d-000012  web 1.4.2  staged\n"


def interrupt():
    raise KeyboardInterrupt
