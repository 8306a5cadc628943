"""What every router does. On moto, which keeps rules, weights, stickiness and other actions as ELB does; it does not
validate weights and knows no throttling, which is injected before the request is sent.
"""

from datetime import timedelta

import pytest
from moto import mock_aws

from chalicelib.clock import ManualClock
from chalicelib.colors import Color, Split
from chalicelib.errors import Invalid, NotFound, Unavailable
from chalicelib.traffic.alb import AlbRouter
from chalicelib.traffic.memory import Balancer, MemoryRouter
from tests.contract.balancers import OIDC, PREFIX, TRAFFIC, AlbInMoto, forward
from tests.contract.breaking import new_clients, throttled


class InMemory:
    def __init__(self):
        self.router = MemoryRouter(ManualClock())
        self.router.attach(TRAFFIC)
        self.traffic = TRAFFIC

    def weights(self, rule):
        return list(self.router.served(rule).weight_by_group.values())

    def meddle(self, rule, weights, sticky_seconds=0):
        self.router.meddle(rule, weights, sticky_seconds=sticky_seconds)

    def make_default(self):
        self.router.meddle(TRAFFIC.production_rule, {}, is_default=True)
        return TRAFFIC

    def switch_checks_off(self):
        self.router.attach(TRAFFIC, Balancer(checked={Color.BLUE: True, Color.GREEN: False}))
        return TRAFFIC


class OnMoto:
    def __init__(self):
        self.clients = new_clients()
        self.router = AlbRouter(self.clients)
        self.alb = AlbInMoto.make()
        self.traffic = self.alb.traffic

    def weights(self, rule):
        groups = self.alb.actions(rule)[-1]["ForwardConfig"]["TargetGroups"]
        assert [group["TargetGroupArn"] for group in groups] == list(self.traffic.target_groups.model_dump().values())
        return [group["Weight"] for group in groups]

    def meddle(self, rule, weights, sticky_seconds=0):
        sticky = {"Enabled": True, "DurationSeconds": sticky_seconds} if sticky_seconds else {}
        self.alb.elbv2.modify_rule(RuleArn=rule, Actions=[forward(weights, **sticky)])

    def make_default(self):
        rules = self.alb.elbv2.describe_rules(ListenerArn=self.alb.listeners[0])["Rules"]
        [default] = [rule["RuleArn"] for rule in rules if rule["IsDefault"]]
        return self.traffic.model_copy(update={"production_rule": default})

    def switch_checks_off(self):
        self.alb.elbv2.modify_target_group(TargetGroupArn=self.traffic.target_groups.green, HealthCheckEnabled=False)
        return self.traffic


@pytest.fixture(params=[InMemory, OnMoto])
def world(request):
    with mock_aws():
        yield request.param()


@pytest.fixture
def alb():
    with mock_aws():
        yield OnMoto()


class TestLooking:
    def test_sees_both_rules(self, world):
        rules = world.router.look(world.traffic)

        assert (rules.production.split, rules.staging.split) == (Split.all_on(Color.BLUE), Split.all_on(Color.BLUE))

    @pytest.mark.parametrize(("blue", "green", "seen"), [(1, 1, Split(500, 500)), (90, 10, Split(900, 100)), (0, 1, Split(0, 1000))])
    def test_reads_weights_that_others_wrote(self, world, blue, green, seen):
        world.meddle(world.traffic.production_rule, {world.traffic.target_groups.blue: blue, world.traffic.target_groups.green: green})

        assert world.router.look(world.traffic).production.split == seen

    def test_shows_what_it_says_when_it_is_no_split(self, world):
        world.meddle(world.traffic.production_rule, {world.traffic.target_groups.blue: 0, world.traffic.target_groups.green: 0})

        rule = world.router.look(world.traffic).production

        assert rule.split is None
        assert rule.raw == "blue 0, green 0"

    def test_a_lone_group_has_everything_and_raw_names_only_it(self, world):
        world.meddle(world.traffic.production_rule, {world.traffic.target_groups.green: 1})

        rule = world.router.look(world.traffic).production

        assert rule.split == Split.all_on(Color.GREEN)
        assert rule.raw == "green 1"

    def test_tells_the_stickiness(self, world):
        groups = world.traffic.target_groups
        world.meddle(world.traffic.production_rule, {groups.blue: 1, groups.green: 1}, sticky_seconds=600)

        rules = world.router.look(world.traffic)

        assert (rules.production.sticky_seconds, rules.staging.sticky_seconds) == (600, 0)

    def test_a_rule_that_is_gone_is_not_found(self, world):
        gone = world.traffic.model_copy(update={"staging_rule": world.traffic.production_rule[:-4] + "beef"})

        with pytest.raises(NotFound):
            world.router.look(gone)


