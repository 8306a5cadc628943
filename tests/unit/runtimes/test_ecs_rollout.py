from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.runtimes.ecs.rollout import ENDED_BADLY, UNDER_WAY, failure, is_completed, outcome, primary, standing_of, task_definition_of, unmanageable
from chalicelib.runtimes.ecs.task_definition import Told
from chalicelib.runtimes.identity import Identity
from chalicelib.runtimes.runtime import Progress, Standing

TOLD = Told(Identity("1.0.0", 3, "abc", "d-000001"), "sha256:a")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def a_deployment(status="PRIMARY", state="COMPLETED", running=2, **rest):
    return {"status": status, "rolloutState": state, "runningCount": running, "failedTasks": 0, "taskDefinition": "web-green:2"} | rest


def a_service(*deployments, desired=2, **rest):
    return {"serviceName": "web-green", "status": "ACTIVE", "desiredCount": desired, "taskDefinition": "web-green:9", "deployments": list(deployments or [a_deployment()])} | rest


def a_record(number, status, after=0):
    return {"targetServiceRevisionArn": f"revision/{number}", "status": status, "createdAt": FIRST + timedelta(minutes=after), "statusReason": f"because {number}"}


class TestStanding:
    def test_is_ready_when_the_primary_is_complete_and_has_its_tasks(self):
        assert standing_of(a_service(), TOLD, 2) == Standing(Progress.READY, "1.0.0", "sha256:a", 3, "", "abc")

    @pytest.mark.parametrize(
        ("service", "reason"),
        [
            (a_service(a_deployment(state="IN_PROGRESS")), "2 of 2 tasks run"),
            (a_service(a_deployment(state="IN_PROGRESS", running=1, failedTasks=4)), "1 of 2 tasks run, 4 failed"),
            (a_service(a_deployment(running=1)), "1 of 2 tasks run"),
            (a_service(a_deployment(running=0), desired=0), "scaled to 0"),
            (a_service(a_deployment(), a_deployment("ACTIVE", running=1)), "1 tasks of another task definition still run"),
            (a_service(a_deployment(state=None)), "2 of 2 tasks run"),
        ],
    )
    def test_is_on_its_way_otherwise_and_says_why(self, service, reason):
        assert standing_of(service, TOLD, 2) == Standing(Progress.WORKING, "1.0.0", "sha256:a", 3, reason, "abc")

    def test_a_single_task_is_enough_to_stand(self):
        assert standing_of(a_service(a_deployment(running=1)), TOLD).progress is Progress.READY

    def test_an_older_deployment_without_tasks_is_in_nobodys_way(self):
        assert standing_of(a_service(a_deployment(), a_deployment("ACTIVE", running=0)), TOLD).progress is Progress.READY

    def test_what_is_not_ours_is_empty(self):
        assert standing_of(a_service(), None).progress is Progress.EMPTY


class TestPrimary:
    def test_is_found_wherever_it_stands(self):
        service = a_service(a_deployment("ACTIVE", taskDefinition="old"), a_deployment(taskDefinition="new"))

        assert primary(service)["taskDefinition"] == task_definition_of(service) == "new"
        assert is_completed(service)

    def test_a_service_without_deployments_has_the_task_definition_it_names(self):
        service = a_service() | {"deployments": []}

        assert task_definition_of(service) == "web-green:9"
        assert not is_completed(service)


class TestFailure:
    def test_is_found_while_it_is_shown_whether_primary_or_not(self):
        for status in ("PRIMARY", "ACTIVE"):
            service = a_service(a_deployment(), a_deployment(status, "FAILED", taskDefinition="bad", rolloutStateReason="why"))
            assert failure(service, {"bad"}) == Standing(Progress.FAILED, reason="ECS gave up the rollout: why")

    def test_of_another_task_definition_is_nothing_to_this_one(self):
        assert failure(a_service(a_deployment(state="FAILED", taskDefinition="bad")), {"good"}) is None

    def test_without_a_failure_there_is_none(self):
        assert failure(a_service(), {"web-green:2"}) is None


class TestOutcome:
    REVISIONS = {"revision/1": "ours", "revision/2": "ours too", "revision/3": "theirs"}  # noqa: RUF012

    def of(self, *records):
        return outcome(records, self.REVISIONS, {"ours", "ours too"})

    @pytest.mark.parametrize("status", sorted(ENDED_BADLY))
    def test_one_that_ended_badly_has_failed_with_its_reason(self, status):
        assert self.of(a_record(1, status)) == Standing(Progress.FAILED, reason="ECS gave up the rollout: because 1")

    @pytest.mark.parametrize("status", sorted(UNDER_WAY))
    def test_one_that_was_begun_is_on_its_way(self, status):
        assert self.of(a_record(1, status)).progress is Progress.WORKING

    def test_one_that_succeeded_says_nothing_about_what_is_there_now(self):
        assert self.of(a_record(1, "SUCCESSFUL")) is None

    def test_one_that_a_later_one_of_the_same_attempt_replaced_has_not_failed(self):
        assert self.of(a_record(2, "IN_PROGRESS", after=5), a_record(1, "STOPPED")).progress is Progress.WORKING
        assert self.of(a_record(1, "STOPPED"), a_record(2, "SUCCESSFUL", after=5)) is None

    def test_the_later_one_counts_when_it_failed(self):
        assert self.of(a_record(1, "STOPPED"), a_record(2, "ROLLBACK_SUCCESSFUL", after=5)).reason.endswith("because 2")

    def test_those_of_others_count_for_nothing(self):
        assert self.of(a_record(3, "ROLLBACK_SUCCESSFUL")) is None
        assert self.of(a_record(1, "ROLLBACK_SUCCESSFUL"), a_record(3, "IN_PROGRESS", after=5)).progress is Progress.FAILED

    def test_one_without_a_reason_says_its_status(self):
        assert "STOPPED" in self.of(a_record(1, "STOPPED") | {"statusReason": ""}).reason

    def test_every_status_that_botocore_knows_has_its_place(self):
        from botocore.session import get_session

        known = set(get_session().get_service_model("ecs").shape_for("ServiceDeploymentStatus").enum)

        assert known == ENDED_BADLY | UNDER_WAY | {"SUCCESSFUL"}


class TestManaging:
    def test_a_plain_rolling_service_can_be_managed(self):
        assert unmanageable(a_service()) is None
        assert unmanageable(a_service(deploymentController={"type": "ECS"}, deploymentConfiguration={"strategy": "ROLLING"}, loadBalancers=[{}])) is None

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"deploymentController": {"type": "CODE_DEPLOY"}}, "CODE_DEPLOY"),
            ({"deploymentConfiguration": {"strategy": "CANARY"}}, "CANARY"),
            ({"loadBalancers": [{}, {"advancedConfiguration": {"roleArn": "r"}}]}, "advancedConfiguration"),
            ({"schedulingStrategy": "DAEMON"}, "DAEMON"),
        ],
    )
    def test_what_would_write_the_same_rules_cannot(self, change, told):
        assert told in unmanageable(a_service(**change))
