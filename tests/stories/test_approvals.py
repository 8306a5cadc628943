"""Enough people stand behind exactly this, or it is not promoted."""

import pytest

from chalicelib.access.model import Caller, Role
from chalicelib.colors import Color
from chalicelib.deployments.answers import Answered, Asked
from chalicelib.deployments.model import Deployment, Phase
from chalicelib.deployments.strategies import plan_of
from chalicelib.errors import Conflict, Forbidden
from tests.unit.api.an_api import Api
from tests.world import World, a_definition, a_zip

STEPS = [{"weight": 10, "hold_seconds": 10}, {"weight": 50, "hold_seconds": 10}]
ROLLOUT = {"steps": STEPS, "watch_seconds": 30, "deadline_seconds": 300, "approvals": 2}
DAY = 24 * 3600


def somebody(name: str, token: str = "") -> Caller:
    return Caller(name, Role.APPROVER, token=token or f"token of {name}")


@pytest.fixture
def world() -> World:
    """A service that wants two approvals, and has 1.0.0 live: that one was approved too."""
    world = World()
    world.register(a_definition(rollout=ROLLOUT))
    world.wait(5)
    world.staged("1.0.0")
    approved(world, "bob", "1.0.0")
    approved(world, "carol", "1.0.0")
    world.control.deployments.promote("web", world.asked(), version="1.0.0")
    world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)
    return world


def approved(world: World, name: str, version: str, token: str = "") -> Answered:
    return world.control.deployments.approve("web", Asked(somebody(name, token), "read it"), version=version)


def refusal(world: World, by: str = "alice", **how: str) -> Conflict:
    with pytest.raises(Conflict) as refused:
        world.control.deployments.promote("web", Asked(somebody(by)), **how)
    return refused.value


def counting(deployment: Deployment | None) -> list[str]:
    assert deployment is not None
    return [one.by for one in deployment.approvals]


class TestPromotion:
    def test_with_too_few_says_how_many_are_missing_and_what_to_do(self, world: World) -> None:
        world.staged("1.1.0")
        approved(world, "bob", "1.1.0")

        found = refusal(world)

        assert found.slug == "approval-needed"
        assert found.detail == 'web 1.1.0 waits for 1 more approval (of 2); ask an approver to run "turnout approve web 1.1.0"'
        assert found.extra == {"missing": 1, "needed": 2}

    def test_with_too_few_changes_nothing(self, world: World) -> None:
        world.staged("1.1.0")
        before = world.service()

        refusal(world)

        assert world.service() == before

    def test_with_enough_goes_on(self, world: World) -> None:
        world.staged("1.1.0")
        approved(world, "bob", "1.1.0")
        approved(world, "carol", "1.1.0")

        world.control.deployments.promote("web", world.asked(), version="1.1.0")

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

    def test_does_not_count_the_approval_of_the_one_who_promotes(self, world: World) -> None:
        world.staged("1.1.0")
        approved(world, "bob", "1.1.0")
        approved(world, "carol", "1.1.0")

        found = refusal(world, by="bob")

        assert found.slug == "approval-needed"
        assert "bob's does not count: bob is the one who promotes" in found.detail
        world.control.deployments.promote("web", Asked(somebody("dave")))

    def test_with_another_strategy_changes_the_plan_so_that_what_was_approved_does_not_count(self, world: World) -> None:
        world.staged("1.1.0")
        approved(world, "bob", "1.1.0")
        approved(world, "carol", "1.1.0")

        found = refusal(world, strategy="all-at-once")

        assert found.extra == {"missing": 2, "needed": 2}
        assert "it was staged with strategy canary" in found.detail
        world.control.deployments.promote("web", world.asked(), strategy="canary")

    def test_needs_as_many_as_the_service_asked_for_when_the_deployment_began(self, world: World) -> None:
        world.staged("1.1.0")

        world.redefine(rollout=ROLLOUT | {"approvals": 0})

        assert refusal(world).extra == {"missing": 2, "needed": 2}
        assert refusal(world, strategy="linear").extra == {"missing": 2, "needed": 2}

    def test_of_what_is_quarantined_is_refused_however_many_approved(self, world: World) -> None:
        bad = a_zip("bad")
        world.upload("1.1.0", content=bad)
        world.until(lambda: world.phase("1.1.0") is Phase.STAGED)
        approved(world, "bob", "1.1.0")
        approved(world, "carol", "1.1.0")
        world.control.deployments.promote("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.SHIFTING)
        world.control.deployments.rollback("web", world.asked("bad"))
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)
        world.control.deployments.deploy("web", world.asked("once more"), version="1.1.0", override_quarantine=True)
        world.until(lambda: world.phase("1.1.0") is Phase.STAGED)
        approved(world, "bob", "1.1.0")
        approved(world, "carol", "1.1.0")

        assert refusal(world).slug == "quarantined"

    def test_by_itself_waits_in_staged_until_there_are_enough_and_then_goes_on(self, world: World) -> None:
        world.redefine(rollout=ROLLOUT | {"promotion": "automatic"})
        world.staged("1.1.0")
        world.wait(30)
        assert world.phase("1.1.0") is Phase.STAGED
        approved(world, "bob", "1.1.0")
        world.wait(30)
        assert world.phase("1.1.0") is Phase.STAGED

        approved(world, "carol", "1.1.0")

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

    def test_by_itself_is_not_due_while_it_waits_for_approvals(self, world: World) -> None:
        world.redefine(rollout=ROLLOUT | {"promotion": "automatic"})
        world.staged("1.1.0")
        world.wait(60)

        assert world.control.passes.tick() == 0