class TestSettingWeights:
    @pytest.mark.parametrize("permille", [0, 1, 100, 333, 500, 999, 1000])
    def test_is_read_back_exactly(self, world, permille):
        wanted = Split.giving(Color.GREEN, permille)

        world.router.set_weights(world.traffic, wanted, unstick=False)

        assert world.router.look(world.traffic).production.split == wanted

    def test_always_sends_zero(self, world):
        world.router.set_weights(world.traffic, Split(500, 500), unstick=False)
        world.router.set_weights(world.traffic, Split.all_on(Color.GREEN), unstick=False)

        assert world.weights(world.traffic.production_rule) == [0, 999]

    def test_leaves_the_staging_rule_alone(self, world):
        world.router.set_weights(world.traffic, Split.all_on(Color.GREEN), unstick=False)

        assert world.router.look(world.traffic).staging.split == Split.all_on(Color.BLUE)

    def test_keeps_stickiness(self, world):
        groups = world.traffic.target_groups
        world.meddle(world.traffic.production_rule, {groups.blue: 1, groups.green: 1}, sticky_seconds=600)

        world.router.set_weights(world.traffic, Split(900, 100), unstick=False)

        assert world.router.look(world.traffic).production.sticky_seconds == 600

    def test_switches_stickiness_off_in_the_same_write(self, world):
        groups = world.traffic.target_groups
        world.meddle(world.traffic.production_rule, {groups.blue: 1, groups.green: 1}, sticky_seconds=600)

        world.router.set_weights(world.traffic, Split(1000, 0), unstick=True)

        rule = world.router.look(world.traffic).production
        assert (rule.split, rule.sticky_seconds) == (Split.all_on(Color.BLUE), 0)

    def test_writes_from_what_was_seen(self, world):
        seen = world.router.look(world.traffic)

        world.router.set_weights(world.traffic, Split(900, 100), unstick=False, seen=seen.production)
        world.router.point_staging(world.traffic, Color.GREEN, seen=seen.staging)

        after = world.router.look(world.traffic)
        assert (after.production.split, after.staging.split) == (Split(900, 100), Split.all_on(Color.GREEN))

    def test_takes_a_rule_back_that_sends_elsewhere(self, world):
        stranger = PREFIX + "targetgroup/other/8888" if isinstance(world, InMemory) else AlbInMoto.group(world.alb.elbv2, "other")
        world.meddle(world.traffic.production_rule, {stranger: 1, world.traffic.target_groups.blue: 1})
        assert world.router.look(world.traffic).production.split is None

        world.router.set_weights(world.traffic, Split.all_on(Color.BLUE), unstick=False)

        assert world.weights(world.traffic.production_rule) == [999, 0]


class TestPointingStaging:
    def test_moves_only_staging_and_keeps_the_other_group_attached(self, world):
        world.router.point_staging(world.traffic, Color.GREEN)

        rules = world.router.look(world.traffic)
        assert (rules.production.split, rules.staging.split) == (Split.all_on(Color.BLUE), Split.all_on(Color.GREEN))
        assert world.weights(world.traffic.staging_rule) == [0, 999]


class TestSurvey:
    def test_a_sound_service_is_described(self, world):
        found = world.router.survey(world.traffic)

        assert found.rules.production.split == Split.all_on(Color.BLUE)
        assert found.production.url.startswith("http://")
        assert not found.production.url.endswith("/")
        assert found.production.url != found.staging.url
        assert found.health_delay_seconds > 0

    def refused(self, world, traffic):
        with pytest.raises(Invalid) as raised:
            world.router.survey(traffic)
        return raised.value.extra["errors"][0]["field"]

    def test_refuses_a_default_rule(self, world):
        assert self.refused(world, world.make_default()) == "traffic.production_rule"

    def test_refuses_a_rule_that_is_not_there(self, world):
        gone = world.traffic.model_copy(update={"staging_rule": world.traffic.staging_rule[:-4] + "beef"})

        assert self.refused(world, gone) == "traffic.staging_rule"

    def test_refuses_a_balancer_that_is_not_there(self, world):
        gone = world.traffic.model_copy(update={"load_balancer": world.traffic.load_balancer[:-4] + "beef"})

        assert self.refused(world, gone) == "traffic.load_balancer"

    def test_refuses_a_group_that_is_not_attached(self, world):
        world.meddle(world.traffic.staging_rule, {world.traffic.target_groups.blue: 1})

        assert self.refused(world, world.traffic) == "traffic.staging_rule"

    def test_refuses_a_group_without_health_checks_by_name(self, world):
        assert self.refused(world, world.switch_checks_off()) == "traffic.target_groups.green"


