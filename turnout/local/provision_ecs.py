"""Makes what a service of ECS needs on the local stack, through the same APIs as in AWS, and says how to register it.

Run again for the same name it finds what it made and changes nothing.
"""

import json
from typing import Any

from turnout.local.embedded import LOAD_BALANCER, Clients
from turnout.local.provision import COLORS, tag_list, target_group, traffic, unchecked

CLUSTER = "turnout"
TASK_ROLE = "turnout-local-task"
UNRELEASED = "unreleased"
"""The placeholder's tag. There is no such image: no task is wanted until the first release."""
GRACE_SECONDS = 5
DRAIN_SECONDS = 2
_TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def create_ecs_service(
    clients: Clients, *, name: str, repository: str | None = None, container: str = "app", port: int = 8080, health_path: str = "/"
) -> dict[str, Any]:
    """Returns the definition to register: name, runtime, source and traffic.

    A repository, a base task definition, a target group and an ECS service
    without tasks for each colour, and listeners and rules as every service has them.
    """
    elbv2, ecs, repository = clients("elbv2"), clients("ecs"), repository or name
    balancer = elbv2.describe_load_balancers(Names=[LOAD_BALANCER])["LoadBalancers"][0]
    groups = {color: _group(elbv2, name, color, VpcId=balancer["VpcId"], HealthCheckPath=health_path) for color in COLORS}
    traffic_of_it = traffic(elbv2, balancer["LoadBalancerArn"], name, groups)  # ECS takes no target group that no rule names
    _cluster(ecs)
    image = f"{_repository(clients('ecr'), repository, name)}:{UNRELEASED}"
    _base(ecs, _role(clients("iam")), name, {"name": container, "image": image, "essential": True, "portMappings": [{"containerPort": port}]})
    subnets = [zone["SubnetId"] for zone in balancer["AvailabilityZones"]]
    for color, group in groups.items():
        _service(ecs, name, color, {"targetGroupArn": group, "containerName": container, "containerPort": port}, subnets)
    services = {color: f"{name}-{color}" for color in COLORS}
    return {
        "name": name,
        "runtime": {"kind": "ecs", "cluster": CLUSTER, "services": services, "container": container, "port": port, "task_definition": name},
        "source": {"ecr": repository, "tag_pattern": "*"},
        "traffic": traffic_of_it,
    }


def _group(elbv2: Any, name: str, color: str, **settings: Any) -> str:
    """Asked every second, which AWS would refuse: as often as its time-out."""
    arn = target_group(elbv2, name, color, TargetType="ip", Protocol="HTTP", Port=80, **settings)
    [found] = elbv2.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    if found["HealthCheckIntervalSeconds"] != 1:
        unchecked(elbv2).modify_target_group(TargetGroupArn=arn, HealthCheckIntervalSeconds=1, HealthCheckTimeoutSeconds=1)
        drain = {"Key": "deregistration_delay.timeout_seconds", "Value": str(DRAIN_SECONDS)}
        elbv2.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[drain])
    return arn


def _cluster(ecs: Any) -> None:
    if not any(each["status"] == "ACTIVE" for each in ecs.describe_clusters(clusters=[CLUSTER])["clusters"]):
        ecs.create_cluster(clusterName=CLUSTER)


def _repository(ecr: Any, repository: str, name: str) -> str:
    """Its URI."""
    try:
        [found] = ecr.describe_repositories(repositoryNames=[repository])["repositories"]
    except ecr.exceptions.RepositoryNotFoundException:
        found = ecr.create_repository(repositoryName=repository, tags=tag_list(name))["repository"]
    uri: str = found["repositoryUri"]
    return uri


def _role(iam: Any) -> str:
    try:
        arn: str = iam.get_role(RoleName=TASK_ROLE)["Role"]["Arn"]
    except iam.exceptions.NoSuchEntityException:
        arn = iam.create_role(RoleName=TASK_ROLE, Path="/turnout/service/", AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
    return arn


def _base(ecs: Any, role: str, name: str, container: dict[str, Any]) -> None:
    if ecs.list_task_definitions(familyPrefix=name)["taskDefinitionArns"]:
        return
    ecs.register_task_definition(
        family=name,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        executionRoleArn=role,
        taskRoleArn=role,
        containerDefinitions=[container],
        tags=_tags(name),
    )


def _service(ecs: Any, name: str, color: str, balancer: dict[str, Any], subnets: list[str]) -> None:
    service = f"{name}-{color}"
    if any(each["status"] == "ACTIVE" for each in ecs.describe_services(cluster=CLUSTER, services=[service])["services"]):
        return
    ecs.create_service(
        cluster=CLUSTER,
        serviceName=service,
        taskDefinition=name,
        desiredCount=0,
        launchType="FARGATE",
        loadBalancers=[balancer],
        healthCheckGracePeriodSeconds=GRACE_SECONDS,
        networkConfiguration={"awsvpcConfiguration": {"subnets": subnets}},
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}, "minimumHealthyPercent": 100, "maximumPercent": 200},
        tags=_tags(name, color=color),
    )


def _tags(name: str, **more: str) -> list[dict[str, str]]:
    return [{"key": tag["Key"], "value": tag["Value"]} for tag in tag_list(name, **more)]
