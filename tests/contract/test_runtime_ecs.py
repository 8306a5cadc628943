"""The runtime that is a pair of ECS services: the contract of every runtime, and what only ECS can do to it.

It runs on a small ECS written by hand, and what goes over the wire again on the local stack's corrected moto.
"""

import boto3
import pytest
from botocore.session import get_session
from moto import mock_aws
from moto.ec2.models import ec2_backends
from moto.ecs.models import ecs_backends

from chalicelib.colors import Color
from chalicelib.config.model import REPINNED, Environment, Reference, Store
from chalicelib.deployments.model import Build
from chalicelib.errors import Invalid, NotFound, Unavailable
from chalicelib.releases.model import ImageArtifact
from chalicelib.runtimes.ecs.runtime import EcsRuntime
from chalicelib.runtimes.ecs.task_definition import KEPT
from chalicelib.runtimes.runtime import Progress, Size, Standing, unfenced
from tests.contract.balancers import TRAFFIC, AlbInMoto, a_definition
from tests.contract.breaking import new_clients, throttled
from tests.contract.ecs_by_hand import Ecs, a_base
from tests.contract.functions import Interrupted
from tests.contract.test_runtime import SECRET, SETTINGS
from tests.contract.test_runtime import TestPreparing as Contract
from turnout.local.alb.model import Health, State
from turnout.local.corrections import ecs, elb
from turnout.local.corrections.patches import Patches
from turnout.local.ecs.care import Care

BLUE, GREEN = TRAFFIC.target_groups.blue, TRAFFIC.target_groups.green
REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
RUNTIME = {"kind": "ecs", "cluster": "turnout", "services": {"blue": "web-blue", "green": "web-green"}, "task_definition": "web-base"}


def an_ecs_definition(traffic=TRAFFIC, name="web", **runtime):
    return a_definition(traffic, name=name, runtime=RUNTIME | runtime, source={"ecr": "web"})


def a_build(version, config_version=0):
    digest = "sha256:" + f"{sum(ord(letter) * 7**place for place, letter in enumerate(version)):064x}"[-64:]
    return Build(version, ImageArtifact(REGISTRY, "web", version, digest, 1000), config_version)


class ByHand:
    """The adapter on AWS's rules, as far as they are written down in `ecs_by_hand.py`."""

    def __init__(self, *, slow=2, lag=0, desired=0, **runtime):
        self.aws = Ecs(slow=slow, lag=lag)
        self.aws.register(a_base())
        self.aws.register(a_base("placeholder"))
        self.aws.make_service("web-blue", BLUE, "placeholder", desired)
        self.aws.make_service("web-green", GREEN, "placeholder")
        self.runtime = EcsRuntime(self.aws)
        self.definition = an_ecs_definition(**runtime)

    def publish(self, version, config_version=0):
        return a_build(version, config_version)

    def targets(self, color):
        return self.aws.targets(TRAFFIC.target_groups.of(color))

    def breaks(self, build):
        self.aws.broken.add(build.artifact.uri)

    def mends(self):
        self.aws.broken.clear()

    def settle(self):
        self.aws.settle()

    def running(self, color):
        return self.aws.running(f"web-{color}")

    def registered(self, color):
        return len(self.aws.task_definitions[f"web-{color}"])


class Seeing(ByHand):
    """What was just written is not seen by the next looks."""

    def __init__(self):
        super().__init__(slow=3, lag=3)


class OnMoto:
    """The corrected local ECS. Its tasks are no processes here: they run, or fail, as soon as they are asked to, once a call."""

    def __init__(self):
        self.clients = new_clients()
        self.alb = AlbInMoto.make(TargetType="ip", Protocol="HTTP", Port=8080, VpcId=AlbInMoto.vpc())
        self.ecs = boto3.client("ecs")
        self.ecs.create_cluster(clusterName="turnout")
        for family in ("web-base", "placeholder"):
            self.ecs.register_task_definition(**a_base(family))
        for color in Color:
            self._make_service(color)
        self.runtime = self
        self.adapter = EcsRuntime(self.clients)
        self.definition = an_ecs_definition(self.alb.traffic)
        self.broken, self._ports = set(), iter(range(9000, 9999))
        self._care = Care(lambda *_: Health(State.HEALTHY), self._live)

    def _make_service(self, color):
        balancer = {"targetGroupArn": self.alb.traffic.target_groups.of(color), "containerName": "app", "containerPort": 8080}
        self.ecs.create_service(
            cluster="turnout", serviceName=f"web-{color}", taskDefinition="placeholder", desiredCount=0, loadBalancers=[balancer],
            networkConfiguration={"awsvpcConfiguration": {"subnets": [ec2_backends["123456789012"]["eu-west-1"].describe_subnets()[0].id]}},
            deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
        )  # fmt: skip

    def publish(self, version, config_version=0):
        return a_build(version, config_version)

    def breaks(self, build):
        self.broken.add(build.artifact.uri)

    def mends(self):
        self.broken.clear()

    def running(self, color):
        [service] = self.ecs.describe_services(cluster="turnout", services=[f"web-{color}"])["services"]
        return self.ecs.describe_task_definition(taskDefinition=service["deployments"][0]["taskDefinition"])["taskDefinition"]

    def registered(self, color):
        return len(self.ecs.list_task_definitions(familyPrefix=f"web-{color}")["taskDefinitionArns"])

    def targets(self, color):
        group = self.alb.traffic.target_groups.of(color)
        described = self.alb.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        staying = [each["Target"] for each in described if each["TargetHealth"]["State"] != "draining"]
        return [f"{target['Id']}:{target['Port']} in {group.split('/')[1]}" for target in staying]

    def survey(self, definition):
        self.adapter.survey(definition)

    def standing(self, definition, color):
        return self.adapter.standing(definition, color)

    def sizes(self, definition):
        return self.adapter.sizes(definition)

    def resize(self, definition, color, **bounds):
        self.adapter.resize(definition, color, **bounds)
        self.settle()

    def prepare(self, *args, **kwargs):
        standing = self.adapter.prepare(*args, **kwargs)
        self._look()
        return standing

    def settle(self):
        for _ in range(20):
            self._look()

    def _look(self):
        backend = ecs_backends["123456789012"]["eu-west-1"]
        for service in backend.services.values():
            for task in service.rollouts.tasks:
                if not task.is_wanted and not task.has_ended:
                    self._end(task)
            for deployment in service.rollouts.deployments:
                deployment.no_start_before = 0.0  # the pause after a failure is real time
            self._care.look_after(backend, service)

    def _live(self, task):
        if task.plan.container["image"] in self.broken:
            task.ended("TaskFailedToStart", "no such image")
            return
        task.port = next(self._ports)
        for group in task.plan.groups:
            self.alb.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": "127.0.0.1", "Port": task.port}])
        task.moved("RUNNING")

    def _end(self, task):
        for group in task.plan.groups:
            self.alb.elbv2.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "127.0.0.1", "Port": task.port}])
        task.ended("ServiceSchedulerInitiated", "asked to")


