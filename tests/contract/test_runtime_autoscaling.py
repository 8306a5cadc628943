"""The runtime that is a pair of Auto Scaling groups: the contract of every runtime, and what only EC2 can do to it.

It runs on a small Auto Scaling written by hand, and what goes over the wire again on the local stack's corrected moto.
"""

from datetime import timedelta
from functools import partial

import pytest
from moto import mock_aws
from moto.ec2.models import ec2_backends

from chalicelib.clock import ManualClock
from chalicelib.colors import Color
from chalicelib.config.model import Environment, Reference, Store
from chalicelib.deployments.model import Build
from chalicelib.errors import Conflict, Invalid, NotFound, Unavailable
from chalicelib.releases.model import ImageArtifact
from chalicelib.runtimes.autoscaling.launch import decoded
from chalicelib.runtimes.autoscaling.runtime import AutoScalingRuntime
from chalicelib.runtimes.autoscaling.user_data import Coordinates
from chalicelib.runtimes.runtime import Progress, Size, Standing, unfenced
from tests.contract.autoscaling_by_hand import MACHINE, TEMPLATE, AutoScaling
from tests.contract.balancers import TRAFFIC, AlbInMoto, a_definition
from tests.contract.breaking import new_clients, throttled
from tests.contract.functions import Interrupted
from tests.contract.test_runtime import SETTINGS, a_build, a_zip
from tests.contract.test_runtime import TestPreparing as Contract
from turnout.local.corrections import autoscaling, elb
from turnout.local.corrections.patches import Patches

BLUE, GREEN = TRAFFIC.target_groups.blue, TRAFFIC.target_groups.green
RUNTIME = {"kind": "autoscaling", "groups": {"blue": "web-blue", "green": "web-green"}, "launch_template": "web"}


def an_autoscaling_definition(traffic=TRAFFIC, name="web", **runtime):
    return a_definition(traffic, name=name, runtime=RUNTIME | runtime)


class ByHand:
    """The adapter on AWS's rules, as far as they are written down in `autoscaling_by_hand.py`."""

    def __init__(self, *, slow=2, lag=0, unknown_for=0, page=50, blue=0, green=0, **runtime):
        self.clock = ManualClock()
        self.aws = AutoScaling(slow=slow, lag=lag, unknown_for=unknown_for, page=page)
        self.aws.now = self.clock.now
        self.aws.versions[0]["CreateTime"] = self.clock.now()
        self.aws.make_group("web-blue", BLUE, blue)
        self.aws.make_group("web-green", GREEN, green)
        self.runtime = AutoScalingRuntime(self.aws, self.clock)
        self.definition = an_autoscaling_definition(**runtime)

    def publish(self, version, config_version=0):
        return a_build(version, a_zip(version), config_version, "v1")

    def targets(self, color):
        return self.aws.targets(TRAFFIC.target_groups.of(color))

    @property
    def green(self):
        return self.aws.groups["web-green"]

    @property
    def blue(self):
        return self.aws.groups["web-blue"]

    def launched(self, group="web-green"):
        """What the instances of a group run."""
        numbers = {each["LaunchTemplate"]["Version"] for each in self.aws.groups[group]["Instances"]}
        return [told(self.aws.versions[int(number) - 1]) for number in sorted(numbers)]

    def in_service(self, group="web-green"):
        return sum(each["LifecycleState"] == "InService" for each in self.aws.groups[group]["Instances"])

    def settle(self):
        self.aws.settle()


class Seeing(ByHand):
    """What was just written is not seen by the next looks, and answers come in pages."""

    def __init__(self):
        super().__init__(slow=3, lag=3, unknown_for=1, page=1)


class OnMoto:
    """The corrected local EC2. Its instances are no processes here: they come and go at once."""

    def __init__(self):
        self.clients = new_clients()
        self.alb = AlbInMoto.make(TargetType="instance", Protocol="HTTP", Port=8080, VpcId=AlbInMoto.vpc())
        self.autoscaling = self.clients.autoscaling
        self.clients.ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "t3.micro"})
        for color in Color:
            self._make_group(color)
        self.definition = an_autoscaling_definition(self.alb.traffic)
        self.runtime = AutoScalingRuntime(self.clients, ManualClock())

    def _make_group(self, color):
        self.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=f"web-{color}", MinSize=0, MaxSize=10, DesiredCapacity=0, HealthCheckType="ELB", HealthCheckGracePeriod=30,
            LaunchTemplate={"LaunchTemplateName": "web", "Version": "$Default"}, TargetGroupARNs=[self.alb.traffic.target_groups.of(color)],
            VPCZoneIdentifier=ec2_backends["123456789012"]["eu-west-1"].describe_subnets()[0].id,
        )  # fmt: skip

    def publish(self, version, config_version=0):
        return a_build(version, a_zip(version), config_version, "v1")

    def targets(self, color):
        described = self.alb.elbv2.describe_target_health(TargetGroupArn=self.alb.traffic.target_groups.of(color))
        registered = {each["Target"]["Id"] for each in described["TargetHealthDescriptions"]}
        [group] = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[f"web-{color}"])["AutoScalingGroups"]
        # Without a data plane one that is terminated stays registered.
        return [f"{each['InstanceId']} of web-{color}" for each in group["Instances"] if each["InstanceId"] in registered]

    def settle(self):
        pass


def told(version):
    return decoded(version["LaunchTemplateData"].get("UserData"), None)


def prepare(world, color, build, environment=SETTINGS, *, attempt="d-000001", still_ours=unfenced):
    return world.runtime.prepare(world.definition, color, build, environment, attempt, still_ours=still_ours)


def prepared(world, color, build, environment=SETTINGS, *, attempt="d-000001", looks=30):
    for _ in range(looks):
        standing = prepare(world, color, build, environment, attempt=attempt)
        if standing.progress is not Progress.WORKING:
            return standing
    raise AssertionError(standing)


def through_interruptions(world, color, build, **how):
    """Every answer until it stands, whoever dies on the way."""
    seen = []
    for _ in range(40):
        try:
            seen.append(prepare(world, color, build, **how))
        except Interrupted:
            continue
        if seen[-1].progress is Progress.READY:
            return seen
    raise AssertionError(seen)


