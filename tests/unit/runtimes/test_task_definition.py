from copy import deepcopy

import pytest

from chalicelib.colors import Color
from chalicelib.config.model import Environment
from chalicelib.deployments.model import Build
from chalicelib.releases.model import ImageArtifact
from chalicelib.runtimes.ecs.task_definition import (
    KEPT,
    Ours,
    container_in,
    family_of,
    is_same,
    is_whole_secret_arn,
    listens_on,
    owner_of,
    registration,
    told_by,
    value_from,
    variables_for,
)

DIGEST = "sha256:" + "a" * 64
BUILD = Build("1.0.0", ImageArtifact("r", "web", "1.0.0", DIGEST, 1), 3)
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf"
BASE = {
    "family": "web-base", "revision": 7, "taskDefinitionArn": "arn:…/web-base:7", "status": "ACTIVE", "compatibilities": ["FARGATE"], "registeredBy": "somebody",
    "cpu": "256", "memory": "512", "networkMode": "awsvpc", "taskRoleArn": "task", "executionRoleArn": "execution", "volumes": [],
    "containerDefinitions": [
        {"name": "app", "image": "busybox", "cpu": 0, "essential": True, "portMappings": [{"containerPort": 8080}], "environment": [{"name": "OLD", "value": "1"}],
         "secrets": [{"name": "OLD_SECRET", "valueFrom": "x"}], "logConfiguration": {"logDriver": "awslogs"}},
        {"name": "proxy", "image": "envoy", "essential": True, "environment": [{"name": "KEPT", "value": "1"}]},
    ],
}  # fmt: skip


def ours(**changes):
    return Ours(**({"image": f"r/web@{DIGEST}", "variables": {"B": "2", "A": "1"}, "secrets": {"DB": "s:::v1"}} | changes))


def requested(base=BASE, **changes):
    return registration(base, "web-green", "app", ours(**changes))


def described(request):
    """As ECS answers a registration."""
    answer = deepcopy(request) | {"revision": 1, "volumes": [], "placementConstraints": [], "compatibilities": ["EC2"], "registeredBy": "us"}
    for container in answer["containerDefinitions"]:
        container |= {"cpu": container.get("cpu", 0), "mountPoints": [], "systemControls": []}
        container["environment"] = container.get("environment", [])[::-1]
    return answer