def prepare(world, color, build, environment=SETTINGS, *, attempt="d-000001", still_ours=unfenced):
    return world.runtime.prepare(world.definition, color, build, environment, attempt, still_ours=still_ours)


def prepared(world, color, build, environment=SETTINGS, *, attempt="d-000001", looks=30):
    for _ in range(looks):
        standing = prepare(world, color, build, environment, attempt=attempt)
        if standing.progress is not Progress.WORKING:
            return standing
    raise AssertionError(standing)


def eventually(look, looks=5):
    """What is seen when it no longer changes."""
    return [look() for _ in range(looks)][-1]


def app_of(described):
    return next(each for each in described["containerDefinitions"] if each["name"] == "app")


def variables(described):
    return {each["name"]: each["value"] for each in app_of(described)["environment"]}


@pytest.fixture(name="on_moto")
def _on_moto():
    with mock_aws(), Patches() as patches:
        elb.correct(patches, plane=None)
        ecs.correct(patches)
        yield OnMoto()


@pytest.fixture(params=[ByHand, Seeing, OnMoto])
def world(request):
    return request.getfixturevalue("on_moto") if request.param is OnMoto else request.param()


class TestPreparingOnEcs(Contract):
    """The contract itself."""

    def test_the_survey_accepts_it(self, world):
        world.runtime.survey(world.definition)

    def test_is_as_large_as_the_other_colour(self, world):
        build = world.publish("1.0.0")
        world.runtime.resize(world.definition, Color.BLUE, at_least=3, held=True)

        assert prepared(world, Color.GREEN, build).holds(build)
        assert world.runtime.sizes(world.definition) == {Color.BLUE: Size(3), Color.GREEN: Size(3)}
        assert len(world.targets(Color.GREEN)) == 3

    def test_made_small_it_stands_and_made_smaller_it_waits(self, world):
        build = world.publish("1.0.0")
        world.runtime.resize(world.definition, Color.BLUE, at_least=3, held=True)
        prepared(world, Color.GREEN, build)

        world.runtime.resize(world.definition, Color.GREEN, at_most=1, held=False)
        assert world.runtime.standing(world.definition, Color.GREEN).holds(build)
        world.runtime.resize(world.definition, Color.GREEN, at_most=0, held=False)
        assert eventually(lambda: world.runtime.standing(world.definition, Color.GREEN)) == Standing(
            Progress.WORKING, "1.0.0", build.digest, 0, "scaled to 0"
        )

    def test_has_only_tasks_of_the_build_once_it_stands(self, world):
        prepared(world, Color.GREEN, world.publish("1.0.0"))

        prepared(world, Color.GREEN, world.publish("2.0.0"), attempt="d-000002")

        assert len(world.targets(Color.GREEN)) == 1