@pytest.fixture(name="on_moto")
def _on_moto():
    with mock_aws(), Patches() as patches:
        elb.correct(patches, plane=None)
        autoscaling.correct(patches, plane=None)
        yield OnMoto()


@pytest.fixture(params=[ByHand, Seeing, OnMoto])
def world(request):
    return request.getfixturevalue("on_moto") if request.param is OnMoto else request.param()


class TestPreparingOnAutoScaling(Contract):
    """The contract itself."""

    def test_the_survey_accepts_it(self, world):
        world.runtime.survey(world.definition)

    def test_is_as_large_as_the_other_colour(self, world):
        build = world.publish("1.0.0")
        world.runtime.resize(world.definition, Color.BLUE, at_least=3, held=False)

        assert prepared(world, Color.GREEN, build).holds(build)
        assert world.runtime.sizes(world.definition) == {Color.BLUE: Size(3, held=False), Color.GREEN: Size(3, held=False)}
        assert len(world.targets(Color.GREEN)) == 3

    def test_made_small_it_stands_and_made_smaller_it_waits(self, world):
        build = world.publish("1.0.0")
        world.runtime.resize(world.definition, Color.BLUE, at_least=3, held=False)
        prepared(world, Color.GREEN, build)

        world.runtime.resize(world.definition, Color.GREEN, at_most=1, held=False)
        world.settle()
        assert world.runtime.standing(world.definition, Color.GREEN).holds(build)
        world.runtime.resize(world.definition, Color.GREEN, at_most=0, held=False)
        world.settle()
        assert world.runtime.standing(world.definition, Color.GREEN) == Standing(Progress.WORKING, "1.0.0", build.digest, 0, "scaled to 0")

    def test_has_only_instances_of_the_build_once_it_stands(self, world):
        prepared(world, Color.GREEN, world.publish("1.0.0"))

        prepared(world, Color.GREEN, world.publish("2.0.0"), attempt="d-000002")

        assert len(world.targets(Color.GREEN)) == 1

    def test_is_held_and_released(self, world):
        prepared(world, Color.GREEN, world.publish("1.0.0"))

        for held in (True, False, True):
            world.runtime.resize(world.definition, Color.GREEN, held=held)
            world.settle()
            assert world.runtime.sizes(world.definition)[Color.GREEN] == Size(1, held=held)


class TestVersion:
    def test_runs_the_artifact_with_its_environment_and_is_the_base_in_everything_else(self):
        world = ByHand()
        build = world.publish("1.0.0", config_version=3)

        prepared(world, Color.GREEN, build)

        [launched] = world.launched()
        assert launched.coordinates == Coordinates("artifacts", "web/1.0.0/app.zip", "v1", build.artifact.sha256)
        assert launched.variables == {
            "GREETING": "hello", "TURNOUT_SERVICE": "web", "TURNOUT_VERSION": "1.0.0", "TURNOUT_COLOR": "green", "TURNOUT_CONFIG_VERSION": "3",
            "TURNOUT_DEPLOYMENT": "d-000001", "PORT": "8080",
        }  # fmt: skip
        assert world.aws.versions[1]["LaunchTemplateData"].items() >= MACHINE.items()
        assert world.aws.versions[1]["VersionDescription"] == "web 1.0.0 green config 3 d-000001 from version 1"

    def test_of_a_reference_it_has_the_text(self):
        world = ByHand()

        prepared(world, Color.GREEN, world.publish("1.0.0"), Environment({}, {"DB": Reference(Store.SSM, "/turnout/db", "3")}))

        assert world.launched()[0].variables["DB"] == "ssm:/turnout/db:3"

    def test_the_port_is_the_runtimes_own_whatever_the_config_says(self):
        world = ByHand(port=9000)

        prepared(world, Color.GREEN, world.publish("1.0.0"), Environment({"PORT": "1"}))

        assert world.launched()[0].variables["PORT"] == "9000"

    def test_keeps_the_snapshots_of_the_bases_disks(self):
        world = ByHand()
        disks = [{"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": "snap-1"}}]
        world.aws.default = world.aws.add_version(MACHINE | {"BlockDeviceMappings": disks})

        prepared(world, Color.GREEN, world.publish("1.0.0"))

        assert world.aws.versions[-1]["LaunchTemplateData"]["BlockDeviceMappings"] == disks

    def test_is_of_the_default_version_not_of_the_newest(self):
        world = ByHand()
        prepared(world, Color.BLUE, world.publish("1.0.0"))
        world.aws.add_version({"ImageId": "ami-2", "InstanceType": "t3.nano"})

        prepared(world, Color.GREEN, world.publish("2.0.0"))

        assert world.aws.versions[-1]["LaunchTemplateData"].items() >= MACHINE.items()

    def test_one_that_nobody_came_to_use_is_found_again(self):
        world = ByHand()
        build = world.publish("1.0.0")
        for _ in range(2):
            prepare(world, Color.GREEN, build, still_ours=lambda: False)

        prepared(world, Color.GREEN, build)

        assert world.aws.writes == ["create_launch_template_version", "update_auto_scaling_group"]

    def test_two_workers_make_one(self):
        world = ByHand()
        build = world.publish("1.0.0")
        # The other one makes its version after this one has looked.
        world.aws.before["create_launch_template_version"] = lambda: prepare(world, Color.GREEN, build)

        assert prepared(world, Color.GREEN, build).holds(build)
        assert len(world.aws.versions) == 2

    def test_two_versions_of_the_same_count_as_one(self):
        world = ByHand(green=2)
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)
        world.aws.add_version(dict(world.aws.versions[1]["LaunchTemplateData"]))
        world.green["LaunchTemplate"] = {"LaunchTemplateId": TEMPLATE, "LaunchTemplateName": "web", "Version": "3"}
        world.aws.calls.clear()

        assert world.runtime.standing(world.definition, Color.GREEN).holds(build)
        assert prepare(world, Color.GREEN, build).holds(build)
        assert world.aws.writes == []

    def test_a_number_that_auto_scaling_does_not_know_yet_is_waited_for(self):
        world = ByHand(unknown_for=1)
        build = world.publish("1.0.0")

        assert prepare(world, Color.GREEN, build).progress is Progress.WORKING
        assert prepared(world, Color.GREEN, build).holds(build)
        assert len(world.aws.versions) == 2

    def test_one_that_auto_scaling_still_refuses_later_is_final_with_its_reason(self):
        world = ByHand()
        world.aws.refuse("update_auto_scaling_group", "ValidationError", "The image id '[ami-1]' does not exist")
        build = world.publish("1.0.0")
        assert prepare(world, Color.GREEN, build).progress is Progress.WORKING
        world.clock.move(timedelta(minutes=2))

        assert prepare(world, Color.GREEN, build) == Standing(Progress.FAILED, reason="Auto Scaling refused it: The image id '[ami-1]' does not exist")

    def test_one_that_ec2_refuses_is_final_with_its_reason(self):
        world = ByHand()
        world.aws.refuse("create_launch_template_version", "VersionLimitExceeded", "You have reached the limit of versions")

        standing = prepare(world, Color.GREEN, world.publish("1.0.0"))

        assert (standing.progress, world.green["DesiredCapacity"]) == (Progress.FAILED, 0)
        assert "the limit of versions" in standing.reason

    @pytest.mark.parametrize("environment", [Environment({"BIG": "x" * 16384}), Environment({"not a name": "x"}), Environment({"NUL": "\0"})])
    def test_an_environment_that_no_instance_can_be_given_is_final_and_touches_nothing(self, environment):
        world = ByHand()

        assert prepare(world, Color.GREEN, world.publish("1.0.0"), environment).progress is Progress.FAILED
        assert world.aws.calls == []

    def test_an_image_is_final_and_touches_nothing(self):
        world = ByHand()
        image = Build("1.0.0", ImageArtifact("registry", "web", "1.0.0", "sha256:" + "0" * 64, 1), 0)

        assert prepare(world, Color.GREEN, image).progress is Progress.FAILED
        assert world.aws.calls == []

    def test_an_object_without_a_version_is_pinned_as_s3_names_it(self):
        world = ByHand()

        prepared(world, Color.GREEN, a_build("1.0.0", a_zip("1.0.0")))

        assert world.launched()[0].coordinates.version == "null"

    def test_what_is_in_one_is_asked_for_once(self):
        world = ByHand()
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        world.runtime.standing(world.definition, Color.GREEN)
        world.aws.calls.clear()

        for _ in range(3):
            world.runtime.standing(world.definition, Color.GREEN)

        assert world.aws.calls == ["describe_auto_scaling_groups"] * 3


