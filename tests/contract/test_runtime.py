"""What every runtime does. The Lambda one runs on moto, whose updates are done at once and whose revision ids lock
nothing, and again on a small Lambda written by hand that has AWS's rules in these points.
"""

import io
import zipfile
from datetime import timedelta

import boto3
import pytest
from moto import mock_aws

from chalicelib.clock import ManualClock
from chalicelib.colors import Color
from chalicelib.config.model import REPINNED, Environment, Reference, Store
from chalicelib.deployments.model import Build
from chalicelib.errors import Invalid, Unavailable
from chalicelib.releases.model import S3Artifact
from chalicelib.runtimes.lambda_.runtime import LambdaRuntime
from chalicelib.runtimes.memory import MemoryRuntime
from chalicelib.runtimes.runtime import Progress, Standing, unfenced
from tests.contract.balancers import TRAFFIC, AlbInMoto, a_definition
from tests.contract.breaking import new_clients
from tests.contract.functions import Functions, Interrupted, digest_of

BUCKET = "artifacts"
SETTINGS = Environment({"GREETING": "hello"})
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"


def a_zip(text):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(zipfile.ZipInfo("app.py"), f"def handler(event, context): return {text!r}")
    return content.getvalue()


def a_build(version, content, config_version=0, object_version=None):
    return Build(version, S3Artifact(BUCKET, f"web/{version}/app.zip", object_version, digest_of(content), len(content)), config_version)


class InMemory:
    def __init__(self):
        self.runtime = MemoryRuntime(steps=2)
        self.definition = a_definition()

    def publish(self, version, config_version=0):
        return a_build(version, a_zip(version), config_version)

    def targets(self, color):
        return [color.value]

    def unknown_function(self):
        self.runtime.unknown_functions.add("other")


class ByHand:
    """The adapter on AWS's rules, as far as they are written down in `functions.py`."""

    def __init__(self):
        self.clock = ManualClock()
        self.aws = Functions()
        self.runtime = LambdaRuntime(self.aws, self.clock)
        self.definition = a_definition()

    def publish(self, version, config_version=0):
        content = a_zip(version)
        self.aws.objects[BUCKET, f"web/{version}/app.zip", "v1"] = content
        return a_build(version, content, config_version, "v1")

    def targets(self, color):
        return self.aws.targets.get(TRAFFIC.target_groups.of(color), [])

    def unknown_function(self):
        pass


