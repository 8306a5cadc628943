"""`turnout approve`, and what waits for it."""

from tests.cli.builders import a_deployment, a_service
from tests.cli.running import Runner

WEB = "/v1/services/web"
APPROVE = ("POST", f"{WEB}/approve")


def approvals(*names: str, needed: int = 2) -> dict[str, object]:
    at = {"at": "2026-11-23T11:00:00.000000Z", "expires_at": "2026-11-24T11:00:00.000000Z", "reason": ""}
    given = [{"by": name, **at, "counts": True, "why_not": None} for name in names]
    return {"needed": needed, "missing": max(0, needed - len(names)), "given": [*given, {"by": "zoe", **at, "counts": False, "why_not": "it expired"}]}


class TestApprove:
    def test_sends_the_version_and_why(self, api, cli: Runner):
        api.on(*APPROVE, (202, a_deployment(phase="staged", step=0, approvals=approvals("bob"))))

        ran = cli.turnout("approve", "web", "1.4.2", "--reason", "read it")

        assert (ran.exit_code, api.last("POST").body) == (0, {"version": "1.4.2", "reason": "read it"})
        assert ran.out == "d-000012  web 1.4.2  staged  approved by bob (1 of 2)\n"

    def test_says_when_none_is_needed(self, api, cli: Runner):
        api.on(*APPROVE, (202, a_deployment(phase="staged", step=0, approvals=approvals("bob", needed=0))))

        assert cli.turnout("approve", "web", "1.4.2").out.endswith("no approval is needed\n")

    def test_answers_the_deployment_as_json(self, api, cli: Runner):
        answer = a_deployment(phase="staged", approvals=approvals("bob"))
        api.on(*APPROVE, answer)

        assert cli.turnout("approve", "web", "1.4.2", "--json").json == answer

    def test_asks_a_person_first(self, api, cli: Runner):
        assert cli.turnout("approve", "web", "1.4.2", typed="n\n").exit_code == 1
        assert api.count(*APPROVE) == 0

    def test_of_ones_own_deployment_is_not_allowed(self, api, cli: Runner):
        api.problem(*APPROVE, 403, "own-deployment")

        assert cli.turnout("approve", "web", "1.4.2").exit_code == 4

    def test_of_what_is_not_in_progress_is_a_conflict(self, api, cli: Runner):
        api.problem(*APPROVE, 409, "nothing-to-approve")

        assert cli.turnout("approve", "web", "1.4.2").exit_code == 7


def test_promote_with_too_few_ends_with_8_and_says_what_to_do(api, cli: Runner):
    detail = 'web 1.4.2 waits for 1 more approval (of 2); ask an approver to run "turnout approve web 1.4.2"'
    api.problem("POST", f"{WEB}/promote", 409, "approval-needed", detail, missing=1, needed=2)

    ran = cli.turnout("promote", "web", "1.4.2")
    told = cli.turnout("promote", "web", "1.4.2", "--json").problem

    assert (ran.exit_code, ran.err) == (8, f"Error: {detail}\n")
    assert (told["missing"], told["needed"], told["exit_code"]) == (1, 2, 8)


def test_status_says_who_approved(api, cli: Runner):
    api.on("GET", WEB, a_service(deployment=a_deployment(phase="staged", step=0, approvals=approvals("bob", "carol"))))

    assert "approvals   approved by bob, carol (2 of 2)" in cli.turnout("status", "web").out
