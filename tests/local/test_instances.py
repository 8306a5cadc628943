"""Auto Scaling groups whose instances are real processes: they come up, serve, end and are replaced behind the real load balancer."""

import base64
import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest

from chalicelib.runtimes.autoscaling.user_data import Coordinates, user_data
from tests.local.stage import Listening, Stage, eventually, forward, zipped
from tests.local.test_compute import is_running
from turnout.local import corrections

APP = """
import http.server, json, os, signal, sys, threading, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        sick = os.path.exists("sick")
        if self.path == "/sicken":
            open("sick", "w").close()
        if self.path == "/slow":
            open(f"asked-{os.getpid()}", "w").close()
            time.sleep(2)
        body = json.dumps({"version": os.environ["TURNOUT_VERSION"], "greeting": os.environ.get("GREETING"), "pid": os.getpid()}).encode()
        self.send_response(500 if sick else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # what is being answered is answered

server = Server(("127.0.0.1", int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
"""


@dataclass
class Service:
    """A group of a launch template, behind a listener of its own. `releases` is the launch template version of each release."""

    stage: Stage
    name: str
    target_group: str
    listening: Listening
    releases: dict[str, str] = field(default_factory=dict)

    def release(self, version: str, *, sha256: str | None = None, app: str = APP, command: str = "python3 app.py", **environment: str) -> str:
        """Uploads it and makes a version of the launch template that runs it."""
        content = zipped({"app.py": app, "Procfile": f"web: {command}\n"})
        key = f"{self.name}/{version}.zip"
        bucket = a_bucket(self.stage)
        put = self.stage.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
        pinned = Coordinates(bucket, key, put["VersionId"], sha256 or hashlib.sha256(content).hexdigest())
        told = user_data(pinned, {"TURNOUT_VERSION": version, "PORT": "8080", **environment})
        made = self.stage.client("ec2").create_launch_template_version(
            LaunchTemplateName=self.name, SourceVersion="$Default", LaunchTemplateData={"UserData": base64.b64encode(told.encode()).decode()}
        )
        self.releases[version] = str(made["LaunchTemplateVersion"]["VersionNumber"])
        return self.releases[version]

    def update(self, version: str | None = None, **how: Any) -> None:
        template = {"LaunchTemplate": self.template(version)} if version else {}
        self.stage.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName=self.name, **template, **how)

    def template(self, version: str) -> dict[str, str]:
        return {"LaunchTemplateName": self.name, "Version": self.releases[version]}

    @property
    def group(self) -> dict[str, Any]:
        [group] = self.stage.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])["AutoScalingGroups"]
        return dict(group)

    def instances(self, state: str = "InService") -> list[dict[str, Any]]:
        return [each for each in self.group["Instances"] if each["LifecycleState"] == state]

    def healthy(self) -> list[str]:
        described = self.stage.client("elbv2").describe_target_health(TargetGroupArn=self.target_group)["TargetHealthDescriptions"]
        return [each["Target"]["Id"] for each in described if each["TargetHealth"]["State"] == "healthy"]

    def serve(self, version: str, number: int) -> None:
        self.update(version, DesiredCapacity=number)
        self.until_healthy(number)

    def until_healthy(self, number: int) -> None:
        eventually(lambda: len(self.healthy()) == number and len(self.instances()) == number, within=30)

    def told(self) -> dict[str, Any]:
        answer = self.listening.ask()
        assert answer.status == 200
        return dict(answer.json)

    def pids(self) -> set[int]:
        return {self.told()["pid"] for _ in range(4 * len(self.healthy()))}

    def refresh(self, version: str | None = None, **preferences: Any) -> str:
        wanted = {"DesiredConfiguration": {"LaunchTemplate": self.template(version)}} if version else {}
        started = self.stage.client("autoscaling").start_instance_refresh(AutoScalingGroupName=self.name, Preferences=preferences, **wanted)
        return str(started["InstanceRefreshId"])

    def refreshed(self, *statuses: str) -> dict[str, Any]:
        def ended() -> Any:
            [found] = self.stage.client("autoscaling").describe_instance_refreshes(AutoScalingGroupName=self.name)["InstanceRefreshes"][:1]
            return found if found["Status"] in statuses else None

        return dict(eventually(ended, within=40))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage.opened(tmp_path_factory.mktemp("instances"))
    with corrections.apply(plane=stage.plane):
        yield stage
        stage.close()


