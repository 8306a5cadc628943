"""What plain moto's Auto Scaling and launch templates do, and what they do corrected. Nobody keeps the groups here: instances come and go at once."""

import base64
from typing import Any

import pytest

from tests.local.both_ways import both_ways, client

DATA = {"ImageId": "ami-12c6146b", "InstanceType": "t3.micro"}
SCRIPT = "#!/bin/sh\necho up\n"


class Keeping:
    """A data plane: with one, groups are left to the instance keeper. This one keeps nothing."""

    def health(self, target_group_arn: str, target_id: str, port: int | None) -> tuple[str, str | None, str | None]:
        return "healthy", None, None

    def invoke(self, function: str, qualifier: str | None, payload: bytes) -> Any:
        raise NotImplementedError


def a_template(versions: int = 1) -> None:
    client("ec2").create_launch_template(LaunchTemplateName="template", LaunchTemplateData=DATA)
    for number in range(2, versions + 1):
        a_version(f"{SCRIPT}# {number}")


def a_version(script: str = SCRIPT, **how: Any) -> dict[str, Any]:
    data = {"UserData": base64.b64encode(script.encode()).decode()}
    made = client("ec2").create_launch_template_version(LaunchTemplateName="template", **({"LaunchTemplateData": data | DATA} | how))
    return dict(made["LaunchTemplateVersion"])


def a_group(version: str = "1", **how: Any) -> None:
    given = {"MinSize": 0, "MaxSize": 5, "DesiredCapacity": 0, "AvailabilityZones": ["us-east-1a"]} | how
    client("autoscaling").create_auto_scaling_group(AutoScalingGroupName="g", LaunchTemplate={"LaunchTemplateName": "template", "Version": version}, **given)


def update(**how: Any) -> None:
    client("autoscaling").update_auto_scaling_group(AutoScalingGroupName="g", **how)


def group() -> dict[str, Any]:
    return dict(client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["g"])["AutoScalingGroups"][0])


def versions() -> list[str]:
    return [each["LaunchTemplate"]["Version"] for each in group()["Instances"]]


def to(version: str) -> dict[str, Any]:
    return {"LaunchTemplate": {"LaunchTemplateName": "template", "Version": version}}


class TestALaunchTemplate:
    def test_says_its_user_data_in_every_version(self) -> None:
        def do() -> list[bool]:
            a_template(2)
            asked = client("ec2").describe_launch_template_versions(LaunchTemplateName="template", Versions=["2", "$Latest"])["LaunchTemplateVersions"]
            return [base64.b64decode(each["LaunchTemplateData"]["UserData"]).decode().startswith(SCRIPT) for each in asked]

        assert both_ways(do) == ([True, True], [True, True])

    def test_launches_a_version_with_user_data_that_came_later(self) -> None:
        def do() -> int:
            a_template(2)
            a_group("2", DesiredCapacity=1)
            return len(group()["Instances"])

        plain, corrected = both_ways(do)

        assert (plain == 1, corrected) == (False, 1)

    def test_version_has_what_its_source_has(self) -> None:
        def do() -> Any:
            a_template()
            made = a_version(SourceVersion="1", LaunchTemplateData={"UserData": base64.b64encode(SCRIPT.encode()).decode()})
            return made["LaunchTemplateData"].get("InstanceType")

        assert both_ways(do) == (None, "t3.micro")

    def test_version_is_made_once_for_a_token(self) -> None:
        def do() -> list[int]:
            a_template()
            return [a_version(ClientToken="once")["VersionNumber"] for _ in range(2)]

        assert both_ways(do) == ([2, 3], [2, 2])

    def test_versions_are_all_listed_newest_first(self) -> None:
        def do() -> list[int]:
            a_template(17)
            pages = client("ec2").get_paginator("describe_launch_template_versions").paginate(LaunchTemplateName="template")
            return [each["VersionNumber"] for page in pages for each in page["LaunchTemplateVersions"]]

        assert both_ways(do) == ([*range(1, 16)], [*range(17, 0, -1)])

    def test_versions_come_in_pages(self) -> None:
        def do() -> list[int]:
            a_template(5)
            pages = client("ec2").get_paginator("describe_launch_template_versions").paginate(LaunchTemplateName="template", PaginationConfig={"PageSize": 2})
            return [len(page["LaunchTemplateVersions"]) for page in pages]

        assert both_ways(do) == ([2], [2, 2, 1])

    @pytest.mark.parametrize("number", ["0", "9"])
    def test_version_that_is_not_there_is_an_error(self, number: str) -> None:
        def do() -> int:
            a_template()
            return len(client("ec2").describe_launch_template_versions(LaunchTemplateName="template", Versions=[number])["LaunchTemplateVersions"])

        assert both_ways(do)[1] == "InvalidLaunchTemplateId.VersionNotFound"

    def test_version_zero_is_not_the_newest(self) -> None:
        def do() -> int:
            a_template()
            return len(client("ec2").describe_launch_template_versions(LaunchTemplateName="template", Versions=["0"])["LaunchTemplateVersions"])

        assert both_ways(do) == (1, "InvalidLaunchTemplateId.VersionNotFound")


