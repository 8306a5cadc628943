"""What plain moto knows of provisioned concurrency, which is nothing, and what it knows corrected."""

import time
from typing import Any

import pytest

from tests.local.both_ways import a_function, a_zip, both_ways, client
from turnout.local.corrections import awslambda, provisioned

BLUE = {"FunctionName": "f", "Qualifier": "blue"}
NONE = "ProvisionedConcurrencyConfigNotFoundException"
REFUSED = "InvalidParameterValueException"


@pytest.fixture(autouse=True)
def _nothing_takes_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awslambda, "UPDATE_SECONDS", 0.0)
    monkeypatch.setattr(provisioned, "ALLOCATION_SECONDS", 0.0)


def an_alias(name: str = "blue", version: str | None = None) -> Any:
    lambda_ = client("lambda")
    if version is None:
        a_function()
        version = lambda_.publish_version(FunctionName="f")["Version"]
    lambda_.create_alias(FunctionName="f", Name=name, FunctionVersion=version)
    return lambda_


def another_version() -> str:
    client("lambda").update_function_code(FunctionName="f", ZipFile=a_zip("2"))
    version: str = client("lambda").publish_version(FunctionName="f")["Version"]
    return version


def provisioned_with(executions: int, **where: str) -> Any:
    return client("lambda").put_provisioned_concurrency_config(**BLUE | where, ProvisionedConcurrentExecutions=executions)


def corrected(do: Any) -> Any:
    """Plain moto has no such operations at all: it fails in a way of its own, and never with what AWS would say."""
    plain, right = both_ways(do)
    assert all(plain != other for other in (right, NONE, REFUSED, "ResourceNotFoundException"))
    return right


def test_is_ready_after_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provisioned, "ALLOCATION_SECONDS", 0.1)

    def do() -> list[tuple[str, int, int]]:
        lambda_ = an_alias()
        seen, deadline = [provisioned_with(3)], time.monotonic() + 5
        while seen[-1]["Status"] != "READY" and time.monotonic() < deadline:
            seen.append(lambda_.get_provisioned_concurrency_config(**BLUE))
        return [(each["Status"], each["RequestedProvisionedConcurrentExecutions"], each["AllocatedProvisionedConcurrentExecutions"]) for each in (seen[0], seen[-1])]

    assert corrected(do) == [("IN_PROGRESS", 3, 0), ("READY", 3, 3)]


def test_that_nobody_put_is_not_found() -> None:
    def do() -> Any:
        return an_alias().get_provisioned_concurrency_config(**BLUE)

    assert corrected(do) == NONE


def test_of_an_alias_that_is_not_there_is_another_thing() -> None:
    def do() -> Any:
        a_function()
        return client("lambda").get_provisioned_concurrency_config(**BLUE)

    assert corrected(do) == "ResourceNotFoundException"


def test_can_be_taken_away_again_and_again() -> None:
    def do() -> Any:
        lambda_ = an_alias()
        provisioned_with(3)
        for _ in range(2):
            lambda_.delete_provisioned_concurrency_config(**BLUE)
        return lambda_.get_provisioned_concurrency_config(**BLUE)

    assert corrected(do) == NONE


def test_is_not_for_what_is_not_published() -> None:
    def do() -> Any:
        a_function()
        an_alias(version="$LATEST")
        return provisioned_with(3)

    assert corrected(do) == REFUSED


def test_is_within_what_the_account_has_for_all_aliases() -> None:
    def do() -> Any:
        an_alias()
        an_alias("green", "1")
        provisioned_with(500, Qualifier="green")
        provisioned_with(400)
        return provisioned_with(401)

    assert corrected(do) == REFUSED


def test_is_not_for_an_alias_with_weights() -> None:
    def do() -> Any:
        lambda_ = an_alias()
        lambda_.update_alias(FunctionName="f", Name="blue", RoutingConfig={"AdditionalVersionWeights": {another_version(): 0.5}})
        return provisioned_with(3)

    assert corrected(do) == REFUSED


def test_moves_with_its_alias_in_a_while_which_is_weighed_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    def do() -> Any:
        lambda_ = an_alias()
        provisioned_with(3)
        monkeypatch.setattr(provisioned, "ALLOCATION_SECONDS", 60.0)
        lambda_.update_alias(FunctionName="f", Name="blue", FunctionVersion=another_version())
        moving = lambda_.get_alias(FunctionName="f", Name="blue")["RoutingConfig"], lambda_.get_provisioned_concurrency_config(**BLUE)["Status"]
        try:
            provisioned_with(4)
        except lambda_.exceptions.InvalidParameterValueException as refused:
            return (*moving, refused.response["Error"]["Message"])
        return moving

    weights = {"AdditionalVersionWeights": {"1": 1.0}}
    assert corrected(do) == (weights, "IN_PROGRESS", "Alias with weights can not be used with Provisioned Concurrency")
