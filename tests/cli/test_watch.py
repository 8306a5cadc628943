"""Watching: every event once, and the end with its exit code."""

from tests.cli.builders import a_deployment, a_list, a_service, an_event
from tests.cli.running import Runner
from tests.cli.test_waiting import interrupt

WEB = "/v1/services/web"
ONE = f"{WEB}/deployments/d-000012"


def a_rollout(api, *, ends="completed"):
    """Three looks: under way, one more event, ended."""
    api.on("GET", WEB, a_service())
    api.on("GET", ONE, a_deployment(), a_deployment(step=2), a_deployment(phase=ends, step=3, outcome="because"))
    api.on("GET", f"{ONE}/events", a_list(an_event(1)), a_list(an_event(2, step=2), an_event(1)), a_list(an_event(3, phase=ends), an_event(2), an_event(1)))
    return api


class TestPiped:
    def test_is_a_line_for_each_event_oldest_first(self, api, cli: Runner):
        a_rollout(api)

        ran = cli.turnout("watch", "web")

        assert ran.exit_code == 0
        assert ran.out.splitlines() == [
            "2026-11-23T12:00:01.000000Z shifting step 1: what happened 1",
            "2026-11-23T12:00:02.000000Z shifting step 2: what happened 2",
            "2026-11-23T12:00:03.000000Z completed step 1: what happened 3",
        ]

    def test_with_json_is_json_lines(self, api, cli: Runner):
        a_rollout(api)

        ran = cli.turnout("watch", "web", "--json")

        assert [event["id"] for event in ran.lines] == ["e-1", "e-2", "e-3"]
        assert ran.err == ""

    def test_ends_as_the_deployment_ends(self, api, cli: Runner):
        a_rollout(api, ends="reverted")

        ran = cli.turnout("watch", "web")

        assert ran.exit_code == 5
        assert "because" in ran.err

    def test_of_nothing_in_progress_says_so_and_ends(self, api, cli: Runner):
        api.on("GET", WEB, a_service(deployment=None))

        ran = cli.turnout("watch", "web")

        assert (ran.exit_code, ran.out) == (0, "")
        assert "nothing is in progress" in ran.err

    def test_of_an_ended_deployment_tells_its_timeline(self, api, cli: Runner):
        api.on("GET", WEB, a_service(deployment=None)).on("GET", ONE, a_deployment(phase="completed")).on("GET", f"{ONE}/events", a_list(an_event(1)))

        ran = cli.turnout("watch", "web", "d-000012")

        assert (ran.exit_code, len(ran.out.splitlines())) == (0, 1)

    def test_follow_waits_for_the_next_one(self, api, cli: Runner):
        a_rollout(api)
        api.on("GET", WEB, a_service(deployment=None), a_service(deployment=None), a_service())
        cli.clock.on_sleep = lambda: interrupt() if len(cli.clock.slept) > 10 else None

        ran = cli.turnout("watch", "web", "--follow")

        assert len(ran.out.splitlines()) == 3
        assert ran.exit_code == 130

    def test_interrupted_says_that_it_goes_on(self, api, cli: Runner):
        a_rollout(api)
        cli.clock.on_sleep = interrupt

        ran = cli.turnout("watch", "web")

        assert ran.exit_code == 130
        assert "goes on" in ran.err

    def test_interrupted_before_anything_was_seen_names_nothing(self, api, cli: Runner):
        api.on("GET", WEB, a_service(deployment=None))
        cli.clock.on_sleep = interrupt

        ran = cli.turnout("watch", "web", "--follow")

        assert ran.exit_code == 130
        assert "None" not in ran.err

    def test_reads_older_pages_where_all_is_news(self, api, cli: Runner):
        api.on("GET", WEB, a_service()).on("GET", ONE, a_deployment(phase="completed"))
        api.on("GET", f"{ONE}/events", a_list(an_event(2), cursor="older"), a_list(an_event(1)))

        assert [event["id"] for event in cli.turnout("watch", "web", "--json").lines] == ["e-1", "e-2"]

    def test_no_longer_than_asked(self, api, cli: Runner):
        api.on("GET", WEB, a_service()).on("GET", ONE, a_deployment()).on("GET", f"{ONE}/events", a_list())

        assert cli.turnout("watch", "web", "--timeout", "3").exit_code == 3

    def test_goes_on_while_a_human_is_needed(self, api, cli: Runner):
        api.on("GET", WEB, a_service()).on("GET", ONE, a_deployment(phase="needs-human"), a_deployment(phase="reverted")).on("GET", f"{ONE}/events", a_list())

        assert cli.turnout("watch", "web").exit_code == 5


class TestAtATerminal:
    def test_draws_weights_and_the_timeline(self, api, cli: Runner):
        a_rollout(api)
        cli.environ["NO_COLOR"] = "1"

        out = cli.turnout("watch", "web", terminal_output=True).out

        assert "1.4.2 (d-000012)" in out
        assert "90 %" in out
        assert "what happened 3" in out

    def test_markup_in_what_the_server_tells_is_only_text(self, api, cli: Runner):
        a_rollout(api)
        api.on("GET", f"{ONE}/events", a_list(an_event(1, message="[bold]not[/bold]")))

        assert "[bold]not[/bold]" in cli.turnout("watch", "web", terminal_output=True).out
