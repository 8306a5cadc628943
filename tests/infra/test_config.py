"""Chalice takes unknown keys, misspelled function names and impossible numbers in silence. This does not."""

import json
import re
from typing import Any

import pytest

from tests.infra.conftest import ROOT, Package

CONFIG: dict[str, Any] = json.loads(ROOT.joinpath(".chalice/config.json").read_text())
# Every key Chalice 1.34 reads (chalice/config.py).
PER_FUNCTION = {
    "iam_policy_file",
    "iam_role_arn",
    "lambda_memory_size",
    "lambda_timeout",
    "layers",
    "log_retention_in_days",
    "manage_iam_role",
    "reserved_concurrency",
    "security_group_ids",
    "subnet_ids",
}
EVERYWHERE = PER_FUNCTION | {
    "api_gateway_custom_domain",
    "api_gateway_endpoint_type",
    "api_gateway_endpoint_vpce",
    "api_gateway_policy_file",
    "api_gateway_stage",
    "automatic_layer",
    "autogen_policy",
    "environment_variables",
    "lambda_architecture",
    "lambda_functions",
    "minimum_compression_size",
    "tags",
    "websocket_api_custom_domain",
    "xray",
}
FUNCTIONS = {"api_handler", "authorize", "on_access_log", "on_alarm", "on_artifact", "on_change", "on_due", "on_ecs_deployment", "on_image", "on_probe_due", "reconcile", "tick"}


def test_only_keys_that_chalice_knows():
    stages = CONFIG["stages"].values()

    assert set(CONFIG) <= EVERYWHERE | {"version", "app_name", "stages"}
    assert [set(stage) - EVERYWHERE for stage in stages] == [set()] * len(stages)
    assert [set(function) - PER_FUNCTION for function in CONFIG["lambda_functions"].values()] == [set()] * len(FUNCTIONS)


def test_no_policy_is_guessed():
    assert CONFIG["autogen_policy"] is False


def test_every_function_that_is_configured_exists(package: Package):
    handlers = {properties["Handler"].removeprefix("app.") for properties in package.functions().values()}

    assert set(CONFIG["lambda_functions"]) == FUNCTIONS
    assert {"api_handler" if name == "app" else name for name in handlers} == FUNCTIONS


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_timeouts_and_memory_are_possible(function: str):
    given = {**CONFIG, **CONFIG["lambda_functions"][function]}

    assert 1 <= given["lambda_timeout"] <= 900
    assert 128 <= given["lambda_memory_size"] <= 10240


def test_the_api_gives_up_before_the_gateway_does():
    assert CONFIG["lambda_functions"]["api_handler"]["lambda_timeout"] <= 29


def test_variables_are_text():
    assert all(isinstance(value, str) for value in CONFIG["environment_variables"].values())


class TestLocks:
    def test_what_the_lambdas_ship_is_what_is_tested(self):
        assert pins("requirements.txt").items() <= pins("requirements-dev.txt").items()

    @pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "examples/shop/requirements.txt"])
    def test_every_pin_has_a_hash(self, name: str):
        entries = re.split(r"\n(?=[a-z0-9])", ROOT.joinpath(name).read_text())

        assert [entry.splitlines()[0] for entry in entries if "==" in entry.splitlines()[0] and "--hash=sha256:" not in entry] == []

    def test_chalice_is_not_shipped_twice(self):
        assert "chalice" not in pins("requirements.txt")


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", ROOT.joinpath(name).read_text(), re.MULTILINE))
