"""A rule, target group, function, ECS service or group belongs to one service: two that moved the same weights or aliases would undo each other.

Repositories and alarms belong to nobody: any number of services may ask to be told of them.
"""

from collections.abc import Iterable
from typing import cast

from chalicelib.errors import Conflict
from chalicelib.ledger import keys
from chalicelib.ledger.port import Expect, Put, Ref
from chalicelib.services.definition import Definition
from chalicelib.services.model import AlarmSubscription, Ownership, Subscription
from chalicelib.services.running import AutoScalingRuntime, EcsRuntime, LambdaRuntime


def resources(definition: Definition) -> tuple[str, ...]:
    """The ARNs that nobody else may name."""
    traffic = definition.traffic
    return traffic.production_rule, traffic.staging_rule, traffic.target_groups.blue, traffic.target_groups.green, *_run_by(definition)


def _run_by(definition: Definition) -> tuple[str, ...]:
    """The ARNs of what runs it, as far as they can be told: target groups take only what is in their own account and region.

    A group's ARN has an id in it that nobody knows; in its place stands a name by which two claims are the same.
    """
    partition, region, account = (definition.traffic.load_balancer.split(":")[part] for part in (1, 3, 4))
    match definition.runtime:
        case LambdaRuntime(function=function):
            return (f"arn:{partition}:lambda:{region}:{account}:function:{function}",)
        case EcsRuntime(cluster=cluster, services=services):
            return tuple(f"arn:{partition}:ecs:{region}:{account}:service/{cluster}/{name}" for name in (services.blue, services.green))
        case AutoScalingRuntime(groups=groups):
            return tuple(f"arn:{partition}:autoscaling:{region}:{account}:autoScalingGroupName/{name}" for name in (groups.blue, groups.green))


def check(service: str, owners: Iterable[Ownership]) -> None:
    """Raises `Conflict` for what belongs to another service."""
    for owner in owners:
        if owner.service != service:
            raise Conflict(f"{owner.resource} belongs to the service {owner.service}; give {service} one of its own", slug="resource-taken")


def claims(definition: Definition, owners: Iterable[Ownership]) -> tuple[Put, ...]:
    """What is not owned yet, to be owned from this change on, if nobody else was quicker."""
    owned = {owner.resource for owner in owners}
    return tuple(Put(Ownership(arn, definition.name), Expect.NEW) for arn in resources(definition) if arn not in owned)


def given_back(before: Definition, after: Definition | None) -> tuple[Ref[object], ...]:
    """What the definition no longer names."""
    kept = resources(after) if after else ()
    return tuple(cast(Ref[object], keys.ownership(arn)) for arn in resources(before) if arn not in kept)


def subscriptions(before: Definition | None, after: Definition | None) -> tuple[tuple[Put, ...], tuple[Ref[object], ...]]:
    """What is to be written and what deleted so that events of its repository and its alarms find the service as it is defined from this change on."""
    was, becomes = _subscribed(before), _subscribed(after)
    puts = tuple(Put(one, Expect.ANY) for ref, one in becomes.items() if was.get(ref) != one)
    return puts, tuple(ref for ref in was if ref not in becomes)


def _subscribed(definition: Definition | None) -> dict[Ref[object], Subscription | AlarmSubscription]:
    if definition is None:
        return {}
    source, name = definition.source, definition.name
    found: list[Subscription | AlarmSubscription] = [Subscription(source.ecr, name, source.tag_pattern)] if source.ecr else []
    found += [AlarmSubscription(alarm, name) for alarm in definition.checks.alarms]
    return {keys.ref_of(one): one for one in found}
