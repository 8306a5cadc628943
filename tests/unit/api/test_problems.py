"""Every error on its way out: one table, one form."""

import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.access.model import Caller, Role
from chalicelib.api.problems import TABLE, Unauthorized, UnsupportedMediaType
from tests.unit.api.an_api import Api


class Failing:
    """Services that answer everything by raising."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def picture(self, name: str) -> Any:
        raise self.error

    def get(self, name: str) -> Any:
        return name


class Anybody:
    def authenticate(self, text: str) -> Caller:
        return Caller("ada", Role.ADMIN, "*", "t1")


def failing(error: Exception) -> Api:
    api = Api(plane=SimpleNamespace(services=Failing(error), tokens=Anybody()))
    api.tokens[Role.ADMIN, "*"] = "tnt_1_2"
    return api


ROWS = [
    (errors.Unparsable("x"), 400, "unparsable"),
    (Unauthorized(), 401, "unauthorized"),
    (errors.Forbidden("x"), 403, "forbidden"),
    (errors.NotFound("x"), 404, "not-found"),
    (errors.Conflict("x"), 409, "conflict"),
    (errors.Conflict("x", slug="already-rolled-back"), 409, "already-rolled-back"),
    (errors.Stale(), 409, "stale"),
    (errors.PreconditionFailed("x"), 412, "stale-revision"),
    (UnsupportedMediaType("x"), 415, "unsupported-media-type"),
    (errors.Invalid("x", field="version"), 422, "invalid"),
    (errors.Unavailable("x"), 503, "unavailable"),
    (errors.Problem("x"), 500, "internal"),
    (RuntimeError("secret detail"), 500, "internal"),
    (KeyError("secret detail"), 500, "internal"),
]


class TestEveryError:
    @pytest.mark.parametrize(("error", "status", "slug"), ROWS, ids=lambda value: str(value)[:30])
    def test_is_a_problem_document(self, error: Exception, status: int, slug: str):
        answer = failing(error)("GET", "/v1/services/web")

        assert (answer.status, answer.slug, answer.json["status"]) == (status, slug, status)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["title"]
        assert answer.json["detail"]

    def test_has_a_row_and_every_row_a_test(self):
        assert {type(error) for error, _, _ in ROWS} >= set(TABLE)

    def test_that_is_unforeseen_says_its_request_and_nothing_else(self, caplog: pytest.LogCaptureFixture):
        logging.getLogger("turnout").addHandler(caplog.handler)

        answer = failing(RuntimeError("secret detail"))("GET", "/v1/services/web")

        logging.getLogger("turnout").removeHandler(caplog.handler)
        assert answer.json["request_id"]
        assert b"secret detail" not in answer.raw
        assert b"Traceback" not in answer.raw
        assert answer.json["request_id"] in [getattr(record, "request_id", None) for record in caplog.records]
        assert "secret detail" in caplog.text
        assert "Traceback" in caplog.text

    def test_that_passes_by_itself_says_when_to_try_again(self):
        assert int(failing(errors.Unavailable("x"))("GET", "/v1/services/web").headers["Retry-After"]) > 0

    def test_keeps_what_it_was_given_but_never_in_place_of_the_members(self):
        answer = failing(errors.Conflict("held", holder="bob", status="x", type="y"))("GET", "/v1/services/web").json

        assert (answer["holder"], answer["status"], answer["type"]) == ("bob", 409, "/problems/conflict")


class TestWhatChaliceRefuses:
    def test_another_method_is_a_problem_document_too(self):
        answer = failing(KeyError())("PATCH", "/v1/services/web")

        assert (answer.status, answer.slug) == (405, "method-not-allowed")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "PUT" in answer.headers["Allow"]


class TestAnAppWithoutAnAuthorizer:
    def test_gets_no_routes(self):
        from chalice.app import Chalice

        from chalicelib.api import install

        with pytest.raises(LookupError, match="authorize"):
            install(Chalice("turnout", configure_logs=False), lambda: None)  # type: ignore[arg-type, return-value]


def test_a_problem_is_json_whatever_is_in_it():
    answer = failing(errors.Conflict("x", at=object()))("GET", "/v1/services/web")

    assert json.loads(answer.raw)["status"] == 409
