"""The OpenAPI 3.1 document, made from what parses the requests and makes the answers; there is nothing to keep in step by hand."""

from collections.abc import Iterable, Mapping
from typing import Any, get_args, get_origin

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from chalicelib.api import parsing, problems
from chalicelib.api.routes import Endpoint

Json = dict[str, Any]
_Key = tuple[str, int]

_BODY = 0
"""Stands where an answer has its status."""

_PROBLEM: Json = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "pattern": "^/problems/[a-z0-9-]+$", "description": "Stable: what a program goes by."},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "For a person: what, which one, what to do."},
        "errors": {
            "type": "array",
            "items": {"type": "object", "required": ["field", "message"], "properties": {"field": {"type": "string"}, "message": {"type": "string"}}},
        },
        "request_id": {"type": "string"},
    },
}

_QUERY: dict[str, Json] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": parsing.MAX_LIMIT, "default": parsing.DEFAULT_LIMIT},
    "cursor": {"type": "string", "description": "From the page before."},
    "service": {"type": "string", "pattern": parsing.PATTERNS["service"]},
    "reason": {"type": "string", "maxLength": parsing.MAX_REASON, "description": "Why, for the audit."},
    "against": {"type": "integer", "minimum": 0, "description": "Answer what is different from this config version."},
    "to": {"type": "string", "pattern": parsing.PATTERNS["version"], "description": "Left out: the default target."},
    "dry_run": {"type": "boolean", "default": False, "description": "Answer what would be done, and change nothing."},
}

_HEADERS: dict[str, tuple[str, Json]] = {
    "GET": ("If-None-Match", {"type": "string"}),
    "PUT": ("If-Match", {"type": "string"}),
    "POST": ("Idempotency-Key", {"type": "string", "minLength": 1, "maxLength": 255}),
}

_DESCRIPTIONS = {200: "As wanted", 201: "Created", 202: "Goes on by itself", 204: "Done; nothing to show"}


def document(endpoints: Iterable[Endpoint]) -> Json:
    """The whole document for these endpoints."""
    declared = tuple(endpoints)
    schemas, definitions = _schemas(declared)
    paths: Json = {}
    for endpoint in declared:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Turnout", "version": "1", "description": "Blue-green continuous delivery: releases, deployments, traffic."},
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {
            "schemas": {**definitions, "Problem": _PROBLEM},
            "responses": {"Problem": _content("What went wrong (RFC 9457)", {"$ref": "#/components/schemas/Problem"}, problems.CONTENT_TYPE)},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "An API token, tnt_…"}},
        },
    }


def _schemas(endpoints: tuple[Endpoint, ...]) -> tuple[dict[_Key, Json], Json]:
    """The schema of each endpoint's body and answers, and what they refer to."""
    wanted: list[tuple[_Key, JsonSchemaMode, TypeAdapter[Any]]] = []
    for endpoint in endpoints:
        if endpoint.body:
            wanted.append(((endpoint.name, _BODY), "validation", TypeAdapter(endpoint.body)))
        wanted += [((endpoint.name, status), "serialization", TypeAdapter(shape)) for status, shape in endpoint.answers.items() if shape is not None]
    made, rest = TypeAdapter.json_schemas(wanted, ref_template="#/components/schemas/{model}")
    definitions: Json = rest.get("$defs", {})
    for endpoint in endpoints:
        if endpoint.body and endpoint.named_by:
            # The path says it already, so that it may be left out.
            definitions[endpoint.body.__name__]["required"].remove(endpoint.named_by)
    return {key: schema for (key, _), schema in made.items()}, definitions


def _operation(endpoint: Endpoint, schemas: Mapping[_Key, Json]) -> Json:
    operation: Json = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint, schemas),
        "security": [{"token": []}] if endpoint.action else [],
    }
    if endpoint.action:
        operation["x-permission"] = endpoint.action.value
    if endpoint.body:
        operation["requestBody"] = {"content": {"application/json": {"schema": schemas[endpoint.name, _BODY]}}}
    return operation


def _parameters(endpoint: Endpoint) -> list[Json]:
    in_path = [part.strip("{}") for part in endpoint.path.split("/") if part.startswith("{")]
    parameters: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": parsing.PATTERNS[name]}} for name in in_path
    ]
    parameters += [{"name": name, "in": "query", "schema": _QUERY[name]} for name in endpoint.query]
    if endpoint.method in _HEADERS:
        name, schema = _HEADERS[endpoint.method]
        parameters.append({"name": name, "in": "header", "schema": schema})
    return parameters


def _responses(endpoint: Endpoint, schemas: Mapping[_Key, Json]) -> Json:
    responses: Json = {"default": {"$ref": "#/components/responses/Problem"}}
    for status, shape in endpoint.answers.items():
        responses[str(status)] = _answer(status, shape, schemas.get((endpoint.name, status)))
    if endpoint.method == "GET":
        responses["304"] = {"description": "You have it already"}
    return responses


def _answer(status: int, shape: Any, schema: Json | None) -> Json:
    description = _DESCRIPTIONS[status]
    if schema is None:
        return {"description": description}
    if get_origin(shape) is list and get_args(shape):
        cursor = {"type": ["string", "null"]}
        schema = {"type": "object", "required": ["items", "cursor"], "properties": {"items": schema, "cursor": cursor}}
    return _content(description, schema, "text/html" if shape is str else "application/json")


def _content(description: str, schema: Json, content_type: str) -> Json:
    return {"description": description, "content": {content_type: {"schema": schema}}}