class TestTaskDefinition:
    def test_keeps_every_part_that_botocore_knows_to_be_answered_and_asked_for(self):
        model = get_session().get_service_model("ecs")
        asked, answered = (set(model.shape_for(name).members) for name in ("RegisterTaskDefinitionRequest", "TaskDefinition"))

        assert set(KEPT) == (asked & answered) - {"family", "containerDefinitions"}

    def test_has_the_builds_image_and_environment_and_everything_else_of_the_base(self):
        world, build = ByHand(), a_build("1.0.0", config_version=3)

        prepared(world, Color.GREEN, build)

        made = world.aws.running("web-green")
        assert (made["family"], made["networkMode"], made["executionRoleArn"]) == ("web-green", "awsvpc", a_base()["executionRoleArn"])
        assert app_of(made)["image"] == f"{REGISTRY}/web@{build.digest}"
        assert app_of(made)["portMappings"] == [{"containerPort": 8080}]
        assert [each["image"] for each in made["containerDefinitions"]] == [build.artifact.uri, "fluent:1"]
        assert variables(made) == {
            "GREETING": "hello", "TURNOUT_SERVICE": "web", "TURNOUT_VERSION": "1.0.0", "TURNOUT_COLOR": "green", "TURNOUT_CONFIG_VERSION": "3",
            "TURNOUT_DEPLOYMENT": "d-000001", "PORT": "8080",
        }  # fmt: skip

    def test_is_of_the_newest_base(self):
        world = ByHand()
        prepared(world, Color.GREEN, a_build("1.0.0"))
        world.aws.register(a_base(cpu="512"))

        prepared(world, Color.GREEN, a_build("2.0.0"), attempt="d-000002")

        assert world.aws.running("web-green")["cpu"] == "512"

    def test_without_a_base_is_of_what_the_service_runs(self):
        world = ByHand(task_definition=None)
        world.aws.register(a_base("placeholder", memory="999"))

        prepared(world, Color.GREEN, a_build("1.0.0"))
        prepared(world, Color.GREEN, a_build("2.0.0"), attempt="d-000002")

        assert "memory" not in world.aws.running("web-green")
        assert variables(world.aws.running("web-green"))["TURNOUT_VERSION"] == "2.0.0"

    def test_keeps_the_tags_of_the_base_but_those_that_are_awss_own(self):
        world = ByHand()
        world.aws.register(a_base(tags=[{"key": "cost", "value": "web"}, {"key": "aws:cloudformation:stack-name", "value": "s"}]))

        prepared(world, Color.GREEN, a_build("1.0.0"))

        assert world.aws.running("web-green")["_tags"] == [{"key": "cost", "value": "web"}]

    def test_one_that_was_registered_before_is_used(self):
        world, build = ByHand(), a_build("1.0.0")
        prepare(world, Color.GREEN, build, still_ours=lambda: False)
        prepare(world, Color.GREEN, build, still_ours=lambda: False)

        prepared(world, Color.GREEN, build)

        assert world.aws.writes == ["register_task_definition", "update_service"]

    def test_a_base_that_is_gone_is_final(self):
        world = ByHand(task_definition="nowhere")

        standing = prepare(world, Color.GREEN, a_build("1.0.0"))

        assert (standing.progress, world.aws.writes) == (Progress.FAILED, [])
        assert "nowhere" in standing.reason

    def test_a_base_without_the_container_is_final(self):
        world = ByHand(container="other")

        standing = prepare(world, Color.GREEN, a_build("1.0.0"))

        assert (standing.progress, world.aws.writes) == (Progress.FAILED, [])
        assert "runtime.container" in standing.reason

    def test_one_that_ecs_refuses_is_final_with_its_reason(self):
        world = ByHand()
        world.aws.refuse("register_task_definition", "ClientException", "Fargate requires that 'cpu' be defined")

        assert prepare(world, Color.GREEN, a_build("1.0.0")) == Standing(Progress.FAILED, reason="ECS refused it: Fargate requires that 'cpu' be defined")

    def test_two_that_register_at_once_are_no_refusal(self):
        world, build = ByHand(), a_build("1.0.0")
        world.aws.refuse("register_task_definition", "ClientException", "Too many concurrent attempts to create a new revision of the specified family.")
        assert prepare(world, Color.GREEN, build).progress is Progress.WORKING
        world.aws.allow("register_task_definition")

        assert prepared(world, Color.GREEN, build).holds(build)

    def test_one_that_is_not_known_everywhere_yet_is_tried_again(self):
        world, build = ByHand(), a_build("1.0.0")
        world.aws.refuse("update_service", "ClientException", "TaskDefinition not found.")
        assert prepare(world, Color.GREEN, build).progress is Progress.WORKING
        world.aws.allow("update_service")

        assert prepared(world, Color.GREEN, build).holds(build)
        assert world.aws.writes.count("register_task_definition") == 1

    def test_what_may_not_be_changed_is_waited_for_with_the_reason(self):
        world = ByHand()
        world.aws.refuse("register_task_definition", "AccessDeniedException")

        standing = prepare(world, Color.GREEN, a_build("1.0.0"))

        assert standing.progress is Progress.WORKING
        assert "turnout:service" in standing.reason


class TestSecrets:
    def test_a_secret_is_given_by_its_whole_arn_and_its_version(self):
        world = ByHand()

        prepared(world, Color.GREEN, a_build("1.0.0"), Environment({"A": "1"}, {"DB": Reference(Store.SECRETS_MANAGER, SECRET, "v1")}))

        assert app_of(world.aws.running("web-green"))["secrets"] == [{"name": "DB", "valueFrom": f"{SECRET}:::v1"}]
        assert "describe_secret" not in world.aws.calls

    def test_a_name_is_made_an_arn(self):
        world = ByHand()
        world.aws.secrets["prod/db"] = SECRET

        prepared(world, Color.GREEN, a_build("1.0.0"), Environment({}, {"DB": Reference(Store.SECRETS_MANAGER, "prod/db", "v1")}))

        assert app_of(world.aws.running("web-green"))["secrets"] == [{"name": "DB", "valueFrom": f"{SECRET}:::v1"}]

    def test_secrets_of_an_earlier_build_are_gone(self):
        world = ByHand()
        prepared(world, Color.GREEN, a_build("1.0.0"), Environment({}, {"DB": Reference(Store.SECRETS_MANAGER, SECRET, "v1")}))

        prepared(world, Color.GREEN, a_build("2.0.0", config_version=1), attempt="d-000002")

        assert app_of(world.aws.running("web-green"))["secrets"] == []

    def test_a_secret_that_is_not_there_is_final_and_touches_nothing(self):
        world = ByHand()

        standing = prepare(world, Color.GREEN, a_build("1.0.0"), Environment({}, {"DB": Reference(Store.SECRETS_MANAGER, "prod/db", "v1")}))

        assert (standing.progress, world.aws.writes) == (Progress.FAILED, [])
        assert "DB" in standing.reason

    def test_a_parameter_cannot_be_had_in_a_fixed_version_and_is_final(self):
        world = ByHand()

        standing = prepare(world, Color.GREEN, a_build("1.0.0"), Environment({}, {"DB": Reference(Store.SSM, "/prod/db", "3")}))

        assert (standing.progress, world.aws.writes) == (Progress.FAILED, [])
        assert "Secrets Manager" in standing.reason

    def test_a_store_that_does_not_answer_is_unavailable(self):
        world = ByHand()
        world.aws.refuse("describe_secret", "InternalServiceError")
        world.aws._refused["describe_secret"].response["ResponseMetadata"]["HTTPStatusCode"] = 500

        with pytest.raises(Unavailable):
            prepare(world, Color.GREEN, a_build("1.0.0"), Environment({}, {"DB": Reference(Store.SECRETS_MANAGER, "prod/db", "v1")}))