class TestAnInstance:
    def test_says_the_version_it_was_launched_with(self) -> None:
        def do() -> list[str]:
            a_template()
            client("ec2").create_launch_template_version(LaunchTemplateName="template", LaunchTemplateData=DATA)
            a_group("2", DesiredCapacity=1)
            update(**to("1"), DesiredCapacity=2)
            return versions()

        assert both_ways(do) == (["1", "1"], ["2", "1"])

    def test_says_it_by_its_number(self) -> None:
        def do() -> list[str]:
            a_template()
            client("ec2").create_launch_template_version(LaunchTemplateName="template", LaunchTemplateData=DATA)
            a_group("$Latest", DesiredCapacity=1)
            return [*versions(), group()["LaunchTemplate"]["Version"]]

        assert both_ways(do) == (["1", "$Latest"], ["2", "$Latest"])

    def test_of_another_group_cannot_be_protected(self) -> None:
        def do() -> str:
            a_template()
            a_group()
            client("autoscaling").set_instance_protection(AutoScalingGroupName="g", InstanceIds=["i-00000000000000000"], ProtectedFromScaleIn=True)
            return "taken"

        assert both_ways(do) == ("taken", "ValidationError")

    def test_that_is_not_in_service_yet_cannot_be_protected(self) -> None:
        def do() -> list[str]:
            a_template()
            a_group(DesiredCapacity=1)
            from moto.autoscaling.models import autoscaling_backends

            for state in autoscaling_backends["123456789012"]["us-east-1"].autoscaling_groups["g"].instance_states:
                state.lifecycle_state = "Pending"
            ids = [each["InstanceId"] for each in group()["Instances"]]
            client("autoscaling").set_instance_protection(AutoScalingGroupName="g", InstanceIds=ids, ProtectedFromScaleIn=True)
            return ["taken"]

        assert both_ways(do) == (["taken"], "ValidationError")

    def test_that_is_protected_shows_it(self) -> None:
        def do() -> list[bool]:
            a_template()
            a_group(DesiredCapacity=1)
            [id] = [each["InstanceId"] for each in group()["Instances"]]
            client("autoscaling").set_instance_protection(AutoScalingGroupName="g", InstanceIds=[id], ProtectedFromScaleIn=True)
            return [each["ProtectedFromScaleIn"] for each in group()["Instances"]]

        assert both_ways(do) == ([True], [True])


class TestAGroup:
    def test_takes_no_version_that_is_not_there(self) -> None:
        def do() -> str:
            a_template()
            a_group()
            update(**to("7"))
            return str(group()["LaunchTemplate"]["Version"])

        assert both_ways(do) == ("7", "ValidationError")

    @pytest.mark.parametrize("how", [{"DesiredCapacity": 6}, {"MinSize": 2, "DesiredCapacity": 1}, {"MinSize": 3, "MaxSize": 2}])
    def test_takes_no_size_out_of_bounds(self, how: dict[str, int]) -> None:
        def do() -> str:
            a_template()
            a_group()
            update(**how)
            return "taken"

        assert both_ways(do) == ("taken", "ValidationError")

    def test_is_not_set_to_a_capacity_out_of_bounds(self) -> None:
        def do() -> str:
            a_template()
            a_group()
            client("autoscaling").set_desired_capacity(AutoScalingGroupName="g", DesiredCapacity=6)
            return "taken"

        assert both_ways(do) == ("taken", "ValidationError")

    def test_follows_its_bounds(self) -> None:
        def do() -> list[int]:
            a_template()
            a_group()
            seen = []
            for how in ({"MinSize": 2}, {"MinSize": 0}, {"MaxSize": 1}):
                update(**how)
                seen.append(group()["DesiredCapacity"])
            return seen

        assert both_ways(do) == ([2, 2, 1], [2, 2, 1])

    def test_is_made_once(self) -> None:
        def do() -> str:
            a_template()
            a_group()
            a_group()
            return "taken"

        assert both_ways(do) == ("taken", "AlreadyExists")

    def test_that_is_kept_takes_a_moment(self) -> None:
        def do() -> list[int]:
            a_template()
            a_group(DesiredCapacity=2)
            return [group()["DesiredCapacity"], len(group()["Instances"])]

        assert both_ways(do, plane=Keeping()) == ([2, 2], [2, 0])

    def test_that_is_kept_does_not_go_with_instances_in_it(self) -> None:
        def do() -> str:
            a_template()
            a_group()
            ids = [each["InstanceId"] for each in client("ec2").run_instances(MinCount=1, MaxCount=1, ImageId=DATA["ImageId"])["Instances"]]
            client("autoscaling").attach_instances(AutoScalingGroupName="g", InstanceIds=ids)
            client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName="g")
            return "gone"

        assert both_ways(do, plane=Keeping()) == ("gone", "ResourceInUse")


