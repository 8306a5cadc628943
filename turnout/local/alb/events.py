"""A request as the Lambda event that ALB makes of it, and a Lambda's answer as a response. Pure."""

import base64
import binascii
import http
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from turnout.local.alb.model import HEALTH_CHECK_AGENT
from turnout.local.alb.rules import query_pairs
from turnout.local.compute.answers import InvokeResult

BODY_LIMIT = 1024 * 1024
TEXT_TYPES = ("application/json", "application/javascript", "application/xml")
HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect")
)
NOT_THE_FUNCTIONS = HOP_BY_HOP | {"content-length"}
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class InvalidAnswer(Exception):
    """The function answered, but not what ALB accepts: 502 to the client, LambdaUserError in the metrics."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    reason: str | None
    headers: tuple[tuple[str, str], ...]
    body: bytes


def event(method: str, path: str, query: str, headers: Sequence[tuple[str, str]], body: bytes, *, group: str, multi_value: bool) -> bytes:
    """Header names in lower case, query parameters as they came: ALB does not decode them.

    Where a name comes twice and the group takes one value, the last counts.
    """
    named = [(name.lower(), value) for name, value in headers]
    text, is_base64 = _body(named, body)
    several = _by_name if multi_value else dict
    prefix = ("multiValueQueryStringParameters", "multiValueHeaders") if multi_value else ("queryStringParameters", "headers")
    made = {
        "requestContext": {"elb": {"targetGroupArn": group}},
        "httpMethod": method,
        "path": path,
        prefix[0]: several(query_pairs(query)),
        prefix[1]: several(named),
        "body": text,
        "isBase64Encoded": is_base64,
    }
    return json.dumps(made, ensure_ascii=True).encode()


def health_check_event(path: str, *, group: str, multi_value: bool) -> bytes:
    path, _, query = path.partition("?")
    return event("GET", path, query, [("user-agent", HEALTH_CHECK_AGENT)], b"", group=group, multi_value=multi_value)


def reply_of(result: InvokeResult, *, multi_value: bool) -> Reply:
    """Raises `InvalidAnswer`, also when the function failed, was throttled or is not there."""
    if result.status != 200 or result.function_error:
        raise InvalidAnswer(result.function_error or f"the invocation was answered with {result.status}")
    return reply(result.payload, multi_value=multi_value)


def reply(payload: bytes, *, multi_value: bool) -> Reply:
    """Raises `InvalidAnswer`."""
    if len(payload) > BODY_LIMIT:
        raise InvalidAnswer(f"the response is {len(payload)} bytes, more than {BODY_LIMIT}")
    try:
        answer = json.loads(payload)
    except ValueError as error:
        raise InvalidAnswer("the response is not JSON") from error
    if not isinstance(answer, dict):
        raise InvalidAnswer("the response is no object")
    status = _status(answer.get("statusCode"))
    return Reply(status, _reason(answer.get("statusDescription"), status), _headers(answer, multi_value), _decoded(answer))


def _body(headers: Iterable[tuple[str, str]], body: bytes) -> tuple[str, bool]:
    named = dict(headers)
    kind = named.get("content-type", "").partition(";")[0].strip().lower()
    is_text = "content-encoding" not in named and (kind.startswith("text/") or kind in TEXT_TYPES)
    if not body:
        return "", False
    if is_text:
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True


def _by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    values_by_name: dict[str, list[str]] = {}
    for name, value in pairs:
        values_by_name.setdefault(name, []).append(value)
    return values_by_name


def _status(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 200 <= value <= 599:
        raise InvalidAnswer(f"statusCode is {value!r}, not a number from 200 to 599")
    return value


def _reason(description: Any, status: int) -> str | None:
    """`200 OK` and `OK` both say OK."""
    if not isinstance(description, str) or not description.isprintable():
        return http.HTTPStatus(status).phrase if status in set(http.HTTPStatus) else None
    return description.removeprefix(f"{status}").strip() or None


def _headers(answer: dict[str, Any], multi_value: bool) -> tuple[tuple[str, str], ...]:
    """Only the field of the group's mode is read, as ALB does."""
    field = "multiValueHeaders" if multi_value else "headers"
    headers = {} if answer.get(field) is None else answer[field]
    if not isinstance(headers, dict):
        raise InvalidAnswer(f"{field} is no object")
    pairs = [(name, value) for name, values in headers.items() for value in (values if multi_value and isinstance(values, list) else [values])]
    for name, value in pairs:
        if not isinstance(value, str) or not HEADER_NAME.fullmatch(name) or re.search(r"[\r\n\0]", value):
            raise InvalidAnswer(f"the header {name!r} is not valid text")
    return tuple((name, value) for name, value in pairs if name.lower() not in NOT_THE_FUNCTIONS)


def _decoded(answer: dict[str, Any]) -> bytes:
    body = answer.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise InvalidAnswer("body is no text")
    if not answer.get("isBase64Encoded"):
        return body.encode(errors="replace")
    try:
        return base64.b64decode(body, validate=False)
    except binascii.Error as error:
        raise InvalidAnswer("body is not base64") from error