class OnMoto:
    def __init__(self):
        self.clients = new_clients()
        self.alb = AlbInMoto.make()
        self.definition = a_definition(self.alb.traffic)
        self.runtime = LambdaRuntime(self.clients, ManualClock())
        self.s3 = boto3.client("s3")
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        role = boto3.client("iam").create_role(RoleName="web", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        boto3.client("lambda").create_function(
            FunctionName="web", Runtime="python3.11", Role=role, Handler="app.handler", Code={"ZipFile": a_zip("placeholder")}
        )  # fmt: skip

    def publish(self, version, config_version=0):
        content = a_zip(version)
        self.s3.put_object(Bucket=BUCKET, Key=f"web/{version}/app.zip", Body=content)
        return a_build(version, content, config_version)

    def targets(self, color):
        described = self.alb.elbv2.describe_target_health(TargetGroupArn=self.alb.traffic.target_groups.of(color))
        return [each["Target"]["Id"] for each in described["TargetHealthDescriptions"]]

    def unknown_function(self):
        pass


def prepare(world, color, build, environment=SETTINGS, *, definition=None, still_ours=unfenced):
    return world.runtime.prepare(definition or world.definition, color, build, environment, "d-000001", still_ours=still_ours)


def prepared(world, color, build, environment=SETTINGS):
    for _ in range(20):
        standing = prepare(world, color, build, environment)
        if standing.progress is not Progress.WORKING:
            return standing
    raise AssertionError(standing)


@pytest.fixture(params=[InMemory, ByHand, OnMoto])
def world(request):
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield request.param()


class TestPreparing:
    def test_the_same_build_with_another_version_of_a_secret_replaces_it(self, world):
        build = world.publish("1.0.0", config_version=1)
        prepared(world, Color.GREEN, build, Environment({}, {"DB": Reference(Store.SECRETS_MANAGER, SECRET, "v1")}))

        again = prepared(world, Color.GREEN, build, Environment({REPINNED: "abc"}, {"DB": Reference(Store.SECRETS_MANAGER, SECRET, "v2")}))

        assert again.holds(build, repinned="abc")
        assert not again.holds(build, repinned="")
        assert world.runtime.standing(world.definition, Color.GREEN) == again

    def test_nothing_stands_at_first(self, world):
        assert world.runtime.standing(world.definition, Color.GREEN).progress is Progress.EMPTY

    def test_ends_with_the_build_standing_there_and_its_target_registered(self, world):
        build = world.publish("1.0.0", config_version=3)

        standing = prepared(world, Color.GREEN, build)

        assert standing == Standing(Progress.READY, "1.0.0", build.digest, 3)
        assert world.runtime.standing(world.definition, Color.GREEN) == standing
        assert standing.holds(build)
        [target] = world.targets(Color.GREEN)
        assert target.endswith("green")

    def test_says_so_again_when_asked_again(self, world):
        build = world.publish("1.0.0")

        assert prepared(world, Color.GREEN, build) == prepared(world, Color.GREEN, build)

    def test_never_touches_the_other_colour(self, world):
        one, two = world.publish("1.0.0"), world.publish("2.0.0")
        prepared(world, Color.BLUE, one)

        prepared(world, Color.GREEN, two)

        assert world.runtime.standing(world.definition, Color.BLUE).holds(one)
        assert world.runtime.standing(world.definition, Color.GREEN).holds(two)

    def test_replaces_what_stood_there(self, world):
        one, two = world.publish("1.0.0"), world.publish("2.0.0")
        prepared(world, Color.GREEN, one)

        prepared(world, Color.GREEN, two)

        assert not world.runtime.standing(world.definition, Color.GREEN).holds(one)
        assert world.runtime.standing(world.definition, Color.GREEN).holds(two)

    def test_the_same_code_with_another_config_is_another_build(self, world):
        before, after = world.publish("1.0.0", config_version=1), world.publish("1.0.0", config_version=2)
        prepared(world, Color.GREEN, before)

        prepared(world, Color.GREEN, after)

        assert world.runtime.standing(world.definition, Color.GREEN).config_version == 2

    def test_the_same_build_can_stand_on_both_colours(self, world):
        build = world.publish("1.0.0")

        assert prepared(world, Color.BLUE, build).holds(build)
        assert prepared(world, Color.GREEN, build).holds(build)
        assert world.runtime.standing(world.definition, Color.BLUE).holds(build)

    def test_turns_to_another_build_before_the_first_stands(self, world):
        one, two = world.publish("1.0.0"), world.publish("2.0.0")
        prepare(world, Color.GREEN, one)

        assert prepared(world, Color.GREEN, two).holds(two)

    def test_leaves_the_colour_alone_once_another_deployment_took_over(self, world):
        build = world.publish("1.0.0")

        for _ in range(10):
            prepare(world, Color.GREEN, build, still_ours=lambda: False)

        assert not world.runtime.standing(world.definition, Color.GREEN).holds(build)

    def test_never_takes_a_colour_from_another_service(self, world):
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)
        another = world.definition.model_copy(update={"name": "shop"})

        standing = prepare(world, Color.GREEN, world.publish("2.0.0"), definition=another)

        assert standing.progress is Progress.FAILED
        assert "web" in standing.reason
        assert world.runtime.standing(another, Color.GREEN).progress is Progress.EMPTY
        assert world.runtime.standing(world.definition, Color.GREEN).holds(build)

    def test_resizing_leaves_the_build_where_it_is(self, world):
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)

        for _ in range(2):
            world.runtime.resize(world.definition, Color.GREEN, at_most=1, held=False)

        assert world.runtime.standing(world.definition, Color.GREEN).holds(build)