class TestRollout:
    def test_is_not_ready_before_ecs_calls_it_completed(self):
        world, build = ByHand(slow=4), a_build("1.0.0")

        seen = [prepare(world, Color.GREEN, build) for _ in range(5)]

        assert [each.progress for each in seen] == [Progress.WORKING] * 4 + [Progress.READY]
        assert seen[1].reason == "0 of 1 tasks run"

    def test_writes_nothing_once_it_stands(self):
        world, build = ByHand(), a_build("1.0.0")
        prepared(world, Color.GREEN, build)
        world.aws.calls.clear()

        prepare(world, Color.GREEN, build)
        prepare(world, Color.GREEN, build, attempt="d-000002")

        assert world.aws.calls == ["describe_services"] * 2

    def test_is_watched_with_one_call_a_look(self):
        world, build = ByHand(slow=9), a_build("1.0.0")
        prepare(world, Color.GREEN, build)
        prepare(world, Color.GREEN, build)
        world.aws.calls.clear()

        assert prepare(world, Color.GREEN, build).progress is Progress.WORKING
        assert world.aws.calls == ["describe_services"]

    def test_is_not_ready_while_tasks_of_the_build_before_still_run(self):
        world, build = ByHand(), a_build("1.0.0")
        prepared(world, Color.GREEN, build)
        old = world.aws.primary("web-green") | {"status": "ACTIVE", "runningCount": 2}
        world.aws.services["web-green"]["deployments"].append(old)
        world.aws._pass = lambda: None  # time stands still

        standing = prepare(world, Color.GREEN, build)

        assert (standing.progress, standing.reason) == (Progress.WORKING, "2 tasks of another task definition still run")

    def test_what_ecs_rolled_back_is_final_with_its_reason(self, world):
        one, two = a_build("1.0.0"), a_build("2.0.0")
        prepared(world, Color.GREEN, one)
        world.breaks(two)

        standing = prepared(world, Color.GREEN, two, attempt="d-000002")

        assert standing.progress is Progress.FAILED
        assert standing.reason.startswith("ECS gave up the rollout: ")
        assert "circuit breaker" in standing.reason

    def test_a_failure_is_found_when_the_service_is_stable_again(self, world):
        one, two = a_build("1.0.0"), a_build("2.0.0")
        prepared(world, Color.GREEN, one)
        world.breaks(two)
        prepare(world, Color.GREEN, two, attempt="d-000002")
        world.settle()

        assert world.runtime.standing(world.definition, Color.GREEN).holds(one)
        for _ in range(3):
            assert prepare(world, Color.GREEN, two, attempt="d-000002").progress is Progress.FAILED
            assert world.runtime.standing(world.definition, Color.GREEN).holds(one)
        assert world.registered(Color.GREEN) == 2

    def test_a_failure_is_found_behind_others_deployments(self):
        world = ByHand()
        one, two = a_build("1.0.0"), a_build("2.0.0")
        prepared(world, Color.GREEN, one)
        world.breaks(two)
        prepare(world, Color.GREEN, two, attempt="d-000002")
        world.aws.settle()
        for number in range(25):
            world.aws.ecs.update_service(cluster="turnout", service="web-green", taskDefinition=world.aws.register(a_base(f"f{number}"))["taskDefinitionArn"])

        assert prepare(world, Color.GREEN, two, attempt="d-000002").progress is Progress.FAILED

    def test_a_failure_that_ecs_still_shows_needs_no_history(self):
        world = ByHand(slow=9)
        one, two = a_build("1.0.0"), a_build("2.0.0")
        prepared(world, Color.GREEN, one)
        world.breaks(two)
        world.aws.refuse("list_service_deployments", "ThrottlingException")

        assert prepared(world, Color.GREEN, two, attempt="d-000002").progress is Progress.FAILED

    def test_a_failure_of_what_one_worker_registered_is_found_behind_what_another_did(self):
        world = ByHand()
        one, two = a_build("1.0.0"), a_build("2.0.0")
        prepared(world, Color.GREEN, one)
        world.breaks(two)
        prepare(world, Color.GREEN, two, attempt="d-000002")
        world.settle()
        failed = world.aws.task_definitions["web-green"][-1]
        world.aws.register({name: failed[name] for name in ("family", "containerDefinitions", "networkMode", "executionRoleArn")})

        assert prepare(world, Color.GREEN, two, attempt="d-000002").progress is Progress.FAILED

    def test_the_next_attempt_at_the_same_build_is_tried_anew(self, world):
        build = a_build("1.0.0")
        world.breaks(build)
        assert prepared(world, Color.GREEN, build).progress is Progress.FAILED
        world.settle()
        world.mends()

        assert prepared(world, Color.GREEN, build, attempt="d-000002").holds(build)
        assert variables(world.running(Color.GREEN))["TURNOUT_DEPLOYMENT"] == "d-000002"

    def test_a_circuit_breaker_that_does_not_roll_back_is_final_too(self):
        world, build = ByHand(), a_build("1.0.0")
        world.aws.services["web-green"]["deploymentConfiguration"]["deploymentCircuitBreaker"]["rollback"] = False
        world.breaks(build)

        assert prepared(world, Color.GREEN, build).progress is Progress.FAILED
        world.aws.settle()
        assert prepare(world, Color.GREEN, build).progress is Progress.FAILED
        assert world.runtime.standing(world.definition, Color.GREEN).progress is Progress.EMPTY
        world.aws.broken.clear()
        assert prepared(world, Color.GREEN, build, attempt="d-000002").holds(build)

    def test_without_a_circuit_breaker_it_is_waited_for_and_says_how_many_failed(self):
        world, build = ByHand(), a_build("1.0.0")
        world.aws.services["web-green"]["deploymentConfiguration"].pop("deploymentCircuitBreaker")
        world.breaks(build)

        seen = [prepare(world, Color.GREEN, build) for _ in range(9)]

        assert {each.progress for each in seen} == {Progress.WORKING}
        assert seen[-1].reason == "0 of 1 tasks run, 8 failed"

    def test_one_that_somebody_stopped_is_final(self):
        world, build = ByHand(slow=9), a_build("1.0.0")
        prepare(world, Color.GREEN, build)
        service = world.aws.services["web-green"]
        world.aws._begun(service)[0] |= {"status": "ROLLBACK_IN_PROGRESS", "statusReason": "stopped by a person"}
        world.aws._replace(service, service["_completed"])

        assert prepare(world, Color.GREEN, build) == Standing(Progress.FAILED, reason="ECS gave up the rollout: stopped by a person")

    def test_what_somebody_put_there_instead_is_replaced(self):
        world, build = ByHand(), a_build("1.0.0")
        prepared(world, Color.GREEN, build)
        world.aws.ecs.update_service(cluster="turnout", service="web-green", taskDefinition="placeholder:1")
        world.aws.settle()

        assert world.runtime.standing(world.definition, Color.GREEN).progress is Progress.EMPTY
        assert prepared(world, Color.GREEN, build).holds(build)
        assert len(world.aws.task_definitions["web-green"]) == 1

    def test_an_earlier_attempt_that_is_under_way_is_replaced(self):
        world, build = ByHand(slow=4), a_build("1.0.0")
        prepare(world, Color.GREEN, build)

        assert prepared(world, Color.GREEN, build, attempt="d-000002").holds(build)
        assert variables(world.aws.running("web-green"))["TURNOUT_DEPLOYMENT"] == "d-000002"

    @pytest.mark.parametrize("lag", [0, 3])
    def test_two_workers_that_both_registered_are_no_failure(self, lag):
        world, build = ByHand(lag=lag), a_build("1.0.0")
        prepare(world, Color.GREEN, build)
        first = world.aws.task_definitions["web-green"][0]
        request = {name: first[name] for name in ("family", "containerDefinitions", "networkMode", "executionRoleArn")}
        second = world.aws.register(request)
        world.aws.ecs.update_service(cluster="turnout", service="web-green", taskDefinition=second["taskDefinitionArn"])

        assert prepared(world, Color.GREEN, build).holds(build)

    def test_a_failure_of_the_same_attempt_with_other_secrets_is_not_held_against_it(self):
        world, build = ByHand(), a_build("1.0.0")
        world.breaks(build)
        assert prepared(world, Color.GREEN, build).progress is Progress.FAILED
        world.aws.broken.clear()

        assert prepared(world, Color.GREEN, build, Environment({REPINNED: "abc"})).holds(build, repinned="abc")

    @pytest.mark.parametrize("lag", [0, 3])
    @pytest.mark.parametrize("first", [True, False])
    @pytest.mark.parametrize("call", range(1, 14))
    def test_goes_on_from_wherever_it_was_interrupted(self, call, first, lag):
        world = ByHand(slow=3, lag=lag)
        if not first:
            prepared(world, Color.GREEN, a_build("1.0.0"))
        build, seen = a_build("2.0.0"), []
        world.aws.interrupt_at(call)

        for _ in range(40):
            try:
                standing = prepare(world, Color.GREEN, build, attempt="d-000002")
            except Interrupted:
                standing = Standing(Progress.WORKING)
            seen.append(standing)

        assert standing.holds(build)
        assert all(each.progress is not Progress.FAILED for each in seen)
        assert len(world.aws.task_definitions["web-green"]) == (1 if first else 2)
        assert len([each for each in world.aws.service_deployments if "web-green" in each["serviceArn"]]) == (2 if first else 3)

    @pytest.mark.parametrize("call", range(1, 25))
    def test_a_failure_is_final_wherever_it_was_interrupted(self, call):
        world = ByHand(lag=2)
        one, two = a_build("1.0.0"), a_build("2.0.0")
        prepared(world, Color.GREEN, one)
        world.breaks(two)
        world.aws.interrupt_at(call)

        for _ in range(40):
            try:
                standing = prepare(world, Color.GREEN, two, attempt="d-000002")
            except Interrupted:
                standing = Standing(Progress.WORKING)

        assert standing.progress is Progress.FAILED
        assert world.runtime.standing(world.definition, Color.GREEN).holds(one)

    def test_still_ours_is_asked_right_before_the_service_is_updated(self):
        world, asked = ByHand(), []

        def still_ours():
            asked.append(world.aws.calls[-1])
            return True

        prepare(world, Color.GREEN, a_build("1.0.0"), still_ours=still_ours)

        assert asked == [world.aws.calls[-2]]
        assert world.aws.calls[-1] == "update_service"

    @pytest.mark.parametrize("operation", ["describe_services", "describe_task_definition", "register_task_definition", "update_service"])
    def test_throttling_is_unavailable(self, operation):
        world = ByHand()
        world.aws.refuse(operation, "ThrottlingException")

        with pytest.raises(Unavailable):
            prepare(world, Color.GREEN, a_build("1.0.0"))

    @pytest.mark.parametrize("operation", ["ListServiceDeployments", "DescribeServiceRevisions"])
    def test_a_failure_that_cannot_be_looked_for_begins_nothing(self, operation, on_moto):
        one, two = a_build("1.0.0"), a_build("2.0.0")
        prepared(on_moto, Color.GREEN, one)
        on_moto.breaks(two)
        prepare(on_moto, Color.GREEN, two, attempt="d-000002")
        on_moto.settle()
        throttled(on_moto.clients.ecs_look, operation, "ThrottlingException", json=True)

        with pytest.raises(Unavailable):
            prepare(on_moto, Color.GREEN, two, attempt="d-000002")
        assert on_moto.runtime.standing(on_moto.definition, Color.GREEN).holds(one)