class TestRefresh:
    def test_replaces_all_instances_at_once_protected_or_not(self):
        world = ByHand(blue=3)
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        world.runtime.resize(world.definition, Color.GREEN, held=True)
        build = world.publish("2.0.0")

        assert prepared(world, Color.GREEN, build).holds(build)

        [launched] = world.launched()
        assert (launched.variables["TURNOUT_VERSION"], world.in_service()) == ("2.0.0", 3)
        [started] = [asked for name, asked in world.aws.asked if name == "start_instance_refresh"]
        assert started["Preferences"] == {
            "MinHealthyPercentage": 0, "MaxHealthyPercentage": 100, "InstanceWarmup": 0, "SkipMatching": True,
            "ScaleInProtectedInstances": "Refresh", "StandbyInstances": "Ignore",
        }  # fmt: skip

    def test_of_a_colour_that_serves_brings_new_instances_before_old_ones_go(self):
        world = ByHand(blue=3)
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)
        for each in (world.green, *world.green["Instances"]):
            each["LaunchTemplate"] = {**each["LaunchTemplate"], "Version": "1"}
        assert world.runtime.standing(world.definition, Color.GREEN).progress is Progress.EMPTY

        world.runtime.prepare(world.definition, Color.GREEN, build, SETTINGS, "restore-1", serving=True)

        started = [asked for name, asked in world.aws.asked if name == "start_instance_refresh"][-1]
        assert (started["Preferences"]["MinHealthyPercentage"], started["Preferences"]["MaxHealthyPercentage"]) == (100, 110)
        assert "InstanceWarmup" not in started["Preferences"]

    def test_is_not_needed_where_only_the_group_was_put_on_another_version(self):
        world = ByHand(blue=3)
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)
        world.green["LaunchTemplate"] = {**world.green["LaunchTemplate"], "Version": "1"}

        standings = [world.runtime.prepare(world.definition, Color.GREEN, build, SETTINGS, "restore-1", serving=True) for _ in range(2)]

        assert standings[-1].holds(build)
        assert world.aws.refreshes == []

    def test_is_not_needed_where_nothing_runs(self):
        world = ByHand()

        prepared(world, Color.GREEN, world.publish("1.0.0"))

        assert world.aws.refreshes == []

    def test_is_waited_for_to_its_end(self):
        world = ByHand(green=1)
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)

        assert [each["Status"] for each in world.aws.refreshes] == ["Successful"]

    def test_is_told_how_far_it_is(self):
        world = ByHand(green=2, slow=4)
        build = world.publish("1.0.0")
        prepare(world, Color.GREEN, build)

        assert prepare(world, Color.GREEN, build).reason == "0 of 2 instances of web-green are in service; instance refresh InProgress, 0 %"

    @pytest.mark.parametrize("status", ["Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful"])
    def test_that_came_to_nothing_is_final_for_the_attempt_with_its_reason(self, status):
        world = ByHand(green=1)
        build = world.publish("1.0.0")
        prepare(world, Color.GREEN, build)
        world.aws.refreshes[-1] |= {"Status": status, "StatusReason": "too few were healthy"}
        expected = Standing(Progress.FAILED, reason=f"the instance refresh of web-green ended as {status}: too few were healthy")

        assert [prepare(world, Color.GREEN, build) for _ in range(3)] == [expected] * 3

    def test_that_was_rolled_back_with_the_group_is_final_too(self):
        world = ByHand(green=1)
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        before = dict(world.green["LaunchTemplate"])
        build = world.publish("2.0.0")
        prepare(world, Color.GREEN, build, attempt="d-000002")
        world.aws.refreshes[-1] |= {"Status": "RollbackSuccessful", "StatusReason": "alarm"}
        world.green["LaunchTemplate"] = before

        assert prepare(world, Color.GREEN, build, attempt="d-000002").progress is Progress.FAILED

    def test_that_failed_is_no_failure_once_all_instances_run_the_build_all_the_same(self):
        world = ByHand(green=1)
        build = world.publish("1.0.0")
        prepare(world, Color.GREEN, build)
        world.aws.settle()
        world.aws.refreshes[-1] |= {"Status": "Failed", "StatusReason": "it took an hour"}

        assert prepare(world, Color.GREEN, build).holds(build)

    def test_that_failed_is_not_held_against_a_new_attempt_at_the_same_build(self):
        world = ByHand(green=1)
        build = world.publish("1.0.0")
        world.aws.refreshes_fail = "no capacity"
        assert prepared(world, Color.GREEN, build).progress is Progress.FAILED
        world.aws.refreshes_fail = None

        assert prepared(world, Color.GREEN, build, attempt="d-000002").holds(build)
        assert prepared(world, Color.GREEN, build).holds(build)

    def test_that_fails_again_is_final_for_the_new_attempt(self):
        world = ByHand(green=1)
        build = world.publish("1.0.0")
        world.aws.refreshes_fail = "no capacity"
        prepared(world, Color.GREEN, build)

        assert prepared(world, Color.GREEN, build, attempt="d-000002").progress is Progress.FAILED
        assert [each["Status"] for each in world.aws.refreshes] == ["Failed", "Failed"]

    def test_after_a_failed_one_a_group_that_was_emptied_comes_up_without_another(self):
        world = ByHand(green=1)
        build = world.publish("1.0.0")
        world.aws.refreshes_fail = "no capacity"
        prepared(world, Color.GREEN, build)
        world.runtime.resize(world.definition, Color.GREEN, at_most=0, held=False)
        world.aws.settle()
        world.aws.calls.clear()

        assert prepared(world, Color.GREEN, build, attempt="d-000002").holds(build)
        assert world.aws.writes == ["create_launch_template_version", "update_auto_scaling_group"]

    def test_to_another_version_is_cancelled_first(self):
        world = ByHand(green=1)
        one, two = world.publish("1.0.0"), world.publish("2.0.0")
        prepare(world, Color.GREEN, one)

        standing = prepare(world, Color.GREEN, two, attempt="d-000002")

        assert standing == Standing(Progress.WORKING, reason="cancelling another instance refresh of web-green")
        assert prepared(world, Color.GREEN, two, attempt="d-000002").holds(two)
        assert [each["Status"] for each in world.aws.refreshes] == ["Cancelled", "Successful"]

    def test_of_somebody_else_is_cancelled_too(self):
        world = ByHand(green=1)
        world.aws.refresh("web-green", world.aws.add_version({**MACHINE}))
        build = world.publish("1.0.0")

        assert prepared(world, Color.GREEN, build).holds(build)
        assert world.aws.refreshes[0]["Status"] == "Cancelled"

    def test_to_the_same_build_by_somebody_else_is_waited_for(self):
        world = ByHand()
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)
        world.aws.refresh("web-green")

        assert prepare(world, Color.GREEN, build).progress is Progress.WORKING
        assert prepared(world, Color.GREEN, build).holds(build)
        assert [each["Status"] for each in world.aws.refreshes] == ["Successful"]

    def test_is_not_cancelled_where_another_worker_has_begun_the_wanted_one_since(self):
        world = ByHand(green=1)
        prepare(world, Color.GREEN, world.publish("1.0.0"))
        build = world.publish("2.0.0")
        looked = world.aws.autoscaling.describe_instance_refreshes

        def overtaken(**asked):
            answer = looked(**asked)
            if "cancel_instance_refresh" not in world.aws.calls:
                world.aws.autoscaling.describe_instance_refreshes = looked
                while world.aws.refreshes[-1].get("DesiredConfiguration", {}).get("LaunchTemplate", {}).get("Version") != "3":
                    prepare(world, Color.GREEN, build, attempt="d-000002")
            return answer

        world.aws.autoscaling.describe_instance_refreshes = overtaken
        assert prepare(world, Color.GREEN, build, attempt="d-000002").progress is Progress.WORKING

        assert prepared(world, Color.GREEN, build, attempt="d-000002").holds(build)
        assert [each["Status"] for each in world.aws.refreshes] == ["Cancelled", "Successful"]

    def test_that_somebody_began_before_the_group_was_moved_is_no_final_refusal(self):
        world = ByHand(green=1)
        build = world.publish("1.0.0")
        prepare(world, Color.GREEN, build, still_ours=lambda: False)
        world.clock.move(timedelta(minutes=10))
        world.aws.before["update_auto_scaling_group"] = lambda: world.aws.refresh("web-green", 1)

        assert prepare(world, Color.GREEN, build).progress is Progress.WORKING
        assert prepared(world, Color.GREEN, build).holds(build)

    @pytest.mark.parametrize("operation", ["start_instance_refresh", "update_auto_scaling_group"])
    def test_that_another_worker_began_meanwhile_is_waited_for(self, operation):
        world = ByHand(green=1)
        build = world.publish("1.0.0")
        world.aws.before[operation] = partial(prepare, world, Color.GREEN, build)

        assert prepare(world, Color.GREEN, build).progress is Progress.WORKING
        assert prepared(world, Color.GREEN, build).holds(build)
        assert len(world.aws.refreshes) == 1

    def test_leaves_an_instance_that_somebody_took_aside(self):
        world = ByHand(green=2)
        world.green["Instances"][0]["LifecycleState"] = "Standby"
        build = world.publish("1.0.0")

        assert prepared(world, Color.GREEN, build).holds(build)
        assert world.green["Instances"][0]["LifecycleState"] == "Standby"


