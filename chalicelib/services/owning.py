"""A rule, target group or function belongs to one service: two that moved the same weights or aliases would undo each other."""

from collections.abc import Iterable
from typing import cast

from chalicelib.errors import Conflict
from chalicelib.ledger import keys
from chalicelib.ledger.port import Expect, Put, Ref
from chalicelib.services.definition import Definition
from chalicelib.services.model import Ownership


def resources(definition: Definition) -> tuple[str, ...]:
    """The ARNs that nobody else may name."""
    traffic = definition.traffic
    return traffic.production_rule, traffic.staging_rule, traffic.target_groups.blue, traffic.target_groups.green, _function(definition)


def _function(definition: Definition) -> str:
    """Its ARN: a target group takes only functions of its own account and region."""
    partition, region, account = (definition.traffic.load_balancer.split(":")[part] for part in (1, 3, 4))
    return f"arn:{partition}:lambda:{region}:{account}:function:{definition.runtime.function}"


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
