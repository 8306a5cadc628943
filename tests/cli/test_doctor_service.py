"""What `turnout doctor` says of one service: each thing that it stands on, well and not."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from tests.cli.a_patient import WEB, Plane, a_chain, a_condition, a_load_balancer, ago, faults, only, told_of, well
from tests.cli.builders import a_list
from tests.cli.fake_api import FakeApi
from tests.infra.service_stacks import NOT_LOOPBACK
from tests.local.both_ways import client
from turnout.cli.doctor import chain, containers, functions, machines, progress, reach, traffic
from turnout.cli.doctor.clients import Clients
from turnout.client import Client
from turnout.local import corrections
from turnout.local.provision import create_lambda_service
from turnout.local.provision_autoscaling import create_autoscaling_service
from turnout.local.provision_ecs import create_ecs_service

REGION = "us-east-1"
LIVE = {"color": "blue", "version": "1.0.0", "config_version": 0}


@pytest.fixture
def plane() -> Iterator[Plane]:
    seen = Plane()
    with mock_aws(config=NOT_LOOPBACK), corrections.apply(plane=seen):
        a_load_balancer()
        yield seen


@pytest.fixture
def definition(plane: Plane) -> dict[str, Any]:
    return create_lambda_service(client, name="web", handler="app.handler")


@pytest.fixture
def server(api: FakeApi) -> Client:
    return Client(api.url, "t", backoff_seconds=0)


def forward(rule: str, weights: dict[str, int], **sticky: Any) -> None:
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
    config = {"TargetGroups": groups, "TargetGroupStickinessConfig": sticky or {"Enabled": False}}
    client("elbv2").modify_rule(RuleArn=rule, Actions=[{"Type": "forward", "ForwardConfig": config}])


class TestRules:
    def found(self, definition: dict[str, Any]) -> list[Any]:
        return faults(traffic.rules(client("elbv2"), told_of(definition)))

    def test_that_are_well_are_said_to_be(self, definition):
        assert self.found(definition) == []

    @pytest.mark.parametrize("role", ["production", "staging"])
    def test_that_are_gone(self, definition, role):
        client("elbv2").delete_rule(RuleArn=definition["traffic"][f"{role}_rule"])

        outcome, words = only(self.found(definition))
        assert (outcome, f"the {role} rule is gone" in words) == ("problem", True)

    def test_without_one_of_the_groups_leave_it_unused(self, definition):
        groups = definition["traffic"]["target_groups"]
        forward(definition["traffic"]["staging_rule"], {groups["green"]: 1})

        outcome, words = only(self.found(definition))
        assert (outcome, "target group blue is not in the staging rule: without a rule it is `unused`" in words) == ("problem", True)

    def test_that_forward_elsewhere_too(self, definition):
        groups = definition["traffic"]["target_groups"]
        other = client("elbv2").create_target_group(Name="other", TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"]
        forward(definition["traffic"]["production_rule"], {groups["blue"]: 1, groups["green"]: 0, other: 1})

        assert "the production rule also forwards to targetgroup/other/" in only(self.found(definition))[1]

    def test_that_are_default_rules(self, definition):
        listener = definition["traffic"]["staging_rule"].replace(":listener-rule/", ":listener/").rpartition("/")[0]
        default = next(rule for rule in client("elbv2").describe_rules(ListenerArn=listener)["Rules"] if rule["IsDefault"])
        definition["traffic"]["staging_rule"] = default["RuleArn"]

        assert any("default rule" in one.said for one in self.found(definition))

    def test_that_are_sticky_are_warned_of(self, definition):
        groups = definition["traffic"]["target_groups"]
        forward(definition["traffic"]["production_rule"], {groups["blue"]: 999, groups["green"]: 0}, Enabled=True, DurationSeconds=600)

        outcome, words = only(self.found(definition))
        assert (outcome, "sticky for 600 s" in words) == ("warning", True)

    def test_that_nothing_comes_to(self, definition):
        elbv2, staging = client("elbv2"), definition["traffic"]["staging_rule"]
        listener = staging.replace(":listener-rule/", ":listener/").rpartition("/")[0]
        elbv2.set_rule_priorities(RulePriorities=[{"RuleArn": staging, "Priority": 20}])
        answer = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]
        elbv2.create_rule(ListenerArn=listener, Priority=10, Conditions=[{"Field": "path-pattern", "Values": ["*"]}], Actions=answer)

        outcome, words = only(self.found(definition))
        assert (outcome, "nothing comes to the staging rule (priority 20): the rule with priority 10 takes all" in words) == ("problem", True)


def a_rule(priority: int, **conditions: list[str]) -> dict[str, Any]:
    """`a_rule(10, host=["a.test"], path=["/*"])`."""
    fields = {"host": "host-header", "path": "path-pattern", "method": "http-request-method", "ip": "source-ip"}
    made = [{"Field": fields[kind], reach._BY_FIELD[fields[kind]]: {"Values": values}} for kind, values in conditions.items()]
    return {"Priority": str(priority), "Conditions": made, "RuleArn": f"rule-{priority}"}


def by_header(priority: int, name: str, value: str) -> dict[str, Any]:
    config = {"HttpHeaderName": name, "Values": [value]}
    return {"Priority": str(priority), "Conditions": [{"Field": "http-header", "HttpHeaderConfig": config}]}


class TestReach:
    @pytest.mark.parametrize(
        ("before", "ours"),
        [
            (a_rule(1, path=["/*"]), a_rule(2, path=["/*"])),
            (a_rule(1, path=["/*"]), a_rule(2, path=["/*"], host=["staging.test"])),
            (a_rule(1, path=["/*"], host=["*.test"]), a_rule(2, path=["/*"], host=["staging.test"])),
            (a_rule(1, host=["*.TEST"]), a_rule(2, host=["a.test", "b.test"])),
            (a_rule(1, path=["/a*", "/b*"]), a_rule(2, path=["/api/*", "/b"])),
            (a_rule(1, method=["GET", "POST"]), a_rule(2, method=["GET"])),
            (a_rule(1, host=["a?.test"]), a_rule(2, host=["a1.test"])),
            (by_header(1, "X-Env", "sta*"), by_header(2, "x-env", "staging")),
            (a_rule(1), a_rule(2, path=["/*"])),
        ],
    )
    def test_is_none_behind_a_rule_that_takes_all(self, before, ours):
        assert reach.hiding([ours, before], ours) == before

    @pytest.mark.parametrize(
        ("other", "ours"),
        [
            (a_rule(3, path=["/*"]), a_rule(2, path=["/*"])),
            (a_rule(1, path=["/*"], host=["prod.test"]), a_rule(2, path=["/*"], host=["staging.test"])),
            (a_rule(1, path=["/*"], host=["prod.test"]), a_rule(2, path=["/*"])),
            (a_rule(1, path=["/api/*"]), a_rule(2, path=["/*"])),
            (a_rule(1, path=["/A*"]), a_rule(2, path=["/api"])),
            (a_rule(1, host=["a.test"]), a_rule(2, host=["a.test", "b.test"])),
            (a_rule(1, host=["a?.test"]), a_rule(2, host=["a*.test"])),
            (a_rule(1, host=["[ab].test"]), a_rule(2, host=["a.test"])),
            (a_rule(1, ip=["10.0.0.0/8"]), a_rule(2, path=["/*"])),
            (by_header(1, "X-Other", "*"), by_header(2, "X-Env", "staging")),
            ({"Priority": "1", "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/"]}}]}, a_rule(2, path=["/*"])),
        ],
    )
    def test_is_there_behind_any_other(self, other, ours):
        assert reach.hiding([other, ours], ours) is None


class TestWeights:
    def found(self, api: FakeApi, server: Client, *services: dict[str, Any]) -> list[Any]:
        well(api, services[0]).on("GET", WEB, *services)
        return faults(traffic.weights(client("elbv2"), server, "web"))

    def test_that_are_wanted_are_well(self, definition, api, server):
        assert self.found(api, server, told_of(definition)) == []

    def test_that_nobody_asked_for(self, definition, api, server):
        groups = definition["traffic"]["target_groups"]
        forward(definition["traffic"]["production_rule"], {groups["blue"]: 700, groups["green"]: 300})

        outcome, words = only(self.found(api, server, told_of(definition)))
        assert outcome == "problem"
        assert "production is blue 70 %, green 30 % and Turnout wants blue 100 %, green 0 %: somebody else has set it" in words
        assert '"turnout resume web --drift restore" writes back' in words

    def test_that_are_known_to_have_drifted(self, definition, api, server):
        assert self.found(api, server, told_of(definition, drifted=True)) == []  # what stands there has, which `waits` tells
        groups = definition["traffic"]["target_groups"]
        forward(definition["traffic"]["production_rule"], {groups["blue"]: 700, groups["green"]: 300})

        outcome, words = only(self.found(api, server, told_of(definition, drifted=True)))
        assert (outcome, words.startswith("drift: production is blue 70 %, green 30 % and Turnout wants")) == ("problem", True)

    def test_that_are_on_their_way_are_looked_at_again(self, definition, api, server):
        moving = told_of(definition, deployment={"id": "d-000002", "phase": "shifting"})
        moved = {**moving, "weights": {"desired": {"blue": 90.0, "green": 10.0}}}

        assert self.found(api, server, moved, moving) == []
        outcome, words = only(self.found(api, server, moved))
        assert (outcome, "d-000002 is shifting" in words) == ("warning", True)

    def test_of_a_tenth_of_a_percent_count(self, definition, api, server):
        groups = definition["traffic"]["target_groups"]
        forward(definition["traffic"]["production_rule"], {groups["blue"]: 998, groups["green"]: 1})

        wanted = told_of(definition)
        wanted["weights"]["desired"] = {"blue": 99.9, "green": 0.1}
        assert self.found(api, server, wanted) == []
        assert len(self.found(api, server, told_of(definition))) == 1


class TestTargetGroups:
    def found(self, definition: dict[str, Any]) -> list[Any]:
        return faults(traffic.target_groups(client("elbv2"), told_of(definition)))

    def test_that_are_well_are_said_to_be(self, definition):
        assert self.found(definition) == []

    def test_that_check_nothing(self, definition):
        green = definition["traffic"]["target_groups"]["green"]
        client("elbv2").modify_target_group(TargetGroupArn=green, HealthCheckEnabled=False)

        outcome, words = only(self.found(definition))
        assert (outcome, "health checks of target group green are off" in words) == ("problem", True)
        assert f"aws elbv2 modify-target-group --target-group-arn {green} --health-check-enabled" in words

    def test_that_are_sticky(self, definition):
        blue = definition["traffic"]["target_groups"]["blue"]
        client("elbv2").modify_target_group_attributes(TargetGroupArn=blue, Attributes=[{"Key": "stickiness.enabled", "Value": "true"}])

        assert "target group blue is sticky" in only(self.found(definition))[1]

    def test_of_another_type(self, definition):
        definition["runtime"]["kind"] = "ecs"

        assert "takes targets of type lambda, and ecs needs ip or instance" in self.found(definition)[0].said

    def test_that_are_gone(self, definition):
        definition["traffic"]["target_groups"]["blue"] = definition["traffic"]["target_groups"]["blue"][:-4] + "0000"

        assert "target group blue is gone" in only(self.found(definition))[1]

    @pytest.mark.parametrize(("seconds", "said"), [("0", "requests under way are cut off"), ("900", "an old colour is retired no sooner")])
    def test_that_drain_too_long_or_not_at_all(self, plane, seconds, said):
        definition = create_ecs_service(client, name="web")
        assert self.found(definition) == []
        attributes = [{"Key": "deregistration_delay.timeout_seconds", "Value": seconds}]
        client("elbv2").modify_target_group_attributes(TargetGroupArn=definition["traffic"]["target_groups"]["blue"], Attributes=attributes)

        outcome, words = only(self.found(definition))
        assert (outcome, said in words) == ("warning", True)


def with_alias(definition: dict[str, Any], color: str = "blue", *, permitted: bool = True, attached: bool = True) -> str:
    """As Turnout makes it."""
    lambda_, group = client("lambda"), definition["traffic"]["target_groups"][color]
    version = lambda_.publish_version(FunctionName="web")["Version"]
    alias = lambda_.create_alias(FunctionName="web", Name=color, FunctionVersion=version)["AliasArn"]
    caller = {"Action": "lambda:InvokeFunction", "Principal": "elasticloadbalancing.amazonaws.com", "SourceArn": group}
    if permitted:
        lambda_.add_permission(FunctionName="web", Qualifier=color, StatementId="elb", **caller)
    if attached:
        client("elbv2").register_targets(TargetGroupArn=group, Targets=[{"Id": alias}])
    return str(alias)


class TestTargets:
    def found(self, definition: dict[str, Any], **changes: Any) -> list[Any]:
        return faults(traffic.targets(client("elbv2"), told_of(definition, **changes)))

    def test_of_what_is_live_are_healthy_or_that_is_a_problem(self, definition, plane):
        assert self.found(definition) == []
        with_alias(definition)
        assert self.found(definition, live=LIVE) == []

        plane.sick.add(definition["traffic"]["target_groups"]["blue"])
        outcome, words = only(self.found(definition, live=LIVE))
        assert (outcome, "no target of blue, which is live, is healthy (unhealthy: Health checks failed" in words) == ("problem", True)

    def test_of_what_is_live_are_there(self, definition):
        assert "(there is none)" in only(self.found(definition, live=LIVE))[1]


class TestFunction:
    def found(self, definition: dict[str, Any]) -> list[Any]:
        return faults(functions.function(client("lambda"), told_of(definition)))

    def test_that_is_well_is_said_to_be(self, definition):
        assert self.found(definition) == []

    def test_that_is_gone(self, definition):
        client("lambda").delete_function(FunctionName="web")

        assert "there is no function web" in only(self.found(definition))[1]

    def test_that_turnout_may_not_change(self, definition):
        arn = client("lambda").get_function(FunctionName="web")["Configuration"]["FunctionArn"]
        client("lambda").untag_resource(Resource=arn, TagKeys=["turnout:service"])

        outcome, words = only(self.found(definition))
        assert (outcome, f"aws lambda tag-resource --resource {arn} --tags turnout:service=web" in words) == ("problem", True)


class TestAliases:
    def found(self, definition: dict[str, Any], **changes: Any) -> list[Any]:
        return faults(functions.aliases(client("lambda"), client("elbv2"), told_of(definition, **changes)))

    def test_are_made_with_the_first_release(self, definition):
        assert self.found(definition) == []

    def test_that_are_attached_and_callable_are_well(self, definition):
        with_alias(definition)

        assert self.found(definition, live=LIVE) == []

    def test_of_what_is_live_is_there(self, definition):
        assert "there is no alias blue of web, and blue is live" in only(self.found(definition, live=LIVE))[1]

    def test_of_what_is_live_is_its_groups_target(self, definition):
        alias = with_alias(definition, attached=False)

        outcome, words = only(self.found(definition, live=LIVE))
        assert (outcome, f"--targets Id={alias}" in words) == ("problem", True)

    def test_may_be_called_by_its_own_group(self, definition):
        with_alias(definition)
        client("lambda").remove_permission(FunctionName="web", StatementId="elb", Qualifier="blue")

        outcome, words = only(self.found(definition, live=LIVE))
        assert (outcome, "the load balancer may not call alias blue" in words) == ("problem", True)
        assert "aws lambda add-permission --function-name web --qualifier blue" in words

    def test_of_the_idle_colour_are_only_warned_of(self, definition):
        with_alias(definition)

        with_alias(definition, "green", permitted=False, attached=False)

        assert {one.outcome for one in self.found(definition, live=LIVE)} == {"warning"}


class TestEcsServices:
    @pytest.fixture
    def definition(self, plane) -> dict[str, Any]:
        return create_ecs_service(client, name="web")

    def found(self, definition: dict[str, Any]) -> list[Any]:
        return faults(containers.services(client("ecs"), told_of(definition)))

    def test_that_are_well_are_said_to_be(self, definition):
        assert self.found(definition) == []

    def test_that_are_gone(self, definition):
        client("ecs").delete_service(cluster="turnout", service="web-green", force=True)

        outcome, words = only(self.found(definition))
        assert (outcome, "the ECS service web-green is" in words) == ("problem", True)

    def test_of_no_cluster(self, definition):
        definition["runtime"]["cluster"] = "other"

        assert "there is no cluster other" in only(self.found(definition))[1]

    @pytest.mark.parametrize(
        ("changed", "outcome", "said"),
        [
            ({"deploymentController": {"type": "CODE_DEPLOY"}}, "problem", "the deployment controller CODE_DEPLOY"),
            ({"deploymentConfiguration": {"strategy": "BLUE_GREEN", "deploymentCircuitBreaker": {"enable": True}}}, "problem", "the strategy BLUE_GREEN"),
            ({"deploymentConfiguration": {}}, "warning", "no circuit breaker"),
            ({"status": "DRAINING"}, "problem", "the ECS service web-blue is DRAINING"),
        ],
    )
    def test_that_cannot_be_managed(self, definition, changed, outcome, said):
        found, words = only(faults(containers.services(described(changed), told_of(definition))))

        assert (found, said in words) == (outcome, True)

    def test_that_register_another_container(self, definition):
        definition["runtime"]["port"] = 9000

        assert "web-blue registers app:8080 and the definition says app:9000" in self.found(definition)[0].said

    def test_that_register_in_the_other_group(self, definition):
        groups = definition["traffic"]["target_groups"]
        groups["blue"], groups["green"] = groups["green"], groups["blue"]

        assert "web-blue does not register its tasks in target group blue" in {one.said for one in self.found(definition)}

    def test_have_a_task_definition_with_their_container_and_port(self, definition):
        ecs = client("ecs")
        assert faults(containers.task_definition(ecs, told_of(definition))) == []

        definition["runtime"]["container"] = "main"
        assert "web:1 has no container main" in only(containers.task_definition(ecs, told_of(definition)))[1]
        definition["runtime"] |= {"container": "app", "port": 1}
        assert "has no port mapping for 1" in only(containers.task_definition(ecs, told_of(definition)))[1]
        definition["runtime"]["task_definition"] = "absent"
        assert "no active task definition absent" in only(containers.task_definition(ecs, told_of(definition)))[1]


def described(changed: dict[str, Any]) -> Any:
    """ECS, which describes the blue service otherwise: moto does not make such services."""

    class Ecs:
        def describe_services(self, **of: Any) -> Any:
            answer = client("ecs").describe_services(**of)
            answer["services"][0] |= changed
            return answer

    return Ecs()


class TestRepository:
    @pytest.fixture
    def definition(self, plane) -> dict[str, Any]:
        made = create_ecs_service(client, name="web")
        client("ecr").put_image_tag_mutability(repositoryName="web", imageTagMutability="IMMUTABLE")
        return made

    def found(self, definition: dict[str, Any]) -> list[Any]:
        return faults(containers.repository(Clients(REGION), told_of(definition), REGION))

    def test_that_is_well_is_said_to_be(self, definition):
        assert self.found(definition) == []

    def test_whose_tags_move(self, definition):
        client("ecr").put_image_tag_mutability(repositoryName="web", imageTagMutability="MUTABLE")

        assert only(self.found(definition))[0] == "warning"

    @pytest.mark.parametrize(("status", "is_well"), [("untagged", True), ("any", False), ("tagged", False)])
    def test_that_expires_images(self, definition, status, is_well):
        prefixes = {"tagPrefixList": ["v"]} if status == "tagged" else {}
        rule = {"rulePriority": 1, "selection": {"tagStatus": status, "countType": "imageCountMoreThan", "countNumber": 10, **prefixes}, "action": {"type": "expire"}}
        client("ecr").put_lifecycle_policy(repositoryName="web", lifecyclePolicyText=json.dumps({"rules": [rule]}))

        found = self.found(definition)
        assert (found == []) is is_well
        assert is_well or "rule 1 of the lifecycle policy of web expires tagged images" in only(found)[1]

    def test_that_is_gone(self, definition):
        definition["source"]["ecr"] = "absent"

        assert "there is no repository absent" in only(self.found(definition))[1]


class TestGroups:
    @pytest.fixture
    def definition(self, plane) -> dict[str, Any]:
        return create_autoscaling_service(client, name="web")

    def found(self, definition: dict[str, Any], **changes: Any) -> list[Any]:
        return faults(machines.groups(Clients(REGION), told_of(definition, **changes), REGION))

    def update(self, **changes: Any) -> None:
        client("autoscaling").update_auto_scaling_group(AutoScalingGroupName="web-blue", **changes)

    def test_that_are_well_are_said_to_be(self, definition):
        assert self.found(definition) == []

    def test_that_are_gone(self, definition):
        definition["runtime"]["groups"]["green"] = "absent"

        assert "there is no Auto Scaling group absent" in only(self.found(definition))[1]

    def test_that_are_not_attached(self, definition):
        group = definition["traffic"]["target_groups"]["blue"]
        client("autoscaling").detach_load_balancer_target_groups(AutoScalingGroupName="web-blue", TargetGroupARNs=[group])

        assert "attach-load-balancer-target-groups --auto-scaling-group-name web-blue" in only(self.found(definition))[1]

    def test_that_are_attached_to_the_other_colour_too(self, definition):
        group = definition["traffic"]["target_groups"]["green"]
        client("autoscaling").attach_load_balancer_target_groups(AutoScalingGroupName="web-blue", TargetGroupARNs=[group])

        assert "web-blue is attached to target group green too" in only(self.found(definition))[1]

    def test_that_keep_instances_which_serve_nothing(self, definition):
        self.update(HealthCheckType="EC2")

        assert "its health check type is EC2" in only(self.found(definition))[1]

    def test_that_are_too_small(self, definition):
        self.update(MaxSize=0)

        assert "web-blue may have 0 instances" in only(self.found(definition))[1]

    def test_that_are_suspended(self, definition):
        client("autoscaling").suspend_processes(AutoScalingGroupName="web-blue", ScalingProcesses=["Launch"])

        assert "Launch of web-blue are suspended" in only(self.found(definition))[1]

    def test_that_are_live_have_a_version_by_its_number(self, definition):
        outcome, words = only(self.found(definition, live=LIVE))
        assert (outcome, "web-blue, which is live, follows version" in words) == ("problem", True)

        self.update(LaunchTemplate={"LaunchTemplateName": "web", "Version": "1"})
        assert self.found(definition, live=LIVE) == []

    def test_that_launch_from_another_template(self, definition):
        definition["runtime"]["launch_template"] = "other"

        assert {"web-blue has the launch template web and not the launch template other"} < {one.said for one in self.found(definition)}

    def test_have_a_launch_template_that_is_there(self, definition):
        clients = Clients(REGION)
        assert faults(machines.launch_template(clients, told_of(definition), REGION)) == []

        definition["runtime"]["launch_template"] = "absent"
        assert "there is no launch template absent" in only(machines.launch_template(clients, told_of(definition), REGION))[1]


class TestSource:
    def found(self, api: FakeApi, server: Client, *rejections: dict[str, Any]) -> list[Any]:
        release = {"version": "1.4.1", "registered_at": ago(hours=1), "published_at": ago(hours=1)}
        well(api, told_of({"name": "web"})).on("GET", f"{WEB}/releases", a_list(release)).on("GET", "/v1/rejections", a_list(*rejections))
        return faults(progress.source(server, told_of({})))

    def a_rejection(self, **changes: Any) -> dict[str, Any]:
        return {"service": "web", "at": ago(minutes=5), "version": "1.4.2", "source": "s3://b/web/1.4.2/a.zip", "reason": "the zip is cut off", **changes}

    def test_whose_last_upload_was_taken_is_well(self, api, server):
        assert self.found(api, server) == []
        assert self.found(api, server, self.a_rejection(at=ago(hours=2)), self.a_rejection(service="shop")) == []

    def test_whose_last_upload_was_refused_is_warned_of(self, api, server):
        outcome, words = only(self.found(api, server, self.a_rejection()))

        assert (outcome, words) == ("warning", "1 uploads were refused since 1.4.1; the newest, 1.4.2: the zip is cut off; `turnout rejections` lists them; mend it and upload again")


class TestWaiting:
    def found(self, api: FakeApi, server: Client, *conditions: dict[str, Any]) -> list[Any]:
        api.on("GET", f"{WEB}/explain", {"items": list(conditions)})
        return faults(progress.waits(server, "web"))

    def test_for_something_that_comes_is_well(self, api, server):
        assert self.found(api, server, a_condition("hold", "pending", "step 1 of 3 lasts another 20 s")) == []

    def test_for_a_person_says_the_ways_out(self, api, server):
        ways = 'a person has to decide: "turnout rollback web", "turnout abort web"'

        outcome, words = only(self.found(api, server, a_condition("phase", "failed", f"d-000012 (1.4.2) is needs-human for 9 s: it ran out; {ways}")))
        assert (outcome, words.endswith(ways)) == ("problem", True)

    def test_since_it_drifted_is_a_problem(self, api, server):
        reason = 'somebody else set the production rule to blue 30 %, so nothing goes forward; "turnout resume web --drift restore" writes over it'

        assert only(self.found(api, server, a_condition("drift", "failed", reason))) == ("problem", f"drift: {reason}")

    def test_while_paused_is_warned_of(self, api, server):
        reason = 'paused by alice since noon: lunch; "turnout resume web" lets it go on'

        assert only(self.found(api, server, a_condition("paused", "pending", reason))) == ("warning", reason)


class TestTheTick:
    def found(self, api: FakeApi, server: Client, *, looked: str | None, **changes: Any) -> list[Any]:
        service = told_of({"name": "web"}, **changes)
        service["weights"]["observed_at"] = looked
        well(api, service)
        return faults(progress.tick(server, "web", datetime.now(UTC)))

    @pytest.mark.parametrize(("minutes", "busy", "is_well"), [(4, True, True), (6, True, False), (6, False, True), (31, False, False)])
    def test_that_makes_no_passes_is_a_problem(self, api, server, minutes, busy, is_well):
        found = self.found(api, server, looked=ago(minutes=minutes), deployment={"id": "d-000012", "phase": "watching"} if busy else None)

        assert (found == []) is is_well
        assert is_well or "TickSilentAlarm" in only(found)[1]

    def test_that_never_looked_is_one_after_a_while(self, api, server):
        assert self.found(api, server, looked=None, registered_at=ago(seconds=5)) == []
        assert "since it was registered" in only(self.found(api, server, looked=None, registered_at=ago(hours=1)))[1]


class TestReadOnly:
    @pytest.fixture
    def found(self, plane, api, server) -> Callable[..., list[Any]]:
        def look(value: str | None, **changes: Any) -> list[Any]:
            service = told_of({"name": "web", "cutover": {"read_only": "parameter", "parameter": "/turnout/web/read-only", "limit_seconds": 60}}, **changes)
            well(api, service)
            if value is not None:
                client("ssm").put_parameter(Name="/turnout/web/read-only", Value=value, Type="String", Overwrite=True)
            return faults(progress.cutover(client("ssm"), server, service, datetime.now(UTC)))

        return look

    def in_seconds(self, seconds: float) -> str:
        return json.dumps({"read_only_until": (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()})

    def test_that_is_not_said_or_is_over_is_well(self, found):
        for value in (None, '{"read_only_until": null}', "nonsense", self.in_seconds(-5)):
            assert found(value) == []

    def test_of_a_cutover_is_well(self, found):
        assert found(self.in_seconds(30), read_only=True) == []

    def test_of_no_cutover_is_warned_of(self, found):
        assert only(found(self.in_seconds(30)))[0] == "warning"

    def test_for_longer_than_the_limit_is_a_problem(self, found):
        outcome, words = only(found(self.in_seconds(3600), read_only=True))

        assert (outcome, "longer than any cutover" in words) == ("problem", True)
        assert """--value '{"read_only_until": null}'""" in words


class TestTheAuditChain:
    def found(self, api: FakeApi, server: Client, *pages: Any) -> list[Any]:
        api.on("GET", "/v1/audit", *pages)
        return list(chain.audit(server, "web"))

    def test_that_is_whole_verifies(self, api, server):
        assert [one.said for one in self.found(api, server, a_list(*a_chain(5)))] == ["the audit chain verifies, all 5 entries"]

    def test_goes_on_over_pages(self, api, server):
        entries = a_chain(5)

        found = self.found(api, server, a_list(*entries[:2], cursor="more"), a_list(*entries[2:]))
        assert [one.outcome for one in found] == ["ok"]

    @pytest.mark.parametrize("field", ["actor", "reason", "at", "patch", "hash", "previous_hash"])
    def test_in_which_something_was_changed_does_not(self, api, server, field):
        entries = a_chain(5)
        entries[2] = {**entries[2], field: {"x": 1} if field == "patch" else "2026-01-01T00:00:00.000000Z"}

        outcome, words = only(self.found(api, server, a_list(*entries)))
        assert (outcome, "does not verify at entry 3 of web" in words) == ("problem", True)

    @pytest.mark.parametrize(("gone", "at"), [(2, 4), (4, 2)])
    def test_from_which_something_was_taken_does_not(self, api, server, gone, at):
        entries = a_chain(5)
        del entries[gone]

        assert f"at entry {at} of web" in only(self.found(api, server, a_list(*entries)))[1]

    def test_that_was_written_to_meanwhile_is_read_again(self, api, server):
        entries = a_chain(5)

        found = self.found(api, server, a_list(*entries[:2], *entries[3:]), a_list(*entries))
        assert [one.outcome for one in found] == ["ok"]

    def test_of_a_service_without_changes_verifies(self, api, server):
        assert [one.outcome for one in self.found(api, server, a_list())] == ["ok"]