@pytest.fixture
def service(stage: Stage, request: pytest.FixtureRequest) -> Iterator[Service]:
    made = a_service(stage, f"s{abs(hash(request.node.name)) % 10**8}")
    yield made
    with contextlib.suppress(Exception):
        stage.client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=made.name, ForceDelete=True)


def a_bucket(stage: Stage) -> str:
    """The stage's own, versioned."""
    name, s3 = f"artifacts-{stage.region}", stage.client("s3")
    if name not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
        where = {} if stage.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": stage.region}}
        s3.create_bucket(Bucket=name, **where)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def a_service(stage: Stage, name: str, *, delay: int = 0, grace: int = 60) -> Service:
    vpc = stage.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    check = {"HealthCheckIntervalSeconds": 2, "HealthCheckTimeoutSeconds": 1, "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 2}
    made = stage.client("elbv2").create_target_group(Name=name, TargetType="instance", Protocol="HTTP", Port=8080, VpcId=vpc, **check)
    target_group = made["TargetGroups"][0]["TargetGroupArn"]
    drain = {"Key": "deregistration_delay.timeout_seconds", "Value": str(delay)}
    stage.client("elbv2").modify_target_group_attributes(TargetGroupArn=target_group, Attributes=[drain])
    stage.client("ec2").create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "t3.micro"})
    stage.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=name,
        LaunchTemplate={"LaunchTemplateName": name, "Version": "$Default"},
        MinSize=0,
        MaxSize=6,
        DesiredCapacity=0,
        AvailabilityZones=[f"{stage.region}a"],
        TargetGroupARNs=[target_group],
        HealthCheckType="ELB",
        HealthCheckGracePeriod=grace,
    )
    return Service(stage, name, target_group, stage.listener(forward(target_group)))


