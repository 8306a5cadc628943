"""How documents lie in the one DynamoDB table: an item per document, a model per kind.

The whole document is the JSON text in `body`. Beside it stands only what a
condition, an index or a person reading the table needs. An item is always
written whole: `body` says everything, so nothing is lost by it. No model is
bound to a table; the ledger that uses them is.

    table     pk, sk
    due       due, due_at           sparse: services, and looks at them, that wait for a tick; keys, service, probed
    listing   listing, listed_at    sparse: what is listed newest first; everything
"""

import json
from operator import itemgetter
from typing import Any, ClassVar

from pynamodb.attributes import BooleanAttribute, DiscriminatorAttribute, NumberAttribute, TTLAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection
from pynamodb.models import Model

from chalicelib.access.model import Once, Token
from chalicelib.audit.chain import Entry, Head
from chalicelib.config.model import ConfigVersion
from chalicelib.deployments.model import Deployment, Event
from chalicelib.health.judgement import Judgement
from chalicelib.health.model import ProbeLog
from chalicelib.ledger import codec, index, keys
from chalicelib.mirroring.model import Comparison, ReleaseComparison
from chalicelib.releases.model import Intake, Rejection, Release, Sweep
from chalicelib.services.model import AlarmSubscription, Look, Ownership, Service, Subscription

DUE = "due"
"""The one partition of the index of what is due."""
EXPIRES = "expires"
"""The attribute to name in the table's TTL specification, which is not part of creating a table."""


class DueIndex(GlobalSecondaryIndex["ServiceItem"]):  # type: ignore[no-untyped-call]  # PynamoDB types no __init_subclass__
    class Meta:
        index_name = "due"
        projection = IncludeProjection(["service", "probed"])

    due = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True)


class ListingIndex(GlobalSecondaryIndex["ListedItem"]):  # type: ignore[no-untyped-call]  # as above
    class Meta:
        index_name = "listing"
        projection = AllProjection()

    listing = UnicodeAttribute(hash_key=True)
    listed_at = UnicodeAttribute(range_key=True)


class Item(Model):
    class Meta:
        billing_mode = "PAY_PER_REQUEST"
        stream_view_type = "NEW_IMAGE"

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    kind = DiscriminatorAttribute()


class DocumentItem(Item):
    body = UnicodeAttribute()
    revision = NumberAttribute(null=True)


class ListedItem(DocumentItem):
    listing = UnicodeAttribute(null=True)
    listed_at = UnicodeAttribute(null=True)
    listing_index: ClassVar[ListingIndex] = ListingIndex()


class ServiceItem(ListedItem, discriminator="service"):
    epoch = NumberAttribute()
    write_id = UnicodeAttribute()
    service = UnicodeAttribute()
    phase = UnicodeAttribute(null=True)
    due = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(null=True)
    probed = BooleanAttribute(null=True)
    due_index: ClassVar[DueIndex] = DueIndex()
    """Also of looks: what is read from the index is a service's name and whether it is probed, whichever item they stand in."""


class ReleaseItem(ListedItem, discriminator="release"):
    digest = UnicodeAttribute()


class ConfigItem(DocumentItem, discriminator="config"):
    pass


class DeploymentItem(DocumentItem, discriminator="deployment"):
    phase = UnicodeAttribute()


class EventItem(DocumentItem, discriminator="event"):
    pass


class RejectionItem(DocumentItem, discriminator="rejection"):
    pass


class IntakeItem(DocumentItem, discriminator="intake"):
    pass


class EntryItem(ListedItem, discriminator="entry"):
    pass


class HeadItem(DocumentItem, discriminator="head"):
    pass


class TokenItem(ListedItem, discriminator="token"):
    pass


class OnceItem(DocumentItem, discriminator="once"):
    expires = TTLAttribute()


class LookItem(DocumentItem, discriminator="look"):
    service = UnicodeAttribute()
    due = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(null=True)
    probed = BooleanAttribute(null=True)


class JudgementItem(DocumentItem, discriminator="judgement"):
    pass