class TestRegistration:
    def test_replaces_image_environment_and_secrets_of_the_one_container(self):
        app, proxy = requested()["containerDefinitions"]

        assert app["image"] == f"r/web@{DIGEST}"
        assert app["environment"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
        assert app["secrets"] == [{"name": "DB", "valueFrom": "s:::v1"}]
        assert app["logConfiguration"] == {"logDriver": "awslogs"}
        assert proxy == BASE["containerDefinitions"][1]

    def test_keeps_the_rest_and_sends_nothing_that_is_only_answered(self):
        assert set(requested()) == {"family", "containerDefinitions", "cpu", "memory", "networkMode", "taskRoleArn", "executionRoleArn"}

    def test_keeps_every_part_there_may_be(self):
        assert set(requested(BASE | dict.fromkeys(KEPT, "something"))) == {"family", "containerDefinitions", *KEPT}

    def test_leaves_the_base_as_it_was(self):
        before = deepcopy(BASE)

        requested()

        assert before == BASE

    def test_a_name_is_never_both_a_variable_and_a_secret(self):
        assert requested(secrets={"A": "s"})["containerDefinitions"][0]["secrets"] == []

    def test_what_turnout_says_is_said_whatever_the_settings_say(self):
        found = variables_for("web", Color.GREEN, BUILD, Environment({"PORT": "1", "A": "1"}), attempt="d-000001", port=8080)

        assert found == {
            "A": "1", "PORT": "8080", "TURNOUT_SERVICE": "web", "TURNOUT_VERSION": "1.0.0", "TURNOUT_COLOR": "green", "TURNOUT_CONFIG_VERSION": "3",
            "TURNOUT_DEPLOYMENT": "d-000001",
        }  # fmt: skip


class TestSameness:
    def test_what_ecs_makes_of_a_registration_is_the_same(self):
        assert is_same(described(requested()), requested())

    @pytest.mark.parametrize("change", [{"image": "r/web@sha256:other"}, {"variables": {"A": "1"}}, {"variables": {"A": "1", "B": "3"}}, {"secrets": {}}, {"secrets": {"DB": "s:::v2"}}])
    def test_another_image_variable_or_secret_is_another(self, change):
        assert not is_same(described(requested()), requested(**change))

    @pytest.mark.parametrize("change", [{"cpu": "512"}, {"taskRoleArn": "other"}, {"volumes": [{"name": "v"}]}, {"containerDefinitions": BASE["containerDefinitions"][:1]}])
    def test_another_base_is_another(self, change):
        assert not is_same(described(requested()), requested(BASE | change))

    def test_another_family_is_another(self):
        assert not is_same(described(requested()) | {"family": "web-blue"}, requested())


class TestTelling:
    def told(self, *, image=f"r/web@{DIGEST}", container="app", color=Color.GREEN, service="web", **variables):
        said = variables_for("web", Color.GREEN, BUILD, Environment(), attempt="d-000001", port=8080) | variables
        return told_by(described(requested(image=image, variables=said)), container, service, color)

    def test_tells_the_build_by_variables_and_image(self):
        found = self.told()

        assert found.is_of(BUILD, "")
        assert found.identity.attempt == "d-000001"

    @pytest.mark.parametrize("change", [{"TURNOUT_VERSION": "2.0.0"}, {"TURNOUT_CONFIG_VERSION": "4"}, {"TURNOUT_REPINNED": "abc"}, {"image": "r/web@sha256:" + "b" * 64}])
    def test_another_build_is_told_from_it(self, change):
        assert not self.told(**change).is_of(BUILD, "")

    @pytest.mark.parametrize("change", [{"image": "r/web:1.0.0"}, {"image": "r/web@sha256:abc"}, {"container": "other"}, {"color": Color.BLUE}, {"service": "shop"}, {"TURNOUT_CONFIG_VERSION": "x"}])
    def test_tells_nothing_of_what_is_not_ours_or_not_sure(self, change):
        assert self.told(**change) is None

    def test_tells_nothing_of_a_task_definition_that_is_gone(self):
        assert told_by({}, "app", "web", Color.GREEN) is None
        assert owner_of({}) is None

    def test_an_owner_is_found_in_any_container(self):
        definition = deepcopy(BASE)
        assert owner_of(definition) is None
        definition["containerDefinitions"][1]["environment"] = [{"name": "TURNOUT_SERVICE", "value": "shop"}]

        assert owner_of(definition) == "shop"

    def test_finds_a_container_and_its_port(self):
        assert container_in(BASE, "other") is None
        assert listens_on(container_in(BASE, "app"), 8080)
        assert not listens_on(container_in(BASE, "app"), 9000)
        assert not listens_on(container_in(BASE, "proxy"), 8080)

    def test_a_family_is_of_one_colour(self):
        assert [family_of("web", color) for color in Color] == ["web-blue", "web-green"]


class TestValueFrom:
    def test_a_version_is_named_without_a_key_or_a_stage(self):
        assert value_from(SECRET, "v1") == f"{SECRET}:::v1"
        assert value_from(SECRET, "") == SECRET

    @pytest.mark.parametrize("name", ["prod/db", "prod/db-AbCdEf", SECRET[:-7], SECRET.replace("secretsmanager", "ssm"), SECRET + ":key"])
    def test_only_a_whole_arn_is_taken_as_it_is(self, name):
        assert is_whole_secret_arn(SECRET)
        assert not is_whole_secret_arn(name)
