"""What stands behind a service of the runtime ecs: two ECS services, their task definitions, and the repository that images come from."""

import json
from collections.abc import Iterator
from typing import Any

from turnout.cli.context import Json
from turnout.cli.doctor.clients import Clients, found
from turnout.cli.doctor.findings import Finding, ok, problem, warning
from turnout.cli.doctor.traffic import COLORS


def services(ecs: Any, service: Json) -> Iterator[Finding]:
    runtime = service["definition"]["runtime"]
    names = [runtime["services"][color] for color in COLORS]
    told = found(ecs.describe_services, "ClusterNotFoundException", cluster=runtime["cluster"], services=names)
    if told is None:
        yield problem(f"there is no cluster {runtime['cluster']}", f"register the service with another: `turnout service put {service['name']} FILE`")
        return
    by_name = {each["serviceName"]: each for each in told["services"]}
    for color, name in zip(COLORS, names, strict=True):
        one = by_name.get(name)
        if one is None or one["status"] != "ACTIVE":
            yield problem(f"the ECS service {name} is {one['status'] if one else 'gone'}", "make it again, or register the service with another")
            continue
        yield from _manageable(one)
        yield from _balanced(one, service["definition"], color)
    sizes = ", ".join(f"{name} {by_name[name]['runningCount']} of {by_name[name]['desiredCount']} tasks" for name in names if name in by_name)
    yield ok(f"both ECS services can be managed ({sizes})")


def _manageable(one: dict[str, Any]) -> Iterator[Finding]:
    name, configuration = one["serviceName"], one.get("deploymentConfiguration") or {}
    controller = (one.get("deploymentController") or {}).get("type", "ECS")
    if controller != "ECS":
        yield problem(f"{name} has the deployment controller {controller}", "make the service again with the controller ECS: Turnout moves the traffic itself")
    strategy = configuration.get("strategy") or "ROLLING"
    if strategy != "ROLLING":
        yield problem(f"{name} has the strategy {strategy}, by which ECS writes the same weights as Turnout", "make it ROLLING (aws ecs update-service)")
    if any(each.get("advancedConfiguration") for each in one.get("loadBalancers") or []):
        yield problem(f"{name} has an advancedConfiguration, by which ECS writes the same rules as Turnout", "take it out")
    if not (configuration.get("deploymentCircuitBreaker") or {}).get("enable"):
        circuit = "--deployment-configuration 'deploymentCircuitBreaker={enable=true,rollback=true}'"
        remedy = f"aws ecs update-service --cluster {one['clusterArn']} --service {name} {circuit}"
        yield warning(f"{name} has no circuit breaker, so tasks that never start are only given up at the deadline", remedy)


def _balanced(one: dict[str, Any], definition: Json, color: str) -> Iterator[Finding]:
    runtime, groups = definition["runtime"], definition["traffic"]["target_groups"]
    entry = next((each for each in one.get("loadBalancers") or [] if each.get("targetGroupArn") == groups[color]), None)
    name = one["serviceName"]
    if entry is None:
        yield problem(f"{name} does not register its tasks in target group {color}", "give it that group (aws ecs update-service --load-balancers …)")
    elif (entry.get("containerName"), entry.get("containerPort")) != (runtime["container"], runtime["port"]):
        there, wanted = f"{entry.get('containerName')}:{entry.get('containerPort')}", f"{runtime['container']}:{runtime['port']}"
        yield problem(f"{name} registers {there} and the definition says {wanted}", "make runtime.container and runtime.port say the same")
    other = groups["green" if color == "blue" else "blue"]
    if any(each.get("targetGroupArn") == other for each in one.get("loadBalancers") or []):
        yield problem(f"{name} registers its tasks in the other colour's target group", f"give it the one of {color} only")


def task_definition(ecs: Any, service: Json) -> Iterator[Finding]:
    """What the next release is made from: the family's newest, else what each colour runs."""
    runtime = service["definition"]["runtime"]
    if runtime.get("task_definition"):
        bases = {runtime["task_definition"]}
    else:
        told = ecs.describe_services(cluster=runtime["cluster"], services=[runtime["services"][color] for color in COLORS])["services"]
        bases = {each["taskDefinition"] for each in told if each["status"] == "ACTIVE"}
    for base in sorted(bases):
        answer = found(ecs.describe_task_definition, "ClientException", taskDefinition=base)
        if answer is None or answer["taskDefinition"].get("status") != "ACTIVE":
            yield problem(f"there is no active task definition {base}", "register one, or name another family as runtime.task_definition")
        else:
            yield from _has_container(answer["taskDefinition"], runtime)
    yield ok(f"{', '.join(sorted(bases)) or 'no task definition'} has the container {runtime['container']} and its port {runtime['port']}")


def _has_container(described: dict[str, Any], runtime: Json) -> Iterator[Finding]:
    which = f"{described['family']}:{described['revision']}"
    container = next((each for each in described["containerDefinitions"] if each["name"] == runtime["container"]), None)
    if container is None:
        yield problem(f"{which} has no container {runtime['container']}", "name one that it has as runtime.container")
    elif runtime["port"] not in {each.get("containerPort") for each in container.get("portMappings", [])}:
        yield problem(f"the container {runtime['container']} of {which} has no port mapping for {runtime['port']}", "name a port that it has as runtime.port")


def repository(clients: Clients, service: Json, region: str) -> Iterator[Finding]:
    ecr, name = clients("ecr", region), service["definition"]["source"]["ecr"]
    told = found(ecr.describe_repositories, "RepositoryNotFoundException", repositoryNames=[name])
    if told is None:
        yield problem(f"there is no repository {name}, so no push to it is a release", "make it, or name another as source.ecr")
        return
    [one] = told["repositories"]
    if not str(one.get("imageTagMutability", "MUTABLE")).startswith("IMMUTABLE"):
        remedy = f"aws ecr put-image-tag-mutability --repository-name {name} --image-tag-mutability IMMUTABLE"
        yield warning(f"tags of {name} can be moved; Turnout refuses a version that is pushed again with another digest", remedy)
    policy = found(ecr.get_lifecycle_policy, "LifecyclePolicyNotFoundException", repositoryName=name)
    for rule in json.loads(policy["lifecyclePolicyText"])["rules"] if policy else []:
        if _expires_releases(rule):
            said = f"rule {rule.get('rulePriority')} of the lifecycle policy of {name} expires tagged images, which a rollback may need"
            yield problem(said, "expire untagged images only")
    yield ok(f"repository {name} keeps its tagged images, and its tags where they are")


def _expires_releases(rule: dict[str, Any]) -> bool:
    return rule.get("action", {}).get("type", "expire") == "expire" and rule.get("selection", {}).get("tagStatus") in {"tagged", "any"}