class TestTheService:
    @pytest.mark.parametrize("how", ["gone", "INACTIVE", "DRAINING", "cluster"])
    def test_one_that_is_not_there_is_final_and_nothing_stands_there(self, how):
        world = ByHand(**({"cluster": "other"} if how == "cluster" else {}))
        if how == "gone":
            del world.aws.services["web-green"]
        elif how != "cluster":
            world.aws.services["web-green"]["status"] = how

        standing = prepare(world, Color.GREEN, a_build("1.0.0"))

        assert (standing.progress, world.aws.writes) == (Progress.FAILED, [])
        assert "web-green" in standing.reason
        assert world.runtime.standing(world.definition, Color.GREEN).progress is Progress.EMPTY
        assert world.runtime.sizes(world.definition)[Color.GREEN] == Size(0)
        with pytest.raises(NotFound):
            world.runtime.resize(world.definition, Color.GREEN, at_least=1, held=True)

    def test_one_that_ecs_shifts_itself_is_never_touched(self):
        world = ByHand()
        world.aws.services["web-green"]["deploymentConfiguration"]["strategy"] = "BLUE_GREEN"

        standing = prepare(world, Color.GREEN, a_build("1.0.0"))

        assert (standing.progress, world.aws.writes) == (Progress.FAILED, [])
        assert "BLUE_GREEN" in standing.reason

    def test_what_is_not_ours_counts_as_empty(self):
        world = ByHand(desired=2)

        assert world.runtime.standing(world.definition, Color.BLUE).progress is Progress.EMPTY

    @pytest.mark.parametrize("change", [{"image": "web:1.0.0"}, {"image": "web@sha256:short"}, {"environment": []}])
    def test_a_build_is_known_by_its_variables_and_the_digest_that_runs(self, change):
        world, build = ByHand(), a_build("1.0.0")
        prepared(world, Color.GREEN, build)
        app_of(world.aws.running("web-green")).update(change)

        assert EcsRuntime(world.aws).standing(world.definition, Color.GREEN).progress is Progress.EMPTY

    def test_a_colour_that_serves_another_service_by_another_container_is_not_taken(self):
        world = ByHand()
        theirs = a_base("theirs")
        theirs["containerDefinitions"][1]["environment"] = [{"name": "TURNOUT_SERVICE", "value": "shop"}]
        task_definition = world.aws.register(theirs)["taskDefinitionArn"]
        world.aws.ecs.update_service(cluster="turnout", service="web-green", taskDefinition=task_definition)
        world.aws.calls.clear()

        standing = prepare(world, Color.GREEN, a_build("1.0.0"))

        assert (standing.progress, world.aws.writes) == (Progress.FAILED, [])
        assert "shop" in standing.reason

    def test_a_look_costs_one_call_once_the_task_definition_is_known(self):
        world = ByHand()
        prepared(world, Color.GREEN, a_build("1.0.0"))
        world.aws.calls.clear()

        world.runtime.standing(world.definition, Color.GREEN)
        world.runtime.standing(world.definition, Color.GREEN)

        assert world.aws.calls == ["describe_services"] * 2

    def test_one_that_runs_less_than_a_task_is_not_ready_and_says_what_it_is(self):
        world, build = ByHand(), a_build("1.0.0", config_version=2)
        prepared(world, Color.GREEN, build)
        world.runtime.resize(world.definition, Color.GREEN, at_most=0, held=False)

        assert world.runtime.standing(world.definition, Color.GREEN) == Standing(Progress.WORKING, "1.0.0", build.digest, 2, "scaled to 0")

    def test_a_rollout_in_progress_is_on_its_way(self):
        world, build = ByHand(slow=9), a_build("1.0.0")
        prepare(world, Color.GREEN, build)

        assert world.runtime.standing(world.definition, Color.GREEN).progress is Progress.WORKING