class TestSurvey:
    def test_accepts_a_function_with_its_groups(self, world):
        world.runtime.survey(world.definition)

    def test_refuses_a_function_that_is_not_there(self, world):
        world.unknown_function()
        other = a_definition(world.definition.traffic, runtime={"kind": "lambda", "function": "other"})

        with pytest.raises(Invalid) as raised:
            world.runtime.survey(other)
        assert raised.value.extra["errors"][0]["field"] == "runtime.function"


class TestMemory:
    def test_takes_the_steps_it_was_told(self):
        world = InMemory()
        build = world.publish("1.0.0")

        assert prepare(world, Color.GREEN, build, Environment()).progress is Progress.WORKING
        assert world.runtime.standing(world.definition, Color.GREEN).progress is Progress.EMPTY
        assert prepare(world, Color.GREEN, build, Environment()).progress is Progress.READY

    def test_a_broken_version_fails_with_its_reason(self):
        world = InMemory()
        world.runtime.broken["1.0.0"] = "no handler"

        assert prepared(world, Color.GREEN, world.publish("1.0.0")) == Standing(Progress.FAILED, reason="no handler")

    def test_tells_the_group_and_version_that_came_to_stand(self):
        world, told = InMemory(), []
        world.runtime.on_ready = lambda group, version: told.append((group, version))

        prepared(world, Color.GREEN, world.publish("1.0.0"))

        assert told == [(TRAFFIC.target_groups.green, "1.0.0")]