class TestComing:
    def test_counts_the_instances_in_service(self):
        world = ByHand(blue=3, slow=4)
        build = world.publish("1.0.0")
        prepare(world, Color.GREEN, build)

        assert prepare(world, Color.GREEN, build) == Standing(Progress.WORKING, reason="0 of 3 instances of web-green are in service")

    def test_tells_why_instances_do_not_come(self):
        world = ByHand()
        build = world.publish("1.0.0")
        prepare(world, Color.GREEN, build)
        world.aws.fail_launch("web-green", "We currently do not have sufficient t3.micro capacity")

        assert prepare(world, Color.GREEN, build).reason == (
            "0 of 1 instances of web-green are in service; last failure: We currently do not have sufficient t3.micro capacity"
        )

    def test_does_not_tell_what_failed_before_its_version_was_made(self):
        world = ByHand(slow=4)
        world.aws.fail_launch("web-green", "an older story")
        world.clock.move(timedelta(minutes=1))
        build = world.publish("1.0.0")
        prepare(world, Color.GREEN, build)

        assert prepare(world, Color.GREEN, build).reason == "0 of 1 instances of web-green are in service"

    def test_tells_of_instances_that_never_become_healthy(self):
        world = ByHand()
        world.aws.broken = {"2"}
        build = world.publish("1.0.0")

        standings = [prepare(world, Color.GREEN, build) for _ in range(10)]

        assert {each.progress for each in standings} == {Progress.WORKING}
        assert "ELB system health check failure" in standings[-1].reason

    def test_forgets_a_failure_after_an_hour(self):
        world = ByHand()
        world.aws.broken = {"2"}
        build = world.publish("1.0.0")
        for _ in range(10):
            prepare(world, Color.GREEN, build)
        world.aws.broken.clear()
        world.green["SuspendedProcesses"] = [{"ProcessName": "HealthCheck"}]
        world.aws.slow = 10
        world.clock.move(timedelta(hours=1, minutes=1))

        assert prepare(world, Color.GREEN, build).reason == "0 of 1 instances of web-green are in service"

    def test_more_than_the_group_may_have_is_final_and_names_both_numbers(self):
        world = ByHand(blue=4)
        world.green["MaxSize"] = 3

        standing = prepare(world, Color.GREEN, world.publish("1.0.0"))

        assert standing == Standing(Progress.FAILED, reason="4 instances are wanted, and web-green may have 3; raise its MaxSize")
        assert world.aws.writes == []

    def test_a_warm_colour_is_only_made_larger_for_the_same_build(self):
        world = ByHand(blue=1)
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)
        world.aws.scale("web-blue", 4)
        world.aws.calls.clear()

        assert prepared(world, Color.GREEN, build, attempt="d-000002").holds(build)
        assert world.aws.writes == ["update_auto_scaling_group"]
        assert (world.green["DesiredCapacity"], len(world.aws.versions)) == (4, 2)

    def test_a_colour_that_was_scaled_to_nothing_is_only_made_larger_for_the_same_build(self):
        world = ByHand(blue=2)
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)
        world.runtime.resize(world.definition, Color.GREEN, at_most=0, held=False)
        world.settle()

        assert prepared(world, Color.GREEN, build, attempt="d-000002").holds(build)
        assert (world.in_service(), len(world.aws.versions)) == (2, 2)

    def test_with_nothing_on_the_other_colour_it_is_as_large_as_the_definition_says(self):
        world = ByHand(size=2)

        prepared(world, Color.GREEN, world.publish("1.0.0"))

        assert world.in_service() == 2

    def test_with_fewer_on_the_other_colour_than_the_definition_says_it_is_as_large_as_that(self):
        world = ByHand(blue=1, size=3)

        prepared(world, Color.GREEN, world.publish("1.0.0"))

        assert world.in_service() == 1

    def test_is_never_made_smaller(self):
        world = ByHand(blue=1, green=3)

        prepared(world, Color.GREEN, world.publish("1.0.0"))

        assert (world.green["DesiredCapacity"], world.in_service()) == (3, 3)

    def test_does_not_undo_an_autoscaler_that_was_quicker(self):
        world = ByHand(blue=2, green=2)
        build = world.publish("1.0.0")
        world.aws.before["update_auto_scaling_group"] = partial(world.aws.scale, "web-green", 5)

        prepared(world, Color.GREEN, build)

        assert world.green["DesiredCapacity"] == 5

    def test_writes_nothing_once_it_stands(self):
        world = ByHand()
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)
        world.aws.calls.clear()

        prepare(world, Color.GREEN, build)

        assert world.aws.calls == ["describe_auto_scaling_groups", "describe_instance_refreshes"]