class TestSize:
    @pytest.mark.parametrize(("other", "size", "wanted"), [(0, 1, 1), (0, 3, 3), (5, 3, 5), (1, 3, 3)])
    def test_is_made_as_large_as_the_other_colour_or_as_the_definition_says(self, other, size, wanted):
        world, build = ByHand(desired=other, size=size), a_build("1.0.0")

        assert prepared(world, Color.GREEN, build).holds(build)
        assert world.runtime.sizes(world.definition)[Color.GREEN] == Size(wanted)
        assert len(world.targets(Color.GREEN)) == wanted

    def test_one_that_stands_is_made_larger_without_another_task_definition(self):
        world, build = ByHand(desired=1), a_build("1.0.0")
        prepared(world, Color.GREEN, build)
        world.aws.services["web-blue"]["desiredCount"] = 4
        world.aws.calls.clear()

        assert prepare(world, Color.GREEN, build, attempt="d-000002").progress is Progress.WORKING
        assert prepared(world, Color.GREEN, build, attempt="d-000002").holds(build)
        assert world.aws.writes == ["update_service"]
        assert "taskDefinition" not in dict(world.aws.asked)["update_service"]
        assert len(world.targets(Color.GREEN)) == 4

    def test_one_that_was_scaled_to_nothing_is_made_large_again(self):
        world, build = ByHand(), a_build("1.0.0")
        prepared(world, Color.GREEN, build)
        world.runtime.resize(world.definition, Color.GREEN, at_most=0, held=False)

        assert prepared(world, Color.GREEN, build, attempt="d-000002").holds(build)

    def test_is_never_made_smaller(self):
        world, build = ByHand(desired=1), a_build("1.0.0")
        world.aws.services["web-green"]["desiredCount"] = 6

        prepared(world, Color.GREEN, build)

        assert world.runtime.sizes(world.definition)[Color.GREEN].wanted == 6

    def test_a_larger_one_waits_for_who_is_in_charge_too(self):
        world, build = ByHand(), a_build("1.0.0")
        prepared(world, Color.GREEN, build)
        world.aws.services["web-blue"]["desiredCount"] = 4
        world.aws.calls.clear()

        assert prepare(world, Color.GREEN, build, still_ours=lambda: False).progress is Progress.WORKING
        assert world.aws.writes == []

    def test_one_that_its_autoscaler_does_not_allow_is_final_with_both_numbers(self):
        world = ByHand(desired=5)
        world.aws.make_scalable("web-green", 1, 3)

        standing = prepare(world, Color.GREEN, a_build("1.0.0"))

        assert standing.progress is Progress.FAILED
        assert "MaxCapacity of 3" in standing.reason
        assert "5 tasks" in standing.reason
        assert "update_service" not in world.aws.calls

    def test_says_what_scales_it(self):
        world = ByHand(desired=2)
        world.aws.make_scalable("web-blue", 1, 9)
        assert world.runtime.sizes(world.definition) == {Color.BLUE: Size(2, 1, held=False), Color.GREEN: Size(0, 0, held=None)}

        world.runtime.resize(world.definition, Color.BLUE, held=True)

        assert world.runtime.sizes(world.definition)[Color.BLUE] == Size(2, 1, held=True)

    def test_one_of_two_ways_to_shrink_is_not_held(self):
        world = ByHand()
        world.aws.make_scalable("web-blue", 1, 9, DynamicScalingInSuspended=True)

        assert world.runtime.sizes(world.definition)[Color.BLUE].held is False

    def test_holding_leaves_scaling_out_as_it_was(self):
        world = ByHand()
        world.aws.make_scalable("web-blue", 0, 9, DynamicScalingOutSuspended=True)

        world.runtime.resize(world.definition, Color.BLUE, held=True)
        world.runtime.resize(world.definition, Color.BLUE, held=False)

        assert world.aws.scalable["service/turnout/web-blue"]["SuspendedState"] == {
            "DynamicScalingInSuspended": False, "DynamicScalingOutSuspended": True, "ScheduledScalingSuspended": False,
        }  # fmt: skip

    @pytest.mark.parametrize("is_held", [True, False])
    def test_is_never_brought_below_its_autoscalers_own_minimum(self, is_held):
        world = ByHand(desired=7)
        world.aws.make_scalable("web-blue", 2, 10, DynamicScalingInSuspended=is_held, ScheduledScalingSuspended=is_held)

        world.runtime.resize(world.definition, Color.BLUE, at_most=0, held=False)

        assert [asked["desiredCount"] for name, asked in world.aws.asked if name == "update_service"] == [2]

    @pytest.mark.parametrize(("desired", "at_least", "at_most", "result"), [(2, 0, None, 2), (2, 5, None, 5), (7, 0, 1, 1), (7, 3, 1, 3), (1, 0, 4, 1)])
    def test_is_brought_within_its_bounds(self, desired, at_least, at_most, result):
        world = ByHand(desired=desired)

        world.runtime.resize(world.definition, Color.BLUE, at_least=at_least, at_most=at_most, held=True)

        assert world.runtime.sizes(world.definition)[Color.BLUE].wanted == result
        assert ("update_service" in world.aws.calls) is (desired != result)

    def test_writes_nothing_that_is_so_already(self):
        world = ByHand(desired=2)
        world.aws.make_scalable("web-blue", 1, 9)
        world.runtime.resize(world.definition, Color.BLUE, at_least=2, held=True)
        world.aws.calls.clear()

        world.runtime.resize(world.definition, Color.BLUE, at_least=2, held=True)

        assert world.aws.calls == ["describe_services", "describe_scalable_targets"]

    def test_is_held_before_it_grows_and_freed_after_it_shrank(self):
        world = ByHand(desired=2)
        world.aws.make_scalable("web-blue", 1, 9)

        world.runtime.resize(world.definition, Color.BLUE, at_least=4, held=True)
        world.runtime.resize(world.definition, Color.BLUE, at_most=1, held=False)

        assert world.aws.writes == ["register_scalable_target", "update_service", "update_service", "register_scalable_target"]

    def test_what_holding_raised_to_the_autoscalers_minimum_is_not_lowered_again(self):
        world = ByHand(desired=0)
        world.aws.make_scalable("web-blue", 3, 9)

        world.runtime.resize(world.definition, Color.BLUE, at_least=1, held=True)

        assert world.runtime.sizes(world.definition)[Color.BLUE].wanted == 3

    @pytest.mark.parametrize("operation", ["describe_scalable_targets", "register_scalable_target"])
    def test_throttling_is_unavailable(self, operation):
        world = ByHand()
        world.aws.make_scalable("web-blue", 0, 9)
        world.aws.refuse(operation, "ThrottlingException")

        with pytest.raises(Unavailable):
            world.runtime.resize(world.definition, Color.BLUE, held=True)