class TestAlb:
    def test_keeps_the_other_actions_and_their_order(self, alb):
        rule, groups = alb.traffic.production_rule, alb.traffic.target_groups
        alb.alb.elbv2.modify_rule(RuleArn=rule, Actions=[OIDC, forward({groups.blue: 1, groups.green: 0})])
        sent = []
        alb.clients.weights.meta.events.register("provide-client-params.elastic-load-balancing-v2.ModifyRule", lambda params, **_: sent.append(params))

        alb.router.set_weights(alb.traffic, Split(900, 100), unstick=False)

        first, last = alb.alb.actions(rule)
        assert (first["Type"], first["Order"], first["AuthenticateOidcConfig"]["ClientId"]) == ("authenticate-oidc", 1, "web")
        assert (last["Type"], last["Order"]) == ("forward", 2)
        assert "TargetGroupArn" not in sent[0]["Actions"][1]

    def test_keeps_a_secret_that_elb_does_not_tell(self, alb):
        seen = alb.router.look(alb.traffic).production
        secretless = {key: value for key, value in OIDC["AuthenticateOidcConfig"].items() if key != "ClientSecret"}
        seen.native["Actions"].insert(0, OIDC | {"AuthenticateOidcConfig": secretless})
        sent = []
        alb.clients.weights.meta.events.register("provide-client-params.elastic-load-balancing-v2.ModifyRule", lambda params, **_: sent.append(params))

        alb.router.set_weights(alb.traffic, Split(900, 100), unstick=False, seen=seen)

        assert sent[0]["Actions"][0]["AuthenticateOidcConfig"]["UseExistingClientSecret"] is True

    def test_needs_one_call_to_look_and_one_to_write(self, alb):
        calls = []
        for client in (alb.clients.look, alb.clients.weights, alb.clients.elbv2):
            client.meta.events.register("before-call.*.*", lambda model, **_: calls.append(model.name))

        seen = alb.router.look(alb.traffic)
        alb.router.set_weights(alb.traffic, Split.all_on(Color.GREEN), unstick=True, seen=seen.production)

        assert calls == ["DescribeRules", "ModifyRule"]

    def test_a_rule_that_cannot_be_read_is_unavailable_after_one_try(self, alb):
        attempts = throttled(alb.clients.look, "DescribeRules")

        with pytest.raises(Unavailable):
            alb.router.look(alb.traffic)
        assert len(attempts) == 1

    def test_a_weight_that_cannot_be_written_is_unavailable_after_one_try(self, alb):
        attempts = throttled(alb.clients.weights, "ModifyRule")

        with pytest.raises(Unavailable):
            alb.router.set_weights(alb.traffic, Split(500, 500), unstick=False)
        assert len(attempts) == 1

    def test_a_redirect_is_no_split(self, alb):
        redirect = {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301", "Host": "elsewhere.test"}}
        alb.alb.elbv2.modify_rule(RuleArn=alb.traffic.production_rule, Actions=[redirect])

        rule = alb.router.look(alb.traffic).production

        assert (rule.split, rule.raw) == (None, "redirect")

    def test_urls_come_from_listener_and_host_condition(self, alb):
        conditions = [{"Field": "host-header", "Values": ["web.test"]}, {"Field": "path-pattern", "Values": ["/api/*"]}]
        alb.alb.elbv2.modify_rule(RuleArn=alb.traffic.production_rule, Conditions=conditions)

        found = alb.router.survey(alb.traffic)

        assert found.production.url == "http://web.test"
        assert found.staging.url.endswith(":8080")

    def test_paths_come_from_the_path_condition(self, alb):
        alb.alb.elbv2.modify_rule(RuleArn=alb.traffic.staging_rule, Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/web/*", "/probe"]}}])

        found = alb.router.survey(alb.traffic)

        assert (found.production.paths, found.staging.paths) == (("/*",), ("/web/*", "/probe"))

    def test_a_host_condition_with_a_wildcard_names_no_host(self, alb):
        alb.alb.elbv2.modify_rule(RuleArn=alb.traffic.production_rule, Conditions=[{"Field": "host-header", "Values": ["*.amazonaws.com"]}])

        assert alb.router.survey(alb.traffic).production.url.endswith(".amazonaws.com")

    @pytest.mark.parametrize(
        "condition",
        [
            {"Field": "host-header", "Values": ["*.test"]},
            {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Stage", "Values": ["staging"]}},
            {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "stage", "Value": "staging"}]}},
            {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
        ],
    )
    def test_refuses_a_rule_that_no_url_leads_to(self, alb, condition):
        alb.alb.elbv2.modify_rule(RuleArn=alb.traffic.staging_rule, Conditions=[condition])

        assert TestSurvey().refused(alb, alb.traffic) == "traffic.staging_rule"

    def test_refuses_two_rules_with_one_url(self, alb):
        conditions = [{"Field": "path-pattern", "Values": ["/staging/*"]}]
        staging = alb.alb.rule(alb.alb.elbv2, alb.alb.listeners[0], dict.fromkeys(alb.traffic.target_groups.model_dump().values(), 1), Priority=2, Conditions=conditions)

        assert TestSurvey().refused(alb, alb.traffic.model_copy(update={"staging_rule": staging})) == "traffic.staging_rule"

    def test_health_delay_and_drain_are_the_longest_of_both(self, alb):
        alb.alb.elbv2.modify_target_group(TargetGroupArn=alb.traffic.target_groups.green, HealthCheckIntervalSeconds=60)

        found = alb.router.survey(alb.traffic)

        assert found.health_delay_seconds == 120

    def test_groups_of_instances_drain(self):
        with mock_aws():
            world = OnMoto()
            vpc = AlbInMoto.vpc()
            world.alb = AlbInMoto.make("ip", TargetType="ip", Protocol="HTTP", Port=80, VpcId=vpc)

            assert world.router.survey(world.alb.traffic).drain_seconds == 300

    def test_refuses_a_rule_of_another_balancer(self, alb):
        other = AlbInMoto.make("other").traffic
        mixed = alb.traffic.model_copy(update={"staging_rule": other.staging_rule})

        assert TestSurvey().refused(alb, mixed) == "traffic.staging_rule"

    def test_refuses_groups_of_different_types(self, alb):
        vpc = AlbInMoto.vpc()
        ip = AlbInMoto.group(alb.alb.elbv2, "ip-green", TargetType="ip", Protocol="HTTP", Port=80, VpcId=vpc)
        mixed = alb.traffic.model_copy(update={"target_groups": alb.traffic.target_groups.model_copy(update={"green": ip})})
        for rule in (mixed.production_rule, mixed.staging_rule):
            alb.meddle(rule, {mixed.target_groups.blue: 1, ip: 0})

        assert TestSurvey().refused(alb, mixed) == "traffic.target_groups.green"

    def test_refuses_sticky_target_groups(self, alb):
        attributes = [{"Key": "stickiness.enabled", "Value": "true"}, {"Key": "stickiness.type", "Value": "lb_cookie"}]
        alb.alb.elbv2.modify_target_group_attributes(TargetGroupArn=alb.traffic.target_groups.blue, Attributes=attributes)

        assert TestSurvey().refused(alb, alb.traffic) == "traffic.target_groups.blue"


class TestMemory:
    def test_can_lag(self):
        clock = ManualClock()
        router = MemoryRouter(clock)
        router.attach(TRAFFIC)
        router.lag = timedelta(seconds=2)
        router.set_weights(TRAFFIC, Split.all_on(Color.GREEN), unstick=False)

        assert router.look(TRAFFIC).production.split == Split.all_on(Color.BLUE)
        clock.move(timedelta(seconds=2))
        assert router.look(TRAFFIC).production.split == Split.all_on(Color.GREEN)
        assert [write.rule for write in router.writes] == [TRAFFIC.production_rule]