class TestInterrupted:
    @pytest.mark.parametrize("held", [True, False])
    @pytest.mark.parametrize("green", [0, 2])
    @pytest.mark.parametrize("call", range(1, 22))
    def test_goes_on_from_wherever_it_was_interrupted(self, call, green, held):
        world = ByHand(blue=2, green=green)
        world.runtime.resize(world.definition, Color.GREEN, held=held)
        build = world.publish("1.0.0")
        world.aws.interrupt_at(call)

        seen = through_interruptions(world, Color.GREEN, build)

        assert seen[-1].holds(build)
        assert all(each.progress is not Progress.FAILED for each in seen)
        assert (len(world.aws.versions), len(world.aws.refreshes), world.in_service()) == (2, 1 if green else 0, 2)

    @pytest.mark.parametrize("call", range(1, 22))
    def test_never_says_that_it_stands_while_anything_else_runs(self, call):
        world = ByHand(slow=3)
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        build = world.publish("2.0.0")
        world.aws.interrupt_at(call)

        for _ in range(20):
            try:
                standing = prepare(world, Color.GREEN, build, attempt="d-000002")
            except Interrupted:
                continue
            if standing.holds(build):
                break

        assert [each.variables["TURNOUT_VERSION"] for each in world.launched()] == ["2.0.0"]

    @pytest.mark.parametrize("call", range(1, 9))
    def test_a_resize_goes_on_too(self, call):
        world = ByHand(green=3)
        for held in (True, False):
            world.aws.interrupt_at(call)
            for _ in range(3):
                try:
                    world.runtime.resize(world.definition, Color.GREEN, at_most=2, held=held)
                    size = world.runtime.sizes(world.definition)[Color.GREEN]
                except Interrupted:
                    continue
            assert size == Size(2, held=held)
            assert {each["ProtectedFromScaleIn"] for each in world.green["Instances"] if each["LifecycleState"] == "InService"} == {held}


