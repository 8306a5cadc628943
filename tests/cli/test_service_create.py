"""`service create` in AWS: one stack, waited for, registered; and what is said when it cannot be."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError
from botocore.stub import Stubber
from moto import mock_aws

from chalicelib.services.definition import Definition
from tests.cli.builders import a_service
from tests.cli.fake_api import FakeApi
from tests.cli.running import Ran, Runner, SleptClock
from tests.infra.service_stacks import NOT_LOOPBACK, a_listener, a_network, outputs, refused, template
from turnout.cli import service_stack
from turnout.cli.exits import Exit, Failure

WEB = "/v1/services/web"
ABSENT = (404, {"type": "/problems/not-found", "title": "x", "status": 404, "detail": "there is no service web"})
LISTENER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/shared/1111/2222"
STACK = service_stack.Stack("turnout-service-web", "eu-west-1", "lambda", {"ServiceName": "web"})


@pytest.fixture
def listener(monkeypatch) -> Iterator[str]:
    # moto shows the value of a list parameter as Python writes a list; CloudFormation as it was given.
    monkeypatch.setattr("moto.cloudformation.models.Stack.parameter_list", property(_parameters))
    with mock_aws(config=NOT_LOOPBACK):
        yield a_listener()


@pytest.fixture
def absent(api: FakeApi) -> FakeApi:
    """The API, which does not know the service until it is registered."""
    return api.on("PUT", WEB, (201, {})).on("GET", WEB, ABSENT, a_service())


def create(cli: Runner, listener: str, *more: str, runtime: str = "lambda") -> Ran:
    where = ("--listener", listener, "--priority", "20", "--staging-host", "staging.shop.test", "--staging-priority", "10")
    return cli.turnout("service", "create", "web", "--runtime", runtime, *where, *more)


def network() -> tuple[str, ...]:
    there = a_network()
    subnets = [word for subnet in there["SubnetIds"].split(",") for word in ("--subnet", subnet)]
    return ("--vpc", there["VpcId"], *subnets, "--security-group", there["LoadBalancerSecurityGroupId"])


class TestMaking:
    def test_registers_what_the_stack_made_and_shows_both_urls(self, listener, absent, cli: Runner):
        ran = create(cli, listener, "--health-path", "/healthz", "--reason", "new")

        made = outputs("turnout-service-web")
        groups = {"blue": made["BlueTargetGroup"], "green": made["GreenTargetGroup"]}
        rules = {"production_rule": made["ProductionRule"], "staging_rule": made["StagingRule"]}
        balancer = listener.replace(":listener/", ":loadbalancer/").rpartition("/")[0]
        assert absent.last("PUT").body == {
            "name": "web",
            "runtime": {"kind": "lambda", "function": "web"},
            "traffic": {**rules, "target_groups": groups, "load_balancer": balancer},
            "checks": {"probe": {"path": "/healthz"}},
        }
        assert absent.last("PUT").query == {"reason": "new"}
        assert ran.exit_code == 0
        assert "http://127.0.0.1:9001" in ran.out
        assert "http://127.0.0.1:9002" in ran.out

    def test_forbids_updates_to_move_traffic(self, listener, absent, cli: Runner):
        create(cli, listener)

        policy = boto3.client("cloudformation").get_stack_policy(StackName="turnout-service-web")["StackPolicyBody"]
        assert policy == service_stack.template(service_stack.POLICY)
        assert "ProductionRule" in refused(template("service-lambda.yaml"), "Update:Modify")

    def test_again_finds_the_stack_and_registers(self, listener, absent, cli: Runner):
        absent.on("GET", WEB, ABSENT, ABSENT, a_service()).on("PUT", WEB, (503, {}), (503, {}), (503, {}), (503, {}), (503, {}), (201, {}))
        assert create(cli, listener).exit_code == 1

        assert create(cli, listener).exit_code == 0

    def test_takes_other_parameters_of_the_template(self, listener, absent, cli: Runner):
        create(cli, listener, "--parameter", "MemorySize=1024", "--parameter", "Runtime=nodejs22.x", "--handler", "index.handler")

        function = boto3.client("lambda").get_function(FunctionName="web")["Configuration"]
        assert (function["MemorySize"], function["Runtime"], function["Handler"]) == (1024, "nodejs22.x", "index.handler")

    def test_on_ecs_registers_two_services_and_where_images_come_from(self, listener, absent, cli: Runner):
        ran = create(cli, listener, *network(), "--container", "main", "--port", "9000", "--repository", "shop/web", runtime="ecs")

        made = outputs("turnout-service-web")
        assert (ran.exit_code, ran.err.count("stack turnout-service-web is complete")) == (0, 1)
        assert absent.last("PUT").body["runtime"] == {
            "kind": "ecs", "cluster": made["Cluster"], "services": {"blue": "web-blue", "green": "web-green"}, "container": "main", "port": 9000,
            "task_definition": "web-base",
        }  # fmt: skip
        assert absent.last("PUT").body["source"] == {"ecr": "shop/web", "tag_pattern": "*"}

    def test_on_ecs_without_a_repository_makes_one(self, listener, absent, cli: Runner):
        create(cli, listener, *network(), runtime="ecs")

        [repository] = boto3.client("ecr").describe_repositories()["repositories"]
        assert (repository["repositoryName"], repository["imageTagMutability"]) == ("web", "IMMUTABLE")
        assert absent.last("PUT").body["source"]["ecr"] == "web"

    def test_on_auto_scaling_registers_two_groups(self, listener, absent, cli: Runner):
        ran = create(cli, listener, *network(), "--bucket", "artifacts", runtime="autoscaling")

        assert ran.exit_code == 0
        assert absent.last("PUT").body["runtime"] == {
            "kind": "autoscaling", "groups": {"blue": "web-blue", "green": "web-green"}, "launch_template": "turnout-web", "port": 8080,
        }  # fmt: skip
        assert "source" not in absent.last("PUT").body

    @pytest.mark.parametrize(("runtime", "more"), [("lambda", ()), ("ecs", ("--repository", "shop/web")), ("autoscaling", ("--bucket", "b-1"))])
    def test_what_is_registered_is_a_definition_that_the_server_takes(self, listener, absent, cli: Runner, runtime, more):
        create(cli, listener, *(network() if runtime != "lambda" else ()), *more, runtime=runtime)

        assert Definition.model_validate(absent.last("PUT").body).runtime.kind == runtime

    def test_an_artifact_bucket_may_be_named_by_the_environment(self, listener, cli: Runner):
        cli.environ["TURNOUT_BUCKET"] = "artifacts"

        ran = create(cli, listener, *network(), "--dry-run", "--json", runtime="autoscaling")

        assert (ran.json["template"], ran.json["parameters"]["ArtifactBucket"]) == ("service-autoscaling.yaml", "artifacts")

    def test_an_image_is_what_gives_a_service_on_ecs_its_release(self, listener, absent, cli: Runner):
        absent.on("GET", WEB, ABSENT, a_service(runtime={"kind": "ecs"}, definition={"source": {"ecr": "shop/web"}}))

        ran = create(cli, listener, *network(), runtime="ecs")

        assert "an image pushed to shop/web is its release" in ran.err
        assert "turnout push" not in ran.err

    def test_dry_run_shows_the_parameters_and_makes_nothing(self, listener, api, cli: Runner):
        ran = create(cli, listener, "--dry-run", "--json", "--host", "shop.test", "--host", "www.shop.test")

        assert ran.json["stack"] == "turnout-service-web"
        assert ran.json["region"] == "eu-west-1"
        assert ran.json["parameters"]["Hosts"] == "shop.test,www.shop.test"
        assert ran.json["parameters"]["ListenerArn"] == listener
        assert api.asked == []
        assert boto3.client("cloudformation").describe_stacks()["Stacks"] == []


class TestRefusing:
    def test_names_what_is_missing(self, cli: Runner):
        ran = cli.turnout("service", "create", "web", "--runtime", "lambda", "--priority", "20")

        assert ran.exit_code == 2
        assert "--listener, --staging-priority, --staging-host or another --staging-listener" in ran.err
        assert "turnout local up" in ran.err

    @pytest.mark.parametrize(("runtime", "missing"), [
        ("ecs", "--vpc, --subnet, --security-group too"), ("autoscaling", "--vpc, --subnet, --security-group, --bucket (or TURNOUT_BUCKET) too"),
    ])  # fmt: skip
    def test_names_what_is_missing_of_the_network(self, cli: Runner, runtime, missing):
        ran = create(cli, LISTENER, runtime=runtime)

        assert ran.exit_code == 2
        assert f"in AWS this needs {missing}" in ran.err

    @pytest.mark.parametrize(("runtime", "option", "whose"), [
        ("ecs", ("--handler", "app.handler"), "--handler is for --runtime lambda"),
        ("autoscaling", ("--handler", "app.handler"), "--handler is for --runtime lambda"),
        ("lambda", ("--repository", "web"), "--repository is for --runtime ecs"),
        ("autoscaling", ("--container", "app"), "--container is for --runtime ecs"),
        ("lambda", ("--port", "80"), "--port is for --runtime ecs or autoscaling"),
        ("lambda", ("--vpc", "vpc-1"), "--vpc is for --runtime ecs or autoscaling"),
        ("ecs", ("--bucket", "b"), "--bucket is for --runtime autoscaling"),
    ])  # fmt: skip
    def test_what_another_runtime_has_is_usage_and_not_passed_over(self, cli: Runner, runtime, option, whose):
        ran = cli.turnout("service", "create", "web", "--runtime", runtime, *option)

        assert ran.exit_code == 2
        assert f"{whose}, and this is --runtime {runtime}" in ran.err

    def test_staging_on_the_same_listener_without_a_host_is_usage(self, cli: Runner):
        assert create(cli, LISTENER, "--staging-host", "", "--staging-listener", LISTENER).exit_code == 2

    def test_what_is_no_listener_is_usage(self, cli: Runner):
        assert create(cli, "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shared/1111").exit_code == 2

    def test_staging_that_production_would_answer_for_is_usage(self, cli: Runner):
        ran = create(cli, LISTENER, "--staging-priority", "30")

        assert ran.exit_code == 2
        assert "--staging-priority below --priority" in ran.err

    @pytest.mark.parametrize("options", [("--host", "*.shop.test"), ("--staging-host", "staging-?.shop.test"), ("--path", "/shop/*")])
    def test_what_a_probe_could_not_ask_is_usage(self, cli: Runner, options):
        assert create(cli, LISTENER, *options).exit_code == 2

    def test_a_parameter_without_a_value_is_usage(self, cli: Runner):
        assert create(cli, LISTENER, "--parameter", "MemorySize").exit_code == 2

    def test_a_service_that_is_registered_keeps_its_definition(self, listener, api, cli: Runner):
        api.on("GET", WEB, a_service())

        ran = create(cli, listener)

        assert (ran.exit_code, api.count("PUT", WEB)) == (7, 0)
        assert boto3.client("cloudformation").describe_stacks()["Stacks"] == []

    def test_nothing_is_made_for_a_token_that_may_not_see_the_service(self, listener, api, cli: Runner):
        api.problem("GET", WEB, 403, "forbidden")

        assert create(cli, listener).exit_code == 4
        assert boto3.client("cloudformation").describe_stacks()["Stacks"] == []

    def test_another_stack_of_that_name_is_a_conflict(self, listener, absent, cli: Runner):
        absent.on("GET", WEB, ABSENT)
        create(cli, listener)

        ran = create(cli, listener, "--host", "shop.test")

        assert ran.exit_code == 7
        assert "Hosts is ''" in ran.err
        assert absent.count("PUT", WEB) == 1

    def test_options_for_aws_are_usage_on_the_local_stack(self, api, cli: Runner):
        (cli.directory / ".turnout").mkdir()
        stack = {"api_url": api.url, "token": "t", "aws_endpoint_url": "http://127.0.0.1:1", "region": "eu-west-1", "artifact_bucket": "b"}
        (cli.directory / ".turnout" / "local.json").write_text(json.dumps(stack))

        ran = create(cli, LISTENER)

        assert ran.exit_code == 2
        assert "--listener, --priority, --staging-host, --staging-priority is for AWS" in ran.err


class TestWaiting:
    """What moto does not do: take its time, and fail half-way."""

    def test_goes_on_until_the_stack_is_complete(self):
        clock = SleptClock()

        made = attempt(clock, stub_created, stack("CREATE_IN_PROGRESS"), stack("CREATE_COMPLETE", Outputs=[{"OutputKey": "Function", "OutputValue": "web"}]))

        assert made == {"Function": "web"}
        assert clock.slept == [5.0]

    def test_a_stack_that_was_rolled_back_is_told_with_its_first_failure(self):
        events = [
            {"LogicalResourceId": "StagingRule", "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "Resource creation cancelled"},
            {"LogicalResourceId": "ProductionRule", "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "Priority '20' is currently in use"},
            {"LogicalResourceId": "BlueTargetGroup", "ResourceStatus": "CREATE_COMPLETE"},
        ]

        with pytest.raises(Failure) as refused:
            attempt(SleptClock(), stub_created, stack("ROLLBACK_IN_PROGRESS"), stack("ROLLBACK_COMPLETE"), events=events)

        assert "ROLLBACK_COMPLETE (ProductionRule: Priority '20' is currently in use)" in refused.value.detail
        assert "aws cloudformation delete-stack --stack-name turnout-service-web" in refused.value.detail

    def test_a_stack_that_exists_and_was_rolled_back_is_told_the_same_way(self):
        with pytest.raises(Failure, match=r"is ROLLBACK_COMPLETE \(Function: it exists\)"):
            attempt(SleptClock(), stub_exists, stack("ROLLBACK_COMPLETE"), events=[{"LogicalResourceId": "Function", "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "it exists"}])

    def test_is_not_for_ever(self):
        with pytest.raises(Failure, match="still CREATE_IN_PROGRESS") as refused:
            attempt(SleptClock(), stub_created, *[stack("CREATE_IN_PROGRESS")] * 362)

        assert refused.value.exit_code is Exit.TIMED_OUT

    def test_without_leave_says_so(self):
        with pytest.raises(Failure, match="AccessDenied"):
            attempt(SleptClock(), lambda stub: stub.add_client_error("create_stack", "AccessDenied", "you may not", 403))

    def test_without_credentials_says_where_they_come_from(self):
        client = boto3.client("cloudformation")
        client.meta.events.register("before-sign.cloudformation.*", _no_credentials)

        with pytest.raises(Failure, match="AWS_PROFILE") as refused:
            service_stack.made(client, STACK, service_stack.Patience(SleptClock().sleep, SleptClock().monotonic))

        assert refused.value.slug == "no-credentials"


def attempt(clock: SleptClock, creating: Any, *seen: dict[str, Any], events: list[dict[str, Any]] | None = None) -> dict[str, str]:
    client = boto3.client("cloudformation")
    with Stubber(client) as stub:
        creating(stub)
        for each in seen:
            stub.add_response("describe_stacks", {"Stacks": [each]}, {"StackName": STACK.name})
        if events:
            common = {"StackId": "id", "EventId": "e", "StackName": STACK.name, "Timestamp": datetime(2026, 11, 23, tzinfo=UTC)}
            stub.add_response("describe_stack_events", {"StackEvents": [common | event for event in events]}, {"StackName": "id"})
        return service_stack.made(client, STACK, service_stack.Patience(clock.sleep, clock.monotonic))


def stub_created(stub: Stubber) -> None:
    stub.add_response("create_stack", {"StackId": "id"})


def stub_exists(stub: Stubber) -> None:
    stub.add_client_error("create_stack", "AlreadyExistsException", "Stack exists", 400)


def stack(status: str, **more: Any) -> dict[str, Any]:
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in STACK.parameters.items()]
    return {"StackId": "id", "StackName": STACK.name, "CreationTime": datetime(2026, 11, 23, tzinfo=UTC), "StackStatus": status, "Parameters": parameters, **more}


def _no_credentials(**_: Any) -> None:
    raise NoCredentialsError


def _parameters(stack: Any) -> list[dict[str, Any]]:
    values = stack.resource_map.resolved_parameters
    return [{"ParameterKey": key, "ParameterValue": ",".join(value) if isinstance(value, list) else value} for key, value in values.items()]