class TestARefresh:
    def test_is_started_described_and_over(self) -> None:
        def do() -> list[Any]:
            a_template()
            client("ec2").create_launch_template_version(LaunchTemplateName="template", LaunchTemplateData=DATA)
            a_group(DesiredCapacity=2)
            id = client("autoscaling").start_instance_refresh(AutoScalingGroupName="g", DesiredConfiguration=to("2"))["InstanceRefreshId"]
            [found] = client("autoscaling").describe_instance_refreshes(AutoScalingGroupName="g")["InstanceRefreshes"]
            return [found["InstanceRefreshId"] == id, found["Status"], found["PercentageComplete"], found["InstancesToUpdate"], versions(), group()["LaunchTemplate"]["Version"]]

        assert both_ways(do) == ("NotImplementedError", [True, "Successful", 100, 0, ["2", "2"], "2"])

    def test_skips_what_matches(self) -> None:
        def do() -> bool:
            a_template()
            a_group(DesiredCapacity=1)
            before = group()["Instances"]
            client("autoscaling").start_instance_refresh(AutoScalingGroupName="g", Preferences={"SkipMatching": True})
            return bool(group()["Instances"] == before)

        assert both_ways(do) == ("NotImplementedError", True)

    def test_is_one_at_a_time(self) -> None:
        def do() -> None:
            a_template()
            a_group()
            for _ in range(2):
                client("autoscaling").start_instance_refresh(AutoScalingGroupName="g")

        assert both_ways(do, plane=Keeping()) == ("NotImplementedError", "InstanceRefreshInProgress")

    def test_with_a_desired_configuration_keeps_the_group_from_getting_another(self) -> None:
        def do() -> None:
            a_template()
            a_group()
            client("autoscaling").start_instance_refresh(AutoScalingGroupName="g", DesiredConfiguration=to("1"))
            update(DesiredCapacity=0)
            update(**to("1"))

        assert both_ways(do, plane=Keeping()) == ("NotImplementedError", "ValidationError")

    @pytest.mark.parametrize(
        ("how", "answer"),
        [
            ({"Preferences": {"AutoRollback": True}}, "ValidationError"),
            ({"Preferences": {"AutoRollback": True}, "DesiredConfiguration": to("$Latest")}, "ValidationError"),
            ({"Preferences": {"AutoRollback": True}, "DesiredConfiguration": to("1")}, None),
            ({"DesiredConfiguration": to("7")}, "ValidationError"),
            ({"Preferences": {"MaxHealthyPercentage": 110}}, "ValidationError"),
        ],
    )
    def test_is_refused_for_what_cannot_be(self, how: dict[str, Any], answer: str | None) -> None:
        def do() -> None:
            a_template()
            a_group()
            client("autoscaling").start_instance_refresh(AutoScalingGroupName="g", **how)

        assert both_ways(do) == ("NotImplementedError", answer)

    @pytest.mark.parametrize("how", ["cancel_instance_refresh", "rollback_instance_refresh"])
    def test_that_does_not_go_on_cannot_be_stopped(self, how: str) -> None:
        def do() -> None:
            a_template()
            a_group()
            getattr(client("autoscaling"), how)(AutoScalingGroupName="g")

        assert both_ways(do) == ("NotImplementedError", "ActiveInstanceRefreshNotFound")

    def test_without_a_desired_configuration_cannot_be_rolled_back(self) -> None:
        def do() -> None:
            a_template()
            a_group()
            client("autoscaling").start_instance_refresh(AutoScalingGroupName="g")
            client("autoscaling").rollback_instance_refresh(AutoScalingGroupName="g")

        assert both_ways(do, plane=Keeping()) == ("NotImplementedError", "IrreversibleInstanceRefresh")

    def test_that_is_cancelled_without_waiting_is_over(self) -> None:
        def do() -> list[str]:
            a_template()
            a_group()
            client("autoscaling").start_instance_refresh(AutoScalingGroupName="g")
            client("autoscaling").cancel_instance_refresh(AutoScalingGroupName="g", WaitForTransitioningInstances=False)
            found = client("autoscaling").describe_instance_refreshes(AutoScalingGroupName="g")["InstanceRefreshes"]
            return [each["Status"] for each in found]

        assert both_ways(do, plane=Keeping()) == ("NotImplementedError", ["Cancelled"])

    def test_history_begins_with_the_newest_and_comes_in_pages(self) -> None:
        def do() -> list[bool]:
            a_template()
            a_group()
            ids = [client("autoscaling").start_instance_refresh(AutoScalingGroupName="g")["InstanceRefreshId"] for _ in range(3)]
            first = client("autoscaling").describe_instance_refreshes(AutoScalingGroupName="g", MaxRecords=2)
            rest = client("autoscaling").describe_instance_refreshes(AutoScalingGroupName="g", NextToken=first["NextToken"])
            found = [each["InstanceRefreshId"] for page in (first, rest) for each in page["InstanceRefreshes"]]
            return [len(first["InstanceRefreshes"]) == 2, found == ids[::-1], "NextToken" not in rest]

        assert both_ways(do) == ("NotImplementedError", [True, True, True])