class TestFence:
    @pytest.mark.parametrize("green", [0, 1])
    @pytest.mark.parametrize("asked", range(1, 4))
    def test_a_worker_that_was_overtaken_changes_nothing_more(self, green, asked):
        world = ByHand(green=green)
        build = world.publish("1.0.0")
        times = iter(range(1, 100))

        def still_ours():
            if next(times) < asked:
                return True
            world.aws.calls.clear()
            return False

        for _ in range(10):
            standing = prepare(world, Color.GREEN, build, still_ours=still_ours)
            if standing.reason == "another deployment has taken over":
                assert world.aws.calls == []
                return
        assert asked > (2 if green else 1)

    def test_a_refresh_is_not_cancelled_by_one(self):
        world = ByHand(green=1)
        prepare(world, Color.GREEN, world.publish("1.0.0"))

        standing = prepare(world, Color.GREEN, world.publish("2.0.0"), attempt="d-000002", still_ours=lambda: False)

        assert standing == Standing(Progress.WORKING, reason="another deployment has taken over")
        assert "cancel_instance_refresh" not in world.aws.calls

    def test_a_colour_is_not_made_larger_by_one(self):
        world = ByHand(blue=1)
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)
        world.aws.scale("web-blue", 4)

        prepare(world, Color.GREEN, build, still_ours=lambda: False)

        assert world.green["DesiredCapacity"] == 1

    def test_two_deployments_that_cross_end_with_the_one_in_charge(self):
        world = ByHand(green=1)
        stale, build = world.publish("1.0.0"), world.publish("2.0.0")
        # The stale one has been told that it is in charge, and starts its refresh only when the other has moved the group.
        world.aws.before["start_instance_refresh"] = partial(prepare, world, Color.GREEN, build, attempt="d-000002")
        prepare(world, Color.GREEN, stale)

        assert prepared(world, Color.GREEN, build, attempt="d-000002").holds(build)
        world.settle()
        assert world.runtime.standing(world.definition, Color.GREEN).holds(build)


class TestStanding:
    def test_a_group_that_is_gone_is_empty(self):
        world = ByHand()
        del world.aws.groups["web-green"]

        assert world.runtime.standing(world.definition, Color.GREEN).progress is Progress.EMPTY

    def test_a_group_that_is_being_deleted_is_empty(self):
        world = ByHand()
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        world.green["Status"] = "Delete in progress"

        assert world.runtime.standing(world.definition, Color.GREEN).progress is Progress.EMPTY

    @pytest.mark.parametrize("number", ["$Latest", "$Default", "1", "9"])
    def test_what_is_not_ours_is_empty(self, number):
        world = ByHand()
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        world.green["LaunchTemplate"]["Version"] = number

        assert world.runtime.standing(world.definition, Color.GREEN).progress is Progress.EMPTY

    def test_the_other_colours_version_is_not_ours(self):
        world = ByHand()
        prepared(world, Color.BLUE, world.publish("1.0.0"))
        world.green["LaunchTemplate"] = dict(world.blue["LaunchTemplate"])

        assert world.runtime.standing(world.definition, Color.GREEN).progress is Progress.EMPTY

    def test_what_is_not_ours_is_replaced(self):
        world = ByHand(green=1)
        world.green["LaunchTemplate"]["Version"] = str(world.aws.add_version({"ImageId": "ami-2", "UserData": "bm90IG91cnM="}))
        build = world.publish("1.0.0")

        assert prepared(world, Color.GREEN, build).holds(build)

    def test_an_instance_that_somebody_launched_with_another_version_is_told_of(self):
        world = ByHand(blue=2)
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)
        world.green["Instances"][0]["LaunchTemplate"]["Version"] = "1"

        standing = world.runtime.standing(world.definition, Color.GREEN)
        assert (standing.progress, standing.version, standing.reason) == (Progress.WORKING, "1.0.0", "1 of 2 instances run another version")

    def test_stands_while_more_instances_are_on_their_way(self):
        world = ByHand()
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)
        world.aws.scale("web-green", 3)

        assert world.runtime.standing(world.definition, Color.GREEN).holds(build)

    def test_does_not_stand_on_unhealthy_instances(self):
        world = ByHand()
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        world.green["Instances"][0]["HealthStatus"] = "Unhealthy"

        assert world.runtime.standing(world.definition, Color.GREEN).reason == "none of 1 instances is in service"


