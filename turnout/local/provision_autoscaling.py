"""Makes what a service of Auto Scaling groups needs on the local stack, through the same APIs as in AWS, and says how to register it.

Run again for the same name it finds what it made and changes nothing.
"""

from typing import Any

from turnout.local.embedded import LOAD_BALANCER, Clients
from turnout.local.provision import COLORS, tag_list, target_group, traffic

__all__ = ["create_autoscaling_service"]

LARGEST = 10
GRACE_SECONDS = 30
DRAIN_SECONDS = 2
SHORTEST_TEMPLATE = 3
"""A launch template's name has at least so many characters, a service's may have fewer."""
_MACHINE = {"ImageId": "ami-12c6146b", "InstanceType": "t3.micro"}
"""An image that the embedded EC2 knows; nothing of it is ever run."""


def create_autoscaling_service(clients: Clients, *, name: str, port: int = 8080, health_path: str = "/") -> dict[str, Any]:
    """Returns the definition to register: name, runtime, source and traffic.

    A launch template whose first version runs nothing, for each colour a group
    without instances and its target group, and listeners and rules as every service has them.
    """
    elbv2 = clients("elbv2")
    balancer = elbv2.describe_load_balancers(Names=[LOAD_BALANCER])["LoadBalancers"][0]
    targets = {color: _target_group(elbv2, name, color, VpcId=balancer["VpcId"], Port=port, HealthCheckPath=health_path) for color in COLORS}
    template = name if len(name) >= SHORTEST_TEMPLATE else f"{name}-template"
    _launch_template(clients("ec2"), name, template)
    subnets = ",".join(zone["SubnetId"] for zone in balancer["AvailabilityZones"])
    groups = {color: _group(clients("autoscaling"), name, color, template=template, target_group=targets[color], subnets=subnets) for color in COLORS}
    return {
        "name": name,
        "runtime": {"kind": "autoscaling", "groups": groups, "launch_template": template, "port": port},
        "source": {"s3": True},
        "traffic": traffic(elbv2, balancer["LoadBalancerArn"], name, targets),
    }


def _target_group(elbv2: Any, name: str, color: str, **settings: Any) -> str:
    check = {"HealthCheckIntervalSeconds": 2, "HealthCheckTimeoutSeconds": 1}
    arn = target_group(elbv2, name, color, TargetType="instance", Protocol="HTTP", **check | settings)
    drain = {"Key": "deregistration_delay.timeout_seconds", "Value": str(DRAIN_SECONDS)}
    elbv2.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[drain])
    return arn


def _launch_template(ec2: Any, name: str, template: str) -> None:
    filters = [{"Name": "launch-template-name", "Values": [template]}]
    if not ec2.describe_launch_templates(Filters=filters)["LaunchTemplates"]:
        tags = [{"ResourceType": "launch-template", "Tags": tag_list(name)}]
        ec2.create_launch_template(LaunchTemplateName=template, VersionDescription="the base", LaunchTemplateData=_MACHINE, TagSpecifications=tags)


def _group(autoscaling: Any, name: str, color: str, **of: str) -> str:
    group = f"{name}-{color}"
    if not autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]:
        autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=group,
            LaunchTemplate={"LaunchTemplateName": of["template"], "Version": "$Default"},
            MinSize=0,
            MaxSize=LARGEST,
            DesiredCapacity=0,
            VPCZoneIdentifier=of["subnets"],
            TargetGroupARNs=[of["target_group"]],
            HealthCheckType="ELB",
            HealthCheckGracePeriod=GRACE_SECONDS,
            Tags=[{**tag, "PropagateAtLaunch": True} for tag in tag_list(name, color=color)],
        )
    return group