def refused(world):
    with pytest.raises(Invalid) as raised:
        world.runtime.survey(world.definition)
    [error] = raised.value.extra["errors"]
    return error["field"], error["message"]


class TestSurvey:
    @pytest.mark.parametrize("base", ["web-base", None])
    def test_accepts_a_pair_of_services_with_their_groups(self, base):
        ByHand(task_definition=base).runtime.survey(an_ecs_definition(task_definition=base))

    def test_refuses_a_cluster_that_is_not_there(self):
        assert refused(ByHand(cluster="other"))[0] == "runtime.cluster"

    @pytest.mark.parametrize("color", list(Color))
    @pytest.mark.parametrize("status", ["gone", "INACTIVE", "DRAINING"])
    def test_refuses_a_service_that_is_not_there(self, color, status):
        world = ByHand()
        if status == "gone":
            del world.aws.services[f"web-{color}"]
        else:
            world.aws.services[f"web-{color}"]["status"] = status

        assert refused(world)[0] == f"runtime.services.{color}"

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"deploymentController": {"type": "CODE_DEPLOY"}}, "CODE_DEPLOY"),
            ({"deploymentController": {"type": "EXTERNAL"}}, "EXTERNAL"),
            ({"deploymentConfiguration": {"strategy": "BLUE_GREEN"}}, "BLUE_GREEN"),
            ({"deploymentConfiguration": {"strategy": "LINEAR"}}, "LINEAR"),
            ({"deploymentConfiguration": {"strategy": "CANARY"}}, "CANARY"),
            ({"loadBalancers": [{"targetGroupArn": GREEN, "advancedConfiguration": {"roleArn": "r"}}]}, "advancedConfiguration"),
            ({"schedulingStrategy": "DAEMON"}, "DAEMON"),
            ({"loadBalancers": []}, "target group of green"),
            ({"loadBalancers": [{"targetGroupArn": BLUE, "containerName": "app", "containerPort": 8080}]}, "target group of blue"),
        ],
    )
    def test_refuses_a_service_that_cannot_be_managed(self, change, told):
        world = ByHand()
        world.aws.services["web-green"].update(change)

        field, message = refused(world)

        assert field == "runtime.services.green"
        assert told in message

    @pytest.mark.parametrize(("runtime", "field"), [({"container": "logs"}, "runtime.container"), ({"port": 9000}, "runtime.port"), ({"task_definition": "x"}, "runtime.task_definition")])
    def test_refuses_what_the_service_does_not_register(self, runtime, field):
        assert refused(ByHand(**runtime))[0] == field

    @pytest.mark.parametrize(("change", "field"), [({"name": "web"}, "runtime.container"), ({"portMappings": [{"containerPort": 1}]}, "runtime.port")])
    def test_refuses_a_task_definition_without_the_container_or_its_port(self, change, field):
        world, base = ByHand(), a_base()
        base["containerDefinitions"][0].update(change)
        world.aws.register(base)

        assert refused(world)[0] == field

    @pytest.mark.parametrize(("mode", "kind"), [("awsvpc", "instance"), ("awsvpc", "lambda"), ("bridge", "ip"), ("host", "ip")])
    def test_refuses_a_group_that_does_not_take_such_tasks(self, mode, kind):
        world = ByHand()
        world.aws.register(a_base(networkMode=mode))
        world.aws.groups = dict.fromkeys(world.aws.groups, kind)

        assert refused(world)[0] == "traffic.target_groups.blue"

    def test_accepts_groups_of_instances_for_tasks_that_share_their_machines_network(self):
        world = ByHand()
        world.aws.register(a_base(networkMode="bridge"))
        world.aws.groups = dict.fromkeys(world.aws.groups, "instance")

        world.runtime.survey(world.definition)

    def test_refuses_tasks_that_nothing_can_reach(self):
        world = ByHand()
        world.aws.register(a_base(networkMode="none"))

        assert refused(world)[0] == "runtime.container"

    def test_refuses_a_group_that_is_not_there(self):
        world = ByHand()
        del world.aws.groups[GREEN]

        assert refused(world)[0] == "traffic.target_groups.green"

    def test_that_gets_no_answer_is_unavailable(self):
        world = ByHand()
        world.aws.refuse("describe_services", "ServerException")

        with pytest.raises(Unavailable):
            world.runtime.survey(world.definition)
