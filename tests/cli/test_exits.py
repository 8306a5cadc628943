"""Exit codes are part of the contract: every row of the tables, through a real command."""

import pytest

from tests.cli.builders import a_deployment, a_service
from tests.cli.running import Runner
from turnout.cli.exits import BY_PHASE, MEANINGS, Exit

PROMOTE = ("POST", "/v1/services/web/promote")


class TestAProblem:
    @pytest.mark.parametrize(
        ("status", "slug", "code"),
        [
            (400, "unparsable", 1),
            (401, "unauthorized", 4),
            (403, "forbidden", 4),
            (404, "not-found", 1),
            (409, "conflict", 7),
            (409, "stale", 7),
            (409, "already-rolled-back", 7),
            (409, "gate-failed", 6),
            (409, "gate-pending", 6),
            (409, "quarantined", 6),
            (409, "approval-needed", 8),
            (412, "stale-revision", 7),
            (415, "unsupported-media-type", 1),
            (422, "invalid", 1),
            (500, "internal", 1),
            (503, "unavailable", 1),
        ],
    )
    def test_has_its_exit_code(self, api, cli: Runner, status, slug, code):
        api.problem(*PROMOTE, status, slug, "that cannot be; do this instead")

        ran = cli.turnout("promote", "web", "1.4.2")

        assert (ran.exit_code, ran.out) == (code, "")
        assert ran.err.startswith("Error: ")
        assert ran.err.count("\n") == 1

    def test_is_shown_as_the_server_told_it(self, api, cli: Runner):
        api.problem(*PROMOTE, 409, "conflict", "1.4.3 is staged, not 1.4.2; promote that one")

        assert cli.turnout("promote", "web", "1.4.2").err == "Error: 1.4.3 is staged, not 1.4.2; promote that one\n"

    def test_goes_to_stderr_as_json_when_json_is_asked_for(self, api, cli: Runner):
        api.problem(*PROMOTE, 422, "invalid", "no", errors=[{"field": "version", "message": "no version"}])

        ran = cli.turnout("promote", "web", "1.4.2", "--json")

        assert ran.out == ""
        assert ran.problem == {
            "type": "/problems/invalid", "title": "invalid", "status": 422, "detail": "no",
            "errors": [{"field": "version", "message": "no version"}], "exit_code": 1,
        }  # fmt: skip

    def test_names_the_fields_that_are_wrong(self, api, cli: Runner):
        api.problem(*PROMOTE, 422, "invalid", "it is not valid", errors=[{"field": "version", "message": "no version"}])

        assert cli.turnout("promote", "web", "1.4.2").err == "Error: it is not valid; version: no version\n"

    def test_that_nobody_told_of_the_token_says_what_to_do(self, api, cli: Runner):
        api.on(*PROMOTE, (401, {"Message": "Unauthorized"}))

        ran = cli.turnout("promote", "web", "1.4.2")

        assert ran.exit_code == 4
        assert "turnout login" in ran.err


class TestUsage:
    def test_is_2_on_stderr(self, cli: Runner):
        ran = cli.turnout("promote")

        assert (ran.exit_code, ran.out) == (2, "")
        assert "Missing argument 'SERVICE'" in ran.err

    def test_is_a_problem_under_json(self, cli: Runner):
        ran = cli.turnout("promote", "--json")

        assert ran.exit_code == 2
        assert ran.problem["type"] == "/problems/usage"

    def test_of_an_unknown_command_is_2(self, cli: Runner):
        assert cli.turnout("launch").exit_code == 2


class TestAWaitedForDeployment:
    @pytest.mark.parametrize(
        ("phase", "code"), [("completed", 0), ("failed", 5), ("reverted", 5), ("aborted", 1), ("superseded", 1), ("needs-human", 9)]
    )
    def test_ends_with_the_code_of_its_phase(self, api, cli: Runner, phase, code):
        api.on(*PROMOTE, (202, a_deployment())).on("GET", "/v1/services/web/deployments/d-000012", a_deployment(phase=phase, outcome="because"))

        ran = cli.turnout("promote", "web", "1.4.2", "--wait")

        assert ran.exit_code == code
        assert phase in ran.out
        assert ("because" in ran.err) is (code != 0)

    def test_covers_every_phase_that_ends_a_wait(self):
        from chalicelib.deployments.model import Phase

        assert set(BY_PHASE) == {str(phase) for phase in Phase if phase.is_final} | {"needs-human"}


class TestElsewhere:
    def test_an_unknown_host_is_one_sentence(self, cli: Runner):
        cli.environ["TURNOUT_URL"] = "http://no-such-host.invalid"

        ran = cli.turnout("status", "web")

        assert ran.exit_code == 1
        assert ran.err.startswith("Error: there is no host named 'no-such-host.invalid'; check the address")
        assert ran.err.count("\n") == 1

    def test_a_server_that_does_not_run_is_one_sentence(self, cli: Runner):
        cli.environ["TURNOUT_URL"] = "http://127.0.0.1:1"

        ran = cli.turnout("status", "web", "--json")

        assert ran.exit_code == 1
        assert ran.problem["type"] == "/problems/unreachable"
        assert "nothing answers at" in ran.problem["detail"]

    def test_what_was_not_foreseen_shows_no_trace(self, api, cli: Runner):
        api.on("GET", "/v1/services/web", a_service(weights="nonsense"))

        ran = cli.turnout("status", "web")

        assert ran.exit_code == 1
        assert "Traceback" not in ran.err
        assert "TURNOUT_DEBUG=1" in ran.err

    def test_what_was_not_foreseen_shows_its_trace_when_asked(self, api, cli: Runner):
        api.on("GET", "/v1/services/web", a_service(weights="nonsense"))
        cli.environ["TURNOUT_DEBUG"] = "1"

        assert "Traceback" in cli.turnout("status", "web").err

    def test_every_code_is_explained(self):
        assert set(MEANINGS) == set(Exit)
