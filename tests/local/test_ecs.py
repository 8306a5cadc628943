"""ECS tasks as real processes behind the local load balancer: what starts them, what replaces them, what ends them."""

import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.local.an_ecs import APP, DEAF, GRACEFUL, Ecs, Service, alive_in_group
from tests.local.stage import eventually

CRASHING = 'raise SystemExit("no")\n'


@pytest.fixture(scope="module")
def ecs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ecs]:
    with Ecs.opened(tmp_path_factory.mktemp("ecs")) as opened:
        yield opened


@pytest.fixture
def made(ecs: Ecs) -> Iterator[list[Service]]:
    """Services that are taken down when the test is over."""
    services: list[Service] = []
    yield services
    for service in services:
        ecs.client.delete_service(cluster="turnout", service=service.name, force=True)


@contextmanager
def asked_again_and_again(service: Service, seen: list[str]) -> Iterator[None]:
    """Every answer that production gives meanwhile."""
    enough = threading.Event()

    def ask() -> None:
        while not enough.is_set():
            seen.append(service.release())

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for each in asking:
        each.start()
    try:
        yield
    finally:
        enough.set()
        for each in asking:
            each.join()


class TestATask:
    def test_runs_the_image_with_its_settings_and_the_port_it_is_given(self, ecs: Ecs, made: list[Service]) -> None:
        image = ecs.image(Env=["FROM_IMAGE=1", "RELEASE=overridden"])
        made.append(service := ecs.service(ecs.definition("one", image, settings={"AWS_REGION": "elsewhere"})))
        service.settled()

        told = service.listening.ask().json

        [task] = service.tasks()
        assert told["release"] == "one"
        assert Path(told["cwd"]).name == "srv"
        assert {name: told["environ"].get(name) for name in ("FROM_IMAGE", "AWS_ENDPOINT_URL", "AWS_REGION")} == {
            "FROM_IMAGE": "1", "AWS_ENDPOINT_URL": ecs.stage.endpoint, "AWS_REGION": "elsewhere",
        }
        assert told["environ"]["PORT"] == str(task["containers"][0]["networkBindings"][0]["hostPort"]) != "8080"
        assert (task["lastStatus"], task["desiredStatus"], task["group"]) == ("RUNNING", "RUNNING", f"service:{service.name}")
        assert task["containers"][0]["imageDigest"] == image.partition("@")[2]
        assert {"name": "privateIPv4Address", "value": "127.0.0.1"} in task["attachments"][0]["details"]

    def test_writes_to_a_log_of_its_own_through_a_shell_too(self, ecs: Ecs, made: list[Service]) -> None:
        made.append(service := ecs.service(ecs.definition("logged", ecs.image(Cmd=["/bin/sh", "-c", "exec python3 app.py"]))))
        service.settled()

        [task] = service.tasks()

        log = ecs.stage.work_dir / "logs" / "ecs" / f"{service.name}-{task['taskArn'].split('/')[-1]}.log"
        assert log.read_text() == "release logged\n"

    def test_is_told_its_secrets(self, ecs: Ecs, made: list[Service]) -> None:
        ssm, store = ecs.stage.client("ssm"), ecs.stage.client("secretsmanager")
        ssm.put_parameter(Name="/web/key", Value="first", Type="SecureString")
        ssm.put_parameter(Name="/web/key", Value="second", Type="SecureString", Overwrite=True)
        secret = store.create_secret(Name="web/db", SecretString='{"user": "u", "port": 5432}')
        store.put_secret_value(SecretId="web/db", SecretString='{"user": "new"}')
        parameter = f"arn:aws:ssm:{ecs.stage.region}:123456789012:parameter/web/key"
        wanted = {"LATEST": "/web/key", "PINNED": f"{parameter}:1", "WHOLE": secret["ARN"]}
        wanted |= {"ONE": f"{secret['ARN']}:user::{secret['VersionId']}", "OLD": f"{secret['ARN']}:port:AWSPREVIOUS:"}

        secrets = [{"name": name, "valueFrom": value} for name, value in wanted.items()]
        made.append(service := ecs.service(ecs.definition("secret", secrets=secrets)))
        service.settled()

        told = service.listening.ask().json["environ"]
        assert {name: told[name] for name in wanted} == {"LATEST": "second", "PINNED": "first", "WHOLE": '{"user": "new"}', "ONE": "u", "OLD": "5432"}

    @pytest.mark.parametrize(
        ("container", "reason"),
        [
            ({"secrets": [{"name": "S", "valueFrom": "/not/there"}]}, "ResourceInitializationError: .* unable to retrieve secrets from ssm: .*: /not/there"),
            ({"secrets": [{"name": "S", "valueFrom": "arn:aws:secretsmanager:{region}:123456789012:secret:no-abcdef"}]}, "ResourceInitializationError: .* ResourceNotFoundException: "),
            ({"image": "123456789012.dkr.ecr.{region}.amazonaws.com/web:gone"}, "CannotPullContainerError: .*web:gone"),
            ({"image": "docker.io/library/busybox"}, "CannotPullContainerError: .*docker.io"),
            ({"command": ["no-such-program"]}, 'CannotStartContainerError: .*exec: "no-such-program": executable file not found'),
        ],
    )
    def test_that_cannot_start_says_why_in_the_words_of_ecs(self, ecs: Ecs, made: list[Service], container: dict[str, Any], reason: str) -> None:
        placed = json.loads(json.dumps(container).replace("{region}", ecs.stage.region))
        made.append(service := ecs.service(ecs.definition("bad", **placed)))

        [stopped, *_] = eventually(lambda: service.tasks("STOPPED"))

        assert (stopped["lastStatus"], stopped["stopCode"]) == ("STOPPED", "TaskFailedToStart")
        assert re.match(reason, stopped["stoppedReason"])

    def test_that_is_killed_is_replaced(self, ecs: Ecs, made: list[Service]) -> None:
        made.append(service := ecs.service(ecs.definition("killed")))
        completed = service.settled()["id"]
        before = service.listening.ask().json["pid"]

        os.kill(before, signal.SIGKILL)

        eventually(lambda: service.described()["runningCount"] == 1 and service.tasks("STOPPED"))
        assert eventually(lambda: service.release() == "killed")
        assert service.listening.ask().json["pid"] != before
        assert service.primary()["id"] == completed, "a task that dies is no new deployment"
        [stopped] = service.tasks("STOPPED")
        assert (stopped["stopCode"], stopped["containers"][0]["exitCode"]) == ("EssentialContainerExited", 137)

    def test_that_somebody_stops_is_replaced(self, ecs: Ecs, made: list[Service]) -> None:
        made.append(service := ecs.service(ecs.definition("stopped")))
        service.settled()
        [task] = service.tasks()

        ecs.client.stop_task(cluster="turnout", task=task["taskArn"], reason="because")

        [stopped] = eventually(lambda: [each for each in service.tasks("STOPPED") if each["lastStatus"] == "STOPPED"])
        assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "because")
        eventually(lambda: [each["lastStatus"] for each in service.tasks()] == ["RUNNING"])
        assert service.primary()["failedTasks"] == 0

    def test_that_does_not_listen_to_sigterm_is_killed_when_its_time_is_over(self, ecs: Ecs, made: list[Service]) -> None:
        app = APP.replace(GRACEFUL, DEAF)
        made.append(service := ecs.service(ecs.definition("deaf", ecs.image(app), stopTimeout=1)))
        service.settled()
        pid = service.listening.ask().json["pid"]

        service.update(desiredCount=0)

        eventually(lambda: not alive_in_group(pid))
        [stopped] = eventually(lambda: [each for each in service.tasks("STOPPED") if each["lastStatus"] == "STOPPED"])
        assert stopped["containers"][0]["exitCode"] == 137