class TestLambda:
    def test_the_environment_is_the_settings_and_where_it_stands(self):
        world = ByHand()
        world.aws.latest["Environment"] = {"Variables": {"LEFT": "over"}}

        prepared(world, Color.GREEN, world.publish("1.0.0", config_version=3))

        assert world.aws.versions[0]["Environment"]["Variables"] == SETTINGS.settings | {
            "TURNOUT_SERVICE": "web", "TURNOUT_VERSION": "1.0.0", "TURNOUT_COLOR": "green", "TURNOUT_CONFIG_VERSION": "3",
        }  # fmt: skip

    def test_writes_nothing_once_it_stands(self):
        world = ByHand()
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)
        world.aws.calls.clear()

        prepare(world, Color.GREEN, build)

        assert world.aws.writes == []

    def test_registers_the_target_again_when_somebody_took_it_out(self):
        world = ByHand()
        build = world.publish("1.0.0")
        prepared(world, Color.GREEN, build)
        world.aws.targets.clear()

        prepared(world, Color.GREEN, build)

        assert world.targets(Color.GREEN)

    def test_replaces_another_target_of_its_group(self):
        world = ByHand()
        world.aws.targets[TRAFFIC.target_groups.green] = ["arn:aws:lambda:eu-west-1:123456789012:function:old"]

        prepared(world, Color.GREEN, world.publish("1.0.0"))

        assert [target.rpartition(":")[2] for target in world.targets(Color.GREEN)] == ["green"]

    @pytest.mark.parametrize("first", [True, False])
    @pytest.mark.parametrize("call", range(1, 18))
    def test_goes_on_from_wherever_it_was_interrupted(self, call, first):
        world = ByHand()
        if not first:
            prepared(world, Color.GREEN, world.publish("1.0.0"))
        build = world.publish("2.0.0")
        world.aws.interrupt_at(call)

        seen = []
        for _ in range(30):
            try:
                standing = prepare(world, Color.GREEN, build)
            except Interrupted:
                standing = Standing(Progress.WORKING)
            seen.append(standing)
            # What stands can always be reached: the alias moves last.
            with world.aws.undisturbed():
                assert not world.runtime.standing(world.definition, Color.GREEN).holds(build) or world.targets(Color.GREEN)

        assert standing.holds(build)
        assert all(each.progress is not Progress.FAILED for each in seen)
        assert len(world.aws.versions) == (1 if first else 2)

    @pytest.mark.parametrize("call", range(1, 12))
    def test_an_interrupted_build_never_leaks_into_the_next_one(self, call):
        world = ByHand()
        one, two = world.publish("1.0.0", config_version=1), world.publish("2.0.0", config_version=2)
        world.aws.interrupt_at(call)
        for _ in range(5):
            try:
                prepare(world, Color.GREEN, one, Environment({"ONE": "1"}))
            except Interrupted:
                break

        prepared(world, Color.BLUE, two, Environment({"TWO": "2"}))

        number = int(world.aws.aliases["blue"]["FunctionVersion"])
        assert world.runtime.standing(world.definition, Color.BLUE).holds(two)
        assert "ONE" not in world.aws.versions[number - 1]["Environment"]["Variables"]

    def test_waits_while_an_update_is_in_progress(self):
        world = ByHand()
        world.aws.slow = 3
        build = world.publish("1.0.0")

        standings = [prepare(world, Color.GREEN, build).progress for _ in range(2)]

        assert standings == [Progress.WORKING, Progress.WORKING]
        assert prepared(world, Color.GREEN, build).holds(build)

    def test_somebody_elses_update_in_progress_is_waited_for(self):
        world = ByHand()
        world.aws.refuse("update_function_configuration", "ResourceConflictException")
        build = world.publish("1.0.0")

        assert prepare(world, Color.GREEN, build).progress is Progress.WORKING
        world.aws.allow("update_function_configuration")
        assert prepared(world, Color.GREEN, build).holds(build)

    def test_an_alias_that_somebody_moved_meanwhile_is_looked_at_again(self):
        world = ByHand()
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        build = world.publish("2.0.0")
        world.aws.refuse("update_alias", "PreconditionFailedException")

        for _ in range(10):
            assert prepare(world, Color.GREEN, build).progress is Progress.WORKING
        world.aws.allow("update_alias")
        assert prepared(world, Color.GREEN, build).holds(build)

    def test_a_stale_revision_of_the_alias_loses(self):
        world = ByHand()
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        build = world.publish("2.0.0")
        between = world.aws.elbv2.describe_target_health
        world.aws.calls.clear()

        def moved_meanwhile(**parameters):
            # After the alias was read and before it is written.
            world.aws.aliases["green"]["RevisionId"] = "somebody"
            return between(**parameters)

        world.aws.elbv2.describe_target_health = moved_meanwhile
        standing = prepared(world, Color.GREEN, build)

        assert standing.holds(build)
        assert world.aws.calls.count("update_alias") == 2  # one lost, the next looked again and won

    def test_a_failed_update_is_final_with_awss_reason(self):
        world = ByHand()
        world.aws.fails_with = "the zip has no handler"

        assert prepared(world, Color.GREEN, world.publish("1.0.0")) == Standing(
            Progress.FAILED, reason="Lambda could not update the function: the zip has no handler"
        )

    def test_a_failed_update_of_another_build_is_not_held_against_this_one(self):
        world = ByHand()
        world.aws.fails_with = "out of addresses"
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        world.aws.fails_with = None
        build = world.publish("2.0.0")

        assert prepared(world, Color.GREEN, build).holds(build)

    def test_an_old_failure_of_the_same_build_is_tried_again(self):
        world = ByHand()
        build = world.publish("1.0.0")
        world.aws.fails_with = "out of addresses"
        assert prepared(world, Color.GREEN, build).progress is Progress.FAILED
        world.aws.fails_with = None
        world.clock.move(timedelta(minutes=10))

        assert prepared(world, Color.GREEN, build).holds(build)

    def test_an_object_that_is_gone_is_final(self):
        world = ByHand()
        build = world.publish("1.0.0")
        world.aws.objects.clear()

        standing = prepared(world, Color.GREEN, build)

        assert standing.progress is Progress.FAILED
        assert "NoSuchKey" in standing.reason

    def test_an_object_that_is_not_what_was_gated_never_stands(self):
        world = ByHand()
        world.aws.slow = 0
        build = world.publish("1.0.0")
        world.aws.objects[BUCKET, "web/1.0.0/app.zip", "v1"] = a_zip("something else")

        assert prepared(world, Color.GREEN, build).progress is Progress.FAILED
        assert world.aws.versions == []

    def test_settings_that_are_too_large_are_final_and_touch_nothing(self):
        world = ByHand()

        standing = prepared(world, Color.GREEN, world.publish("1.0.0"), Environment({"BIG": "x" * 4096}))

        assert standing.progress is Progress.FAILED
        assert world.aws.calls == []

    def test_settings_that_lambda_refuses_are_final(self):
        world = ByHand()
        world.aws.refuse("update_function_configuration", "InvalidParameterValueException", "reserved key AWS_REGION")

        assert prepared(world, Color.GREEN, world.publish("1.0.0")) == Standing(Progress.FAILED, reason="Lambda refused it: reserved key AWS_REGION")

    def test_a_function_that_is_gone_is_final(self):
        world = ByHand()
        world.definition = a_definition(runtime={"kind": "lambda", "function": "other"})

        assert prepared(world, Color.GREEN, world.publish("1.0.0")).progress is Progress.FAILED

    def test_a_colour_of_another_service_is_given_back_by_pointing_it_at_latest(self):
        world = ByHand()
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        world.definition = a_definition(name="shop")
        world.aws.calls.clear()
        refused = prepared(world, Color.GREEN, world.publish("2.0.0"))

        assert (refused.progress, world.aws.writes) == (Progress.FAILED, [])
        world.aws.aliases["green"]["FunctionVersion"] = "$LATEST"
        build = world.publish("2.0.0")
        assert prepared(world, Color.GREEN, build).holds(build)

    def test_a_function_that_may_not_be_changed_is_waited_for_with_the_reason(self):
        world = ByHand()
        world.aws.refuse("update_function_configuration", "AccessDeniedException")

        standing = prepare(world, Color.GREEN, world.publish("1.0.0"))

        assert standing.progress is Progress.WORKING
        assert "turnout:service" in standing.reason

    def test_throttling_is_unavailable(self):
        world = ByHand()
        world.aws.refuse("get_function_configuration", "TooManyRequestsException")

        with pytest.raises(Unavailable):
            world.runtime.standing(world.definition, Color.GREEN)

    def test_an_environment_that_cannot_be_decrypted_is_unavailable_and_not_empty(self):
        world = ByHand()
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        world.aws.versions[0]["Environment"] = {"Error": {"ErrorCode": "AccessDeniedException", "Message": "KMS"}}

        with pytest.raises(Unavailable):
            world.runtime.standing(world.definition, Color.GREEN)

    @pytest.mark.parametrize("variables", [{}, {"TURNOUT_SERVICE": "other", "TURNOUT_COLOR": "green", "TURNOUT_VERSION": "1", "TURNOUT_CONFIG_VERSION": "0"}])
    def test_what_is_not_ours_counts_as_empty(self, variables):
        world = ByHand()
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        world.aws.versions[0]["Environment"] = {"Variables": variables}

        assert world.runtime.standing(world.definition, Color.GREEN).progress is Progress.EMPTY

    @pytest.mark.parametrize(("state", "progress"), [("Pending", Progress.WORKING), ("Failed", Progress.EMPTY), ("Inactive", Progress.READY)])
    def test_a_version_stands_once_lambda_made_it_ready(self, state, progress):
        world = ByHand()
        prepared(world, Color.GREEN, world.publish("1.0.0"))
        world.aws.versions[0]["State"] = state

        assert world.runtime.standing(world.definition, Color.GREEN).progress is progress
