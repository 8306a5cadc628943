"""What plain moto's load balancing does, and what it does corrected."""

from typing import Any

import pytest

from tests.local.both_ways import a_balancer, a_group, a_listener, a_rule, both_ways, client, forward

TWO_PORTS = [{"Id": "10.0.0.1", "Port": port} for port in (8001, 8002)]


class Sick:
    """A data plane that sees every target fail."""

    def health(self, target_group_arn: str, target_id: str, port: int | None) -> tuple[str, str | None, str | None]:
        return "unhealthy", "Target.ResponseCodeMismatch", f"{target_id}:{port} answers 500"

    def invoke(self, function: str, qualifier: str | None, payload: bytes) -> Any:
        raise NotImplementedError


def states(group: str, *targets: dict[str, Any]) -> list[tuple[Any, ...]]:
    asked = {"Targets": list(targets)} if targets else {}
    described = client("elbv2").describe_target_health(TargetGroupArn=group, **asked)["TargetHealthDescriptions"]
    return [(each["Target"].get("Port"), each["TargetHealth"]["State"], each["TargetHealth"].get("Reason")) for each in described]


class TestTargets:
    def test_on_two_ports_of_one_address_are_two(self) -> None:
        def do() -> list[Any]:
            group = a_group()
            client("elbv2").register_targets(TargetGroupArn=group, Targets=TWO_PORTS)
            return [port for port, _, _ in states(group)]

        assert both_ways(do) == ([8002], [8001, 8002])

    def test_can_be_deregistered_twice(self) -> None:
        def do() -> str:
            group, elbv2 = a_group(), client("elbv2")
            elbv2.register_targets(TargetGroupArn=group, Targets=TWO_PORTS[:1])
            for _ in range(2):
                elbv2.deregister_targets(TargetGroupArn=group, Targets=TWO_PORTS[:1])
            return "fine"

        assert both_ways(do) == ("InvalidTarget", "fine")

    def test_drain_until_their_delay_is_over(self) -> None:
        def do() -> list[Any]:
            group, elbv2 = a_group(), client("elbv2")
            elbv2.register_targets(TargetGroupArn=group, Targets=TWO_PORTS)
            elbv2.deregister_targets(TargetGroupArn=group, Targets=TWO_PORTS[:1])
            return [state for state in states(group) if state[0] == 8001]

        assert both_ways(do) == ([], [(8001, "draining", "Target.DeregistrationInProgress")])


class TestTargetHealth:
    def test_is_what_the_data_plane_sees(self) -> None:
        def do() -> list[Any]:
            group = a_group()
            a_rule(a_listener(a_balancer()), group)
            client("elbv2").register_targets(TargetGroupArn=group, Targets=TWO_PORTS[:1])
            return states(group)

        plain, corrected = both_ways(do, plane=Sick())

        assert plain == [(8001, "healthy", None)]
        assert corrected == [(8001, "unhealthy", "Target.ResponseCodeMismatch")]

    def test_of_a_group_in_no_rule_is_unused(self) -> None:
        def do() -> list[Any]:
            group = a_group()
            client("elbv2").register_targets(TargetGroupArn=group, Targets=TWO_PORTS[:1])
            return states(group)

        assert both_ways(do, plane=Sick()) == ([(8001, "healthy", None)], [(8001, "unused", "Target.NotInUse")])

    def test_of_a_lambda_is_unavailable_unless_checks_are_switched_on(self) -> None:
        def do() -> list[Any]:
            function = {"Id": "arn:aws:lambda:us-east-1:123456789012:function:f:blue"}
            group = client("elbv2").create_target_group(Name="g", TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"]
            a_rule(a_listener(a_balancer()), group)
            client("elbv2").register_targets(TargetGroupArn=group, Targets=[function])
            return states(group)

        assert both_ways(do, plane=Sick()) == ([(None, "healthy", None)], [(None, "unavailable", "Target.HealthCheckDisabled")])

    def test_of_an_unknown_target_says_that_it_is_not_registered(self) -> None:
        def do() -> list[Any]:
            return states(a_group(), TWO_PORTS[0])

        assert both_ways(do) == ([(8001, "unavailable", "Target.NotRegistered")], [(8001, "unused", "Target.NotRegistered")])


class TestABalancer:
    def test_is_found_on_this_machine(self) -> None:
        def do() -> bool:
            a_balancer()
            return bool(client("elbv2").describe_load_balancers()["LoadBalancers"][0]["DNSName"] == "127.0.0.1")

        assert both_ways(do) == (False, True)

    def test_is_named_by_the_groups_its_rules_name_now(self) -> None:
        def do() -> list[int]:
            before, after = a_group("before"), a_group("after")
            rule = a_rule(a_listener(a_balancer()), before)
            client("elbv2").modify_rule(RuleArn=rule, Actions=[forward(after)])
            groups = client("elbv2").describe_target_groups(TargetGroupArns=[before, after])["TargetGroups"]
            return [len({group["TargetGroupName"]: group["LoadBalancerArns"] for group in groups}[name]) for name in ("before", "after")]

        assert both_ways(do) == ([1, 0], [0, 1])


class TestAnAction:
    @pytest.mark.parametrize("weight", [1000, -1])
    def test_with_a_weight_out_of_range_is_refused(self, weight: int) -> None:
        def do() -> str:
            group = a_group()
            rule = a_rule(a_listener(a_balancer()), group)
            client("elbv2").modify_rule(RuleArn=rule, Actions=[forward(group, weight=weight)])
            return "taken"

        assert both_ways(do) == ("taken", "ValidationError")

    def test_with_six_groups_is_refused(self) -> None:
        def do() -> str:
            a_rule(a_listener(a_balancer()), *[a_group(f"g{number}") for number in range(6)])
            return "taken"

        assert both_ways(do) == ("taken", "TooManyTargetGroups")

    def test_with_stickiness_of_no_duration_is_refused(self) -> None:
        def do() -> str:
            group = a_group()
            sticky = forward(group)
            sticky["ForwardConfig"]["TargetGroupStickinessConfig"] = {"Enabled": True}
            client("elbv2").modify_rule(RuleArn=a_rule(a_listener(a_balancer()), group), Actions=[sticky])
            return "taken"

        assert both_ways(do) == ("taken", "ValidationError")

    def test_that_names_two_different_groups_in_two_ways_is_refused(self) -> None:
        def do() -> str:
            one, other = a_group("one"), a_group("other")
            rule = a_rule(a_listener(a_balancer()), one)
            client("elbv2").modify_rule(RuleArn=rule, Actions=[forward(one) | {"TargetGroupArn": other}])
            return "taken"

        assert both_ways(do) == ("taken", "InvalidLoadBalancerAction")

    def test_of_a_listener_with_an_unknown_group_is_refused(self) -> None:
        def do() -> str:
            listener = a_listener(a_balancer())
            client("elbv2").modify_listener(ListenerArn=listener, DefaultActions=[forward(a_group() + "0")])
            return "taken"

        assert both_ways(do) == ("taken", "TargetGroupNotFound")


class TestADefaultRule:
    def test_cannot_be_modified(self) -> None:
        def do() -> str:
            group = a_group()
            [rule] = client("elbv2").describe_rules(ListenerArn=a_listener(a_balancer()))["Rules"]
            client("elbv2").modify_rule(RuleArn=rule["RuleArn"], Actions=[forward(group)])
            return "taken"

        assert both_ways(do) == ("taken", "OperationNotPermitted")
