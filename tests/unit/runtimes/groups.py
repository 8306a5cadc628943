"""Auto Scaling groups, instances and launches for tests, with what a test does not care about filled in."""

from typing import Any

from chalicelib.colors import Color
from chalicelib.config.model import Environment
from chalicelib.deployments.model import Build
from chalicelib.releases.model import S3Artifact
from chalicelib.runtimes.autoscaling.group import Group, group_of
from chalicelib.runtimes.autoscaling.launch import Launch, Version, wanted
from chalicelib.services.definition import Definition

_ELB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:"
TARGET_GROUPS = {color: f"{_ELB}targetgroup/web-{color}/1" for color in ("blue", "green")}
TRAFFIC = {
    "production_rule": f"{_ELB}listener-rule/app/web/1/2/3", "staging_rule": f"{_ELB}listener-rule/app/web/1/4/5",
    "target_groups": TARGET_GROUPS, "load_balancer": f"{_ELB}loadbalancer/app/web/1",
}  # fmt: skip
RUNTIME = {"kind": "autoscaling", "groups": {"blue": "web-blue", "green": "web-green"}, "launch_template": "web"}


def a_service(**runtime: Any) -> Definition:
    return Definition.model_validate({"name": "web", "traffic": TRAFFIC, "runtime": RUNTIME | runtime})


def a_launch(version: str = "1.0.0", attempt: str = "d-000001", **settings: str) -> Launch:
    build = Build(version, S3Artifact("artifacts", f"web/{version}/app.zip", "v1", version.encode().hex(), 1), 0)
    return wanted(a_service(), Color.GREEN, build, Environment(settings), attempt)


def an_instance(id: str = "i-1", version: str = "2", state: str = "InService", **rest: Any) -> dict[str, Any]:
    template = {"LaunchTemplateId": "lt-1", "LaunchTemplateName": "web", "Version": version}
    return {"InstanceId": id, "LifecycleState": state, "HealthStatus": "Healthy", "ProtectedFromScaleIn": False, "LaunchTemplate": template} | rest


def a_group(*instances: dict[str, Any], version: str = "2", wanted: int = 1, **rest: Any) -> Group:
    return group_of({
        "AutoScalingGroupName": "web-green", "DesiredCapacity": wanted, "MinSize": 0, "MaxSize": 10, "HealthCheckType": "ELB",
        "LaunchTemplate": {"LaunchTemplateId": "lt-1", "LaunchTemplateName": "web", "Version": version}, "Instances": list(instances),
        "TargetGroupARNs": [TARGET_GROUPS["green"]],
    } | rest)  # fmt: skip


def numbered(*launches: Launch | None) -> dict[Version, Launch | None]:
    """The first is version 2: 1 is the base."""
    return {Version("lt-1", str(number)): launch for number, launch in enumerate(launches, 2)}