class ProbeLogItem(DocumentItem, discriminator="probe-log"):
    pass


class ComparisonItem(DocumentItem, discriminator="comparison"):
    pass


class ReleaseComparisonItem(DocumentItem, discriminator="release-comparison"):
    pass


class SweepItem(DocumentItem, discriminator="sweep"):
    pass


class OwnershipItem(DocumentItem, discriminator="ownership"):
    pass


class SubscriptionItem(ListedItem, discriminator="subscription"):
    pass


class AlarmSubscriptionItem(DocumentItem, discriminator="alarm-subscription"):
    pass


class ClaimItem(Item, discriminator="claim"):
    """`held_until` decides, to the microsecond; `expires` lets DynamoDB clear it away, which may take days."""

    holder = UnicodeAttribute()
    held_until = UnicodeAttribute()
    expires = TTLAttribute()


_MODELS: dict[type, type[DocumentItem]] = {
    Service: ServiceItem,
    Release: ReleaseItem,
    ConfigVersion: ConfigItem,
    Deployment: DeploymentItem,
    Event: EventItem,
    Judgement: JudgementItem,
    Rejection: RejectionItem,
    Intake: IntakeItem,
    Sweep: SweepItem,
    Entry: EntryItem,
    Head: HeadItem,
    Token: TokenItem,
    Once: OnceItem,
    Look: LookItem,
    ProbeLog: ProbeLogItem,
    Comparison: ComparisonItem,
    ReleaseComparison: ReleaseComparisonItem,
    Ownership: OwnershipItem,
    Subscription: SubscriptionItem,
    AlarmSubscription: AlarmSubscriptionItem,
}


def item_of(document: object) -> DocumentItem:
    """The whole item for a document."""
    ref = keys.ref_of(document)
    body = json.dumps(codec.dump(document), separators=(",", ":"), ensure_ascii=False)
    return _MODELS[type(document)](ref.partition, ref.sort, body=body, **_beside(document))


def table_definition(name: str) -> dict[str, Any]:
    """What `create_table` takes, from the models themselves."""
    schema = Item._get_schema()  # noqa: SLF001  # public only through a bound model's create_table
    return {
        "TableName": name,
        "AttributeDefinitions": sorted(schema["attribute_definitions"], key=itemgetter("AttributeName")),
        "KeySchema": _hash_first(schema["key_schema"]),
        "GlobalSecondaryIndexes": [
            {"IndexName": one["index_name"], "KeySchema": _hash_first(one["key_schema"]), "Projection": one["projection"]}
            for one in sorted(schema["global_secondary_indexes"], key=itemgetter("index_name"))
        ],
        "BillingMode": Item.Meta.billing_mode,
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": Item.Meta.stream_view_type},
    }


def _hash_first(schema: list[Any]) -> list[Any]:
    """DynamoDB refuses the other order."""
    return sorted(schema, key=itemgetter("KeyType"))


def _beside(document: object) -> dict[str, Any]:
    """What stands beside the body. None leaves an attribute out, and the item out of the index it is the key of."""
    attributes = {"revision": getattr(document, "revision", None)}
    if place := index.listed(document):
        attributes |= {"listing": place[0], "listed_at": place[1]}
    match document:
        case Service():
            return attributes | _of_service(document)
        case Look(service=service):
            return attributes | {"service": service} | _due(document)
        case Release(digest=digest):
            return attributes | {"digest": digest}
        case Deployment(phase=phase):
            return attributes | {"phase": phase.value}
        case Once(expires_at=expires_at):
            return attributes | {EXPIRES: expires_at}
        case _:
            return attributes


def _of_service(service: Service) -> dict[str, Any]:
    attributes = {"epoch": service.epoch, "write_id": service.write_id, "service": service.name, "phase": service.deployment and service.deployment.phase.value}
    return attributes | _due(service)


def _due(document: object) -> dict[str, Any]:
    due = index.due_of(document)
    return {"due": DUE, "due_at": index.stamp(due.due_at), "probed": due.probed} if due else {}
