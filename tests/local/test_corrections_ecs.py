"""What plain moto's ECS does, and what it does corrected."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws
from moto.ecs.models import ecs_backends

from tests.local.both_ways import a_balancer, a_group, a_listener, both_ways, client
from turnout.local import corrections

BALANCED = {"containerName": "app", "containerPort": 8080}
TARGET = {"ServiceNamespace": "ecs", "ResourceId": "service/turnout/web", "ScalableDimension": "ecs:service:DesiredCount"}
ADVANCED = {"alternateTargetGroupArn": "a", "productionListenerRule": "p", "roleArn": "r"}


def a_definition(family: str = "web", **container: Any) -> str:
    made = {"name": "app", "image": "web:1", "memory": 128, "portMappings": [{"containerPort": 8080}], **container}
    arn: str = client("ecs").register_task_definition(family=family, containerDefinitions=[made])["taskDefinition"]["taskDefinitionArn"]
    return arn


def a_service(name: str = "web", desired: int = 1, **how: Any) -> dict[str, Any]:
    ecs = client("ecs")
    if not ecs.describe_clusters(clusters=["turnout"])["clusters"]:
        ecs.create_cluster(clusterName="turnout")
    definition = how.pop("taskDefinition", None) or a_definition()
    made: dict[str, Any] = ecs.create_service(cluster="turnout", serviceName=name, taskDefinition=definition, desiredCount=desired, **how)["service"]
    return made


def update(**how: Any) -> dict[str, Any]:
    updated: dict[str, Any] = client("ecs").update_service(cluster="turnout", service="web", **how)["service"]
    return updated


def described(name: str = "web") -> dict[str, Any]:
    found: dict[str, Any] = client("ecs").describe_services(cluster="turnout", services=[name])["services"][0]
    return found


def a_used_group() -> str:
    balancer = a_balancer()
    group = a_group()
    a_listener(balancer, group)
    return group


class TestAService:
    def test_names_its_task_definition_by_arn(self) -> None:
        def do() -> str:
            a_service()
            a_definition()
            return str(update(taskDefinition="web:2")["taskDefinition"]).rsplit("/", maxsplit=1)[-1] + str(described()["taskDefinition"]).partition(":")[0]

        assert both_ways(do) == ("web:2web", "web:2arn")

    def test_keeps_its_deployment_configuration(self) -> None:
        breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}, "maximumPercent": 150}

        def do() -> Any:
            a_service(deploymentConfiguration=breaker)
            update(deploymentConfiguration={"minimumHealthyPercent": 50})
            return described()["deploymentConfiguration"]

        assert both_ways(do) == (
            {"minimumHealthyPercent": 50},
            {**breaker, "minimumHealthyPercent": 50, "strategy": "ROLLING", "bakeTimeInMinutes": 0},
        )

    def test_says_the_defaults_of_its_deployment_configuration(self) -> None:
        plain, corrected = both_ways(lambda: a_service().get("deploymentConfiguration"))

        assert plain is None
        assert corrected == {
            "deploymentCircuitBreaker": {"enable": False, "rollback": False},
            "maximumPercent": 200, "minimumHealthyPercent": 100, "strategy": "ROLLING", "bakeTimeInMinutes": 0,
        }  # fmt: skip

    def test_keeps_what_says_that_somebody_else_moves_its_traffic(self) -> None:
        def do() -> Any:
            group = a_used_group()
            made = a_service(
                loadBalancers=[{"targetGroupArn": group, **BALANCED, "advancedConfiguration": ADVANCED}], deploymentConfiguration={"strategy": "BLUE_GREEN"}
            )
            return made["loadBalancers"][0].get("advancedConfiguration"), made.get("deploymentConfiguration", {}).get("strategy")

        assert both_ways(do) == ((ADVANCED, None), (ADVANCED, "BLUE_GREEN"))

    @pytest.mark.parametrize("kind", ["CODE_DEPLOY", "EXTERNAL"])
    def test_of_another_controller_is_not_deployed_by_an_update(self, kind: str) -> None:
        def do() -> Any:
            made = a_service(deploymentController={"type": kind})
            assert (made["deploymentController"], made["deployments"]) == ({"type": kind}, [])
            update(desiredCount=2)
            return update(taskDefinition=a_definition())["deploymentController"]["type"]

        assert both_ways(do) == (kind, "InvalidParameterException")

    def test_keeps_when_it_was_created_and_how_patient_it_is(self) -> None:
        def do() -> Any:
            made = a_service(healthCheckGracePeriodSeconds=7)
            return made.get("healthCheckGracePeriodSeconds"), "createdAt" in made

        assert both_ways(do) == ((None, False), (7, True))

    def test_is_not_made_twice(self) -> None:
        def do() -> str:
            a_service()
            a_service()
            return "taken"

        assert both_ways(do) == ("taken", "InvalidParameterException")

    def test_that_is_deleted_can_be_made_again_and_not_updated(self) -> None:
        def do() -> str:
            a_service(desired=0)
            client("ecs").delete_service(cluster="turnout", service="web")
            a_service("other")
            update(desiredCount=1)
            return "taken"

        def again() -> str:
            a_service(desired=0)
            client("ecs").delete_service(cluster="turnout", service="web")
            return str(a_service()["status"])

        assert both_ways(do) == ("taken", "ServiceNotActiveException")
        assert both_ways(again) == ("ACTIVE", "ACTIVE")

    @pytest.mark.parametrize("named", ["gone", "web:9"])
    def test_refuses_a_task_definition_that_is_not_there(self, named: str) -> None:
        def do() -> str:
            a_service()
            update(taskDefinition=named)
            return "taken"

        assert both_ways(do) == ("ClientException", "ClientException")

    def test_that_cloudformation_made_is_deployed_by_an_update_too(self) -> None:
        def do() -> Any:
            client("ecs").create_cluster(clusterName="turnout")
            a_definition()
            ecs_backends["123456789012"]["us-east-1"].create_service("turnout", "web", 1, "web")
            return [each["status"] for each in update(forceNewDeployment=True)["deployments"]]

        assert both_ways(do) == (["PRIMARY"], ["PRIMARY", "ACTIVE"])

    def test_refuses_a_task_definition_that_is_inactive(self) -> None:
        def do() -> str:
            a_service()
            client("ecs").deregister_task_definition(taskDefinition=a_definition())
            update(taskDefinition="web:2")
            return "taken"

        assert both_ways(do) == ("taken", "ClientException")

    @pytest.mark.parametrize("wrong", [{"containerName": "other"}, {"containerPort": 1}])
    def test_refuses_a_task_definition_without_what_the_load_balancer_talks_to(self, wrong: dict[str, Any]) -> None:
        def do() -> str:
            a_service(loadBalancers=[{"targetGroupArn": a_used_group(), **BALANCED, **wrong}])
            return "taken"

        assert both_ways(do) == ("taken", "InvalidParameterException")

    def test_refuses_a_target_group_that_no_load_balancer_uses(self) -> None:
        def do() -> str:
            a_balancer()
            a_service(loadBalancers=[{"targetGroupArn": a_group(), **BALANCED}])
            return "taken"

        assert both_ways(do) == ("taken", "InvalidParameterException")

    def test_needs_no_security_groups(self) -> None:
        def do() -> str:
            a_balancer()
            subnet = client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
            a_service(networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet]}})
            return "taken"

        assert both_ways(do) == ("KeyError", "taken")


class TestDeployments:
    def test_have_ids_of_19_digits(self) -> None:
        plain, corrected = both_ways(lambda: a_service()["deployments"][0]["id"])

        assert re.fullmatch(r"ecs-svc/\d+", plain)
        assert re.fullmatch(r"ecs-svc/\d{19}", corrected)

    def test_begin_with_another_task_definition(self) -> None:
        def do() -> Any:
            first = a_service()["deployments"][0]["id"]
            second = a_definition()
            shown = update(taskDefinition=second)["deployments"]
            return [(each["status"], each["taskDefinition"].rpartition("/")[2], each["id"] == first) for each in shown]

        assert both_ways(do) == ([("PRIMARY", "web:1", True)], [("PRIMARY", "web:2", False), ("ACTIVE", "web:1", True)])

    def test_begin_when_they_are_forced(self) -> None:
        def do() -> int:
            a_service()
            return len(update(forceNewDeployment=True)["deployments"])

        assert both_ways(do) == (1, 2)

    def test_do_not_begin_with_another_number_of_tasks(self) -> None:
        def do() -> Any:
            first = a_service()["deployments"][0]
            shown = update(desiredCount=3, taskDefinition=described()["taskDefinition"])["deployments"]
            return [(each["id"] == first["id"], each["desiredCount"], each["runningCount"]) for each in shown], described()["runningCount"]

        assert both_ways(do) == (([(True, 1, 0)], 3), ([(True, 3, 0)], 0))

    def test_of_nothing_are_complete(self) -> None:
        def do() -> Any:
            a_service(desired=0)
            [first, *_] = update(taskDefinition=a_definition())["deployments"]
            return first["rolloutState"], first["taskDefinition"].rpartition("/")[2], first["rolloutStateReason"] == f"ECS deployment {first['id']} completed."

        assert both_ways(do) == (("COMPLETED", "web:1", True), ("COMPLETED", "web:2", True))

    def test_that_somebody_has_to_run_are_in_progress(self) -> None:
        def do() -> Any:
            [made] = a_service()["deployments"]
            return {key: made[key] for key in ("rolloutState", "failedTasks", "pendingCount", "runningCount")}

        waiting = {"rolloutState": "IN_PROGRESS", "failedTasks": 0, "runningCount": 0}
        assert both_ways(do) == ({**waiting, "pendingCount": 1}, {**waiting, "pendingCount": 0})


class TestServiceDeployments:
    def test_tell_what_was_deployed(self) -> None:
        def do() -> Any:
            a_service(desired=0)
            update(taskDefinition=a_definition(image="repo@sha256:abc"), desiredCount=1)
            ecs = client("ecs")
            listed = ecs.list_service_deployments(cluster="turnout", service=described()["serviceArn"])["serviceDeployments"]
            [newest] = ecs.describe_service_deployments(serviceDeploymentArns=[listed[0]["serviceDeploymentArn"]])["serviceDeployments"]
            arns = [newest["targetServiceRevision"]["arn"], newest["sourceServiceRevisions"][0]["arn"]]
            revisions = ecs.describe_service_revisions(serviceRevisionArns=arns)["serviceRevisions"]
            return (
                [each["status"] for each in listed],
                [each["taskDefinition"].rpartition("/")[2] for each in revisions],
                revisions[0]["containerImages"],
                newest["deploymentCircuitBreaker"],
            )

        plain, corrected = both_ways(do)
        assert plain == "NotImplementedError"
        assert corrected == (
            ["IN_PROGRESS", "SUCCESSFUL"],
            ["web:2", "web:1"],
            [{"containerName": "app", "image": "repo@sha256:abc", "imageDigest": "sha256:abc"}],
            {"status": "DISABLED", "failureCount": 0, "threshold": 3},
        )

    def test_say_which_are_not_there(self) -> None:
        def do() -> Any:
            ecs = client("ecs")
            return (
                ecs.describe_service_deployments(serviceDeploymentArns=["arn:gone"])["failures"],
                ecs.describe_service_revisions(serviceRevisionArns=["arn:gone"])["failures"],
            )

        missing = [{"arn": "arn:gone", "reason": "MISSING"}]
        assert both_ways(do) == ("NotImplementedError", (missing, missing))

    def test_are_stopped_by_the_next_one(self) -> None:
        def do() -> Any:
            a_service()
            update(forceNewDeployment=True)
            listed = client("ecs").list_service_deployments(cluster="turnout", service="web")["serviceDeployments"]
            return [each["status"] for each in listed]

        assert both_ways(do) == ("NotImplementedError", ["IN_PROGRESS", "STOPPED"])

    def test_are_listed_by_status_time_and_page(self) -> None:
        with mock_aws(), corrections.apply():
            a_service()
            for _ in range(4):
                update(forceNewDeployment=True)

            def listed(**how: Any) -> Any:
                return client("ecs").list_service_deployments(cluster="turnout", service="web", **how)

            every = [each["serviceDeploymentArn"] for each in listed()["serviceDeployments"]]
            first = listed(maxResults=3)
            second = listed(maxResults=3, nextToken=first["nextToken"])
            assert [each["serviceDeploymentArn"] for each in first["serviceDeployments"] + second["serviceDeployments"]] == every
            assert "nextToken" not in second
            assert len(every) == len(set(every)) == 5
            assert len(listed(status=["STOPPED", "SUCCESSFUL"])["serviceDeployments"]) == 4
            tomorrow = datetime.now(UTC) + timedelta(days=1)
            assert listed(createdAt={"after": tomorrow})["serviceDeployments"] == []
            assert len(listed(createdAt={"before": tomorrow})["serviceDeployments"]) == 5

    def test_of_a_service_that_is_not_there_are_an_error(self) -> None:
        def do() -> Any:
            a_service()
            return client("ecs").list_service_deployments(cluster="turnout", service="gone")

        assert both_ways(do) == ("NotImplementedError", "ServiceNotFoundException")


class TestTaskDefinitions:
    def test_are_listed_the_newest_first_when_asked(self) -> None:
        def do() -> Any:
            for _ in range(11):
                a_definition()
            a_definition("web-blue")
            listed = client("ecs").list_task_definitions(familyPrefix="web", sort="DESC")["taskDefinitionArns"]
            return [arn.rpartition("/")[2] for arn in listed[:2]], len(listed)

        assert both_ways(do) == ((["web:1", "web:2"], 11), (["web:11", "web:10"], 11))

    def test_come_in_pages(self) -> None:
        def do() -> Any:
            for _ in range(3):
                a_definition()
            pages = client("ecs").get_paginator("list_task_definitions").paginate(familyPrefix="web", PaginationConfig={"PageSize": 2})
            return [len(page["taskDefinitionArns"]) for page in pages]

        assert both_ways(do) == ([3], [2, 1])

    def test_of_a_family_are_its_newest_active_one(self) -> None:
        def do() -> Any:
            a_definition()
            client("ecs").deregister_task_definition(taskDefinition=a_definition())
            newest = client("ecs").describe_task_definition(taskDefinition="web")["taskDefinition"]
            shown = {status: len(client("ecs").list_task_definitions(familyPrefix="web", status=status)["taskDefinitionArns"]) for status in ("ACTIVE", "INACTIVE")}
            return newest["revision"], shown

        assert both_ways(do) == ((2, {"ACTIVE": 1, "INACTIVE": 1}), (1, {"ACTIVE": 1, "INACTIVE": 1}))

    def test_keep_secrets_and_all_else(self) -> None:
        given = {"secrets": [{"name": "S", "valueFrom": "arn:x"}], "stopTimeout": 5, "logConfiguration": {"logDriver": "awslogs", "options": {"a": "b"}}}

        def do() -> Any:
            [container] = client("ecs").describe_task_definition(taskDefinition=a_definition(**given))["taskDefinition"]["containerDefinitions"]
            return {name: container[name] for name in given}

        assert both_ways(do) == (given, given)

    def test_say_when_they_were_registered_and_both_ports(self) -> None:
        def do() -> Any:
            made = {"name": "app", "image": "i", "portMappings": [{"containerPort": 8080}]}
            fargate = {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}
            said = client("ecs").register_task_definition(family="web", containerDefinitions=[made], **fargate)["taskDefinition"]
            return "registeredAt" in said, said["containerDefinitions"][0]["portMappings"]

        mapping = {"containerPort": 8080}
        assert both_ways(do) == ((False, [mapping]), (True, [{**mapping, "hostPort": 8080, "protocol": "tcp"}]))


class TestTasks:
    def test_that_are_not_there_are_failures(self) -> None:
        def do() -> Any:
            a_service()
            answer = client("ecs").describe_tasks(cluster="turnout", tasks=["gone"])
            return answer["tasks"], answer["failures"]

        assert both_ways(do) == (([], []), ([], [{"arn": "gone", "reason": "MISSING"}]))

    def test_that_are_not_there_cannot_be_stopped(self) -> None:
        def do() -> Any:
            a_service()
            return client("ecs").stop_task(cluster="turnout", task="gone")

        assert both_ways(do) == ("Exception", "InvalidParameterException")

    def test_of_a_service_that_is_not_there_are_an_error(self) -> None:
        def do() -> Any:
            a_service()
            return client("ecs").list_tasks(cluster="turnout", serviceName="gone")["taskArns"]

        assert both_ways(do) == ([], "ServiceNotFoundException")

    def test_are_those_of_the_service_that_is_asked_for(self) -> None:
        def do() -> Any:
            balancer, ecs = a_balancer(), client("ecs")
            assert balancer
            a_service(desired=0)
            subnet = client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
            network = {"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": []}}
            ecs.run_task(cluster="turnout", taskDefinition="web", launchType="FARGATE", networkConfiguration=network)
            return len(ecs.list_tasks(cluster="turnout")["taskArns"]), len(ecs.list_tasks(cluster="turnout", serviceName="web")["taskArns"])

        assert both_ways(do) == ((1, 1), (1, 0))


class TestAScalableTarget:
    def test_says_in_full_what_is_suspended(self) -> None:
        def do() -> Any:
            a_service()
            scaling, said = client("application-autoscaling"), []
            for state in ({}, {"DynamicScalingInSuspended": True, "ScheduledScalingSuspended": True}, {"ScheduledScalingSuspended": False}):
                scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=4, **({"SuspendedState": state} if state else {}))
                [target] = scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[TARGET["ResourceId"]])["ScalableTargets"]
                said.append(target.get("SuspendedState"))
            return said

        def state(dynamic_in: bool, scheduled: bool) -> dict[str, bool]:
            return {"DynamicScalingInSuspended": dynamic_in, "DynamicScalingOutSuspended": False, "ScheduledScalingSuspended": scheduled}

        plain, corrected = both_ways(do)
        assert plain == [None, {"DynamicScalingInSuspended": True, "ScheduledScalingSuspended": True}, {"ScheduledScalingSuspended": False}]
        assert corrected == [state(False, False), state(True, True), state(True, False)]

    def test_needs_the_service(self) -> None:
        def do() -> Any:
            client("ecs").create_cluster(clusterName="turnout")
            return client("application-autoscaling").register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=4)

        assert both_ways(do) == ("ValidationException", "ValidationException")
