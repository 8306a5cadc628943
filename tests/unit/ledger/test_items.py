import pytest

from chalicelib.deployments.model import Phase
from chalicelib.ledger import keys
from chalicelib.ledger.items import Item, item_of, table_definition
from tests.ledger_builders import NOON, a_deployment, a_service, at, one_of_each


class TestItem:
    @pytest.mark.parametrize("document", one_of_each(), ids=lambda document: type(document).__name__)
    def test_stands_at_the_key_of_its_document_and_reads_as_its_kind(self, document):
        item = item_of(document)

        again = Item.from_raw_data(item.serialize())

        assert (again.pk, again.sk) == (keys.ref_of(document).partition, keys.ref_of(document).sort)
        assert type(again) is type(item)
        assert again.body == item.body

    def test_of_a_service_shows_what_decides(self):
        item = item_of(a_service(revision=7, epoch=3, due_at=at(5), deployment=a_deployment(phase=Phase.WATCHING)))

        assert (item.revision, item.epoch, item.phase, item.due, item.probed) == (7, 3, "watching", "due", True)

    def test_leaves_out_what_it_has_nothing_for(self):
        assert item_of(a_service()).serialize().keys() == {"pk", "sk", "kind", "body", "revision", "epoch", "write_id", "service", "listing", "listed_at"}

    def test_keeps_a_time_that_sorts_as_text(self):
        moments = [NOON, NOON.replace(microsecond=1), at(1), at(10)]

        stamps = [item_of(a_service(due_at=moment)).due_at for moment in moments]

        assert stamps == sorted(stamps)
        assert len({len(stamp) for stamp in stamps}) == 1


class TestTable:
    def test_has_a_stream_of_new_images_and_is_paid_per_request(self):
        definition = table_definition("turnout")

        assert definition["TableName"] == "turnout"
        assert definition["BillingMode"] == "PAY_PER_REQUEST"
        assert definition["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}

    def test_has_two_indexes(self):
        due, listing = table_definition("turnout")["GlobalSecondaryIndexes"]

        assert (due["IndexName"], listing["IndexName"]) == ("due", "listing")
        assert due["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["service", "probed"]}
        assert [key["AttributeName"] for key in due["KeySchema"]] == ["due", "due_at"]
        assert [key["AttributeName"] for key in listing["KeySchema"]] == ["listing", "listed_at"]

    def test_defines_exactly_the_attributes_that_are_keys(self):
        definition = table_definition("turnout")
        schemas = [definition["KeySchema"], *(index["KeySchema"] for index in definition["GlobalSecondaryIndexes"])]

        assert {one["AttributeName"] for one in definition["AttributeDefinitions"]} == {key["AttributeName"] for schema in schemas for key in schema}

    def test_is_the_same_for_every_caller(self):
        assert table_definition("turnout") == table_definition("turnout")
