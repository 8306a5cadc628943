"""What comes in, made into values or refused: bodies, paths and queries.

A body is one JSON object, read once and strictly: no duplicate names, no
numbers that JSON does not have, nothing huge or absurdly deep, no unknown
field. 400 says it cannot be parsed, 415 that it is something else, 422 names the fields.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any, NoReturn, TypeVar
from urllib.parse import unquote

from chalice.app import Request
from pydantic import BaseModel, ValidationError

from chalicelib.api.problems import UnsupportedMediaType
from chalicelib.errors import Invalid, NotFound, Unparsable
from chalicelib.services.definition import SERVICE_NAME, VERSION_NAME

B = TypeVar("B", bound=BaseModel)

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_ERRORS = 50
DEFAULT_LIMIT = 50
MAX_REASON = 1000
MAX_LIMIT = 100

TOLD_BY_KIND = frozenset({"runtime", "artifact"})
"""Fields whose value is one of several forms, and its `kind`, or what else is in it, says which."""
PATTERNS = {
    "service": SERVICE_NAME, "version": VERSION_NAME, "number": r"^(0|[1-9][0-9]{0,7})$",
    "deployment": r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", "token": r"^[A-Za-z0-9_-]{1,64}$",
}
"""What can stand in a path. Whatever does not match cannot exist."""


def decoded(params: Mapping[str, str]) -> dict[str, str]:
    """The path's parameters as their owners wrote them; the gateway hands them over still encoded (chalice #511)."""
    return {name: unquote(value) for name, value in params.items()}


def check_path(params: Mapping[str, str]) -> None:
    """Raises `NotFound` for what can be no name of anything."""
    for name, value in params.items():
        if not re.fullmatch(PATTERNS[name], value):
            raise NotFound(f"there is no {name} {value[:64]!r}, and there can be none of that form")


def json_object(request: Request) -> dict[str, Any]:
    """The body. An empty one is an empty object."""
    raw = _bytes(request)
    if not raw.strip():
        return {}
    _check_content_type(request.headers.get("content-type", "application/json"))
    if len(raw) > MAX_BYTES:
        raise Unparsable(f"the body has {len(raw)} bytes; send at most {MAX_BYTES}")
    value = _json(raw)
    if not isinstance(value, dict):
        raise Invalid("the body must be a JSON object", field="body")
    return value


def validated(model: type[B], values: dict[str, Any]) -> B:
    """The values as this model, strictly; raises `Invalid` naming every field that is wrong."""
    try:
        return model.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        _refuse(error)


def fingerprint(values: dict[str, Any]) -> str:
    """The same for the same body, however it was spaced and ordered."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def query(request: Request, name: str) -> str | None:
    """One query parameter; given twice, the last one counts."""
    params = request.query_params
    return params[name] if params is not None and name in params else None


def paging(request: Request) -> tuple[int, str | None]:
    """`limit` and `cursor`."""
    given = query(request, "limit")
    if given is None:
        return DEFAULT_LIMIT, _cursor(request)
    if not re.fullmatch(r"[0-9]{1,4}", given) or not 1 <= int(given) <= MAX_LIMIT:
        raise Invalid(f"limit must be a whole number from 1 to {MAX_LIMIT}", field="limit")
    return int(given), _cursor(request)


def flag(request: Request, name: str) -> bool:
    """A query parameter that is `true` or `false`, and false when left out."""
    given = query(request, name)
    if given not in (None, "true", "false"):
        raise Invalid(f"{name} must be true or false", field=name)
    return given == "true"


def reason(request: Request) -> str:
    """The query parameter `reason`, of requests whose body has no room for one."""
    given = query(request, "reason") or ""
    if len(given) > MAX_REASON:
        raise Invalid(f"a reason has at most {MAX_REASON} characters", field="reason")
    return given


def version(request: Request, name: str) -> str | None:
    """A query parameter that names a release."""
    given = query(request, name)
    if given is not None and not re.fullmatch(VERSION_NAME, given):
        raise Invalid(f"a version matches {VERSION_NAME}", field=name)
    return given


def number(request: Request, name: str) -> int | None:
    """A query parameter that is a whole number as paths have them."""
    given = query(request, name)
    if given is not None and not re.fullmatch(PATTERNS["number"], given):
        raise Invalid(f"{name} must be a whole number", field=name)
    return None if given is None else int(given)


def service_filter(request: Request) -> str | None:
    """The query parameter `service`."""
    given = query(request, "service")
    if given is not None and not re.fullmatch(SERVICE_NAME, given):
        raise Invalid(f"a service's name matches {SERVICE_NAME}", field="service")
    return given


def idempotency_key(request: Request) -> str | None:
    given: str | None = request.headers.get("idempotency-key")
    if given is not None and not re.fullmatch(r"[\x20-\x7e]{1,255}", given):
        raise Invalid("an idempotency key has 1 to 255 printable ASCII characters", field="Idempotency-Key")
    return given


def _cursor(request: Request) -> str | None:
    """Whose cursor it is, its listing finds out. A client that passes on an empty one starts at the beginning."""
    return query(request, "cursor") or None


def _bytes(request: Request) -> bytes:
    try:
        raw = request.raw_body
    except ValueError as error:
        raise Unparsable("the body is not what its encoding says") from error
    return raw.encode() if isinstance(raw, str) else raw


def _check_content_type(given: str) -> None:
    media_type, _, parameters = given.partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\s\";]+)", parameters, re.IGNORECASE)
    if media_type.strip().lower() != "application/json" or (charset and charset[1].lower() not in ("utf-8", "utf8")):
        raise UnsupportedMediaType(f"the body is {given[:100]!r}; send application/json in UTF-8")


def _json(raw: bytes) -> Any:
    try:
        value = json.loads(raw.decode(), object_pairs_hook=_object, parse_constant=_no_number, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate is no text: it fails here
    except (ValueError, RecursionError) as error:
        raise Unparsable(f"the body is not JSON that can be read: {_brief(error)}") from error
    if _is_deeper_than(MAX_DEPTH, value):
        raise Unparsable(f"the body is nested deeper than {MAX_DEPTH} levels")
    return value


def _brief(error: Exception) -> str:
    match error:
        case RecursionError():
            return "it is nested too deeply"
        case UnicodeError():
            return "it is not UTF-8"
        case _:
            return str(error)[:200]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice[:64]!r} is there twice")
    return values


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"JSON has no number {text}")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"the number {text[:32]} is out of range")
    return number


def _is_deeper_than(levels: int, value: Any) -> bool:
    layer = [value]
    for _ in range(levels):
        layer = [inner for outer in layer if isinstance(outer, dict | list) for inner in (outer.values() if isinstance(outer, dict) else outer)]
        if not layer:
            return False
    return any(isinstance(inner, dict | list) for inner in layer)


def _refuse(error: ValidationError) -> NoReturn:
    wrong = error.errors(include_url=False, include_input=False)
    found = [{"field": _field(one["loc"], one["type"]), "message": _message(one["type"], one["msg"])} for one in wrong]
    detail = "; ".join(f"{one['field']}: {one['message']}" for one in found[:3])
    raise Invalid(detail, errors=found[:MAX_ERRORS])


def _field(location: tuple[int | str, ...], kind: str) -> str:
    """As the caller wrote it: of what is told apart by its `kind`, pydantic puts the kind into the path too."""
    parts = [str(part) for position, part in enumerate(location) if position == 0 or location[position - 1] not in TOLD_BY_KIND]
    if kind.startswith("union_tag_"):
        parts.append("kind")
    return ".".join(parts) or "body"


def _message(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "there is no such field; leave it out"
    return message.removeprefix("Value error, ")