class TestUnmanageable:
    def test_a_group_that_is_gone_is_final(self):
        world = ByHand()
        del world.aws.groups["web-green"]

        assert prepare(world, Color.GREEN, world.publish("1.0.0")).progress is Progress.FAILED

    def test_a_template_that_is_gone_is_final(self):
        world = ByHand()
        world.aws.versions.clear()

        standing = prepare(world, Color.GREEN, world.publish("1.0.0"))

        assert (standing.progress, world.aws.writes) == (Progress.FAILED, [])
        assert "launch template web" in standing.reason

    @pytest.mark.parametrize("changes", [
        {"MixedInstancesPolicy": {"LaunchTemplate": {}}, "LaunchTemplate": None}, {"LaunchConfigurationName": "old", "LaunchTemplate": None},
        {"LaunchTemplate": {"LaunchTemplateId": "lt-2", "LaunchTemplateName": "api", "Version": "1"}},
    ])  # fmt: skip
    def test_a_group_that_was_made_something_else_since_is_final_and_not_touched(self, changes):
        world = ByHand()
        world.green.update(changes)

        standing = prepare(world, Color.GREEN, world.publish("1.0.0"))

        assert (standing.progress, world.aws.writes) == (Progress.FAILED, [])
        assert "web-green" in standing.reason

    def test_suspended_processes_are_waited_for(self):
        world = ByHand()
        world.green["SuspendedProcesses"] = [{"ProcessName": "Launch"}, {"ProcessName": "AZRebalance"}]
        build = world.publish("1.0.0")

        standing = prepare(world, Color.GREEN, build)
        assert standing == Standing(Progress.WORKING, reason="the processes Launch of web-green are suspended; resume them")
        assert world.aws.writes == []
        world.green["SuspendedProcesses"] = []
        assert prepared(world, Color.GREEN, build).holds(build)

    def test_a_colour_of_another_service_is_given_back_by_putting_it_on_default(self):
        world = ByHand()
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        world.definition = an_autoscaling_definition(name="shop")
        build = world.publish("2.0.0")
        world.aws.calls.clear()
        refused = prepare(world, Color.GREEN, build)

        assert (refused.progress, world.aws.writes) == (Progress.FAILED, [])
        world.green["LaunchTemplate"]["Version"] = "$Default"
        assert prepared(world, Color.GREEN, build).holds(build)

    @pytest.mark.parametrize(("operation", "code"), [("update_auto_scaling_group", "AccessDenied"), ("create_launch_template_version", "UnauthorizedOperation")])
    def test_what_may_not_be_changed_is_waited_for_with_the_reason(self, operation, code):
        world = ByHand()
        world.aws.refuse(operation, code)

        standing = prepare(world, Color.GREEN, world.publish("1.0.0"))

        assert standing.progress is Progress.WORKING
        assert "turnout:service" in standing.reason

    @pytest.mark.parametrize("code", ["ResourceContention", "ScalingActivityInProgress"])
    @pytest.mark.parametrize("operation", ["update_auto_scaling_group", "start_instance_refresh"])
    def test_a_group_that_is_busy_is_waited_for(self, operation, code):
        world = ByHand(green=1)
        world.aws.refuse(operation, code)
        build = world.publish("1.0.0")

        assert {prepare(world, Color.GREEN, build).progress for _ in range(5)} == {Progress.WORKING}
        world.aws.allow(operation)
        assert prepared(world, Color.GREEN, build).holds(build)

    @pytest.mark.parametrize("operation", ["describe_auto_scaling_groups", "describe_launch_template_versions", "describe_instance_refreshes", "update_auto_scaling_group"])
    def test_throttling_is_unavailable(self, operation):
        world = ByHand()
        world.aws.refuse(operation, "RequestLimitExceeded" if "template" in operation else "Throttling")

        with pytest.raises(Unavailable):
            prepare(world, Color.GREEN, world.publish("1.0.0"))

    def test_throttling_on_the_wire_is_unavailable(self, on_moto):
        attempts = throttled(on_moto.clients.autoscaling_look, "DescribeAutoScalingGroups")

        with pytest.raises(Unavailable):
            on_moto.runtime.standing(on_moto.definition, Color.GREEN)
        assert len(attempts) == 1

    def test_a_write_is_tried_once(self, on_moto):
        attempts = throttled(on_moto.clients.autoscaling, "UpdateAutoScalingGroup", status=503)

        with pytest.raises(Unavailable):
            prepare(on_moto, Color.GREEN, on_moto.publish("1.0.0"))
        assert len(attempts) == 1


class TestSizes:
    def test_are_what_is_wanted_what_is_least_and_whether_new_instances_are_protected(self):
        world = ByHand(blue=3)
        world.blue.update({"MinSize": 2, "NewInstancesProtectedFromScaleIn": True})

        assert world.runtime.sizes(world.definition) == {Color.BLUE: Size(3, 2, held=True), Color.GREEN: Size(0, held=False)}
        assert world.aws.calls == ["describe_auto_scaling_groups"]

    def test_of_a_group_that_is_gone_are_not_found(self):
        world = ByHand()
        del world.aws.groups["web-green"]

        with pytest.raises(NotFound):
            world.runtime.sizes(world.definition)
        with pytest.raises(NotFound):
            world.runtime.resize(world.definition, Color.GREEN, held=True)

    @pytest.mark.parametrize(("wanted", "bounds", "becomes"), [
        (3, {"at_most": 1}, 1), (1, {"at_most": 3}, 1), (1, {"at_least": 4}, 4), (4, {"at_least": 1}, 4), (3, {}, 3),
        (3, {"at_least": 2, "at_most": 1}, 2), (5, {"at_most": 0}, 0), (2, {"at_least": 99}, 10),
    ])  # fmt: skip
    def test_is_brought_within_bounds_and_written_only_if_it_differs(self, wanted, bounds, becomes):
        world = ByHand(green=wanted)

        for _ in range(2):
            world.runtime.resize(world.definition, Color.GREEN, held=False, **bounds)

        assert world.green["DesiredCapacity"] == becomes
        assert world.aws.writes == ([] if wanted == becomes else ["update_auto_scaling_group"])

    def test_the_groups_own_minimum_is_kept(self):
        world = ByHand(green=3)
        world.green["MinSize"] = 2

        world.runtime.resize(world.definition, Color.GREEN, at_most=0, held=False)

        assert world.green["DesiredCapacity"] == 2

    def test_held_nothing_that_runs_or_comes_is_scaled_in(self):
        world = ByHand(green=2)

        world.runtime.resize(world.definition, Color.GREEN, at_least=3, held=True)
        world.settle()
        world.aws.scale("web-green", 0)
        world.settle()

        assert world.in_service() == 3

    def test_released_they_go_before_the_size_is_lowered(self):
        world = ByHand(green=3)
        world.runtime.resize(world.definition, Color.GREEN, held=True)
        world.aws.calls.clear()

        world.runtime.resize(world.definition, Color.GREEN, at_most=1, held=False)
        world.settle()

        assert world.aws.writes == ["set_instance_protection", "update_auto_scaling_group"]
        assert world.in_service() == 1

    def test_looks_only_where_nothing_differs(self):
        world = ByHand(green=2)
        world.runtime.resize(world.definition, Color.GREEN, held=True)
        world.aws.calls.clear()

        world.runtime.resize(world.definition, Color.GREEN, at_least=1, held=True)

        assert world.aws.calls == ["describe_auto_scaling_groups"]

    def test_protects_fifty_at_a_time(self):
        world = ByHand()
        world.green["MaxSize"] = world.green["DesiredCapacity"] = 120
        world.settle()

        world.runtime.resize(world.definition, Color.GREEN, held=True)

        assert [len(asked["InstanceIds"]) for name, asked in world.aws.asked if name == "set_instance_protection"] == [50, 50, 20]
        assert world.runtime.sizes(world.definition)[Color.GREEN].held

    def test_is_held_only_once_instances_on_their_way_are_there_to_be_protected(self):
        world = ByHand(green=1, slow=3)
        world.aws.scale("web-green", 2)
        world.aws.calls.clear()

        world.runtime.resize(world.definition, Color.GREEN, held=True)
        assert not world.runtime.sizes(world.definition)[Color.GREEN].held
        assert [each["ProtectedFromScaleIn"] for each in world.green["Instances"]] == [True, False]
        for _ in range(5):
            world.runtime.resize(world.definition, Color.GREEN, held=True)

        assert world.runtime.sizes(world.definition)[Color.GREEN].held
        assert {each["ProtectedFromScaleIn"] for each in world.green["Instances"]} == {True}

    def test_an_instance_that_leaves_meanwhile_keeps_nothing_from_growing(self):
        world = ByHand(green=2)
        world.aws.before["set_instance_protection"] = lambda: world.green["Instances"][0].update(LifecycleState="Terminating")

        world.runtime.resize(world.definition, Color.GREEN, at_least=4, held=True)

        assert (world.green["DesiredCapacity"], world.green["NewInstancesProtectedFromScaleIn"]) == (4, False)
        world.settle()
        world.runtime.resize(world.definition, Color.GREEN, at_least=4, held=True)
        assert world.runtime.sizes(world.definition)[Color.GREEN] == Size(4, held=True)

    def test_is_lowered_only_once_nothing_is_protected(self):
        world = ByHand(green=3)
        world.runtime.resize(world.definition, Color.GREEN, held=True)
        world.aws.before["set_instance_protection"] = lambda: world.green["Instances"][0].update(LifecycleState="Terminating")

        world.runtime.resize(world.definition, Color.GREEN, at_most=1, held=False)
        assert world.runtime.sizes(world.definition)[Color.GREEN] == Size(3, held=True)
        for _ in range(5):
            world.runtime.resize(world.definition, Color.GREEN, at_most=1, held=False)

        assert world.runtime.sizes(world.definition)[Color.GREEN] == Size(1, held=False)

    def test_what_auto_scaling_refuses_is_a_conflict_and_looked_at_again(self):
        world = ByHand(green=1)
        world.aws.before["update_auto_scaling_group"] = lambda: world.green.update(MaxSize=2)

        with pytest.raises(Conflict):
            world.runtime.resize(world.definition, Color.GREEN, at_least=5, held=False)
        world.runtime.resize(world.definition, Color.GREEN, at_least=5, held=False)
        assert world.green["DesiredCapacity"] == 2