class TestAnApproval:
    def test_counts_once_however_often_the_same_person_gives_it(self, world: World) -> None:
        world.staged("1.1.0")
        first = approved(world, "bob", "1.1.0")

        again = approved(world, "bob", "1.1.0", token="another of his")

        assert (first.goes_on, again.goes_on) == (True, False)
        assert counting(again.deployment) == ["bob"]
        assert refusal(world).extra["missing"] == 1

    def test_counts_once_however_the_token_is_called(self, world: World) -> None:
        world.staged("1.1.0")
        approved(world, "bob", "1.1.0", token="t-1")
        approved(world, "robert", "1.1.0", token="t-1")

        assert refusal(world).extra["missing"] == 1

    def test_is_refused_from_the_one_who_asked_for_the_deployment(self, world: World) -> None:
        world.upload("1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.STAGED)
        world.control.deployments.abort("web", world.asked())
        world.control.deployments.deploy("web", Asked(somebody("bob")), version="1.1.0")

        with pytest.raises(Forbidden) as refused:
            approved(world, "bob", "1.1.0")

        assert refused.value.slug == "own-deployment"

    def test_given_while_preparing_counts_once_staged(self, world: World) -> None:
        world.upload("1.1.0")
        assert world.phase("1.1.0") is Phase.PENDING
        approved(world, "bob", "1.1.0")
        world.until(lambda: world.phase("1.1.0") in {Phase.PREPARING, Phase.VERIFYING})
        approved(world, "carol", "1.1.0")

        world.until(lambda: world.phase("1.1.0") is Phase.STAGED)

        world.control.deployments.promote("web", world.asked())

    def test_expires_after_a_day(self, world: World) -> None:
        world.staged("1.1.0")
        approved(world, "bob", "1.1.0")
        world.wait(DAY - 60, step=60)
        approved(world, "carol", "1.1.0")
        world.wait(60, step=60)

        found = refusal(world)

        assert found.extra["missing"] == 1
        assert "bob's does not count: it expired at 2026-01-02 " in found.detail

    def test_that_expired_can_be_given_again(self, world: World) -> None:
        world.staged("1.1.0")
        approved(world, "bob", "1.1.0")
        world.wait(DAY, step=3600)

        assert approved(world, "bob", "1.1.0").goes_on
        assert refusal(world).extra["missing"] == 1

    def test_survives_a_pause(self, world: World) -> None:
        world.staged("1.1.0")
        approved(world, "bob", "1.1.0")
        world.control.deployments.pause("web", world.asked())
        approved(world, "carol", "1.1.0")
        world.wait(10)
        world.control.deployments.resume("web", world.asked())

        world.control.deployments.promote("web", world.asked())

    def test_is_bound_to_the_config_so_that_the_same_release_with_another_starts_without(self, world: World) -> None:
        world.staged("1.1.0")
        approved(world, "bob", "1.1.0")
        approved(world, "carol", "1.1.0")
        world.control.configs.change("web", set={"GREETING": "hello"}, unset=[], by=world.asked().by)
        world.control.deployments.deploy("web", world.asked(), version="1.1.0")
        world.until(lambda: world.phase("1.1.0") is Phase.STAGED and world.deployment("1.1.0").build.config_version == 1)

        assert refusal(world, by="dave").extra["missing"] == 2

    def test_is_in_the_timeline_and_in_the_audit(self, world: World) -> None:
        world.staged("1.1.0")
        approved(world, "bob", "1.1.0")

        told = world.control.deployments.events("web", world.deployment("1.1.0").id, limit=1, cursor=None).items
        audited = world.control.audit.list(service="web", by=world.asked().by, limit=1, cursor=None).items
        assert [(event.kind, event.actor, event.message) for event in told] == [("approved", "bob", "approved by bob (1 of 2): read it")]
        assert [(entry.action, entry.actor, entry.reason) for entry in audited] == [("approved", "bob", "read it")]

    def test_keeps_what_it_was_worth_when_the_shift_began(self, world: World) -> None:
        world.staged("1.1.0")
        for name in ("alice", "bob", "carol"):
            approved(world, name, "1.1.0")
        world.control.deployments.promote("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

        kept = {one.by: one.why_not for one in world.deployment("1.1.0").approvals}
        assert kept == {"alice": "alice is the one who promotes", "bob": "", "carol": ""}


class TestWhatCannotBeApproved:
    def test_what_is_not_in_progress(self, world: World) -> None:
        with pytest.raises(Conflict) as refused:
            approved(world, "bob", "1.0.0")
        assert refused.value.slug == "nothing-to-approve"

    def test_another_version_than_the_one_in_progress(self, world: World) -> None:
        world.staged("1.1.0")

        with pytest.raises(Conflict) as refused:
            approved(world, "bob", "1.2.0")
        assert "1.1.0" in refused.value.detail

    def test_what_shifts_already_and_what_waits_behind_it(self, world: World) -> None:
        world.staged("1.1.0")
        approved(world, "bob", "1.1.0")
        approved(world, "carol", "1.1.0")
        world.control.deployments.promote("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.SHIFTING)
        world.upload("1.2.0")

        for version in ("1.1.0", "1.2.0"):
            with pytest.raises(Conflict):
                approved(world, "dave", version)


class TestWithoutApproval:
    def test_rollback_goes(self, world: World) -> None:
        world.staged("1.1.0")
        approved(world, "bob", "1.1.0")
        approved(world, "carol", "1.1.0")
        world.control.deployments.promote("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

        world.control.deployments.rollback("web", world.asked("slow"))

        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)
        assert world.serving() == "1.0.0"

    def test_a_rollback_that_has_to_be_staged_first_goes(self, world: World) -> None:
        world.staged("1.1.0")
        approved(world, "bob", "1.1.0")
        approved(world, "carol", "1.1.0")
        world.control.deployments.promote("web", world.asked())
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)
        world.staged("1.2.0")

        world.control.deployments.rollback("web", world.asked("slow"))

        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)

    def test_pause_and_abort_go(self, world: World) -> None:
        world.staged("1.1.0")

        world.control.deployments.pause("web", world.asked())
        world.control.deployments.abort("web", world.asked())

        assert world.phase("1.1.0") is Phase.ABORTED
        assert world.share(Color.GREEN) == 100


def test_a_plan_knows_how_many_it_needs() -> None:
    assert plan_of(a_definition(rollout=ROLLOUT).rollout).approvals == 2


class TestThroughTheApi:
    @pytest.fixture
    def api(self) -> Api:
        api = Api()
        api.world.register(a_definition(rollout=ROLLOUT | {"approvals": 1}))
        api.world.staged("1.0.0")
        return api

    def test_an_approver_approves_and_a_deployer_promotes(self, api: Api) -> None:
        refused = api("POST", "/v1/services/web/promote", {"version": "1.0.0"}, role=Role.DEPLOYER)
        assert (refused.status, refused.slug, refused.json["missing"], refused.json["needed"]) == (409, "approval-needed", 1, 1)

        first = api("POST", "/v1/services/web/approve", {"version": "1.0.0", "reason": "read it"}, role=Role.APPROVER)
        again = api("POST", "/v1/services/web/approve", {"version": "1.0.0"}, role=Role.APPROVER)

        assert (first.status, again.status) == (202, 200)
        assert first.json["id"] == again.json["id"]
        assert api("POST", "/v1/services/web/promote", {"version": "1.0.0"}, role=Role.DEPLOYER).status == 202

    def test_the_deployment_shows_who_approved_until_when_and_whether_it_counts(self, api: Api) -> None:
        shown = api("POST", "/v1/services/web/approve", {"version": "1.0.0", "reason": "read it"}, role=Role.APPROVER).json["approvals"]

        [given] = shown["given"]
        assert (shown["needed"], shown["missing"]) == (1, 0)
        assert (given["by"], given["reason"], given["counts"], given["why_not"]) == ("approver", "read it", True, None)
        assert given["at"].replace("01-01", "01-02") == given["expires_at"]
        assert api("GET", "/v1/services/web").json["deployment"]["approvals"] == shown
        api.world.wait(DAY, step=3600)
        late = api("GET", "/v1/services/web").json["deployment"]["approvals"]
        assert (late["missing"], late["given"][0]["counts"]) == (1, False)
        assert late["given"][0]["why_not"].startswith("it expired at ")

    def test_a_deployer_may_not_approve(self, api: Api) -> None:
        assert api("POST", "/v1/services/web/approve", {"version": "1.0.0"}, role=Role.DEPLOYER).status == 403

    def test_whoever_asked_for_it_may_not_approve_it(self, api: Api) -> None:
        api("POST", "/v1/services/web/abort")
        api("POST", "/v1/services/web/deployments", {"version": "1.0.0"}, role=Role.APPROVER)

        answer = api("POST", "/v1/services/web/approve", {"version": "1.0.0"}, role=Role.APPROVER)

        assert (answer.status, answer.slug) == (403, "own-deployment")

    def test_the_version_has_to_be_named_and_be_the_one_in_progress(self, api: Api) -> None:
        assert api("POST", "/v1/services/web/approve", {}, role=Role.APPROVER).fields == ["version"]
        assert api("POST", "/v1/services/web/approve", {"version": "9.9.9"}, role=Role.APPROVER).status == 409

    def test_a_dry_run_approves_nothing(self, api: Api) -> None:
        answer = api("POST", "/v1/services/web/approve?dry_run=true", {"version": "1.0.0"}, role=Role.APPROVER)

        assert answer.json["dry_run"] is True
        assert api("GET", "/v1/services/web").json["deployment"]["approvals"]["missing"] == 1
