"""What plain moto's DynamoDB does, and what it does corrected."""

from threading import Thread
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.table import Table

from tests.local.both_ways import both_ways, client
from turnout.local.addresses import ACCOUNT, REGION


def a_table() -> Any:
    dynamodb = client("dynamodb")
    dynamodb.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "kind")],
        GlobalSecondaryIndexes=[{"IndexName": "kinds", "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return dynamodb


def an_item(pk: str, value: str = "", **more: str) -> dict[str, Any]:
    return {name: {"S": text} for name, text in ({"pk": pk, "sk": "s", "value": value} | more).items()}


def put(item: dict[str, Any], **condition: Any) -> dict[str, Any]:
    return {"Put": {"TableName": "t", "Item": item, **condition}}


IS_THERE = {"ConditionExpression": "attribute_exists(pk)"}


def table() -> Any:
    return dynamodb_backends[ACCOUNT][REGION].tables["t"]


def value_of(dynamodb: Any, pk: str) -> str | None:
    found = dynamodb.get_item(TableName="t", Key={"pk": {"S": pk}, "sk": {"S": "s"}}).get("Item")
    return found["value"]["S"] if found else None


class TestATransactionThatFails:
    def test_leaves_every_item_as_it_was_in_the_same_table(self) -> None:
        def do() -> tuple[bool, list[str | None], int]:
            dynamodb = a_table()
            dynamodb.put_item(TableName="t", Item=an_item("kept", "before"))
            before, records = table(), len(table().stream_shard.items)
            update = {
                "TableName": "t",
                "Key": {"pk": {"S": "kept"}, "sk": {"S": "s"}},
                "UpdateExpression": "SET #v = :v",
                "ExpressionAttributeNames": {"#v": "value"},
                "ExpressionAttributeValues": {":v": {"S": "after"}},
            }
            with pytest.raises(ClientError, match="TransactionCanceledException"):
                dynamodb.transact_write_items(TransactItems=[put(an_item("new")), {"Update": update}, put(an_item("absent"), **IS_THERE)])
            return table() is before, [value_of(dynamodb, pk) for pk in ("kept", "new", "absent")], len(table().stream_shard.items) - records

        plain, corrected = both_ways(do)

        assert plain == (False, ["before", None, None], 0), "moto puts a copy of the whole table in its place"
        assert corrected == (True, ["before", None, None], 0)


class TestATransaction:
    def test_copies_what_it_touches_and_not_the_whole_table(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reduce, copied = Table.__reduce_ex__, 0

        def counted(self: Any, protocol: Any) -> Any:
            nonlocal copied
            copied += 1
            return reduce(self, protocol)

        monkeypatch.setattr(Table, "__reduce_ex__", counted)  # what deepcopy goes by

        def do() -> int:
            nonlocal copied
            dynamodb, copied = a_table(), 0
            dynamodb.transact_write_items(TransactItems=[put(an_item("a")), put(an_item("b"))])
            return copied

        assert both_ways(do) == (2, 0)

    def test_sent_again_under_its_token_is_done_once(self) -> None:
        def do() -> tuple[str | None, int]:
            dynamodb = a_table()
            for _ in range(2):
                dynamodb.transact_write_items(TransactItems=[put(an_item("a"), ConditionExpression="attribute_not_exists(pk)")], ClientRequestToken="same")
            return value_of(dynamodb, "a"), len(table().stream_shard.items)

        assert both_ways(do) == ("TransactionCanceledException", ("", 1))

    def test_under_the_token_of_another_is_refused(self) -> None:
        def do() -> str:
            dynamodb = a_table()
            for pk in ("a", "b"):
                dynamodb.transact_write_items(TransactItems=[put(an_item(pk))], ClientRequestToken="same")
            return "taken"

        assert both_ways(do) == ("taken", "IdempotentParameterMismatchException")


class TestAWriteDuringATransactionThatFails:
    def test_is_not_lost(self, monkeypatch: pytest.MonkeyPatch) -> None:
        read = DynamoDBBackend.get_item

        def do() -> str | None:
            dynamodb = a_table()
            other = Thread(target=dynamodb.put_item, kwargs={"TableName": "t", "Item": an_item("other", "there")})

            def meanwhile(self: Any, *args: Any, **kwargs: Any) -> Any:
                if other.ident is None:
                    other.start()
                    other.join(0.3)  # it waits for the transaction where calls come one at a time
                return read(self, *args, **kwargs)

            with monkeypatch.context() as during:
                during.setattr(DynamoDBBackend, "get_item", meanwhile)
                with pytest.raises(ClientError):
                    dynamodb.transact_write_items(TransactItems=[put(an_item("absent"), **IS_THERE)])
            other.join()
            return value_of(dynamodb, "other")

        assert both_ways(do) == (None, "there")


class TestAQuery:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"KeyConditionExpression": "pk = :v", "ExpressionAttributeValues": {":v": {"S": "p3"}}}, ["p3"]),
            ({"IndexName": "kinds", "KeyConditionExpression": "kind = :v", "ExpressionAttributeValues": {":v": {"S": "odd"}}}, ["p1", "p3", "p5"]),
            ({"KeyConditionExpression": "pk = :v", "ExpressionAttributeValues": {":v": {"S": "absent"}}}, []),
        ],
    )
    def test_never_looks_at_the_whole_table(self, query: dict[str, Any], found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        whole, scans = Table.all_items, 0

        def counted(self: Any) -> Any:
            nonlocal scans
            scans += 1
            return whole(self)

        monkeypatch.setattr(Table, "all_items", counted)

        def do() -> tuple[list[str], int]:
            nonlocal scans
            dynamodb, scans = a_table(), 0
            for number in range(6):
                dynamodb.put_item(TableName="t", Item=an_item(f"p{number}", kind="odd" if number % 2 else "even"))
            return sorted(item["pk"]["S"] for item in dynamodb.query(TableName="t", **query)["Items"]), scans

        assert both_ways(do) == ((found, 1), (found, 0))