class TestSurveyOfGroups:
    @pytest.mark.parametrize(("changes", "field", "reason"), [
        ({"MixedInstancesPolicy": {"LaunchTemplate": {}}, "LaunchTemplate": None}, "runtime.groups.green", "mixed instances policy"),
        ({"LaunchConfigurationName": "old", "LaunchTemplate": None}, "runtime.groups.green", "no launch template"),
        ({"LaunchTemplate": {"LaunchTemplateId": "lt-2", "LaunchTemplateName": "api"}}, "runtime.launch_template", "launch template api"),
        ({"TargetGroupARNs": []}, "runtime.groups.green", "not attached"),
        ({"TargetGroupARNs": [BLUE]}, "runtime.groups.green", "not attached"),
        ({"TargetGroupARNs": [BLUE, GREEN]}, "runtime.groups.green", "blue too"),
        ({"TrafficSources": [{"Identifier": BLUE, "Type": "elbv2"}]}, "runtime.groups.green", "blue too"),
        ({"HealthCheckType": "EC2"}, "runtime.groups.green", "set it to ELB"),
        ({"MaxSize": 0}, "runtime.size", "MaxSize"),
        ({"SuspendedProcesses": [{"ProcessName": "Terminate"}]}, "runtime.groups.green", "Terminate"),
        ({"WarmPoolConfiguration": {"MinSize": 1}}, "runtime.groups.green", "warm pool"),
    ])  # fmt: skip
    def test_refuses_a_group_that_cannot_be_managed_and_names_the_field(self, changes, field, reason):
        world = ByHand()
        world.green.update(changes)

        with pytest.raises(Invalid) as raised:
            world.runtime.survey(world.definition)

        [error] = raised.value.extra["errors"]
        assert error["field"] == field
        assert reason in error["message"]
        assert world.aws.writes == []

    @pytest.mark.parametrize("changes", [
        {"TargetGroupARNs": [], "TrafficSources": [{"Identifier": GREEN, "Type": "elbv2"}]}, {"HealthCheckType": "EC2,ELB"},
        {"SuspendedProcesses": [{"ProcessName": "AZRebalance"}]},
    ])  # fmt: skip
    def test_accepts_what_only_looks_different(self, changes):
        world = ByHand()
        world.green.update(changes)

        world.runtime.survey(world.definition)

    @pytest.mark.parametrize("color", Color)
    def test_refuses_a_group_that_is_not_there(self, world, color):
        groups = {"blue": "web-blue", "green": "web-green"} | {color.value: "nowhere"}
        other = an_autoscaling_definition(world.definition.traffic, groups=groups)

        with pytest.raises(Invalid) as raised:
            world.runtime.survey(other)

        assert raised.value.extra["errors"][0]["field"] == f"runtime.groups.{color}"

    def test_refuses_a_template_that_is_not_there(self, world):
        with pytest.raises(Invalid) as raised:
            world.runtime.survey(an_autoscaling_definition(world.definition.traffic, launch_template="nowhere"))

        assert raised.value.extra["errors"][0]["field"] == "runtime.launch_template"

    def test_refuses_a_target_group_of_another_type_or_none(self):
        world = ByHand()
        for change in (lambda: world.aws.target_types.update({GREEN: "ip"}), lambda: world.aws.target_types.pop(GREEN)):
            change()
            with pytest.raises(Invalid) as raised:
                world.runtime.survey(world.definition)
            assert raised.value.extra["errors"][0]["field"] == "traffic.target_groups.green"