class TestARollout:
    def test_starts_the_new_ones_before_it_stops_the_old(self, ecs: Ecs, made: list[Service]) -> None:
        made.append(service := ecs.service(ecs.definition("old"), desired=2))
        first = service.settled()
        seen: list[str] = []
        with asked_again_and_again(service, seen):
            second = service.update(taskDefinition=ecs.definition("new"))["deployments"][0]
            assert (second["status"], second["rolloutState"], second["id"] != first["id"]) == ("PRIMARY", "IN_PROGRESS", True)
            service.settled(second["id"])
            eventually(lambda: seen and seen[-1] == "new")

        assert set(seen) == {"old", "new"}, "no request was lost"
        assert service.release() == "new"
        described = service.described()
        assert (described["runningCount"], described["pendingCount"], len(described["deployments"])) == (2, 0, 1)
        assert [each["status"] for each in service.history()] == ["SUCCESSFUL", "SUCCESSFUL"]
        assert any("has reached a steady state." in message for message in service.says())

    def test_with_no_room_above_stops_the_old_ones_first(self, ecs: Ecs, made: list[Service]) -> None:
        tight = {"maximumPercent": 100, "minimumHealthyPercent": 0}
        made.append(service := ecs.service(ecs.definition("old"), deploymentConfiguration=tight))
        service.settled()
        [old] = service.tasks()

        service.update(taskDefinition=ecs.definition("new"))
        service.settled()

        [new] = service.tasks()
        [stopped] = service.tasks("STOPPED")
        assert stopped["taskArn"] == old["taskArn"]
        assert stopped["stoppingAt"] <= new["createdAt"]

    def test_of_the_same_task_definition_is_one_when_it_is_forced(self, ecs: Ecs, made: list[Service]) -> None:
        made.append(service := ecs.service(definition := ecs.definition("same")))
        first = service.settled()

        again = service.update(taskDefinition=definition)["deployments"]
        forced = service.update(forceNewDeployment=True)["deployments"]

        assert [each["id"] for each in again] == [first["id"]]
        assert forced[0]["id"] != first["id"]
        service.settled(forced[0]["id"])

    def test_that_crashes_is_rolled_back_by_the_circuit_breaker(self, ecs: Ecs, made: list[Service]) -> None:
        made.append(service := ecs.service(good := ecs.definition("good")))
        first, bad = service.settled(), ecs.definition("bad", ecs.image(CRASHING))

        failing = service.update(taskDefinition=bad)["deployments"][0]["id"]
        failed = eventually(lambda: next((each for each in service.described()["deployments"] if each["rolloutState"] == "FAILED"), None), within=20)
        back = service.primary()
        service.settled(back["id"])

        assert (failed["id"], failed["status"], failed["failedTasks"]) == (failing, "ACTIVE", 3)
        assert failed["rolloutStateReason"] == "ECS deployment circuit breaker: tasks failed to start."
        assert back["id"] not in {first["id"], failing}
        assert back["rolloutStateReason"] == f"ECS deployment circuit breaker: rolling back to deploymentId {first['id']}."
        assert service.described()["taskDefinition"] == good
        assert service.release() == "good"
        record = service.history()[0]
        assert record["status"] == "ROLLBACK_SUCCESSFUL"
        assert record["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
        [target] = ecs.client.describe_service_revisions(serviceRevisionArns=[record["targetServiceRevision"]["arn"]])["serviceRevisions"]
        assert target["taskDefinition"] == bad
        [source] = ecs.client.describe_service_revisions(serviceRevisionArns=[record["rollback"]["serviceRevisionArn"]])["serviceRevisions"]
        assert source["taskDefinition"] == good

    def test_that_never_becomes_healthy_is_rolled_back_too(self, ecs: Ecs, made: list[Service]) -> None:
        made.append(service := ecs.service(ecs.definition("good")))
        service.settled()

        service.update(taskDefinition=ecs.definition("sick", settings={"SICK": "1"}))
        eventually(lambda: service.history()[0]["status"] == "ROLLBACK_SUCCESSFUL", within=40)

        assert service.release() == "good"
        assert any("is unhealthy in (target-group" in message for message in service.says())

    def test_without_rollback_stops_and_leaves_what_serves(self, ecs: Ecs, made: list[Service]) -> None:
        only = {"deploymentCircuitBreaker": {"enable": True, "rollback": False}}
        made.append(service := ecs.service(ecs.definition("good"), deploymentConfiguration=only))
        service.settled()

        service.update(taskDefinition=ecs.definition("bad", ecs.image(CRASHING)))
        eventually(lambda: service.primary()["rolloutState"] == "FAILED", within=20)

        started = len(service.tasks("STOPPED"))
        assert service.release() == "good"
        assert service.history()[0]["status"] == "STOPPED"
        made.append(other := ecs.service(ecs.definition("other")))
        other.settled()  # meanwhile the scheduler has looked many times
        assert len(service.tasks("STOPPED")) == started

    def test_that_is_the_first_goes_back_to_what_cannot_run_and_the_next_one_still_can(self, ecs: Ecs, made: list[Service]) -> None:
        """A service begins with a placeholder that never ran: that is its last completed deployment."""
        placeholder = f"123456789012.dkr.ecr.{ecs.stage.region}.amazonaws.com/web:unreleased"
        made.append(service := ecs.service(ecs.definition("placeholder", placeholder), desired=0))

        service.update(taskDefinition=ecs.definition("bad", ecs.image(CRASHING)), desiredCount=1)
        eventually(lambda: service.history()[0]["status"] == "ROLLBACK_FAILED", within=20)
        assert service.primary()["rolloutState"] == "FAILED"

        service.update(taskDefinition=ecs.definition("good"))
        service.settled()
        assert service.release() == "good"

    def test_with_nothing_to_go_back_to_fails(self, ecs: Ecs, made: list[Service]) -> None:
        made.append(service := ecs.service(ecs.definition("bad", ecs.image(CRASHING))))

        eventually(lambda: service.primary()["rolloutState"] == "FAILED", within=20)

        assert service.history()[0]["status"] == "ROLLBACK_FAILED"

    def test_without_circuit_breaker_goes_on_trying(self, ecs: Ecs, made: list[Service]) -> None:
        made.append(service := ecs.service(ecs.definition("bad", ecs.image(CRASHING)), deploymentConfiguration={}))

        eventually(lambda: service.primary()["failedTasks"] >= 4, within=20)

        assert service.primary()["rolloutState"] == "IN_PROGRESS"

    def test_in_its_grace_period_is_not_judged_by_the_load_balancer(self, ecs: Ecs, made: list[Service]) -> None:
        sick = ecs.definition("sick", settings={"SICK": "1"})
        made.append(service := ecs.service(sick, healthCheckGracePeriodSeconds=600))
        target = {"Id": "127.0.0.1", "Port": eventually(lambda: (service.tasks() or [{"containers": [{}]}])[0]["containers"][0].get("networkBindings"))[0]["hostPort"]}

        health = ecs.stage.client("elbv2").describe_target_health
        eventually(lambda: health(TargetGroupArn=service.group, Targets=[target])["TargetHealthDescriptions"][0]["TargetHealth"]["State"] == "unhealthy")

        assert service.primary()["failedTasks"] == 0
        assert service.described()["runningCount"] == 1

    def test_is_told_to_eventbridge(self, ecs: Ecs, made: list[Service]) -> None:
        made.append(service := ecs.service(ecs.definition("told")))
        deployment = service.settled()["id"]
        arn = service.described()["serviceArn"]

        def of_it() -> list[dict[str, Any]]:
            return [each for each in ecs.told if each["resources"] == [arn]]

        eventually(lambda: len(of_it()) == 2)
        assert [each["detail"]["eventName"] for each in of_it()] == ["SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_DEPLOYMENT_COMPLETED"]
        assert {each["detail"]["deploymentId"] for each in of_it()} == {deployment}
        assert {each["detail-type"] for each in of_it()} == {"ECS Deployment State Change"}
        assert set(of_it()[0]["detail"]) == {"eventType", "eventName", "deploymentId", "updatedAt", "reason"}
        changes = [each["detail"]["lastStatus"] for each in ecs.told if each["detail"].get("group") == f"service:{service.name}"]
        assert changes == ["RUNNING"]


class TestScaling:
    def test_down_lets_requests_in_flight_finish(self, ecs: Ecs, made: list[Service]) -> None:
        made.append(service := ecs.service(ecs.definition("slow"), desired=2))
        service.settled()
        answers: list[int] = []
        slow = [threading.Thread(target=lambda: answers.append(service.listening.ask("/slow").status)) for _ in range(6)]
        for each in slow:
            each.start()
        eventually(lambda: requests(ecs, service) >= len(slow))

        service.update(desiredCount=1)
        for each in slow:
            each.join()

        assert answers == [200] * 6
        eventually(lambda: [each["lastStatus"] for each in service.tasks("STOPPED")] == ["STOPPED"])
        assert service.described()["runningCount"] == 1
        assert [each["rolloutState"] for each in service.described()["deployments"]] == ["COMPLETED"]

    def test_is_no_deployment(self, ecs: Ecs, made: list[Service]) -> None:
        made.append(service := ecs.service(ecs.definition("scaled")))
        deployment = service.settled()["id"]

        service.update(desiredCount=3)
        eventually(lambda: service.described()["runningCount"] == 3)
        service.update(desiredCount=0)
        eventually(lambda: service.described()["runningCount"] == 0)

        assert service.primary()["id"] == deployment
        assert len(service.history()) == 1
        eventually(lambda: service.listening.ask().status == 503)

    def test_a_service_of_none_is_complete_at_once(self, ecs: Ecs, made: list[Service]) -> None:
        made.append(service := ecs.service(ecs.definition("none"), desired=0))

        assert service.primary()["rolloutState"] == "COMPLETED"
        assert service.update(taskDefinition=ecs.definition("other"))["deployments"][0]["rolloutState"] == "COMPLETED"


def requests(ecs: Ecs, service: Service) -> float:
    return ecs.stage.metric("RequestCount", "Sum", service.group) or 0


class TestAServiceThatIsDeleted:
    def test_is_draining_until_its_tasks_have_stopped(self, ecs: Ecs) -> None:
        service = ecs.service(ecs.definition("deleted"), delay=1)
        service.settled()
        pid = service.listening.ask().json["pid"]

        deleted = ecs.client.delete_service(cluster="turnout", service=service.name, force=True)["service"]

        assert deleted["status"] == "DRAINING"
        eventually(lambda: service.described()["status"] == "INACTIVE")
        eventually(lambda: not alive_in_group(pid))