class Load:
    """Asks without pause, in two threads, and counts what came back."""

    def __init__(self, listening: Listening) -> None:
        self._listening = listening
        self._stop = threading.Event()
        self.answers: Counter[Any] = Counter()
        self._threads = [threading.Thread(target=self._ask) for _ in range(2)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._stop.is_set():
            try:
                answer = self._listening.ask()
                self.answers[answer.json["version"] if answer.status == 200 else answer.status] += 1
            except Exception as error:  # noqa: BLE001  # whatever it is, it is a request that was lost
                self.answers[repr(error)] += 1


class TestAnInstance:
    def test_runs_its_user_data_and_serves(self, service: Service) -> None:
        service.release("1.0", GREETING="it's $HOME\n")

        service.serve("1.0", 2)

        told = service.told()
        assert (told["version"], told["greeting"]) == ("1.0", "it's $HOME\n")
        assert len(service.pids()) == 2
        assert [each["LaunchTemplate"]["Version"] for each in service.instances()] == ["2", "2"]

    def test_that_is_killed_is_replaced(self, service: Service) -> None:
        service.release("1.0")
        service.serve("1.0", 2)
        before, [victim, *_] = service.healthy(), service.pids()

        os.kill(victim, signal.SIGKILL)

        eventually(lambda: len(set(before) - {each["InstanceId"] for each in service.instances()}) == 1)
        service.until_healthy(2)
        assert victim not in service.pids()

    def test_that_is_terminated_in_ec2_is_replaced(self, service: Service) -> None:
        service.release("1.0")
        service.serve("1.0", 1)
        [before], [pid] = service.healthy(), service.pids()

        service.stage.client("ec2").terminate_instances(InstanceIds=[before])

        eventually(lambda: not is_running(pid))
        service.until_healthy(1)
        assert service.healthy() != [before]

    def test_that_is_unhealthy_after_the_grace_period_is_replaced(self, service: Service) -> None:
        service.release("1.0")
        service.update(HealthCheckGracePeriod=1)
        service.serve("1.0", 1)
        [before] = service.healthy()

        service.listening.ask("/sicken")

        eventually(lambda: before not in {each["InstanceId"] for each in service.group["Instances"]})
        service.until_healthy(1)

    def test_is_not_replaced_within_the_grace_period(self, service: Service) -> None:
        service.release("1.0")
        service.serve("1.0", 1)
        [before] = service.healthy()

        service.listening.ask("/sicken")

        eventually(lambda: not service.healthy())
        assert [(each["InstanceId"], each["HealthStatus"]) for each in service.group["Instances"]] == [(before, "Healthy")]

    def test_with_a_wrong_sha256_never_serves(self, service: Service) -> None:
        service.release("1.0", sha256="0" * 64)
        service.update("1.0", DesiredCapacity=1)
        logs = service.stage.work_dir / "logs" / "instances"

        def refused() -> bool:
            return sum("it is not run" in path.read_text() for path in logs.glob("*.log")) >= 2

        eventually(refused, within=20)
        assert service.healthy() == []
        assert service.listening.ask().status in {502, 503}

    def test_without_a_script_runs_nothing_and_stays(self, service: Service) -> None:
        service.update(DesiredCapacity=1)

        eventually(lambda: len(service.instances()) == 1)
        assert service.listening.ask().status == 502

    def test_finishes_what_it_was_asked_before_it_goes(self, stage: Stage) -> None:
        """The delay is over before the request is: SIGTERM then lets it finish, though a shell stands before the application."""
        service = a_service(stage, "finishes", delay=1)
        service.release("1.0", command="python3 app.py && true")
        service.serve("1.0", 1)
        [pid] = service.pids()

        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(service.listening.ask, "/slow")
            eventually(lambda: list((stage.work_dir / "instances").rglob(f"asked-{pid}")))
            service.update(DesiredCapacity=0)
            eventually(lambda: service.instances("Terminating"))

            assert asked.result().json["pid"] == pid
        eventually(lambda: not is_running(pid))
        eventually(lambda: service.group["Instances"] == [])

    def test_serves_until_its_delay_is_over(self, stage: Stage) -> None:
        service = a_service(stage, "drains", delay=3)
        service.release("1.0")
        service.serve("1.0", 1)
        [pid] = service.pids()
        began = time.monotonic()

        service.update(DesiredCapacity=0)

        eventually(lambda: not is_running(pid), within=20)
        assert time.monotonic() - began >= 3


class TestTheAwsCli:
    """What stands in for it on an instance."""

    def test_fetches_the_version_that_was_named(self, stage: Stage, tmp_path: Path) -> None:
        bucket = a_bucket(stage)
        [first, _] = [stage.client("s3").put_object(Bucket=bucket, Key="k", Body=body)["VersionId"] for body in (b"1", b"2")]

        done = self.aws(stage, "s3api", "get-object", "--bucket", bucket, "--key", "k", "--version-id", first, str(tmp_path / "out"))

        assert (done.returncode, (tmp_path / "out").read_bytes()) == (0, b"1"), done.stderr

    def test_says_what_went_wrong(self, stage: Stage, tmp_path: Path) -> None:
        done = self.aws(stage, "s3api", "get-object", "--bucket", "nobodys", "--key", "k", "--version-id", "1", str(tmp_path / "out"))

        assert done.returncode == 254
        assert "NoSuchBucket" in done.stderr

    @pytest.mark.parametrize("asked", ["s3 cp s3://a/b c", "s3api get-object --bucket b --key k out", "s3api get-object --bucket b --key k --version-id v --range 0 out", ""])
    def test_says_what_it_does_not_understand(self, stage: Stage, asked: str) -> None:
        done = self.aws(stage, *asked.split())

        assert done.returncode == 252
        assert "only `aws s3api get-object" in done.stderr

    def aws(self, stage: Stage, *arguments: str) -> "subprocess.CompletedProcess[str]":
        program = stage.work_dir / "instances" / "bin" / "aws"
        told = {"AWS_ENDPOINT_URL": stage.endpoint, "AWS_DEFAULT_REGION": stage.region, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
        return subprocess.run([program, *arguments], env={"PATH": os.environ["PATH"], **told}, capture_output=True, text=True, timeout=60, check=False)


class TestAGroup:
    def test_keeps_protected_instances_when_it_is_made_smaller(self, service: Service) -> None:
        service.release("1.0")
        service.serve("1.0", 2)
        kept, _ = service.healthy()
        service.stage.client("autoscaling").set_instance_protection(AutoScalingGroupName=service.name, InstanceIds=[kept], ProtectedFromScaleIn=True)

        service.update(DesiredCapacity=0)

        eventually(lambda: [each["InstanceId"] for each in service.group["Instances"]] == [kept])
        assert service.told()["version"] == "1.0"
        service.stage.client("autoscaling").set_instance_protection(AutoScalingGroupName=service.name, InstanceIds=[kept], ProtectedFromScaleIn=False)
        eventually(lambda: service.group["Instances"] == [])

    def test_replaces_an_instance_it_is_told_to_terminate_protected_or_not(self, service: Service) -> None:
        service.release("1.0")
        service.update(NewInstancesProtectedFromScaleIn=True)
        service.serve("1.0", 1)
        [before] = service.instances()
        assert before["ProtectedFromScaleIn"] is True

        service.stage.client("autoscaling").terminate_instance_in_auto_scaling_group(InstanceId=before["InstanceId"], ShouldDecrementDesiredCapacity=False)

        eventually(lambda: before["InstanceId"] not in {each["InstanceId"] for each in service.group["Instances"]})
        service.until_healthy(1)

    def test_that_is_deleted_takes_its_instances_with_it(self, service: Service) -> None:
        service.release("1.0")
        service.serve("1.0", 1)
        [pid] = service.pids()

        service.stage.client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=service.name, ForceDelete=True)

        eventually(lambda: not is_running(pid))

    def test_tells_what_it_did(self, service: Service) -> None:
        service.release("1.0")
        service.serve("1.0", 1)
        service.update(DesiredCapacity=0)
        eventually(lambda: service.group["Instances"] == [])

        activities = service.stage.client("autoscaling").describe_scaling_activities(AutoScalingGroupName=service.name)["Activities"]

        assert [each["Description"].split(":")[0] for each in activities] == ["Terminating EC2 instance", "Launching a new EC2 instance"]
        assert {each["StatusCode"] for each in activities} == {"Successful"}


class TestARefresh:
    def test_replaces_all_under_load_without_losing_a_request(self, stage: Stage) -> None:
        service = a_service(stage, "underload", delay=1)
        service.release("1.0")
        service.release("2.0")
        service.serve("1.0", 2)

        with Load(service.listening) as load:
            service.refresh("2.0", MinHealthyPercentage=100, InstanceWarmup=0)
            ended = service.refreshed("Successful", "Failed")

        assert set(load.answers) == {"1.0", "2.0"}, load.answers
        assert (ended["Status"], ended["PercentageComplete"], ended["InstancesToUpdate"]) == ("Successful", 100, 0)
        assert service.group["LaunchTemplate"]["Version"] == service.releases["2.0"], "the group follows when the refresh has succeeded"
        assert [each["LaunchTemplate"]["Version"] for each in service.instances()] == [service.releases["2.0"]] * 2

    def test_of_none_healthy_replaces_all_at_once(self, service: Service) -> None:
        service.release("1.0")
        service.release("2.0")
        service.serve("1.0", 2)
        service.update("2.0")

        service.refresh(MinHealthyPercentage=0, InstanceWarmup=0, SkipMatching=True)

        assert service.refreshed("Successful")["Status"] == "Successful"
        assert {service.told()["version"] for _ in range(4)} == {"2.0"}

    def test_to_what_cannot_run_fails_with_its_reason(self, service: Service) -> None:
        service.release("1.0")
        service.release("2.0", app="raise SystemExit(3)")
        service.serve("1.0", 1)

        service.refresh("2.0", MinHealthyPercentage=0, InstanceWarmup=0)

        ended = service.refreshed("Failed", "Successful")
        assert (ended["Status"], ended["StatusReason"]) == ("Failed", "3 new instances ended or were unhealthy: see the scaling activities")
        assert service.group["LaunchTemplate"]["Version"] == service.releases["1.0"]

    def test_rolls_back_by_itself_where_it_was_told_to(self, service: Service) -> None:
        service.release("1.0")
        service.release("2.0", app="raise SystemExit(3)")
        service.serve("1.0", 2)

        service.refresh("2.0", MinHealthyPercentage=50, InstanceWarmup=0, AutoRollback=True)

        ended = service.refreshed("RollbackSuccessful", "RollbackFailed", "Failed")
        assert (ended["Status"], ended["PercentageComplete"]) == ("RollbackSuccessful", 0)
        assert ended["RollbackDetails"]["RollbackReason"].startswith("Automatic rollback: 3 new instances")
        service.until_healthy(2)
        assert {service.told()["version"] for _ in range(4)} == {"1.0"}

    def test_can_be_cancelled_and_leaves_what_it_did(self, service: Service) -> None:
        service.release("1.0")
        service.release("2.0")
        service.serve("1.0", 2)
        service.refresh("2.0", MinHealthyPercentage=50, InstanceWarmup=600)
        eventually(lambda: service.releases["2.0"] in {each["LaunchTemplate"]["Version"] for each in service.instances()})

        service.stage.client("autoscaling").cancel_instance_refresh(AutoScalingGroupName=service.name)

        assert service.refreshed("Cancelled")["StatusReason"] == "Cancelled due to user request."
        service.until_healthy(2)
        assert {each["LaunchTemplate"]["Version"] for each in service.instances()} == {service.releases["1.0"], service.releases["2.0"]}

    def test_can_be_rolled_back(self, service: Service) -> None:
        service.release("1.0")
        service.release("2.0", app=APP.replace("500 if sick", "503 if True"))
        service.serve("1.0", 1)
        service.refresh("2.0", MinHealthyPercentage=0, InstanceWarmup=0)
        eventually(lambda: service.listening.ask().status == 503 and service.instances())

        service.stage.client("autoscaling").rollback_instance_refresh(AutoScalingGroupName=service.name)

        assert service.refreshed("RollbackSuccessful")["RollbackDetails"]["RollbackReason"].startswith("Manual rollback")
        assert service.told()["version"] == "1.0"

    def test_waits_for_instances_that_are_protected_unless_told_otherwise(self, service: Service) -> None:
        service.release("1.0")
        service.release("2.0")
        service.update(NewInstancesProtectedFromScaleIn=True)
        service.serve("1.0", 1)
        [before] = service.healthy()
        service.refresh("2.0", MinHealthyPercentage=0, InstanceWarmup=0)
        service.refreshed("InProgress")
        assert service.healthy() == [before]
        service.stage.client("autoscaling").cancel_instance_refresh(AutoScalingGroupName=service.name)
        service.refreshed("Cancelled")

        service.refresh("2.0", MinHealthyPercentage=0, InstanceWarmup=0, ScaleInProtectedInstances="Refresh")

        service.refreshed("Successful")
        assert service.told()["version"] == "2.0"


def test_stopping_leaves_no_process(stage: Stage, tmp_path: Path) -> None:
    other = Stage.opened(tmp_path)
    service = a_service(other, "stopping")
    service.release("1.0")
    service.update("1.0", DesiredCapacity=1)
    eventually(lambda: service.listening.ask().status == 200, within=30)
    pid = service.told()["pid"]

    other.close()

    assert not is_running(pid)
    assert not (tmp_path / "instances").exists()


def test_a_stack_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    stack = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert stack.stdout
    pid = int(stack.stdout.readline())
    assert is_running(pid)

    stack.kill()
    stack.wait()
    stack.stdout.close()

    eventually(lambda: not is_running(pid))


KILLED = """
import sys, time
from pathlib import Path
from tests.local.stage import Stage
from tests.local.test_instances import a_service
from turnout.local import corrections
stage = Stage.opened(Path(sys.argv[1]))
corrections.apply(plane=stage.plane)
service = a_service(stage, "killed")
service.release("1.0", command="python3 app.py && true")
service.serve("1.0", 1)
print(service.told()["pid"], flush=True)
time.sleep(60)
"""
