"""What plain moto makes of a load balancer's access logs, and what it makes of them corrected."""

from typing import Any

from tests.local.both_ways import a_balancer, both_ways, client


def switched_on(**attributes: str) -> dict[str, str]:
    """All attributes of a new load balancer, after a change of these of its access logs."""
    arn = a_balancer()
    changes = [{"Key": f"access_logs.s3.{name}", "Value": value} for name, value in attributes.items()]
    if changes:
        client("elbv2").modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=changes)
    told = client("elbv2").describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    return {each["Key"]: each["Value"] for each in told}


class TestAccessLogs:
    def test_are_said_to_be_off_until_they_are_switched_on(self) -> None:
        def do() -> Any:
            return switched_on().get("access_logs.s3.enabled")

        assert both_ways(do) == (None, "false")

    def test_need_a_bucket_that_is_there(self) -> None:
        for attributes in ({"enabled": "true"}, {"enabled": "true", "bucket": "nowhere"}):

            def do(attributes: dict[str, str] = attributes) -> Any:
                return switched_on(**attributes)["access_logs.s3.enabled"]

            assert both_ways(do) == ("true", "InvalidConfigurationRequest")

    def test_have_a_prefix_that_is_not_aws_own(self) -> None:
        def do() -> Any:
            client("s3").create_bucket(Bucket="balancer-logs")
            return switched_on(enabled="true", bucket="balancer-logs", prefix="x/AWSLogs")["access_logs.s3.enabled"]

        assert both_ways(do) == ("true", "InvalidConfigurationRequest")

    def test_begin_with_a_file_that_tries_the_bucket(self) -> None:
        def do() -> Any:
            client("s3").create_bucket(Bucket="balancer-logs")
            switched_on(enabled="true", bucket="balancer-logs", prefix="of/web")
            return [(each["Key"], each["Size"]) for each in client("s3").list_objects_v2(Bucket="balancer-logs").get("Contents", [])]

        assert both_ways(do) == ([], [("of/web/AWSLogs/123456789012/ELBAccessLogTestFile", 0)])

    def test_that_are_off_try_nothing(self) -> None:
        def do() -> Any:
            return switched_on(enabled="false", bucket="nowhere")["access_logs.s3.bucket"]

        assert both_ways(do) == ("nowhere", "nowhere")
