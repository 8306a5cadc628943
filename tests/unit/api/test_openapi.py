"""The specification: valid, and of exactly these routes."""

from typing import Any

import pytest
from openapi_spec_validator import validate

from chalicelib.api.specification import RESOURCES
from tests.unit.api.an_api import an_api

ENDPOINTS = [endpoint for resource in RESOURCES for endpoint in resource.endpoints]


@pytest.fixture(scope="module")
def document() -> Any:
    return an_api()("GET", "/openapi.json", role=None).json


class TestTheSpecification:
    def test_is_a_valid_openapi_3_1_document(self, document: Any):
        assert document["openapi"].startswith("3.1")
        validate(document)

    def test_lists_exactly_the_registered_routes(self, document: Any):
        listed = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}

        assert listed == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}

    def test_asks_for_a_token_but_for_three(self, document: Any):
        is_open = {path for path, methods in document["paths"].items() for operation in methods.values() if operation["security"] == []}

        assert is_open == {"/", "/healthz", "/openapi.json"}

    def test_names_every_field_of_every_body(self, document: Any):
        schemas = document["components"]["schemas"]

        for endpoint in ENDPOINTS:
            if endpoint.body:
                assert set(schemas[endpoint.body.__name__]["properties"]) == set(endpoint.body.model_fields)
                assert schemas[endpoint.body.__name__]["additionalProperties"] is False

    def test_requires_what_the_parser_requires(self, document: Any):
        schemas = document["components"]["schemas"]

        assert schemas["RollbackRequest"]["required"] == ["reason"]
        assert "required" not in schemas["PromoteRequest"]
        assert "name" not in schemas["Definition"]["required"]

    def test_says_what_goes_wrong_is_a_problem_document(self, document: Any):
        operations = [operation for methods in document["paths"].values() for operation in methods.values()]

        assert all("default" in operation["responses"] for operation in operations)
        assert list(document["components"]["responses"]["Problem"]["content"]) == ["application/problem+json"]

    def test_tells_each_operation_apart_and_says_what_it_is_for(self, document: Any):
        operations = [operation for methods in document["paths"].values() for operation in methods.values()]

        assert len({operation["operationId"] for operation in operations}) == len(operations)
        assert all(operation["summary"] for operation in operations)
